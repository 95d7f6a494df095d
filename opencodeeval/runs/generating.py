"""The generating half of a run: asks for what its folder lacks, each question once in a command."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence
from typing import overload

from opencodeeval.backends.base import Request, SamplesFailed
from opencodeeval.core.errors import BackendError
from opencodeeval.core.together import run_together
from opencodeeval.core.types import Completion, SampleId
from opencodeeval.runs.asking import prompt_of
from opencodeeval.runs.recording import Planned
from opencodeeval.runs.sharing import Question, Shared, drawn_as, take_answers
from opencodeeval.runs.store import RunStore


class Generation:
    """Gives every completion of a run to `deliver`, stored ones first.

    `handed_over` is called, once or more often, when the backend has taken the last
    request: the next run may begin then. `drawn` counts what the backend was asked for
    and gave; `unanswered` says which samples it failed on.
    """

    def __init__(
        self,
        planned: Planned,
        store: RunStore,
        shared: Shared,
        deliver: Callable[[Completion], None],
        handed_over: Callable[[], None],
    ) -> None:
        self._planned = planned
        self._store = store
        self._shared = shared
        self._deliver = deliver
        self._handed_over = handed_over
        self._tasks = {task.task_id: task for task in planned.benchmark.tasks}
        self._drawn_as = drawn_as(planned.sampling)
        self.drawn = 0
        self.unanswered: SamplesFailed | None = None

    async def run(self, wanted: Sequence[SampleId], in_any_order: bool = False) -> None:
        """Deliver the completions of all `wanted` samples, asking for them in this order.

        With `in_any_order`, those that will take long are asked for first.

        Raises:
            BackendError: the backend failed or left samples out.
            StoreError: the run folder cannot be written.
        """
        benchmark, model_type = self._planned.benchmark, self._planned.backend.model_type
        taken = take_answers(
            benchmark, model_type, self._planned.sampling, self._store, self._shared.sources
        )
        missing = [where for where in wanted if where not in self._store.completions]
        if in_any_order:
            missing = self._long_ones_first(missing)
        own, promised = self._claim(missing)
        self._tell(taken + len(promised), len(own))
        for where in wanted:
            if where in self._store.completions:
                self._deliver(self._store.completions[where])
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
        lengths: dict[str, list[int]] = {}
        for where, completion in self._store.completions.items():
            lengths.setdefault(where.task_id, []).append(completion.completion_tokens)
        means = {task_id: sum(found) / len(found) for task_id, found in lengths.items()}
        return sorted(missing, key=lambda where: -means.get(where.task_id, math.inf))

    def _claim(
        self, missing: Sequence[SampleId]
    ) -> tuple[dict[SampleId, Request], dict[SampleId, asyncio.Future[Completion | None]]]:
        """What this run has to ask, and what another is asking just now."""
        own: dict[SampleId, Request] = {}
        promised: dict[SampleId, asyncio.Future[Completion | None]] = {}
        for request in self._requests(missing):
            where = SampleId(request.prompt.task_id, request.sample_id)
            answer = self._shared.asked.claim(self._question(request))
            if answer is None:
                own[where] = request
            else:
                promised[where] = answer
        return own, promised

    def _requests(self, missing: Sequence[SampleId]) -> Iterator[Request]:
        planned = self._planned
        prompts = {
            task_id: prompt_of(
                planned.benchmark,
                self._tasks[task_id],
                planned.sampling,
                planned.backend.model_type,
            )
            for task_id in dict.fromkeys(where.task_id for where in missing)
        }
        for prompt in prompts.values():
            if prompt.task_id not in self._store.prompts:
                self._store.add_prompt(prompt)
        return (Request(prompts[where.task_id], where.sample_id) for where in missing)

    def _question(self, request: Request) -> Question:
        return Question(
            id(self._planned.backend), request.prompt, self._drawn_as, request.sample_id
        )

    def _tell(self, reused: int, lacking: int) -> None:
        if not self._shared.sources:
            return
        if reused:
            self._shared.log(
                f"reuses {reused} answers that other runs of this command got to the same prompts"
            )
        if lacking:
            self._shared.log(f"generating {lacking} answers")

    async def _draw(self, own: dict[SampleId, Request]) -> None:
        awaited = dict(own)
        try:
            if awaited:
                await self._stream(awaited)
        except SamplesFailed as error:
            self.unanswered = error
        finally:
            self._handed_over()
            for request in awaited.values():
                self._shared.asked.settle(self._question(request), None)

    async def _stream(self, awaited: dict[SampleId, Request]) -> None:
        """Take the answers to `awaited`, and remove from it what was answered."""
        requests: Sequence[Request] = list(awaited.values())
        if self._planned.backend.capabilities.overlapping_calls:
            loop = asyncio.get_running_loop()
            requests = _Announced(requests, lambda: loop.call_soon_threadsafe(self._handed_over))
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
                self._shared.asked.settle(self._question(awaited.pop(where)), completion)
        finally:
            close = getattr(stream, "aclose", None)
            if close is not None:
                await close()
        if awaited:
            raise BackendError(
                f"the backend ended without {len(awaited)} of {len(requests)} samples: "
                "run the same command again to generate them"
            )

    async def _receive(
        self,
        where: SampleId,
        promised: asyncio.Future[Completion | None],
        left: list[SampleId],
    ) -> None:
        # Shielded, because several runs may wait for it, and one of them may be stopped.
        answer = await asyncio.shield(promised)
        if answer is None:
            left.append(where)
        else:
            self._take(answer)

    def _take(self, completion: Completion) -> None:
        self._store.add_completion(completion)
        self._deliver(completion)


class _Announced(Sequence[Request]):
    """Requests that say when the last of them is taken."""

    def __init__(self, requests: Sequence[Request], taken: Callable[[], object]) -> None:
        self._requests = requests
        self._taken = taken

    @overload
    def __getitem__(self, place: int) -> Request: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Request]: ...

    def __getitem__(self, place: int | slice) -> Request | Sequence[Request]:
        return self._requests[place]

    def __len__(self) -> int:
        return len(self._requests)

    def __iter__(self) -> Iterator[Request]:
        last = len(self._requests) - 1
        for place, request in enumerate(self._requests):
            if place == last:
                self._taken()
            yield request
