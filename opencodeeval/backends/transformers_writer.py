"""The thread that writes with a loaded model: renders, batches, and halves batches for memory."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from opencodeeval.backends import transformers_model as loading
from opencodeeval.backends.adapters import Variant
from opencodeeval.backends.base import Request
from opencodeeval.backends.rendering import (
    Rendered,
    marks_are_special,
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
from opencodeeval.core.errors import BackendError
from opencodeeval.core.types import Completion, Prompt, Sampling

# So many batches are made of prompts that follow each other: enough to find some of like
# length, few enough to answer the first tasks first.
_BATCHES_AHEAD = 8
_PROBE = "def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n"
# Of change_by_company: at most 0.006 in bfloat16, at least 0.3 for models that batches harm.
_ROUNDING = 0.03

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """What a call of `generate` wants of the thread that writes."""

    sampling: Sampling
    give: Callable[[Completion], object]
    ended: Callable[[], bool]


class Writer:
    """The model and its tokenizer."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        context: int | None,
        batch_size: int,
        use_adapter: Callable[[int], object],
    ) -> None:
        from transformers import GenerationConfig

        self._model = model
        self._tokenizer = tokenizer
        self._context = context
        self._batch_size = batch_size
        self._use_adapter = use_adapter
        self._adapter = 0
        self._marks_are_special = marks_are_special(tokenizer)
        self._end_ids = loading.end_ids(model.generation_config) | loading.end_ids(tokenizer)
        # The model's own would add samplers and penalties that nobody asked for.
        model.generation_config = GenerationConfig()
        pad = tokenizer.pad_token_id
        self._padding: int = pad if pad is not None else min(self._end_ids, default=0)
        self._pads = True
        if batch_size > 1:
            self._check_batches()

    def for_variant(self, variant: Variant) -> Writer:
        """The same with a variant's adapter, tokenizer and end tokens."""
        if variant.adapter is None:
            return self
        own = copy.copy(self)
        own._adapter = variant.number
        own._tokenizer = variant.tokenizer
        own._marks_are_special = marks_are_special(variant.tokenizer)
        own._end_ids = self._end_ids | {*variant.end_ids}
        return own

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

    def work(self, requests: Sequence[Request], job: Job) -> None:
        """Answer all requests, unless the job ends before.

        Raises:
            BackendError: the model failed, or memory is too small for one answer.
        """

        @lru_cache(maxsize=1024)
        def rendered(prompt: Prompt) -> tuple[Rendered, Ends]:
            return self._render(prompt, job.sampling)

        self._use_adapter(self._adapter)
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

    def _write(self, batch: list[Answer], job: Job) -> None:
        """Write a batch; where memory is too small, those that follow are half as large."""
        failed = self._try(batch, job)
        if failed is None:
            return
        if len(batch) == 1:
            raise failed
        for each in batch:
            if not each.finish_reason:
                each.restart()
        loading.free_memory()
        self._batch_size = len(batch) // 2
        _log.warning(
            "opencodeeval: out of memory with %d answers at once, going on with %d",
            len(batch),
            self._batch_size,
        )

    def _try(self, batch: list[Answer], job: Job) -> BackendError | None:
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
