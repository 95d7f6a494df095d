"""Grade single programs from Python, many at once: for rewards, agents and notebooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from types import TracebackType
from typing import Literal

from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.core.errors import SandboxError, UsageError
from opencodeeval.core.types import Completion, Grade, Program, SuiteResult, Task, Verdict
from opencodeeval.execution.base import Sandbox
from opencodeeval.execution.toolchains import check_languages
from opencodeeval.runs.options import SandboxOptions, Selection
from opencodeeval.runs.pipeline import no_code
from opencodeeval.runs.recording import verdicts_of
from opencodeeval.runs.store import is_fault

Form = Literal["answer", "completion", "program"]


@dataclass(frozen=True)
class GradedCode:
    """The result of one program.

    `passed` is whether it counts as correct under the headline suite; `verdict`
    is that suite's, or that of the first failed suite. `suites` has every suite's
    verdict with its detail, first failing test and seconds.
    """

    task_id: str
    passed: bool
    verdict: Verdict
    suites: Mapping[str, SuiteResult]
    program: str
    stdout: str = ""
    stderr: str = ""


class Grader:
    """An open sandbox that grades programs against a benchmark's tasks.

    ```
    async with Grader("humaneval_plus", sandbox="local") as grader:
        graded = await grader.grade("HumanEval/0", code)
        reward = float(graded.passed)
    ```

    As many calls as you like may wait at once; `sandbox.slots` programs run at a
    time. An infrastructure failure raises SandboxError and is never a verdict.
    """

    def __init__(
        self,
        benchmark: str | CardBenchmark,
        *,
        selection: Selection | None = None,
        sandbox: str | SandboxOptions = "auto",
        log: Callable[[str], None] | None = None,
    ) -> None:
        """Load the tasks; the sandbox is opened by `async with`.

        Args:
            benchmark: a name, a name with a data version, a file of tasks, or
                what `load_benchmark` returns.
            selection: at most one protocol; data folder, limit, dates.
            sandbox: "auto", "docker", "local" or SandboxOptions.
            log: gets log lines, such as the chosen sandbox; by default they are dropped.

        Raises:
            UsageError: there is no such benchmark, version or protocol.
            DataError: the data are not available, or damaged.
        """
        if isinstance(benchmark, str):
            loaded = (selection or Selection()).load(benchmark)
            if len(loaded) > 1:
                raise UsageError("a Grader works under one protocol: name one in the selection")
            benchmark = loaded[0]
        self.benchmark = benchmark
        self._tasks = {task.task_id: task for task in benchmark.tasks}
        self._options = SandboxOptions(sandbox) if isinstance(sandbox, str) else sandbox
        self._log = log or (lambda message: None)
        self._sandbox: Sandbox | None = None
        self._numbers = count()

    @property
    def task_ids(self) -> list[str]:
        """The ids of the tasks, in order."""
        return list(self._tasks)

    async def __aenter__(self) -> Grader:
        """Open the sandbox.

        Raises:
            SandboxError: none is available, or it lacks the tasks' language.
        """
        self._sandbox = self._options.open(self.benchmark.environment, self._log)
        try:
            check_languages(self._sandbox, self.benchmark)
        except SandboxError:
            await self._sandbox.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the sandbox; nothing it started outlives this."""
        if self._sandbox is not None:
            await self._sandbox.close()
            self._sandbox = None

    async def grade(self, task: str | Task, code: str, *, form: Form = "program") -> GradedCode:
        """Grade one program.

        Args:
            task: a task of the benchmark, or its id.
            code: what the model wrote.
            form: what `code` is: a complete program, the continuation of the
                task's prompt ("completion"), or a chat answer to extract code
                from ("answer").

        Raises:
            UsageError: there is no such task, or the grader is not open.
            SandboxError: the sandbox failed persistently; there is no verdict.
        """
        if self._sandbox is None:
            raise UsageError("the Grader is not open: use `async with Grader(...) as grader`")
        found = self._task(task)
        completion = Completion(found.task_id, next(self._numbers), code, form=form)
        program = self.benchmark.program(found, completion, "chat" if form == "answer" else "base")
        if program.code.strip():
            grade = await self._sandbox.grade(found, program)
        else:
            grade = no_code(self.benchmark, program)
        if is_fault(grade):
            details = [suite.detail for suite in grade.suites.values() if suite.detail]
            raise SandboxError(
                f"the sandbox failed on {found.task_id} ({next(iter(details), 'no detail')}), so "
                "there is no verdict: grade it again"
            )
        return self._graded(grade, program)

    def _task(self, task: str | Task) -> Task:
        if isinstance(task, Task):
            return task
        if task not in self._tasks:
            known = next(iter(self._tasks))
            raise UsageError(
                f"{self.benchmark.name} has no task {task!r}: its tasks are named like {known!r}"
            )
        return self._tasks[task]

    def _graded(self, grade: Grade, program: Program) -> GradedCode:
        verdicts = verdicts_of(grade)
        headline = self.benchmark.headline
        passed = self.benchmark.passes(verdicts)[headline]
        failed = [name for name in self.benchmark.suites if verdicts[name] is not Verdict.PASSED]
        shown = verdicts[headline if passed or not failed else failed[0]]
        return GradedCode(
            grade.task_id, passed, shown, grade.suites, program.code, grade.stdout, grade.stderr
        )
