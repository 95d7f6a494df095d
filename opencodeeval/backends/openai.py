"""Completions from servers with the OpenAI interface: vLLM, SGLang, llama.cpp, hosted ones."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import groupby, islice
from typing import Any

from opencodeeval.backends import openai_answers
from opencodeeval.backends import openai_wire as wire
from opencodeeval.backends.base import Opener, Request, SamplesFailed
from opencodeeval.backends.capabilities import Capabilities, check
from opencodeeval.backends.endpoints import Endpoint, Endpoints
from opencodeeval.backends.openai_fields import Fields
from opencodeeval.backends.openai_server import KEY, check_url, find_model, refusal, stop_strings
from opencodeeval.backends.options import BackendOptions
from opencodeeval.backends.streaming import as_finished
from opencodeeval.core.errors import BackendError, UsageError
from opencodeeval.core.types import Completion, ModelType, Sampling, Task

# A proxy or a server that starts may say these for a while.
PASSING = frozenset({408, 409, 425, 429, *range(500, 600)})
_BUSY = frozenset({429, 503})
UNFIT = frozenset({400, 422})
_LONGEST_REST_S = 120.0


@dataclass(frozen=True)
class Patience:
    """How often a request is tried, and the pauses between: doubled each time, with jitter.

    After `give_up` requests that failed in a row, the run ends: the servers are gone.
    """

    tries: int = 8
    first_pause_s: float = 0.5
    longest_pause_s: float = 30.0
    give_up: int = 32

    def pause(self, failed: int) -> float:
        """Seconds to wait after the try number `failed`, which counts from 1."""
        whole = min(self.longest_pause_s, self.first_pause_s * 2.0 ** (failed - 1))
        return whole * random.uniform(0.5, 1.0)


def open_openai(
    model: str,
    options: BackendOptions,
    tasks: Sequence[Task] = (),
    patience: Patience | None = None,
) -> OpenAIBackend:
    """Check that every server has the model.

    Raises:
        UsageError: no URL, a URL with a secret in it, no key where one is named.
        BackendError: a server cannot be reached, refuses, or has no such model.
    """
    if find_spec("openai") is None:
        raise BackendError("the openai client is not installed: pip install 'opencodeeval[openai]'")
    if not options.base_urls:
        raise UsageError("no server is named: add --base-url URL (http://localhost:8000/v1)")
    if options.engine_args:
        raise UsageError("--engine-arg is for engines in this process: give it to the server")
    for url in options.base_urls:
        check_url(url)
    key = _key(options.api_key_env)
    urls = list(dict.fromkeys(url.rstrip("/") for url in options.base_urls))
    found = [find_model(url, key, model) for url in urls]
    servers = {each.server for each in found}
    # What one of several unlike servers lacks must not be used.
    server = servers.pop() if len(servers) == 1 else ""
    usual = wire.samples_per_request(server)
    together = usual if options.samples_per_request is None else options.samples_per_request
    model_type: ModelType = "base" if options.model_type == "base" else "chat"
    identity = {
        "backend": "openai",
        "model": model,
        **options.label(),
        "server_model": str(found[0].entry.get("root") or found[0].entry["id"]),
        "server": server,
        "max_model_len": found[0].entry["max_model_len"],
        "model_type": model_type,
        **({} if together == usual else {"samples_per_request": together}),
    }
    can = wire.capabilities(server, model_type, stop_strings(server, found), together)
    most = min(options.max_concurrency, wire.AT_ONCE.get(server, options.max_concurrency))
    endpoints = [_endpoint(url, key, options.request_timeout_s, most) for url in urls]
    return OpenAIBackend(endpoints, identity, can, key, patience or Patience())


def _key(variable: str | None) -> str:
    key = os.environ.get(variable or KEY, "").strip()
    if variable and not key:
        raise UsageError(f"the environment variable {variable} (--api-key-env) is empty: set it")
    return key


def _endpoint(url: str, key: str, timeout_s: float, most: int) -> Endpoint:
    from openai import AsyncOpenAI

    # Tries are counted here, where another server can take the next one.
    client = AsyncOpenAI(base_url=url, api_key=key or "none", max_retries=0, timeout=timeout_s)
    return Endpoint(url, client, most)


@dataclass(frozen=True)
class _Asked:
    """What became of samples that were asked for together: some may have failed, and why."""

    answered: Sequence[Completion]
    failed: Sequence[Request] = ()
    reason: str = ""


class OpenAIBackend:
    """A model behind one or several servers; see `open_openai`."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        identity: Mapping[str, Any],
        capabilities: Capabilities,
        key: str,
        patience: Patience,
    ) -> None:
        self.model_type: ModelType = identity["model_type"]
        self.capabilities = capabilities
        self._endpoints = Endpoints(endpoints)
        self._identity = dict(identity)
        self._key = key
        self._patience = patience
        self._fields = Fields()
        self._together = capabilities.samples_per_request

    def identity(self) -> Mapping[str, Any]:
        return self._identity

    async def generate(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> AsyncIterator[Completion]:
        async def answer(samples: Sequence[Request]) -> _Asked:
            return await self._persist(samples, sampling)

        def together() -> int:
            # Some servers do not take several at temperature 0, where all are the same.
            return self._together if sampling.temperature > 0 else 1

        failed: list[Request] = []
        reason, in_a_row = "", 0
        most = min(len(requests), sum(each.most for each in self._endpoints.all))
        # Closed at once where it is left early: the other requests must not go on.
        async with aclosing(as_finished(_grouped(requests, together), answer, most)) as results:
            async for result in results:
                for completion in result.answered:
                    yield completion
                failed += result.failed
                reason = reason or result.reason
                in_a_row = in_a_row + 1 if result.failed else 0
                if in_a_row >= self._patience.give_up:
                    break
        if failed:
            named = list(dict.fromkeys(each.prompt.task_id for each in failed))
            more = f" and {len(named) - 5} more tasks" if named[5:] else ""
            raise SamplesFailed(
                f"the server failed on {len(failed)} of {len(requests)} samples "
                f"({', '.join(named[:5])}{more}) in {self._patience.tries} tries each "
                f"({reason}), so there is no score: the same command asks for these again",
                hopeless=in_a_row >= self._patience.give_up,
            )

    async def _persist(self, samples: Sequence[Request], sampling: Sampling) -> _Asked:
        """Ask for samples of one prompt until all are there, or too often."""
        check(self.capabilities, samples[0].prompt, sampling)
        server, stops = str(self._identity["server"]), self.capabilities.stop_strings
        model = {"model": self._identity["model"]}
        answered: list[Completion] = []
        reason, endpoint, failed = "", None, 0
        while left := samples[len(answered) :]:
            async with self._endpoints.one(endpoint) as endpoint:
                # How many it gives may have shown while this one waited for its turn.
                asked = left[: self._together]
                body = wire.body(asked, sampling, server, stops) | model
                answers = await self._try(endpoint, body, failed + 1)
            if not isinstance(answers, str):
                given = zip(asked, answers, strict=False)
                answered += [openai_answers.completion(*each) for each in given]
                endpoint, failed = None, 0
                continue
            reason, failed = answers, failed + 1
            if failed == self._patience.tries:
                return _Asked(answered, left, reason)
            await asyncio.sleep(self._patience.pause(failed))
        return _Asked(answered)

    async def _try(
        self, endpoint: Endpoint, body: dict[str, Any], failed: int
    ) -> list[openai_answers.Answer] | str:
        """The answers, which may be fewer than asked for, or why there are none this time."""
        import openai

        sent, wanted = time.monotonic(), body.get("n", 1)
        try:
            answers = openai_answers.read_answers(await self._send(endpoint, body))
        except openai_answers.Garbled as error:
            return f"{endpoint.url}: {error}"
        except openai.APITimeoutError:
            endpoint.busy(sent)
            return f"{endpoint.url}: no answer in time"
        except openai.APIConnectionError as error:
            # The others go on; this one may come back.
            endpoint.rest(self._patience.pause(failed))
            return f"{endpoint.url}: {error.__cause__ or error}"
        except openai.APIStatusError as error:
            return self._refused(endpoint, error, sent, wanted)
        endpoint.answered()
        if len(answers) < wanted:
            # It gives no more at once, whatever is asked for.
            self._together = min(self._together, len(answers))
        return answers

    async def _send(self, endpoint: Endpoint, body: dict[str, Any]) -> bytes:
        """The bytes of a request's answer; an answer that cannot fit is shortened to what does."""
        import openai

        try:
            return await self._post(endpoint, body, body["max_tokens"])
        except openai.APIStatusError as error:
            said = openai_answers.message_of(error.response.content, self._key)
            context = self._identity["max_model_len"]
            if not openai_answers.is_too_long(error.status_code, said):
                raise
            # An answer of one token shows how long the prompt is, or that it is too long.
            one = {name: value for name, value in body.items() if name != "n"}
            probe = openai_answers.read_answers(await self._post(endpoint, one, 1))[0]
            if not context or not probe.prompt_tokens:
                raise BackendError(
                    f"prompt and answer do not fit into the model's context on {endpoint.url} "
                    f"({said}): lower --max-tokens"
                ) from None
            room = min(body["max_tokens"], int(context) - probe.prompt_tokens)
            return await self._post(endpoint, body, room)

    async def _post(self, endpoint: Endpoint, body: Mapping[str, Any], longest: int) -> bytes:
        """Send a request for at most `longest` tokens; what was answered, as it is."""
        import openai

        kind = (
            endpoint.client.chat.completions if "messages" in body else endpoint.client.completions
        )
        named = {name: body[name] for name in ("model", "messages", "prompt") if name in body}
        while True:
            # In extra_body, which the client leaves as it is.
            sent = self._fields.of(body, longest)
            try:
                answer = await kind.with_raw_response.create(**named, extra_body=sent)
            except openai.APIStatusError as error:
                if not self._fields.learn(error.status_code, error.response.content, sent):
                    raise
                if "stop" in self._fields.left_out:
                    # The record says so.
                    self.capabilities = replace(self.capabilities, stop_strings=0)
            else:
                content: bytes = answer.http_response.content
                return content

    def _refused(
        self, endpoint: Endpoint, error: Any, sent: float, wanted: int
    ) -> list[openai_answers.Answer] | str:
        status, content = error.status_code, error.response.content
        said = openai_answers.message_of(content, self._key)
        if status in PASSING:
            if status in _BUSY:
                endpoint.busy(sent)
            endpoint.rest(_retry_after(error.response.headers.get("retry-after")))
            return f"{endpoint.url}: HTTP {status} {said}"
        if openai_answers.is_too_long(status, said):
            return [openai_answers.Answer("", "prompt_too_long", 0, 0)] * wanted
        if wanted > 1 and status in UNFIT:
            # Perhaps for their number: asked for one by one, it shows.
            self._together = 1
            return []
        raise refusal(endpoint.url, status, content, self._key) from None

    async def close(self) -> None:
        for each in self._endpoints.all:
            await each.client.close()


def _grouped(requests: Iterable[Request], most: Callable[[], int]) -> Iterator[tuple[Request, ...]]:
    """The requests that follow each other with the same prompt, at most so many in a group."""
    for _, same in groupby(requests, key=lambda request: request.prompt):
        while group := tuple(islice(same, most())):
            yield group


def _retry_after(text: str | None) -> float:
    """Seconds of a Retry-After header, at most two minutes; a date counts as one second."""
    if not text:
        return 0.0
    try:
        return max(0.0, min(_LONGEST_REST_S, float(text)))
    except ValueError:
        return 1.0


BACKEND = Opener(open_openai)
