"""The generating half of a run: asks for what its folder lacks, each question once in a command."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import overload

from opencodeeval.backends.base import Request, SamplesFailed
from opencodeeval.backends.capabilities import Capabilities
from opencodeeval.core.errors import BackendError
from opencodeeval.core.together import run_together
from opencodeeval.core.types import Completion, SampleId
from opencodeeval.runs.asking import needs_met, prompt_of
from opencodeeval.runs.lacking import remember
from opencodeeval.runs.recording import Planned
from opencodeeval.runs.sharing import Answer, Question, Shared, drawn_as, take_answers
from opencodeeval.runs.store import RunStore
from opencodeeval.runs.tallies import mean_lengths


class Generation:
    """Says to `deliver` of every sample that it has its completion, stored ones first.

    Of those that come in just now it has the completion; the others are read when they are
    needed.

    `handed_over` is called, once or more often, when the backend has taken the last
    request: the next run may begin then. `drawn` counts what the backend was asked for
    and gave; `unanswered` says which samples it failed on.
    """

    def __init__(
        self,
        planned: Planned,
        store: RunStore,
        shared: Shared,
        deliver: Callable[[SampleId, Completion | None], None],
        handed_over: Callable[[], None],
    ) -> None:
        self._planned = planned
        self._store = store
        self._shared = shared
        self._deliver = deliver
        self._handed_over = handed_over
        self._tasks = {task.task_id: task for task in planned.benchmark.tasks}
        self._drawn_as = drawn_as(planned.sampling)
        self._questions: dict[str, Question] = {}
        self._taken = 0
        self._could: Capabilities | None = None
        self.drawn = 0
        self.unanswered: SamplesFailed | None = None

    def take_answers(self) -> None:
        """Store the answers that other runs of the command have got to the same questions.

        Raises:
            StoreError: the run folder cannot be written, or that of another run is damaged.
        """
        planned = self._planned
        self._taken = take_answers(
            planned.benchmark,
            planned.backend.model_type,
            planned.sampling,
            self._store,
            self._shared.sources,
        )

    async def run(self, wanted: Sequence[SampleId], in_any_order: bool = False) -> None:
        """Deliver the completions of all `wanted` samples, asking for them in this order.

        With `in_any_order`, those that will take long are asked for first.

        Raises:
            BackendError: the backend failed or left samples out.
            StoreError: the run folder cannot be written.
        """
        missing = [where for where in wanted if where not in self._store.completions]
        lacking = set(missing)
        if in_any_order:
            missing = self._long_ones_first(missing)
        own, promised = self._claim(missing)
        self._tell(self._taken + len(promised), len(own))
        for where in wanted:
            if where not in lacking:
                self._deliver(where, None)
        del missing, lacking
        while own or promised:
            left: list[SampleId] = []
            await run_together(
                self._draw(own), *(self._receive(*each, left) for each in promised.items())
            )
            # What another run did not get either is asked for here.
            own, promised = self._claim(left)
        self._handed_over()

    def _long_ones_first(self, missing: Sequence[SampleId]) -> list[SampleId]:
        """The samples by the mean length of their task's stored answers; unknown ones first.

        The engine then has no long answer left to write alone at the end. Samples of a
        task stay together: they share its prompt.
        """
        means = mean_lengths(self._store.content.index)
        return sorted(missing, key=lambda where: -means.get(where.task_id, math.inf))

    def _claim(self, missing: Sequence[SampleId]) -> tuple[list[SampleId], dict[SampleId, Answer]]:
        """What this run has to ask, and what another is asking just now."""
        self._ask(missing)
        own: list[SampleId] = []
        promised: dict[SampleId, Answer] = {}
        for where in missing:
            answer = self._shared.asked.claim(self._questions[where.task_id], where.sample_id)
            if answer is None:
                own.append(where)
            else:
                promised[where] = answer
        return own, promised

    def _ask(self, missing: Sequence[SampleId]) -> None:
        """Have the prompts of these samples, stored."""
        planned = self._planned
        for task_id in dict.fromkeys(where.task_id for where in missing):
            if task_id in self._questions:
                continue
            task, model_type = self._tasks[task_id], planned.backend.model_type
            prompt = prompt_of(planned.benchmark, task, planned.sampling, model_type)
            self._questions[task_id] = Question(id(planned.backend), prompt, self._drawn_as)
            if task_id not in self._store.prompts:
                self._store.add_prompt(prompt)

    def _tell(self, reused: int, lacking: int) -> None:
        if not self._shared.sources:
            return
        if reused:
            self._shared.log(
                f"reuses {reused} answers that other runs of this command got to the same prompts"
            )
        if lacking:
            self._shared.log(f"generating {lacking} answers")

    async def _draw(self, own: Sequence[SampleId]) -> None:
        awaited = set(own)
        try:
            if awaited:
                await self._stream(own, awaited)
        except SamplesFailed as error:
            self.unanswered = error
        finally:
            self._handed_over()
            for where in awaited:
                self._settle(where, None)

    async def _stream(self, own: Sequence[SampleId], awaited: set[SampleId]) -> None:
        """Take the answers to `own`, and remove from `awaited` what was answered."""
        loop, overlapping = asyncio.get_running_loop(), self._planned.backend.capabilities
        announce: Callable[[], object] = lambda: None  # noqa: E731
        if overlapping.overlapping_calls:
            announce = lambda: loop.call_soon_threadsafe(self._handed_over)  # noqa: E731
        requests = _Requests(self._questions, own, announce)
        stream = self._planned.backend.generate(requests, self._planned.sampling)
        try:
            async for completion in stream:
                where = SampleId(completion.task_id, completion.sample_id)
                if where not in awaited:
                    raise BackendError(
                        f"the backend gave sample {where.sample_id} of {where.task_id}, "
                        "which was not requested: run the same command again"
                    )
                self.drawn += 1
                self._take(completion)
                awaited.remove(where)
                self._settle(where, completion)
        finally:
            close = getattr(stream, "aclose", None)
            if close is not None:
                await close()
        if awaited:
            raise BackendError(
                f"the backend ended without {len(awaited)} of {len(requests)} samples: "
                "run the same command again to generate them"
            )

    def _settle(self, where: SampleId, answer: Completion | None) -> None:
        self._shared.asked.settle(self._questions[where.task_id], where.sample_id, answer)

    async def _receive(
        self,
        where: SampleId,
        promised: Answer,
        left: list[SampleId],
    ) -> None:
        # Shielded, because several runs may wait for it, and one of them may be stopped.
        answer = await asyncio.shield(promised)
        if answer is None:
            left.append(where)
        else:
            self._take(answer)

    def _take(self, completion: Completion) -> None:
        planned = self._planned
        # It may have changed: backends learn what a server refuses.
        can = planned.backend.capabilities
        if can != self._could:
            _, lacks = needs_met(planned.benchmark, planned.backend, planned.sampling)
            remember(self._store.folder, lacks)
            self._could = can
        self._store.add_completion(completion)
        self._deliver(SampleId(completion.task_id, completion.sample_id), completion)


class _Requests(Sequence[Request]):
    """The requests for some samples, made as they are taken; says when the last one is."""

    def __init__(
        self,
        questions: Mapping[str, Question],
        samples: Sequence[SampleId],
        taken: Callable[[], object],
    ) -> None:
        self._questions, self._samples, self._taken = questions, samples, taken

    @overload
    def __getitem__(self, place: int) -> Request: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Request]: ...

    def __getitem__(self, place: int | slice) -> Request | Sequence[Request]:
        if isinstance(place, slice):
            return [self._request(where) for where in self._samples[place]]
        return self._request(self._samples[place])

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[Request]:
        last = len(self._samples) - 1
        for place, where in enumerate(self._samples):
            if place == last:
                self._taken()
            yield self._request(where)

    def _request(self, where: SampleId) -> Request:
        return Request(self._questions[where.task_id].prompt, where.sample_id)
