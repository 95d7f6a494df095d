"""Completions from vLLM's asynchronous engine, on GPUs or on the CPU."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from opencodeeval.backends.base import Opener, Request
from opencodeeval.backends.capabilities import Capabilities
from opencodeeval.backends.models import ModelSource, find_model, weight_digest
from opencodeeval.backends.options import BackendOptions
from opencodeeval.backends.rendering import (
    Rendered,
    about_template,
    load_tokenizer,
    marks_are_special,
    model_type_of,
    render,
    stop_token_ids,
    with_thinking_tokens,
)
from opencodeeval.backends.streaming import as_finished, request_seed
from opencodeeval.backends.thinking import Cut, ThinkingBudget, require_marks
from opencodeeval.backends.vllm_engine import Engine, require_vllm, start_engine
from opencodeeval.core.errors import BackendError
from opencodeeval.core.machine import cpu_model
from opencodeeval.core.types import Completion, ModelType, Prompt, Sampling, Task

_CLOSED = "the vLLM engine was closed while answers were awaited: open the backend again"


def open_vllm(model: str, options: BackendOptions, tasks: Sequence[Task] = ()) -> VllmBackend:
    """Find a model, check what can be checked cheaply, and load it.

    Raises:
        BackendError: the model or the engine cannot be used.
    """
    source = find_model(model, options.revision)
    require_vllm()
    arguments = _engine_arguments(source, options)
    tokenizer = load_tokenizer(
        source, arguments.get("tokenizer"), bool(arguments["trust_remote_code"])
    )
    model_type = model_type_of(tokenizer, options.model_type, model)
    with ThreadPoolExecutor(max_workers=1) as pool:
        # Read the weights for their digest while the engine reads them too.
        digesting = None
        if source.folder and not source.commit:
            digesting = pool.submit(weight_digest, source.folder)
        engine = start_engine(arguments, local=source.folder is not None)
        digest = digesting.result() if digesting else None
    identity = {
        "backend": "vllm",
        "model": model,
        "revision": source.commit,
        "weights_digest": digest,
        "model_type": model_type,
        **about_template(tokenizer, model_type),
        **_describe(engine.llm.vllm_config),
        "engine_args": dict(options.engine_args),
    }
    return VllmBackend(engine, tokenizer, model_type, identity)


def _engine_arguments(source: ModelSource, options: BackendOptions) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "model": str(source.folder or source.name),
        "trust_remote_code": options.trust_remote_code,
        "dtype": options.dtype,
        "tensor_parallel_size": options.tensor_parallel_size,
        "disable_log_stats": True,
    }
    if source.commit and not source.folder:
        arguments["revision"] = source.commit
        if "tokenizer" not in options.engine_args:
            arguments["tokenizer_revision"] = source.commit
    if options.max_model_len is not None:
        arguments["max_model_len"] = options.max_model_len
    return {**arguments, **options.engine_args}


@dataclass
class _Drawn:
    """What the engine has given of one request; with `cut`, its reasoning is cut there."""

    text: str = ""
    token_ids: list[int] = field(default_factory=list)
    reason: str = ""
    cut: Cut | None = None


class VllmBackend:
    """A model in a running engine; see `open_vllm`."""

    capabilities = Capabilities(thinking_budget=True, overlapping_calls=True)

    def __init__(
        self, engine: Engine, tokenizer: Any, model_type: ModelType, identity: Mapping[str, Any]
    ) -> None:
        self.model_type = model_type
        self._engine = engine
        self._tokenizer = tokenizer
        self._marks_are_special = marks_are_special(tokenizer)
        self._identity = dict(identity)
        self._numbers = itertools.count()
        config = engine.llm.vllm_config
        self._max_model_len = int(config.model_config.max_model_len)
        # Twice what the engine works on at once, so that it never waits.
        self._in_flight = 2 * int(config.scheduler_config.max_num_seqs)

    def identity(self) -> Mapping[str, Any]:
        return self._identity

    async def generate(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> AsyncIterator[Completion]:
        if sampling.thinking_budget:
            require_marks(self._tokenizer)

        # The samples of a task follow each other and share its prompt.
        @lru_cache(maxsize=1024)
        def rendered(prompt: Prompt) -> Rendered:
            return render(self._tokenizer, prompt, sampling)

        async def answer(request: Request) -> Completion:
            return await self._answer(request, rendered(request.prompt), sampling)

        # Closed at once where the consumer stops early, not when it is collected.
        async with aclosing(as_finished(requests, answer, self._in_flight)) as completions:
            async for completion in completions:
                yield completion

    async def _answer(self, request: Request, rendered: Rendered, sampling: Sampling) -> Completion:
        room = min(sampling.max_tokens, self._max_model_len - len(rendered.token_ids))
        completion = Completion(
            task_id=request.prompt.task_id,
            sample_id=request.sample_id,
            text="",
            prompt=rendered.text,
            finish_reason="prompt_too_long",
            prompt_tokens=len(rendered.token_ids),
        )
        if room > 0:
            written = await self._complete(request, rendered, sampling, room)
            completion = replace(completion, **written)
        if not request.prompt.messages:
            return completion
        return with_thinking_tokens(self._tokenizer, completion)

    async def _complete(
        self, request: Request, rendered: Rendered, sampling: Sampling, room: int
    ) -> dict[str, Any]:
        """What a completion has of one answer: text, finish reason and numbers of tokens."""
        prompt, where = request.prompt, (request.prompt.task_id, request.sample_id)
        seed = request_seed(sampling.seed, *where)
        special = bool(prompt.messages and self._marks_are_special)
        budget = None
        if sampling.thinking_budget and prompt.messages:
            tokens = sampling.thinking_budget
            budget = ThinkingBudget(self._tokenizer, rendered, tokens, room, special)
        parameters = self._parameters(prompt, sampling, room, seed)
        found = await self._draw(request, rendered.token_ids, parameters, budget)
        cut = found.cut
        if cut is None:
            return {
                "text": found.text,
                "finish_reason": found.reason,
                "completion_tokens": len(found.token_ids),
            }
        begun = (*found.token_ids[: cut.kept], *cut.closing_ids)
        # Another seed: the first numbers of this one have been used.
        parameters = self._parameters(
            prompt, sampling, room - len(begun), request_seed(seed, *where)
        )
        rest = await self._draw(request, (*rendered.token_ids, *begun), parameters)
        return {
            "text": cut.text + cut.closing + rest.text,
            "finish_reason": rest.reason,
            "completion_tokens": len(begun) + len(rest.token_ids),
            "thinking_tokens": cut.thinking,
            "thinking_cut": True,
        }

    def _parameters(self, prompt: Prompt, sampling: Sampling, max_tokens: int, seed: int) -> Any:
        """The SamplingParams of a request."""
        from vllm.sampling_params import RequestOutputKind, SamplingParams

        stop = prompt.stop
        watched = sampling.thinking_budget and prompt.messages
        return SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            min_p=sampling.min_p,
            repetition_penalty=sampling.repetition_penalty,
            presence_penalty=sampling.presence_penalty,
            frequency_penalty=sampling.frequency_penalty,
            ignore_eos=sampling.ignore_eos,
            max_tokens=max_tokens,
            seed=seed if sampling.temperature > 0 else None,
            stop=list(stop),
            stop_token_ids=stop_token_ids(self._tokenizer, stop),
            skip_special_tokens=not (prompt.messages and self._marks_are_special),
            output_kind=RequestOutputKind.DELTA if watched else RequestOutputKind.FINAL_ONLY,
        )

    async def _draw(
        self,
        request: Request,
        token_ids: Sequence[int],
        parameters: Any,
        budget: ThinkingBudget | None = None,
    ) -> _Drawn:
        """What the engine makes of these tokens, up to where the budget cuts it."""
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        llm = self._engine.llm
        if llm is None:
            raise BackendError(_CLOSED)
        drawn, reason = _Drawn(), None
        prompt = {"prompt_token_ids": list(token_ids)}
        try:
            # Closed at once where the answer is cut, which ends the request.
            async with aclosing(
                llm.generate(prompt, parameters, str(next(self._numbers)))
            ) as outputs:
                async for output in outputs:
                    answer = output.outputs[0]
                    drawn.text += answer.text
                    drawn.token_ids += answer.token_ids
                    reason = answer.finish_reason
                    if budget:
                        # The token that ends an answer is none of its reasoning.
                        whole = drawn.token_ids[:-1] if reason == "stop" else drawn.token_ids
                        drawn.cut = budget.cut(whole)
                    if drawn.cut:
                        return drawn
        except (EngineDeadError, EngineGenerateError) as error:
            if self._engine.llm is None:
                raise BackendError(_CLOSED) from error
            raise BackendError(
                f"the vLLM engine died during the run: {self._engine.failure()}"
            ) from error
        if reason not in ("stop", "length"):
            # An engine that is closed ends what is awaited in one of two ways.
            if self._engine.llm is None:
                raise BackendError(_CLOSED)
            raise BackendError(
                f"the vLLM engine gave up on sample {request.sample_id} of "
                f"{request.prompt.task_id} ({reason}): run again to resume"
            )
        drawn.reason = reason
        return drawn

    async def close(self) -> None:
        # Takes seconds, in which the caller has other things to end.
        await asyncio.to_thread(self._engine.shutdown)


def _describe(config: Any) -> dict[str, Any]:
    """Of a vllm_config, what a record stores: settings as resolved, versions, hardware."""
    import torch
    import transformers
    import vllm

    return {
        "dtype": str(config.model_config.dtype).removeprefix("torch."),
        "tensor_parallel_size": config.parallel_config.tensor_parallel_size,
        "max_model_len": config.model_config.max_model_len,
        "max_num_seqs": config.scheduler_config.max_num_seqs,
        "enforce_eager": config.model_config.enforce_eager,
        "versions": {
            "vllm": vllm.__version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        "hardware": _hardware(config.parallel_config.world_size_across_dp),
    }


def _hardware(devices: int) -> dict[str, Any]:
    from vllm.platforms import current_platform

    if current_platform.is_cpu():
        return {"device": cpu_model(), "count": len(os.sched_getaffinity(0))}
    return {"device": current_platform.get_device_name(0), "count": devices}


BACKEND = Opener(open_vllm)
