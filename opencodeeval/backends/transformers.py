"""Completions from a model that Hugging Face transformers runs in this process."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from opencodeeval.backends import transformers_model as loading
from opencodeeval.backends.base import Opener, Request
from opencodeeval.backends.capabilities import Capabilities
from opencodeeval.backends.models import find_model, weight_digest
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
from opencodeeval.backends.thinking import ThinkingBudget, require_marks
from opencodeeval.backends.transformers_answers import (
    Answer,
    Batch,
    Ends,
    change_by_company,
    chooser,
    write,
)
from opencodeeval.core.errors import BackendError, UsageError
from opencodeeval.core.types import Completion, ModelType, Prompt, Sampling, Task

_CLOSED = "the model was closed while answers were awaited: open the backend again"
# So many batches are made of prompts that follow each other: enough to find some of like
# length, few enough to answer the first tasks first.
_BATCHES_AHEAD = 8
_PROBE = "def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n"
# Of change_by_company: at most 0.006 in bfloat16, at least 0.3 for models that batches harm.
_ROUNDING = 0.03

_log = logging.getLogger(__name__)


def open_transformers(
    model: str, options: BackendOptions, tasks: Sequence[Task] = ()
) -> TransformersBackend:
    """Find a model, check what can be checked cheaply, and load it.

    Raises:
        UsageError: an option that does not exist here, or has no such value.
        BackendError: the model cannot be used.
    """
    if options.batch_size < 1:
        raise UsageError(f"the batch size must be at least 1, got {options.batch_size}")
    source = find_model(model, options.revision)
    loading.require_torch()
    tokenizer = load_tokenizer(source, trust_remote_code=options.trust_remote_code)
    model_type = model_type_of(tokenizer, options.model_type, model)
    with ThreadPoolExecutor(max_workers=1) as pool:
        # Read the weights for their digest while they are loaded.
        digesting = None
        if source.folder and not source.commit:
            digesting = pool.submit(weight_digest, source.folder)
        loaded = loading.load_model(source, options)
        digest = digesting.result() if digesting else None
    context = loading.context_of(loaded, options.max_model_len)
    identity = {
        "backend": "transformers",
        "model": model,
        "revision": source.commit,
        "weights_digest": digest,
        "model_type": model_type,
        **about_template(tokenizer, model_type),
        "max_model_len": context,
        **loading.describe(loaded, options),
    }
    return TransformersBackend(_Writer(loaded, tokenizer, context, options.batch_size), identity)


class TransformersBackend:
    """A loaded model; see `open_transformers`."""

    capabilities = Capabilities(thinking_budget=True, overlapping_calls=True)

    def __init__(self, writer: _Writer, identity: Mapping[str, Any]) -> None:
        self.model_type: ModelType = identity["model_type"]
        self._writer: _Writer | None = writer
        self._identity = dict(identity)
        self._closed = threading.Event()
        # One thread: a model writes one batch at a time, and the event loop never waits.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="transformers")

    def identity(self) -> Mapping[str, Any]:
        return self._identity

    async def generate(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> AsyncIterator[Completion]:
        if self._writer is None or self._closed.is_set():
            raise BackendError(_CLOSED)
        loop = asyncio.get_running_loop()
        finished: asyncio.Queue[Completion | None] = asyncio.Queue()
        unwanted = threading.Event()
        job = _Job(
            sampling,
            lambda completion: loop.call_soon_threadsafe(finished.put_nowait, completion),
            lambda: unwanted.is_set() or self._closed.is_set(),
        )
        work = loop.run_in_executor(self._thread, self._writer.work, requests, job)
        work.add_done_callback(lambda _: finished.put_nowait(None))
        awaited = len(requests)
        try:
            while (completion := await finished.get()) is not None:
                awaited -= 1
                yield completion
            await work
        finally:
            unwanted.set()
            await asyncio.wait([work])
        if awaited:
            raise BackendError(_CLOSED)

    async def close(self) -> None:
        self._closed.set()
        # Waits for the end of a step, as a batch looks at the flag after each.
        await asyncio.to_thread(self._thread.shutdown)
        self._writer = None
        _free_memory()


@dataclass(frozen=True)
class _Job:
    """What a call of `generate` wants of the thread that writes."""

    sampling: Sampling
    give: Callable[[Completion], object]
    ended: Callable[[], bool]


class _Writer:
    """The model and its tokenizer."""

    def __init__(self, model: Any, tokenizer: Any, context: int | None, batch_size: int) -> None:
        from transformers import GenerationConfig

        self._model = model
        self._tokenizer = tokenizer
        self._context = context
        self._batch_size = batch_size
        self._marks_are_special = marks_are_special(tokenizer)
        self._end_ids = _end_ids(model.generation_config) | _end_ids(tokenizer)
        # The model's own would add samplers and penalties that nobody asked for.
        model.generation_config = GenerationConfig()
        pad = tokenizer.pad_token_id
        self._padding: int = pad if pad is not None else min(self._end_ids, default=0)
        self._pads = True
        if batch_size > 1:
            self._check_batches()

    def _check_batches(self) -> None:
        """Find out which batches leave the answers of this model as they are."""
        prompt = self._tokenizer(_PROBE)["input_ids"]
        ones_to_try = {"longer": [*prompt, *prompt], "as long": prompt[::-1]}
        try:
            harmless = {
                kind: change_by_company(self._model, prompt, other, self._padding) < _ROUNDING
                for kind, other in ones_to_try.items()
            }
        except Exception as error:  # whatever the model's code raises
            said = loading.first_line(error)
            raise BackendError(f"the model failed on its first prompt: {said}") from error
        self._pads = all(harmless.values())
        if not harmless["as long"]:
            self._batch_size = 1
            _log.warning("opencodeeval: batches change this model's answers: one at a time")
        elif not self._pads:
            _log.warning(
                "opencodeeval: padding changes this model's answers: only prompts of the same "
                "length share a batch"
            )

    def work(self, requests: Sequence[Request], job: _Job) -> None:
        """Answer all requests, unless the job ends before.

        Raises:
            BackendError: the model failed, or memory is too small for one answer.
        """

        @lru_cache(maxsize=1024)
        def rendered(prompt: Prompt) -> tuple[Rendered, Ends]:
            return self._render(prompt, job.sampling)

        if job.sampling.thinking_budget:
            require_marks(self._tokenizer)
        rest = list(requests)
        while rest and not job.ended():
            some = rest[: _BATCHES_AHEAD * self._batch_size]
            del rest[: len(some)]
            answers = [self._begun(each, rendered(each.prompt), job.sampling) for each in some]
            for each in answers:
                if each.finish_reason:
                    job.give(self._completion(each))
            while not job.ended() and (batch := self._next_batch(answers)):
                self._write(batch, job)

    def _render(self, prompt: Prompt, sampling: Sampling) -> tuple[Rendered, Ends]:
        token_ids = set(stop_token_ids(self._tokenizer, prompt.stop))
        if not sampling.ignore_eos:
            token_ids |= self._end_ids
        special = bool(prompt.messages and self._marks_are_special)
        ends = Ends(prompt.stop, frozenset(token_ids), special)
        return render(self._tokenizer, prompt, sampling), ends

    def _completion(self, answer: Answer) -> Completion:
        completion = answer.completion()
        if not answer.request.prompt.messages:
            return completion
        return with_thinking_tokens(self._tokenizer, completion)

    def _begun(
        self, request: Request, rendered: tuple[Rendered, Ends], sampling: Sampling
    ) -> Answer:
        prompt, ends = rendered
        room = sampling.max_tokens
        if self._context is not None:
            room = min(room, self._context - len(prompt.token_ids))
        tokens, budget = sampling.thinking_budget, None
        if tokens and request.prompt.messages:
            budget = partial(
                ThinkingBudget, self._tokenizer, prompt, tokens, room, self._marks_are_special
            )
        answer = Answer(request, prompt, ends, room, budget)
        if room < 1:
            answer.finish_reason = "prompt_too_long"
        return answer

    def _next_batch(self, answers: Sequence[Answer]) -> list[Answer]:
        """Those of the longest prompts that are still to be written."""
        waiting = [each for each in answers if not each.finish_reason]
        waiting.sort(key=lambda each: each.prompt_tokens, reverse=True)
        if not self._pads:
            waiting = [each for each in waiting if each.prompt_tokens == waiting[0].prompt_tokens]
        return waiting[: self._batch_size]

    def _write(self, batch: list[Answer], job: _Job) -> None:
        """Write a batch; where memory is too small, those that follow are half as large."""
        failed = self._try(batch, job)
        if failed is None:
            return
        if len(batch) == 1:
            raise failed
        for each in batch:
            if not each.finish_reason:
                each.restart()
        _free_memory()
        self._batch_size = len(batch) // 2
        _log.warning(
            "opencodeeval: out of memory with %d answers at once, going on with %d",
            len(batch),
            self._batch_size,
        )

    def _try(self, batch: list[Answer], job: _Job) -> BackendError | None:
        """Write a batch; returns what to say where memory is too small for it."""

        def taken(tokens: list[int]) -> list[bool]:
            for answer, token in zip(batch, tokens, strict=True):
                if not answer.finish_reason and answer.add(token, self._tokenizer):
                    job.give(self._completion(answer))
            return [bool(answer.finish_reason) or job.ended() for answer in batch]

        task = batch[0].request.prompt.task_id
        rows = Batch(
            [answer.rendered.token_ids for answer in batch],
            self._padding,
            longest=max(answer.room for answer in batch),
        )
        choose = chooser(
            [answer.request for answer in batch],
            rows.prompts,
            job.sampling,
            lambda: [None if answer.finish_reason else answer.forced for answer in batch],
        )
        try:
            write(self._model, rows, choose, taken)
        except Exception as error:  # whatever the model's code raises
            said = loading.first_line(error)
            if loading.is_out_of_memory(error):
                # Not with its traceback, whose frames hold tensors.
                return loading.out_of_memory(said)
            raise BackendError(f"the model failed on {task}: {said}") from error
        if not job.ended() and not all(answer.finish_reason for answer in batch):
            raise BackendError(f"the model's code ended the answer to {task} too early")
        return None


def _end_ids(config: Any) -> frozenset[int]:
    """The tokens that end an answer according to a generation config or a tokenizer."""
    found = config.eos_token_id
    return frozenset(
        found if isinstance(found, (list, tuple)) else () if found is None else [found]
    )


def _free_memory() -> None:
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


BACKEND = Opener(open_transformers)
