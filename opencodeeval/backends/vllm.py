"""Completions from vLLM's asynchronous engine, on GPUs or on the CPU."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any

from opencodeeval.backends.adapter_files import find_adapter
from opencodeeval.backends.adapters import Variant, check_base, variant_of, variants
from opencodeeval.backends.base import EngineDied, Opener, Request
from opencodeeval.backends.capabilities import Capabilities
from opencodeeval.backends.models import find_model, weight_digest
from opencodeeval.backends.options import BackendOptions
from opencodeeval.backends.rendering import (
    Rendered,
    about_tokenizer,
    load_tokenizer,
    marks_are_special,
    render,
    stop_token_ids,
    with_thinking_tokens,
)
from opencodeeval.backends.streaming import as_finished, request_seed
from opencodeeval.backends.thinking import Cut, ThinkingBudget, require_marks
from opencodeeval.backends.vllm_drafts import describe_draft, draft_arguments, find_draft
from opencodeeval.backends.vllm_engine import Engine, one_line, require_vllm, start_engine
from opencodeeval.backends.vllm_lora import lora_arguments
from opencodeeval.backends.vllm_settings import describe, engine_arguments
from opencodeeval.core.background import in_background
from opencodeeval.core.errors import BackendError
from opencodeeval.core.types import SETTINGS, Completion, ModelType, Prompt, Sampling, Task

_ALL = Capabilities(thinking_budget=True, overlapping_calls=True)
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
    source = find_model(model, options.revision, options.tokenizer)
    adapters = [find_adapter(name) for name in dict.fromkeys(options.lora)]
    draft = find_draft(options.engine_args)
    require_vllm()
    arguments = engine_arguments(source, options)
    arguments |= lora_arguments(adapters, options.engine_args)
    arguments |= draft_arguments(draft, options.engine_args)
    for adapter in adapters:
        check_base(adapter, source, options.trust_remote_code)
    tokenizer = load_tokenizer(
        source, arguments.get("tokenizer"), bool(arguments["trust_remote_code"])
    )
    offered = variants(tokenizer, adapters, options.model_type, model)
    # Read the weights for their digest while the engine reads them too.
    digesting = None
    if source.folder and not source.commit:
        digesting = in_background(partial(weight_digest, source.folder))
    describing = in_background(partial(describe_draft, draft))
    engine = start_engine(arguments, local=source.folder is not None)
    try:
        digest = digesting.result() if digesting else None
        drafting = describing.result()
    except BaseException:
        engine.shutdown()
        raise
    identity = {
        "backend": "vllm",
        "model": source.recorded,
        **options.label(),
        "revision": source.commit,
        "weights_digest": digest,
        **describe(engine.llm.vllm_config),
        **about_tokenizer(options.tokenizer, tokenizer),
        **drafting,
        "engine_args": dict(options.engine_args),
    }
    return VllmBackend(engine, identity, offered[0], offered)


@dataclass
class _Drawn:
    """What the engine has given of one request; with `cut`, its reasoning is cut there."""

    text: str = ""
    token_ids: list[int] = field(default_factory=list)
    reason: str = ""
    cut: Cut | None = None


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
        if sampling.thinking_budget:
            require_marks(self._tokenizer)

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
        return EngineDied(
            "the vLLM engine died during the run, which the same command continues: "
            f"{self._engine.failure()}"
        )

    async def _answer(
        self, request: Request, rendered: Rendered, sampling: Sampling, lora_request: Any
    ) -> Completion:
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
            written = await self._complete(request, rendered, sampling, room, lora_request)
            completion = replace(completion, **written)
        if not request.prompt.messages:
            return completion
        return with_thinking_tokens(self._tokenizer, completion)

    async def _complete(
        self,
        request: Request,
        rendered: Rendered,
        sampling: Sampling,
        room: int,
        lora_request: Any,
    ) -> dict[str, Any]:
        """What a completion has of one answer: text, finish reason and numbers of tokens."""
        prompt, where = request.prompt, (request.prompt.task_id, request.sample_id)
        seed = request_seed(sampling.seed, *where)
        special = bool(prompt.messages and self._marks_are_special)
        budget = None
        if sampling.thinking_budget and prompt.messages:
            tokens = sampling.thinking_budget
            budget = ThinkingBudget(self._tokenizer, rendered, tokens, room, special)
        parameters = partial(partial, self._parameters, prompt, sampling)
        draw = partial(self._draw, request, lora_request)
        found = await draw(rendered.token_ids, parameters(room, seed), budget)
        cut = found.cut
        if cut is None:
            return {
                "text": found.text,
                "finish_reason": found.reason,
                "completion_tokens": len(found.token_ids),
            }
        begun = (*found.token_ids[: cut.kept], *cut.closing_ids)
        # Another seed: the first numbers of this one have been used.
        rest = await draw(
            (*rendered.token_ids, *begun),
            parameters(room - len(begun), request_seed(seed, *where)),
        )
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
        end = () if sampling.ignore_eos else self._variant.end_ids
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
            stop_token_ids=[*stop_token_ids(self._tokenizer, stop), *end],
            skip_special_tokens=not (prompt.messages and self._marks_are_special),
            output_kind=RequestOutputKind.DELTA if watched else RequestOutputKind.FINAL_ONLY,
        )

    async def _draw(
        self,
        request: Request,
        lora_request: Any,
        token_ids: Sequence[int],
        parameters: Callable[[], Any],
        budget: ThinkingBudget | None = None,
    ) -> _Drawn:
        """What the engine makes of these tokens, up to where the budget cuts it."""
        from vllm.exceptions import VLLMValidationError
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        llm = self._engine.llm
        if llm is None:
            raise BackendError(_CLOSED)
        drawn, reason = _Drawn(), None
        prompt = {"prompt_token_ids": list(token_ids)}
        try:
            # Closed at once where the answer is cut, which ends the request.
            number = str(next(self._engine.numbers))
            async with aclosing(
                llm.generate(prompt, parameters(), number, lora_request=lora_request)
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
            raise self._died() from error
        except (ValueError, VLLMValidationError) as error:
            raise BackendError(
                f"vLLM refuses to answer {request.prompt.task_id}: {one_line(error)}"
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


BACKEND = Opener(open_vllm, takes_adapters=True)
