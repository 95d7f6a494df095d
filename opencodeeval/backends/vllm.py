"""Completions from vLLM's asynchronous engine, on GPUs or on the CPU."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import replace
from functools import lru_cache
from typing import Any

from opencodeeval.backends.adapters import Variant, check_base, find_adapter, variant_of, variants
from opencodeeval.backends.base import Opener, Request
from opencodeeval.backends.capabilities import Capabilities
from opencodeeval.backends.models import ModelSource, find_model, weight_digest
from opencodeeval.backends.options import BackendOptions
from opencodeeval.backends.rendering import (
    Rendered,
    load_tokenizer,
    marks_are_special,
    render,
    stop_token_ids,
    with_thinking_tokens,
)
from opencodeeval.backends.streaming import as_finished, request_seed
from opencodeeval.backends.vllm_engine import Engine, one_line, require_vllm, start_engine
from opencodeeval.backends.vllm_lora import lora_arguments
from opencodeeval.core.errors import BackendError
from opencodeeval.core.machine import cpu_model
from opencodeeval.core.types import SETTINGS, Completion, ModelType, Prompt, Sampling, Task

_ALL = Capabilities(overlapping_calls=True)
# How many tokens a step accepts depends on the batch, and so does what a seed draws.
_SPECULATING = replace(
    _ALL,
    seeds=False,
    settings=frozenset({*SETTINGS, "chat_template_args"} - {"min_p"}),
    elsewhere="with speculative decoding",
)
_CLOSED = "the vLLM engine was closed while answers were awaited: open the backend again"


def open_vllm(model: str, options: BackendOptions, tasks: Sequence[Task] = ()) -> VllmBackend:
    """Find a model, check what can be checked cheaply, and load it.

    Raises:
        BackendError: the model or the engine cannot be used.
    """
    source = find_model(model, options.revision)
    adapters = [find_adapter(name) for name in dict.fromkeys(options.lora)]
    require_vllm()
    arguments = _engine_arguments(source, options)
    arguments |= lora_arguments(adapters, options.engine_args)
    for adapter in adapters:
        check_base(adapter, source, options.trust_remote_code)
    tokenizer = load_tokenizer(
        source, arguments.get("tokenizer"), bool(arguments["trust_remote_code"])
    )
    offered = variants(tokenizer, adapters, options.model_type, model)
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
        **_describe(engine.llm.vllm_config),
        "engine_args": dict(options.engine_args),
    }
    return VllmBackend(engine, identity, offered[0], offered)


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


class VllmBackend:
    """One variant of the model in a running engine; see `open_vllm`."""

    def __init__(
        self,
        engine: Engine,
        identity: Mapping[str, Any],
        variant: Variant,
        offered: Sequence[Variant],
    ) -> None:
        self.model_type: ModelType = variant.model_type
        self._engine = engine
        self._loaded = identity
        self._variant = variant
        self._offered = offered
        self._tokenizer = variant.tokenizer
        self._marks_are_special = marks_are_special(variant.tokenizer)
        config = engine.llm.vllm_config
        self.capabilities = _SPECULATING if config.speculative_config else _ALL
        self._max_model_len = int(config.model_config.max_model_len)
        # Twice what the engine works on at once, so that it never waits.
        self._in_flight = 2 * int(config.scheduler_config.max_num_seqs)

    def identity(self) -> Mapping[str, Any]:
        return {**self._loaded, **self._variant.identity()}

    def with_adapter(self, name: str) -> VllmBackend:
        """The same engine with another of the adapters that it was opened with.

        Raises:
            UsageError: it was opened without this adapter.
        """
        return VllmBackend(
            self._engine, self._loaded, variant_of(self._offered, name), self._offered
        )

    async def generate(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> AsyncIterator[Completion]:
        lora_request = await self._adapter_in_engine()

        # The samples of a task follow each other and share its prompt.
        @lru_cache(maxsize=1024)
        def rendered(prompt: Prompt) -> Rendered:
            return render(self._tokenizer, prompt, sampling)

        async def answer(request: Request) -> Completion:
            return await self._answer(request, rendered(request.prompt), sampling, lora_request)

        # Closed at once where the consumer stops early, not when it is collected.
        async with aclosing(as_finished(requests, answer, self._in_flight)) as completions:
            async for completion in completions:
                yield completion

    async def _adapter_in_engine(self) -> Any:
        """The LoRARequest of the variant's adapter, which the engine has loaded; None for none."""
        from vllm.lora.request import LoRARequest
        from vllm.v1.engine.exceptions import EngineDeadError

        adapter = self._variant.adapter
        if adapter is None:
            return None
        llm = self._engine.llm
        if llm is None:
            raise BackendError(_CLOSED)
        # Cached prompts are told apart by the adapter's name.
        request = LoRARequest(adapter.digest, self._variant.number, str(adapter.folder.resolve()))
        try:
            await llm.add_lora(request)
        except EngineDeadError as error:
            raise self._died() from error
        except Exception as error:  # the worker's own error, in an Exception
            raise BackendError(
                f"vLLM cannot load the adapter {adapter.name}: {one_line(error)}"
            ) from error
        return request

    def _died(self) -> BackendError:
        if self._engine.llm is None:
            return BackendError(_CLOSED)
        return BackendError(
            "the vLLM engine died during the run, which the same command continues: "
            f"{self._engine.failure()}"
        )

    async def _answer(
        self, request: Request, rendered: Rendered, sampling: Sampling, lora_request: Any
    ) -> Completion:
        prompt_tokens = len(rendered.token_ids)
        room = self._max_model_len - prompt_tokens
        if room < 1:
            text, reason, count = "", "prompt_too_long", 0
        else:
            sampling = replace(sampling, max_tokens=min(sampling.max_tokens, room))
            text, reason, count = await self._complete(request, rendered, sampling, lora_request)
        completion = Completion(
            task_id=request.prompt.task_id,
            sample_id=request.sample_id,
            text=text,
            prompt=rendered.text,
            finish_reason=reason,
            prompt_tokens=prompt_tokens,
            completion_tokens=count,
        )
        if not request.prompt.messages:
            return completion
        return with_thinking_tokens(self._tokenizer, completion)

    async def _complete(
        self, request: Request, rendered: Rendered, sampling: Sampling, lora_request: Any
    ) -> tuple[str, str, int]:
        """Text, finish reason and number of tokens of one answer."""
        from vllm.exceptions import VLLMValidationError
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        llm = self._engine.llm
        if llm is None:
            raise BackendError(_CLOSED)
        prompt = {"prompt_token_ids": list(rendered.token_ids)}
        try:
            parameters = self._parameters(request, sampling)
            number = str(next(self._engine.numbers))
            async for output in llm.generate(prompt, parameters, number, lora_request=lora_request):
                answer = output.outputs[0]
        except (EngineDeadError, EngineGenerateError) as error:
            raise self._died() from error
        except (ValueError, VLLMValidationError) as error:
            raise BackendError(
                f"vLLM refuses to answer {request.prompt.task_id}: {one_line(error)}"
            ) from error
        if answer.finish_reason not in ("stop", "length"):
            # An engine that is closed ends what is awaited in one of two ways.
            if self._engine.llm is None:
                raise BackendError(_CLOSED)
            raise BackendError(
                f"the vLLM engine gave up on sample {request.sample_id} of "
                f"{request.prompt.task_id} ({answer.finish_reason}): run again to resume"
            )
        return answer.text, answer.finish_reason, len(answer.token_ids)

    def _parameters(self, request: Request, sampling: Sampling) -> Any:
        """vLLM's SamplingParams of one answer."""
        from vllm.sampling_params import RequestOutputKind, SamplingParams

        stop = request.prompt.stop
        end = () if sampling.ignore_eos else self._variant.end_ids
        return SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            min_p=sampling.min_p,
            repetition_penalty=sampling.repetition_penalty,
            presence_penalty=sampling.presence_penalty,
            frequency_penalty=sampling.frequency_penalty,
            ignore_eos=sampling.ignore_eos,
            max_tokens=sampling.max_tokens,
            seed=request_seed(sampling.seed, request.prompt.task_id, request.sample_id)
            if sampling.temperature > 0
            else None,
            stop=list(stop),
            stop_token_ids=[*stop_token_ids(self._tokenizer, stop), *end],
            skip_special_tokens=not (request.prompt.messages and self._marks_are_special),
            output_kind=RequestOutputKind.FINAL_ONLY,
        )

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


BACKEND = Opener(open_vllm, takes_adapters=True)
