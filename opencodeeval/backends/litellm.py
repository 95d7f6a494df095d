"""Completions from services with interfaces of their own (Anthropic, Gemini …), through LiteLLM."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from opencodeeval.backends import openai_answers, openai_fields
from opencodeeval.backends import openai_wire as wire
from opencodeeval.backends.base import Opener
from opencodeeval.backends.capabilities import Capabilities
from opencodeeval.backends.endpoints import Endpoint
from opencodeeval.backends.openai import PASSING, UNFIT, OpenAIBackend, Patience
from opencodeeval.backends.openai_server import check_url
from opencodeeval.backends.options import BackendOptions
from opencodeeval.core.errors import BackendError, UsageError
from opencodeeval.core.types import Task

# Fields of a request that a service may lack; others are refused before.
_OPTIONAL = ("seed", "stop")
# Those that are known to add nothing to a request; others may be engines with defaults.
_NEUTRAL = frozenset({"anthropic", "azure", "bedrock", "gemini", "openai", "vertex_ai"})
_STANDARD = ("presence_penalty", "frequency_penalty")


def open_litellm(
    model: str,
    options: BackendOptions,
    tasks: Sequence[Task] = (),
    patience: Patience | None = None,
) -> LiteLLMBackend:
    """Find the service of a model, "anthropic/NAME" or "gemini/NAME", and its key.

    Nothing is asked of the service yet.

    Raises:
        UsageError: no such service, no key, or an option that does not exist here.
        BackendError: LiteLLM is not installed.
    """
    if find_spec("litellm") is None:
        raise BackendError("LiteLLM is not installed: pip install 'opencodeeval[litellm]'")
    # It would fetch a list of prices when it is imported.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    # It would print advice to stdout with every error.
    litellm.suppress_debug_info = True
    if options.engine_args:
        raise UsageError("--engine-arg is for engines in this process: leave it out")
    if options.model_type == "base":
        raise UsageError("services behind LiteLLM are chat models: leave out --model-type base")
    if options.api_key_env:
        raise UsageError("--api-key-env is for --backend openai: LiteLLM reads the service's own")
    try:
        _, provider, *_ = litellm.get_llm_provider(model)
    except litellm.exceptions.BadRequestError:
        raise UsageError(
            f"LiteLLM knows no service of {model}: write SERVICE/NAME, as in "
            "anthropic/claude-sonnet-4-5 or gemini/gemini-2.5-pro"
        ) from None
    found = litellm.validate_environment(model)
    if not found["keys_in_environment"]:
        raise UsageError(
            f"{provider} needs a key: set the environment variable "
            f"{' or '.join(found['missing_keys']) or 'that its documentation names'}"
        )
    if len(options.base_urls) > 1:
        raise UsageError("one service has one address: give --base-url once, or leave it out")
    for url in options.base_urls:
        check_url(url)
    return LiteLLMBackend(model, provider, options, patience or Patience())


class LiteLLMBackend(OpenAIBackend):
    """A model of a service; see `open_litellm`. Tries and pauses are those of servers."""

    def __init__(
        self, model: str, provider: str, options: BackendOptions, patience: Patience
    ) -> None:
        import litellm

        self._address = next(iter(options.base_urls), None)
        self._timeout_s = options.request_timeout_s
        self._supported = frozenset(litellm.get_supported_openai_params(model) or ())
        together = options.samples_per_request or 1
        if together > 1 and "n" not in self._supported:
            raise UsageError(
                f"{provider} takes one sample a request: leave out --samples-per-request"
            )
        endpoint = Endpoint(self._address or provider, None, options.max_concurrency)
        identity = {
            "backend": "litellm",
            "model": model,
            **options.label(),
            "server": provider,
            "max_model_len": None,
            "model_type": "chat",
            **({} if together == 1 else {"samples_per_request": together}),
        }
        capabilities = Capabilities(
            exact_prompts=False,
            response_prefix=False,
            stop_strings=wire.MOST_STOPS if "stop" in self._supported else 0,
            neutral_sampling=provider in _NEUTRAL,
            # Those that take seeds promise nothing.
            seeds=False,
            reasoning_apart=True,
            samples_per_request=together,
            settings=self._supported.intersection(_STANDARD),
            overlapping_calls=True,
            elsewhere=f"{provider} is not known to take it",
        )
        super().__init__([endpoint], identity, capabilities, "", patience)

    async def _post(self, endpoint: Endpoint, body: Mapping[str, Any], longest: int) -> bytes:
        import httpx
        import litellm
        import openai

        fields = {**body, "max_tokens": longest}
        for name in _OPTIONAL:
            if name not in self._supported:
                fields.pop(name, None)
        # Some services take one of temperature and top-p only.
        if fields["top_p"] == 1.0:
            del fields["top_p"]
        try:
            answer = await litellm.acompletion(
                **fields, api_base=self._address, timeout=self._timeout_s, num_retries=0
            )
        except (openai.APITimeoutError, openai.APIConnectionError):
            raise
        except openai.APIError as error:
            # Its errors have no body: what the service said is in the message, without the key.
            status, said = int(getattr(error, "status_code", 0) or 500), str(error)
            several = "n" in body and status in UNFIT
            if (
                status not in PASSING
                and not several
                and not openai_answers.is_too_long(status, said)
            ):
                raise self._refusal(status, said) from None
            headers = getattr(error, "litellm_response_headers", None) or {}
            wait = {name: headers[name] for name in ("retry-after",) if name in headers}
            request = httpx.Request("POST", "https://service.invalid")
            response = httpx.Response(status, text=said, headers=wait, request=request)
            raise openai.APIStatusError(said, response=response, body=None) from error
        content: str = answer.model_dump_json()
        return content.encode()

    def _refusal(self, status: int, said: str) -> BackendError:
        service, said = self._identity["server"], " ".join(said.split())[:300]
        advice = {
            401: "put a valid key into the service's environment variable",
            403: "put a valid key into the service's environment variable",
            404: "correct the model's name",
        }.get(status, openai_fields.advice(b"", said) or "change the request")
        return BackendError(f"{service} refuses the request (HTTP {status}: {said}): {advice}")

    async def close(self) -> None:
        """Nothing is held."""


BACKEND = Opener(open_litellm)
