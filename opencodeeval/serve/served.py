"""What a request is about: a task of a served benchmark, or a specification of tests."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.core.errors import DataError, OpenCodeEvalError
from opencodeeval.core.parts import add_source
from opencodeeval.core.types import (
    Completion,
    Grade,
    Program,
    Style,
    SuiteResult,
    Task,
    Verdict,
    digest,
)
from opencodeeval.execution.specification import Specification, specification
from opencodeeval.runs.pipeline import no_code
from opencodeeval.runs.recording import verdicts_of
from opencodeeval.serve.messages import GradeRequest, GradeResult, ServedBench, SuiteVerdict
from opencodeeval.serve.parts import Parts
from opencodeeval.serve.refusals import bad_request, not_found
from opencodeeval.serve.share import share, with_every_test
from opencodeeval.serve.waiting import Job

FORMS = ("answer", "completion", "program")
# The kind of task that has no tests.
RUN = "run"
# What a specification from outside may ask for.
LONGEST_S = 600.0
MOST_MEMORY_MB = 8192
# All specifications that were put, in bytes of their JSON.
SPECS_BYTES = 256 << 20
# Characters of a program that is looked at without a thread of its own.
SHORT = 1 << 16

STYLES = {"program": Style.PROGRAM, "unittest": Style.UNITTEST, "stdio": Style.STDIO}


@dataclass(frozen=True)
class Wanted:
    """A program and its task, with what turns a grade into the answer to the request.

    `grade` is there where nothing has to run: no code was found.
    """

    key: str
    task: Task
    program: Program
    environment: str
    result: Callable[[Grade], GradeResult]
    grade: Grade | None = None

    def job(self, client: str, priority: int = 0) -> Job:
        """What a dispatcher is given; must be called in the event loop."""
        return Job(
            *(self.key, self.task, self.program, self.environment),
            asyncio.get_running_loop().create_future(),
            client,
            priority,
            # What a program printed may be megabytes.
            remembered=self.task.tests["kind"] != RUN,
        )


class Served:
    """The benchmarks that are served, by the names that requests may use; specifications."""

    def __init__(
        self,
        benchmarks: Mapping[str, CardBenchmark],
        environments: frozenset[str],
        load: Callable[[str, str], CardBenchmark],
    ) -> None:
        """`load(bench, protocol)` reads a served benchmark under another protocol."""
        self.benchmarks = dict(benchmarks)
        self.environments = environments
        self._load = load
        self._under: dict[tuple[str, str], CardBenchmark] = {}
        self._every: dict[str, Task] = {}
        self._tasks: dict[int, dict[str, Task]] = {}
        self._lock = threading.Lock()
        self._specs: OrderedDict[str, tuple[Specification, int]] = OrderedDict()
        self._specs_bytes = 0
        self.parts = Parts()
        add_source(self.parts)

    def list(self) -> list[ServedBench]:
        """The served benchmarks under their own protocols."""
        return [
            ServedBench(
                bench=name,
                protocol=each.protocol,
                environment=each.environment,
                tasks=[task.task_id for task in each.tasks],
            )
            for name, each in self.benchmarks.items()
        ]

    def put(self, named: str, content: Any) -> None:
        """Keep a specification under its digest.

        Raises:
            Refused: it is none, or its digest is another.
        """
        found = self._checked(content)
        if found.digest != named:
            raise bad_request(
                f"the digest of this specification is {found.digest}, not {named}: it is the "
                "SHA-256 of its JSON with sorted keys, without spaces, in ASCII"
            )
        size = len(found.encode())
        with self._lock:
            if named in self._specs:
                self._specs.move_to_end(named)
                return
            self._specs[named] = found, size
            self._specs_bytes += size
            while self._specs_bytes > SPECS_BYTES and len(self._specs) > 1:
                _, (_, freed) = self._specs.popitem(last=False)
                self._specs_bytes -= freed

    def at_hand(self, request: GradeRequest) -> bool:
        """Whether `wanted` takes microseconds: a short program whose tests are known."""
        if request.program is None or len(request.program) > SHORT or request.spec is not None:
            return False
        if request.spec_digest:
            return True
        benchmark = self.benchmarks.get(request.bench)
        if benchmark is None or request.protocol not in ("", benchmark.protocol):
            return False
        task = self._tasks.get(id(benchmark), {}).get(request.task_id)
        return task is not None and "tests_digest" in task.__dict__

    def wanted(self, request: GradeRequest) -> Wanted:
        """What a request asks for; takes milliseconds where code is extracted or tests are read.

        Raises:
            Refused: it asks for nothing that is served.
        """
        given = [form for form in FORMS if getattr(request, form) is not None]
        if len(given) != 1:
            raise bad_request("give exactly one of answer, completion and program")
        sources = [bool(request.bench), request.spec is not None, bool(request.spec_digest)]
        if sum(sources) != 1:
            raise bad_request("give exactly one of bench, spec and spec_digest")
        text = getattr(request, given[0])
        if request.bench:
            return self._of_bench(request, given[0], text)
        if given != ["program"]:
            raise bad_request("a specification has no prompt to complete: give a program")
        return self._of_spec(request, text)

    def _of_bench(self, request: GradeRequest, form: Any, text: str) -> Wanted:
        benchmark = self._benchmark(request.bench, request.protocol)
        if request.environment:
            raise bad_request("a benchmark has an environment of its own: leave out environment")
        task = self._task(benchmark, request)
        if "share" in request.tell:
            task = self._with_every_test(task)
        completion = Completion(task.task_id, 0, text, form=form)
        program = benchmark.program(task, completion, "chat" if form == "answer" else "base")
        order = [*benchmark.suites]

        def result(grade: Grade) -> GradeResult:
            passes = benchmark.passes(verdicts_of(grade))[benchmark.headline]
            return _result(grade, request, passes, [*order, benchmark.headline], key)

        key = digest([task.tests_digest, program.code, program.found if not program.code else ""])
        empty = None if program.code.strip() else no_code(benchmark, program)
        return Wanted(key, task, program, benchmark.environment, result, empty)

    def _benchmark(self, name: str, protocol: str) -> CardBenchmark:
        if name not in self.benchmarks:
            served = ", ".join(self.benchmarks) or "none"
            raise not_found(f"the benchmark {name!r} is not served here; served: {served}")
        own = self.benchmarks[name]
        if protocol in ("", own.protocol):
            return own
        with self._lock:
            if (name, protocol) not in self._under:
                try:
                    self._under[name, protocol] = self._load(name, protocol)
                except OpenCodeEvalError as error:
                    raise not_found(str(error)) from None
            return self._under[name, protocol]

    def _task(self, benchmark: CardBenchmark, request: GradeRequest) -> Task:
        tasks = self._tasks.get(id(benchmark))
        if tasks is None:
            tasks = self._tasks[id(benchmark)] = {task.task_id: task for task in benchmark.tasks}
        if request.task_id not in tasks:
            known = next(iter(tasks))
            raise not_found(
                f"{request.bench} has no task {request.task_id!r}: its tasks are named like "
                f"{known!r}"
            )
        return tasks[request.task_id]

    def _with_every_test(self, task: Task) -> Task:
        """The task with all its tests run; kept, because the digest of many tests takes long."""
        key = task.tests_digest
        if key not in self._every:
            self._every[key] = with_every_test(task)
        return self._every[key]

    def _of_spec(self, request: GradeRequest, text: str) -> Wanted:
        if request.spec is not None:
            spec = self._checked(request.spec)
        else:
            with self._lock:
                found = self._specs.get(request.spec_digest)
                if found is None:
                    raise not_found(
                        f"no specification has the digest {request.spec_digest}: put it to "
                        "/specs/DIGEST first, and again after the server was started anew"
                    )
                self._specs.move_to_end(request.spec_digest)
            spec = found[0]
            self._see_parts(spec)
        if request.environment not in self.environments:
            served = ", ".join(sorted(filter(None, self.environments))) or "none but the plain one"
            raise not_found(f"no environment {request.environment!r} is served; served: {served}")
        if spec.content["kind"] == RUN and "extra" not in request.tell:
            raise bad_request("a specification of the kind 'run' has no tests: use POST /run_code")
        name = request.task_id or spec.digest[:12]
        task = Task(
            task_id=name,
            style=STYLES.get(spec.content["kind"], Style.FUNCTION),
            prompt="",
            entry_point=str(spec.content.get("entry_point", "")),
            reference="",
            tests=spec.content,
            kept=False,
        )
        # The digest is known: computing it takes long where tests are.
        task.__dict__["tests_digest"] = spec.digest
        if "share" in request.tell:
            task = with_every_test(task)
        suites = spec.suites

        def result(grade: Grade) -> GradeResult:
            passed = all(each is Verdict.PASSED for each in verdicts_of(grade).values())
            return _result(grade, request, passed, [*suites, suites[-1]], key)

        key = digest([task.tests_digest, request.environment, text])
        program = Program(name, 0, text, "program")
        nothing = SuiteResult(Verdict.NO_CODE, detail="the program is empty")
        empty = None if text.strip() else Grade(name, 0, dict.fromkeys(suites, nothing))
        return Wanted(key, task, program, request.environment, result, empty)

    def _checked(self, content: Any) -> Specification:
        """A specification from outside.

        Raises:
            Refused: it is none, asks for more than it may, or its parts are not here.
        """
        found = _checked(content)
        self._see_parts(found)
        return found

    def _see_parts(self, spec: Specification) -> None:
        for part in spec.parts:
            if not self.parts.has(part):
                raise not_found(
                    f"the part {part} of this specification is not here: put it to /parts/SHA256 "
                    "first, and again after the server was started anew"
                )


def _checked(content: Any) -> Specification:
    if not isinstance(content, dict):
        raise bad_request("a specification is a JSON object")
    try:
        found = specification(content)
    except DataError as error:
        raise bad_request(str(error)) from None
    if not found.suites:
        raise bad_request("a specification without a suite of tests gives no verdict")
    if found.seconds > LONGEST_S:
        raise bad_request(
            f"the limits of this specification allow {found.seconds:g} s, and {LONGEST_S:g} s are "
            "the most: lower total_s"
        )
    memory = content["limits"]["memory_mb"]
    if memory > MOST_MEMORY_MB:
        raise bad_request(f"memory_mb is {memory}, and {MOST_MEMORY_MB} is the most: lower it")
    return found


def _result(
    grade: Grade, request: GradeRequest, passed: bool, order: list[str], key: str
) -> GradeResult:
    """The answer to a request; the last of `order` is the headline suite."""
    failed = [name for name in order if grade.suites[name].verdict is not Verdict.PASSED]
    shown = order[-1] if passed or not failed else failed[0]
    suites = {name: _suite(each, request) for name, each in grade.suites.items()}
    found = GradeResult(
        task_id=grade.task_id,
        passed=passed,
        verdict=grade.suites[shown].verdict.value,
        suites=suites,
        digest=key,
    )
    if "share" in request.tell:
        found.share = share(grade, grade.suites)
    if "output" in request.tell:
        found.stdout, found.stderr = grade.stdout, grade.stderr
    return found


def _suite(found: SuiteResult, request: GradeRequest) -> SuiteVerdict:
    verdict = SuiteVerdict(
        verdict=found.verdict.value,
        wall_s=found.wall_s,
        cpu_s=found.cpu_s,
        peak_mb=found.peak_mb,
    )
    if "tests" in request.tell:
        each = (found.extra or {}).get("each")
        # Before the first that failed, whether or not the others ran too.
        verdict.tests_passed = found.tests_run if each is None else (each + "0").index("0")
        verdict.tests_total = found.tests_total
    if "failure" in request.tell:
        verdict.detail = found.detail
        failure = found.failure
        verdict.failure = msgspec.to_builtins(failure) if failure is not None else None
    if "extra" in request.tell and found.extra is not None:
        verdict.extra = dict(found.extra)
    return verdict
