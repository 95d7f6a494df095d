"""The streaming run, with stand-ins for the model, the benchmark and the jail.

The stand-ins do what the protocols say and nothing else; test_cli.py and
test_resume.py run the real parts.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.backends.base import Request
from opencodeeval.backends.capabilities import Capabilities
from opencodeeval.benchmarks.errata import Erratum
from opencodeeval.core.errors import BackendError, SandboxError
from opencodeeval.core.types import (
    Completion,
    Grade,
    ModelType,
    Program,
    Prompt,
    SampleId,
    Sampling,
    Style,
    SuiteResult,
    Task,
    Verdict,
    digest,
)
from opencodeeval.records.naming import slug
from opencodeeval.records.reading import read_record
from opencodeeval.records.schema import content_digest, content_of
from opencodeeval.runs.observers import GradedSample, Observer
from opencodeeval.runs.pipeline import Run, RunResult, run_benchmark
from opencodeeval.runs.recording import Planned, configuration, without_secrets
from opencodeeval.runs.sharing import Shared
from opencodeeval.runs.store import RunStore, read_run
from opencodeeval.runs.summary import summarise, table
from opencodeeval.stats.metrics import parse_metrics, pass_at

SAMPLED = Sampling(n=3, temperature=0.8)


@dataclass
class StandInBenchmark:
    """Tasks t/0, t/1, ...; an answer is its program; plus counts only with base."""

    number: int = 4
    tests: str = "tests"
    name: str = "standin"
    protocol: str = "plain"
    protocol_version: str = "1"
    data_version: str = "v1"
    data_digest: str = "d" * 64
    suites: tuple[str, ...] = ("base", "plus")
    headline: str = "plus"
    environment: str = ""
    errata: Sequence[Erratum] = ()
    tasks_in_version: int = 0
    has_answers: bool = False
    extraction_digest: str = "e" * 64
    time_limit: float | None = None
    extracted: list[str] = field(default_factory=list)
    tasks: Sequence[Task] = field(init=False)

    def __post_init__(self) -> None:
        self.tasks = [
            Task(f"t/{i}", Style.FUNCTION, f"p{i}", "f", "pass", {"tests": self.tests})
            for i in range(self.number)
        ]

    def answer(self, program: Program) -> str:
        return program.code

    def default_sampling(self) -> Sampling:
        return Sampling()

    def prompt(self, task: Task, model_type: ModelType) -> Prompt:
        return Prompt(task.task_id, text=task.prompt)

    def prompt_digest(self, model_type: ModelType) -> str:
        return "p" * 64

    def program(self, task: Task, completion: Completion, model_type: ModelType) -> Program:
        self.extracted.append(completion.text)
        return Program(task.task_id, completion.sample_id, completion.text, "fence")

    def passes(self, verdicts: Mapping[str, Verdict]) -> Mapping[str, bool]:
        base = verdicts["base"] is Verdict.PASSED
        return {"base": base, "plus": base and verdicts["plus"] is Verdict.PASSED}

    def about(self, task: Task) -> Mapping[str, str]:
        return {}

    def counted(self, grades: Sequence[Grade]) -> Sequence[Grade]:
        return grades

    def describe(self) -> Mapping[str, Any]:
        return {"source": "nowhere"}


@dataclass
class StandInBackend:
    """Answers with `answer(task_id, sample_id)`; counts what it was asked."""

    answer: Callable[[str, int], str]
    stop_after: int | None = None
    before_each: Callable[[int], Any] | None = None
    model_type: ModelType = "chat"
    asked: list[tuple[str, int]] = field(default_factory=list)
    ended: bool = False
    capabilities: Capabilities = field(default_factory=Capabilities)

    def identity(self) -> Mapping[str, Any]:
        return {"model": "some/model", "backend": "stand-in", "hf_token": "hush"}

    async def generate(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> AsyncIterator[Completion]:
        try:
            for number, request in enumerate(requests):
                if number == self.stop_after:
                    raise BackendError("the engine died")
                await asyncio.sleep(0)
                if self.before_each is not None:
                    await self.before_each(number)
                where = (request.prompt.task_id, request.sample_id)
                self.asked.append(where)
                yield Completion(*where, self.answer(*where), prompt_tokens=5, completion_tokens=2)
        finally:
            self.ended = True

    async def close(self) -> None:
        return None


@dataclass
class StandInSandbox:
    """`good` passes both suites, `half` only base, `lost` is a fault, else wrong."""

    slots: int = 2
    guest: str = "g"
    healthy: bool = True
    jail: str = "local"
    engine: str = "28.2.2"
    weaker: Sequence[str] = ("a sentence",)
    delay: float = 0.0
    graded: list[tuple[str, str]] = field(default_factory=list)
    busy: int = 0
    busiest: int = 0
    cancelled: int = 0

    def describe(self) -> Mapping[str, Any]:
        return {
            "jail": self.jail,
            "guest": self.guest,
            "engine": self.engine,
            "weaker": self.weaker,
            "slots": self.slots,
        }

    async def grade(self, task: Task, program: Program) -> Grade:
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            await asyncio.sleep(self.delay)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.busy -= 1
        if program.code == "explode":
            raise RuntimeError("a bug in the grading")
        self.graded.append((task.task_id, program.code))
        verdicts = {
            "good": (Verdict.PASSED, Verdict.PASSED),
            "half": (Verdict.PASSED, Verdict.WRONG),
            "lost": (Verdict.INFRA_ERROR, Verdict.INFRA_ERROR),
        }.get(program.code, (Verdict.WRONG, Verdict.PASSED))
        if program.code == "lost" and self.healthy:
            verdicts = (Verdict.PASSED, Verdict.PASSED)
        suites = {
            name: SuiteResult(verdict, detail="slot died")
            for name, verdict in zip(("base", "plus"), verdicts, strict=True)
        }
        return Grade(task.task_id, program.sample_id, suites)

    async def close(self) -> None:
        return None


class Tally(Observer):
    """An observer that counts."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def start(self, title: str, samples: int) -> None:
        self.calls["samples"] = samples

    def generated(self) -> None:
        self.calls["generated"] += 1

    def graded(self, sample: GradedSample) -> None:
        self.calls["passed" if sample.passed else "failed"] += 1

    def finish(self) -> None:
        self.calls["finished"] += 1


def run(
    output: Path,
    backend: StandInBackend,
    benchmark: StandInBenchmark | None = None,
    sandbox: StandInSandbox | None = None,
    sampling: Sampling = SAMPLED,
    ks: Sequence[int] = (1,),
    progress: Tally | None = None,
    shared: Shared | None = None,
) -> RunResult:
    benchmark = benchmark or StandInBenchmark()
    store = RunStore(output, configuration(benchmark, backend, sampling))
    try:
        planned = Planned(benchmark, backend, sampling)
        sandbox, shared = sandbox or StandInSandbox(), shared or Shared()
        work = Run(planned, sandbox, store, pass_at(*ks), shared=shared)
        return asyncio.run(run_benchmark(work, [progress or Tally()]))
    finally:
        store.close()


def answers(task_id: str, sample_id: int) -> str:
    """t/0 always right, t/1 right once, t/2 never, t/3 without code."""
    return {"t/0": "good", "t/1": "good" if sample_id == 1 else f"half{sample_id}", "t/3": " "}.get(
        task_id, "half"
    )


def lines(result: RunResult, name: str) -> list[dict[str, Any]]:
    text = (result.run_folder / f"{name}.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def lasting(result: RunResult) -> dict[str, Any]:
    return {name: part for name, part in content_of(result.record).items() if name != "timing"}


def test_a_run_ends_in_a_record_of_every_task(tmp_path: Path) -> None:
    progress = Tally()
    result = run(tmp_path, StandInBackend(answers), ks=(1, 3), progress=progress)
    record = json.loads(result.record_path.read_text(encoding="ascii"))
    assert record == content_of(result.record)
    assert list(record["tasks"]) == ["t/0", "t/1", "t/2", "t/3"]
    assert record["tasks"]["t/1"] == {
        "n": 3,
        "c": {"base": 1, "plus": 1},
        "verdicts": {"base": {"passed": 1, "wrong": 2}, "plus": {"passed": 3}},
    }
    assert record["tasks"]["t/3"]["verdicts"]["base"] == {"no_code": 3}
    assert record["pass@k"]["base"]["pass@1"]["value"] == pytest.approx((3 + 1 + 3 + 0) / 12)
    assert record["pass@k"]["plus"]["pass@1"]["value"] == pytest.approx((3 + 1 + 0 + 0) / 12)
    assert record["pass@k"]["plus"]["pass@3"]["value"] == pytest.approx(0.5)
    assert record["totals"]["prompt_tokens"] == 60
    assert record["totals"]["samples"] == 12
    assert record["digest"] == content_digest(record)
    assert result.record_path.parent == tmp_path / "standin"
    assert result.record_path.name == f"some--model--plain--{record['run_id']}.json"
    assert progress.calls == {
        "samples": 12,
        "generated": 12,
        "passed": 4,
        "failed": 8,
        "finished": 1,
    }


def test_secrets_reach_no_file(tmp_path: Path) -> None:
    result = run(tmp_path, StandInBackend(answers))
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or b"hush" not in path.read_bytes()
    assert content_of(result.record)["model"]["identity"]["hf_token"] == "(hidden)"


def test_programs_are_executed_while_others_are_still_being_written(tmp_path: Path) -> None:
    sandbox = StandInSandbox()

    async def until_graded(number: int) -> None:
        # The backend goes on only when the answers before have been graded.
        for _ in range(2000):
            if len(sandbox.graded) >= number:
                return
            await asyncio.sleep(0.001)
        raise AssertionError("grading waits for generation")

    backend = StandInBackend(lambda task, sample: f"{task}{sample}", before_each=until_graded)
    run(tmp_path, backend, sandbox=sandbox)
    assert len(sandbox.graded) == 12


def test_generation_does_not_wait_for_slow_grading(tmp_path: Path) -> None:
    sandbox = StandInSandbox(delay=0.05)
    seen: list[int] = []

    async def note(number: int) -> None:
        seen.append(len(sandbox.graded))

    backend = StandInBackend(lambda task, sample: f"{task}{sample}", before_each=note)
    run(tmp_path, backend, sandbox=sandbox)
    assert seen == [0] * 12


def test_all_slots_are_kept_busy(tmp_path: Path) -> None:
    sandbox = StandInSandbox(slots=4, delay=0.01)
    run(tmp_path, StandInBackend(lambda task, sample: f"{task}{sample}"), sandbox=sandbox)
    assert sandbox.busiest >= 4


@pytest.mark.parametrize("delay", [0.0, 0.02])
def test_identical_programs_of_a_task_are_executed_once(tmp_path: Path, delay: float) -> None:
    sandbox = StandInSandbox(delay=delay)
    result = run(tmp_path, StandInBackend(lambda *_: "good"), sandbox=sandbox)
    assert sorted(sandbox.graded) == [(f"t/{i}", "good") for i in range(4)]
    assert len(lines(result, "verdicts")) == 12
    assert content_of(result.record)["tasks"]["t/2"]["c"] == {"base": 3, "plus": 3}


def test_an_answer_without_code_is_not_executed(tmp_path: Path) -> None:
    sandbox = StandInSandbox()
    result = run(tmp_path, StandInBackend(lambda *_: "\n"), sandbox=sandbox)
    assert sandbox.graded == []
    assert content_of(result.record)["verdicts"] == {
        "base": {"no_code": 12},
        "plus": {"no_code": 12},
    }


@pytest.mark.parametrize("stop_after", range(0, 12, 3))
def test_a_resumed_run_repeats_nothing_and_ends_in_the_same_record(
    tmp_path: Path, stop_after: int
) -> None:
    undisturbed = run(tmp_path / "a", StandInBackend(answers))
    broken = StandInBackend(answers, stop_after=stop_after)
    with pytest.raises(BackendError, match="the engine died"):
        run(tmp_path / "b", broken)
    assert len(broken.asked) == stop_after
    again, benchmark = StandInBackend(answers), StandInBenchmark()
    resumed = run(tmp_path / "b", again, benchmark)
    assert lasting(resumed) == lasting(undisturbed)
    assert content_of(resumed.record)["timing"]["generated"] == 12
    assert not set(again.asked) & set(broken.asked)
    for name in ("completions", "programs", "verdicts"):
        where = Counter((row["task_id"], row["sample_id"]) for row in lines(resumed, name))
        assert where == Counter((f"t/{i}", j) for i in range(4) for j in range(3))
    assert len(lines(resumed, "prompts")) == 4


def test_a_finished_run_does_nothing_more(tmp_path: Path) -> None:
    first = run(tmp_path, StandInBackend(answers))
    backend, benchmark, sandbox = StandInBackend(answers), StandInBenchmark(), StandInSandbox()
    second = run(tmp_path, backend, benchmark, sandbox)
    assert (backend.asked, benchmark.extracted, sandbox.graded) == ([], [], [])
    assert lasting(second) == lasting(first)


class Details(Observer):
    """Keeps the grades that it is told of."""

    def __init__(self) -> None:
        self.grades: list[Grade] = []
        self.tasks: list[str] = []

    def graded(self, sample: GradedSample) -> None:
        self.tasks.append(sample.task_id)
        self.grades.append(sample.grade)


def test_observers_hear_of_each_stored_sample_once_with_its_whole_grade(tmp_path: Path) -> None:
    benchmark, backend = StandInBenchmark(), StandInBackend(answers)
    heard, tallies = [], []
    for _ in range(2):
        with closing(RunStore(tmp_path, configuration(benchmark, backend, SAMPLED))) as store:
            details, tally = Details(), Tally()
            planned = Planned(benchmark, backend, SAMPLED)
            work = Run(planned, StandInSandbox(), store, pass_at(1))
            asyncio.run(run_benchmark(work, [details, tally]))
            heard.append(sorted(details.grades, key=lambda each: (each.task_id, each.sample_id)))
            tallies.append(tally.calls)
            assert sorted(details.tasks) == [each.task_id for each in heard[-1]]
    assert len(heard[0]) == 12
    assert heard[1] == heard[0]
    assert tallies[1] == tallies[0]
    assert tallies[0]["generated"] == 12


@pytest.mark.parametrize(
    "change",
    [
        lambda benchmark, sandbox: (replace(benchmark, tests="corrected"), sandbox),
        lambda benchmark, sandbox: (benchmark, replace(sandbox, guest="newer")),
    ],
    ids=["tests", "guest"],
)
def test_programs_are_executed_again_when_tests_or_sandbox_change(
    tmp_path: Path, change: Callable[..., tuple[StandInBenchmark, StandInSandbox]]
) -> None:
    run(tmp_path, StandInBackend(answers))
    backend = StandInBackend(answers)
    benchmark, sandbox = change(StandInBenchmark(), StandInSandbox())
    run(tmp_path, backend, benchmark, sandbox)
    assert backend.asked == []
    assert len(sandbox.graded) == len({(task, code) for task, code in sandbox.graded}) > 0


@pytest.mark.parametrize(
    "told_otherwise", [{"weaker": ["another sentence"]}, {"engine": "29.0.0"}], ids=str
)
def test_nothing_is_executed_again_where_a_sandbox_only_describes_itself_otherwise(
    tmp_path: Path, told_otherwise: dict[str, Any]
) -> None:
    run(tmp_path, StandInBackend(answers))
    sandbox = replace(StandInSandbox(), **told_otherwise)
    run(tmp_path, StandInBackend(answers), sandbox=sandbox)
    assert sandbox.graded == []


def test_verdicts_of_a_folder_of_the_first_version_are_kept(tmp_path: Path) -> None:
    result = run(tmp_path, StandInBackend(answers))
    path = result.run_folder / "verdicts.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    described = {**StandInSandbox().describe()}
    del described["slots"]
    for row in rows:
        row["sandbox"] = digest(described)  # the identity was a digest of all of it
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    sandbox = StandInSandbox()
    run(tmp_path, StandInBackend(answers), sandbox=sandbox)
    assert sandbox.graded == []


def test_each_sample_without_code_says_why(tmp_path: Path) -> None:
    @dataclass
    class Reasoned(StandInBenchmark):
        extraction_digest: str = "a" * 64

        def program(self, task: Task, completion: Completion, model_type: ModelType) -> Program:
            why = "none" if completion.sample_id else "the answer ended inside its reasoning"
            return Program(task.task_id, completion.sample_id, "", why)

    def details(result: RunResult) -> list[str]:
        grades = read_run(result.run_folder).grades
        return [grades[SampleId("t/0", n)].suites["base"].detail for n in range(3)]

    plain = "no code was found in the answer"
    ended = "the answer ended inside its reasoning"
    first = run(tmp_path, StandInBackend(answers), Reasoned())
    assert details(first) == [ended, plain, plain]
    lines = (first.run_folder / "verdicts.jsonl").read_bytes()
    again = run(tmp_path, StandInBackend(answers), Reasoned())
    assert (again.run_folder / "verdicts.jsonl").read_bytes() == lines

    @dataclass
    class Mended(Reasoned):
        extraction_digest: str = "b" * 64

        def program(self, task: Task, completion: Completion, model_type: ModelType) -> Program:
            return Program(task.task_id, completion.sample_id, "", "none")

    assert details(run(tmp_path, StandInBackend(answers), Mended())) == [plain] * 3


def test_a_mended_extraction_is_applied_to_stored_completions(tmp_path: Path) -> None:
    first = run(tmp_path, StandInBackend(answers))
    assert content_of(first.record)["tasks"]["t/2"]["c"] == {"base": 3, "plus": 0}

    @dataclass
    class Mended(StandInBenchmark):
        extraction_digest: str = "f" * 64

        def program(self, task: Task, completion: Completion, model_type: ModelType) -> Program:
            found = super().program(task, completion, model_type)
            return replace(found, code=found.code.replace("half", "good"))

    backend, sandbox = StandInBackend(answers), StandInSandbox()
    second = run(tmp_path, backend, Mended(), sandbox)
    assert backend.asked == []
    assert content_of(second.record)["tasks"]["t/2"]["c"] == {"base": 3, "plus": 3}
    assert ("t/0", "good") not in sandbox.graded  # the same program has its verdict already
    untouched = Mended()
    run(tmp_path, StandInBackend(answers), untouched)
    assert untouched.extracted == []


def test_the_number_of_slots_changes_nothing(tmp_path: Path) -> None:
    run(tmp_path, StandInBackend(answers))
    sandbox = StandInSandbox(slots=7)
    run(tmp_path, StandInBackend(answers), sandbox=sandbox)
    assert sandbox.graded == []


@pytest.mark.parametrize(
    ("benchmark", "sampling"),
    [
        (StandInBenchmark(protocol_version="2"), SAMPLED),
        (StandInBenchmark(data_digest="e" * 64), SAMPLED),
        (StandInBenchmark(number=3), SAMPLED),
        (StandInBenchmark(), replace(SAMPLED, seed=1)),
        (StandInBenchmark(), replace(SAMPLED, temperature=0.7)),
        (StandInBenchmark(), replace(SAMPLED, n=2)),
    ],
)
def test_another_configuration_is_another_run(
    tmp_path: Path, benchmark: StandInBenchmark, sampling: Sampling
) -> None:
    first = run(tmp_path, StandInBackend(answers))
    other = run(tmp_path, StandInBackend(answers), benchmark, sampling=sampling)
    assert other.run_folder != first.run_folder
    assert other.record_path != first.record_path


def test_a_persistent_fault_ends_the_run_without_a_score(tmp_path: Path) -> None:
    backend = StandInBackend(lambda task, _: "lost" if task in ("t/1", "t/2") else "good")
    with pytest.raises(SandboxError) as raised:
        run(tmp_path, backend, sandbox=StandInSandbox(healthy=False))
    message = str(raised.value)
    assert "6 of 12 samples" in message
    assert "t/1, t/2" in message
    assert "slot died" in message
    assert "\n" not in message
    assert list(tmp_path.rglob("standin")) == []

    again, sandbox = StandInBackend(backend.answer), StandInSandbox(healthy=True)
    resumed = run(tmp_path, again, sandbox=sandbox)
    assert again.asked == []
    assert sorted(sandbox.graded) == [("t/1", "lost"), ("t/2", "lost")]
    assert content_of(resumed.record)["pass@k"]["plus"]["pass@1"]["value"] == 1.0
    assert len(lines(resumed, "verdicts")) == 12


def test_a_failure_in_grading_ends_generation(tmp_path: Path) -> None:
    forever = asyncio.sleep

    async def stall(number: int) -> None:
        if number == 5:
            await forever(3600)

    backend = StandInBackend(lambda *_: "explode", before_each=stall)
    with pytest.raises(RuntimeError, match="a bug in the grading"):
        run(tmp_path, backend)
    assert backend.ended


def test_a_failure_of_the_backend_ends_grading(tmp_path: Path) -> None:
    async def until_started(number: int) -> None:
        while number == 3 and not sandbox.busy:
            await asyncio.sleep(0.001)

    sandbox = StandInSandbox(delay=3600)
    backend = StandInBackend(answers, stop_after=4, before_each=until_started)
    with pytest.raises(BackendError, match="the engine died"):
        run(tmp_path, backend, sandbox=sandbox)
    assert sandbox.cancelled > 0
    assert sandbox.busy == 0


def test_a_backend_that_leaves_samples_out_is_an_error(tmp_path: Path) -> None:
    class Forgetful(StandInBackend):
        async def generate(
            self, requests: Sequence[Request], sampling: Sampling
        ) -> AsyncIterator[Completion]:
            async for completion in super().generate(requests[:-2], sampling):
                yield completion

    with pytest.raises(BackendError, match="without 2 of 12 samples"):
        run(tmp_path, Forgetful(answers))


def test_a_backend_that_repeats_itself_is_an_error(tmp_path: Path) -> None:
    class Repetitive(StandInBackend):
        async def generate(
            self, requests: Sequence[Request], sampling: Sampling
        ) -> AsyncIterator[Completion]:
            async for completion in super().generate(requests, sampling):
                yield completion
                yield completion

    with pytest.raises(BackendError, match=r"sample 0 of t/0, which was not requested"):
        run(tmp_path, Repetitive(answers))


class TextOfItsOwn(str):
    """As torch gives its version."""


def test_a_version_that_is_a_string_of_its_own_class_is_recorded(tmp_path: Path) -> None:
    class Versioned(StandInBackend):
        def identity(self) -> Mapping[str, Any]:
            return {**super().identity(), "torch": TextOfItsOwn("2.1+cpu")}

    record = run(tmp_path, Versioned(answers)).record
    assert record.model.identity["torch"] == "2.1+cpu"


def test_ready_made_samples_may_differ_in_number(tmp_path: Path) -> None:
    benchmark, backend = StandInBenchmark(number=2), StandInBackend(lambda *_: "good")
    store = RunStore(tmp_path, configuration(benchmark, backend, SAMPLED))
    counts = {"t/0": 1, "t/1": 3}
    planned = Planned(benchmark, backend, SAMPLED)
    result = asyncio.run(run_benchmark(Run(planned, StandInSandbox(), store, pass_at(1), counts)))
    store.close()
    assert {name: row["n"] for name, row in content_of(result.record)["tasks"].items()} == counts


def test_the_summary_is_the_record_in_short(tmp_path: Path) -> None:
    result = run(tmp_path, StandInBackend(answers), ks=(1, 3))
    summary = summarise("some/model", [result])
    part = summary["benchmarks"][0]
    assert part["pass@k"] == content_of(result.record)["pass@k"]
    assert part["record"] == str(result.record_path)
    text = table(summary).splitlines()
    assert text[0] == "model: some/model"
    assert text[2].split()[:5] == ["benchmark", "protocol", "suite", "metric", "score"]
    plus = next(line for line in text if " plus* " in line)
    assert " 33.3 " in plus
    assert str(result.run_folder) in text[-2]
    assert text[-1].endswith(f"opencodeeval report {result.run_folder}")
    (setting,) = (line for line in text if line.endswith(", verdicts forge-proof"))
    after = text[text.index(setting) + 1 :]
    assert after[0] == "  verdicts (base): 7 passed, 3 no_code, 2 wrong"
    assert "  answers: 0.0 % cut off at 1024 tokens, 25.0 % without code" in after
    assert max(map(len, after[:-3])) <= 80
    mixed = {**part, "integrity": {"hardened": 1, "forge-proof": 2}}
    shown = table({"model": "m", "benchmarks": [mixed]})
    assert ", verdicts forge-proof (2 tasks), hardened (1 tasks)" in shown


def test_the_summary_says_what_was_not_known_and_which_day_prompts_name(tmp_path: Path) -> None:
    backend = StandInBackend(answers, capabilities=Capabilities(seeds=False, token_counts=False))
    backend.identity = lambda: {  # type: ignore[method-assign]
        "model": "m",
        "backend": "stand-in",
        "template_date": "2024-07-26",
    }
    result = run(tmp_path, backend)
    assert result.record.lacks == ("seeds", "token-counts")
    text = " ".join(table(summarise("m", [result])).split())
    assert "the chat template writes the day's date, which was 2024-07-26 in all prompts" in text
    assert "this backend: the same command may draw other samples; tokens are not counted" in text


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("org/Model-1.5B", "org--Model-1.5B"),
        ("./runs/ckpt-100", "runs--ckpt-100"),
        ("/a b/../c", "a-b--c"),
        ("..", "unnamed"),
        ("x" * 300, "x" * 100),
    ],
)
def test_a_model_name_becomes_one_harmless_path_component(name: str, expected: str) -> None:
    assert slug(name) == expected


def test_only_what_is_named_like_a_secret_is_blanked() -> None:
    value = {"tokenizer": "t", "max_tokens": 3, "nested": [{"api_key": "k", "token": "k"}]}
    hidden = {"api_key": "(hidden)", "token": "(hidden)"}
    assert without_secrets(value) == {"tokenizer": "t", "max_tokens": 3, "nested": [hidden]}


def test_a_record_has_the_metrics_that_were_asked_for(tmp_path: Path) -> None:
    benchmark, backend = StandInBenchmark(), StandInBackend(answers)
    store = RunStore(tmp_path, configuration(benchmark, backend, SAMPLED))
    metrics = parse_metrics(["pass@1", "pass^3", "g-pass@3_0.5", "solved"])
    work = Run(Planned(benchmark, backend, SAMPLED), StandInSandbox(), store, metrics)
    result = asyncio.run(run_benchmark(work))
    store.close()
    scores = read_record(result.record_path).record.scores["base"]
    assert {name: score.value for name, score in scores.items()} == pytest.approx(
        {"pass@1": 7 / 12, "pass^3": 0.5, "g-pass@3_0.5": 0.5, "solved": 0.75}
    )
    text = table(summarise("m", [result]))
    assert [name for name in scores if f" {name} " not in text] == []
    assert all("answers" not in row for row in content_of(result.record)["tasks"].values())


def test_answers_that_agree_are_counted_where_a_benchmark_has_answers(tmp_path: Path) -> None:
    benchmark = StandInBenchmark(has_answers=True)
    result = run(tmp_path, StandInBackend(answers), benchmark)
    found = {task: row.answers for task, row in result.record.tasks.items()}
    # t/1 is wrong in two ways, and samples without code agree with none.
    assert found == {"t/0": (3,), "t/1": (1, 1, 1), "t/2": (3,), "t/3": (1, 1, 1)}
    single = run(tmp_path / "n1", StandInBackend(answers), benchmark, sampling=Sampling(n=1))
    assert all(row.answers == () for row in single.record.tasks.values())
