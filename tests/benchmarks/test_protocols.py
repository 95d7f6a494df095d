"""Several protocols at once: one generation where they ask alike, and how verdicts differ."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.backends.samples import SamplesBackend
from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core.errors import BackendError
from opencodeeval.core.types import (
    Completion,
    ModelType,
    Prompt,
    Sampling,
    SuiteResult,
    Task,
    Verdict,
)
from opencodeeval.runs.options import Output, SamplingOptions
from opencodeeval.runs.pipeline import Run, RunResult, run_benchmark
from opencodeeval.runs.protocol_differences import Judged, cause, lines
from opencodeeval.runs.recording import Planned, configuration
from opencodeeval.runs.service import evaluate
from opencodeeval.runs.sharing import StoredAnswers, draw_alike, take_answers
from opencodeeval.runs.store import RunStore
from opencodeeval.stats.metrics import pass_at
from tests.cli.test_cli import opencodeeval, refused
from tests.runs.test_pipeline import (
    SAMPLED,
    StandInBackend,
    StandInBenchmark,
    StandInSandbox,
    answers,
    lasting,
)

# --- one generation ---


@dataclass
class Asking(StandInBenchmark):
    """Asks with `stop` strings of its own for the task `odd`."""

    odd: str = ""
    stop: tuple[str, ...] = field(default=("#",))

    def prompt(self, task: Task, model_type: ModelType) -> Prompt:
        asked = super().prompt(task, model_type)
        return replace(asked, stop=self.stop) if task.task_id == self.odd else asked


def run_both(
    output: Path, backend: StandInBackend, other: StandInBenchmark, sampling: Sampling = SAMPLED
) -> tuple[list[RunResult], list[int]]:
    """Two protocols as a session runs them, and how many answers each has taken."""
    jobs = [StandInBenchmark(), other]
    stores = [RunStore(output, configuration(each, backend, sampling)) for each in jobs]
    results, taken = [], []
    try:
        for number, (job, store) in enumerate(zip(jobs, stores, strict=True)):
            sources = [StoredAnswers(stores[1 - number].folder)]
            taken.append(take_answers(job, backend.model_type, sampling, store, sources))
            work = run_benchmark(
                Run(Planned(job, backend, sampling), StandInSandbox(), store, pass_at(1))
            )
            results.append(asyncio.run(work))
    finally:
        for store in stores:
            store.close()
    return results, taken


def alone(output: Path, benchmark: StandInBenchmark) -> dict[str, Any]:
    """The record of a protocol that is run by itself."""
    backend = StandInBackend(answers)
    store = RunStore(output, configuration(benchmark, backend, SAMPLED))
    try:
        work = run_benchmark(
            Run(Planned(benchmark, backend, SAMPLED), StandInSandbox(), store, pass_at(1))
        )
        return lasting(asyncio.run(work))
    finally:
        store.close()


def test_the_same_prompt_is_asked_once_and_the_records_are_those_of_single_runs(
    tmp_path: Path,
) -> None:
    backend, other = StandInBackend(answers), StandInBenchmark(protocol="other")
    results, taken = run_both(tmp_path / "both", backend, other)
    assert taken == [0, 12]
    assert set(Counter(backend.asked).values()) == {1}
    assert lasting(results[0]) == alone(tmp_path / "one", StandInBenchmark())
    assert lasting(results[1]) == alone(tmp_path / "other", other)
    assert [each.record.timing.generated for each in results] == [12, 0]


def test_a_prompt_that_differs_in_its_stop_strings_is_asked_again(tmp_path: Path) -> None:
    backend, other = StandInBackend(answers), Asking(protocol="other", odd="t/2")
    _, taken = run_both(tmp_path, backend, other)
    assert taken == [0, 9]
    again = {where for where, times in Counter(backend.asked).items() if times == 2}
    assert again == {("t/2", number) for number in range(3)}


@pytest.mark.parametrize("stopped", [*range(1, 12, 4)])
def test_an_interrupted_run_ends_in_the_same_records(stopped: int, tmp_path: Path) -> None:
    other = Asking(protocol="other", odd="t/1")
    for first in (stopped, 1):
        with pytest.raises(BackendError, match="died"):
            run_both(tmp_path / "both", StandInBackend(answers, stop_after=first), other)
    backend = StandInBackend(answers)
    results, _ = run_both(tmp_path / "both", backend, other)
    assert lasting(results[0]) == alone(tmp_path / "one", StandInBenchmark())
    assert lasting(results[1]) == alone(tmp_path / "other", other)
    # A third time there is nothing left to be asked.
    idle = StandInBackend(answers)
    again, taken = run_both(tmp_path / "both", idle, other)
    assert (idle.asked, taken) == ([], [0, 0])
    assert [lasting(each) for each in again] == [lasting(each) for each in results]


def test_answers_may_come_from_whichever_run_has_them(tmp_path: Path) -> None:
    other = StandInBenchmark(protocol="other")
    backend = StandInBackend(answers)
    store = RunStore(tmp_path, configuration(other, backend, SAMPLED))
    planned = Planned(other, backend, SAMPLED)
    asyncio.run(run_benchmark(Run(planned, StandInSandbox(), store, pass_at(1))))
    store.close()
    idle = StandInBackend(answers)
    _, taken = run_both(tmp_path, idle, other)
    assert (idle.asked, taken) == ([], [12, 0])


def test_only_what_is_drawn_alike_is_the_same() -> None:
    assert draw_alike(Sampling(n=1), Sampling(n=20))
    others = (Sampling(temperature=0.8), Sampling(top_p=0.9), Sampling(max_tokens=7))
    for other in (*others, Sampling(seed=1)):
        assert not draw_alike(Sampling(), other)


@pytest.mark.shared
def test_what_two_benchmarks_ask_alike_is_drawn_once(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """HumanEval and HumanEval+ have the same prompts; the answers come from one backend."""
    names = ("humaneval", "humaneval_plus")
    benchmarks = [load_benchmark(name, "opencodeeval", shared_data, 2) for name in names]
    backend = SamplesBackend(
        [Completion(task.task_id, 0, task.reference) for task in benchmarks[0].tasks],
        {"model": "m"},
        "chat",
    )
    evaluated = evaluate(
        backend,
        benchmarks,
        sampling=SamplingOptions(n=1, temperature=0),
        sandbox="local",
        output=Output(tmp_path, "lines"),
    )
    printed = capsys.readouterr()
    parts = evaluated.summary()["benchmarks"]
    records = [json.loads(Path(part["record"]).read_text()) for part in parts]
    assert [record["timing"]["generated"] for record in records] == [2, 0]
    assert [record["totals"]["samples"] for record in records] == [2, 2]
    drawn, taken = (
        sorted((Path(part["run_folder"]) / "completions.jsonl").read_text().splitlines())
        for part in parts
    )
    assert drawn == taken
    assert "humaneval, opencodeeval: generating 2 answers" in printed.err
    assert (
        "humaneval_plus, opencodeeval: reuses 2 answers that other runs of this command"
        in printed.err
    )


# --- differences ---


def judged(verdict: Verdict, solution: str = "x = 1", answer: str = "") -> Judged:
    return Judged(verdict is Verdict.PASSED, SuiteResult(verdict), solution, answer)


@pytest.mark.parametrize(
    ("verdict", "solution", "answer", "why"),
    [
        (Verdict.WRONG, "x = 2", "other", "different answers"),
        (Verdict.WRONG, "x = 2", "", "extraction"),
        (Verdict.NO_CODE, "", "", "extraction"),
        (Verdict.WRONG, "x = (", "", "extraction"),
        (Verdict.TIMEOUT, "x=1  # printed anew", "", "time limit"),
        (Verdict.MEMORY, "x = 1", "", "memory limit"),
        (Verdict.ERROR, "x = 1", "", "code added around the answer"),
        (Verdict.WRONG, "x = 1", "", "tests and their comparison"),
    ],
)
def test_the_cause_is_the_first_thing_that_differs(
    verdict: Verdict, solution: str, answer: str, why: str
) -> None:
    for one, other in ((0, 1), (1, 0)):
        sides = [judged(Verdict.PASSED), judged(verdict, solution, answer)]
        assert cause(sides[one], sides[other]) == why


def test_code_in_another_order_or_behind_its_prompt_is_the_same_code() -> None:
    one = judged(Verdict.PASSED, "'A prompt.'\nimport os\nx = 1\n\ndef f():\n    return(x)")
    other = judged(Verdict.WRONG, "def f():\n    return x\nx = 1\nimport os")
    assert cause(one, other) == "tests and their comparison"


def test_people_see_the_first_twenty_and_how_many_more_there_are() -> None:
    row = {
        "task_id": "t/1",
        "sample_id": 0,
        "moves_score": True,
        "verdicts": {"a": "passed", "b": "wrong"},
        "details": {"a": "", "b": "wrong answer"},
        "why": {"b": "extraction"},
    }
    compared = {
        "benchmark": "standin",
        "protocols": ["a", "b"],
        "samples": 30,
        "same_answers": 30,
        "passes": {"a": 25, "a+b": 5},
        "differing": [row] * 25,
    }
    text = list(lines(compared))
    assert text[0] == (
        "standin, a and b: verdicts differ for 25 of 30 samples; for 25 of them pass/fail differs"
    )
    assert text[1:3] == ["  25 pass under a only", "  5 pass under every protocol"]
    assert text[3] == "  t/1 0: a passed; b wrong (wrong answer); cause: extraction"
    assert len(text) == 24
    assert text[-1] == "  and 5 more"


def test_unknown_protocols_are_refused_in_one_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = ["--backend", "reference", "--bench", "starter", "--protocol"]
    said = refused(capsys, [*known, "opencodeeval-starter,nope"])
    assert "starter has no protocol 'nope'; available: opencodeeval-starter" in said
    assert "--protocol names none" in refused(capsys, [*known, ","])


def summary_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


SLOW = "import time\ntime.sleep(3.5)\n"
FUTURE = "from __future__ import annotations\n"
LIST = "\nf = truncate_number\ntruncate_number = lambda number: [f(number)]"
UNIMPORTED = "def separate_paren_groups(text):\n    return re.sub(' ', '', text)"


@pytest.fixture(scope="module")
def samples(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Solutions of the first six tasks of HumanEval+; four of them that protocols judge apart."""
    change: dict[str, Callable[[str], str]] = {
        "HumanEval/0": lambda code: SLOW + code,
        "HumanEval/1": lambda code: UNIMPORTED,
        "HumanEval/2": lambda code: code + LIST,
        "HumanEval/3": lambda code: FUTURE + code,
    }
    path = tmp_path_factory.mktemp("samples") / "samples.jsonl"
    rows = [
        {
            "task_id": task.task_id,
            "solution": change.get(task.task_id, str)(task.reference),
        }
        for task in load_benchmark("humaneval_plus", None, shared_data, 6).tasks
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.shared
def test_protocols_that_choose_among_the_tasks_are_compared_on_those_of_both(
    shared_data: Path, tmp_path: Path
) -> None:
    """MBPP's tasks are numbers 11 to 510 under one protocol, and 10 to 509 under the other."""
    tasks = load_benchmark("mbpp", "mbpp-all", data_dir=shared_data).tasks
    rows = [{"task_id": task.task_id, "solution": task.reference} for task in tasks[9:510]]
    path = tmp_path / "samples.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = ("--bench", "mbpp", "--data", str(shared_data), "--limit", "4")
    command = ("grade", str(path), *options, "--sandbox", "local", "--json")
    summary = summary_of(opencodeeval(*command, "--protocol", "mbpp,opencodeeval", cwd=tmp_path))
    assert [part["samples"] for part in summary["benchmarks"]] == [4, 4]
    (compared,) = summary["differences"]
    assert sum(compared["passes"].values()) == 3


@pytest.mark.shared
def test_the_same_samples_are_graded_under_each_protocol(
    samples: Path, shared_data: Path, tmp_path: Path
) -> None:
    both = ("--protocol", "evalplus,opencodeeval,evalplus")
    options = ("--bench", "humaneval_plus", "--data", str(shared_data), "--limit", "6")
    command = ("grade", str(samples), *options, "--sandbox", "local", "--json")
    done = opencodeeval(*command, *both, cwd=tmp_path)
    summary = summary_of(done)
    assert [part["protocol"] for part in summary["benchmarks"]] == ["evalplus", "opencodeeval"]
    (compared,) = summary["differences"]
    assert compared["passes"] == {
        "evalplus+opencodeeval": 2,
        "evalplus": 2,
        "opencodeeval": 1,
        "": 1,
    }
    told = {
        row["task_id"]: (*row["verdicts"].values(), row["moves_score"], row["why"]["opencodeeval"])
        for row in compared["differing"]
    }
    assert told == {
        "HumanEval/0": ("passed", "timeout", True, "time limit"),
        "HumanEval/2": ("wrong", "passed", True, "tests and their comparison"),
        "HumanEval/3": ("passed", "error", True, "code added around the answer"),
        "HumanEval/1": ("error", "wrong", False, "code added around the answer"),
    }
    assert compared["differing"][0]["details"]["opencodeeval"].startswith("time limit in ")
    # The file has all of it, and people see it too.
    (path,) = (tmp_path / "results" / "differences").glob("humaneval_plus/*.json")
    assert path == tmp_path / compared["file"]
    assert json.loads(path.read_text()) == {
        name: value for name, value in compared.items() if name != "file"
    }
    assert (
        "humaneval_plus, evalplus and opencodeeval: verdicts differ for 4 of 6 samples"
        in done.stderr
    )
    assert "HumanEval/2 0: evalplus wrong (wrong answer" in done.stderr
    # A protocol alone ends in the very same record.
    records = [
        json.loads((tmp_path / each["record"]).read_text()) for each in summary["benchmarks"]
    ]
    single = summary_of(
        opencodeeval(*command, "--protocol", "opencodeeval", "--output", "alone", cwd=tmp_path)
    )
    assert "differences" not in single
    again = json.loads((tmp_path / single["benchmarks"][0]["record"]).read_text())
    assert (again["digest"], again["run_id"]) == (records[1]["digest"], records[1]["run_id"])


@pytest.mark.shared
def test_several_protocols_are_run_and_run_again(shared_data: Path, tmp_path: Path) -> None:
    command = (
        *(
            "--backend",
            "reference",
            "--bench",
            "humaneval",
            "--protocol",
            "human-eval,opencodeeval",
        ),
        *("--data", str(shared_data), "--limit", "3", "--sandbox", "local"),
    )
    first = opencodeeval(*command, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "humaneval, human-eval and opencodeeval: verdicts differ for 0 of 3 samples" in (
        first.stdout
    )
    assert "  3 pass under every protocol" in first.stdout
    # The folder is still a folder of records.
    listed = opencodeeval("publish", "results", "--format", "csv", cwd=tmp_path)
    assert listed.stdout.count("\n") == 3, listed.stderr
    assert opencodeeval("leaderboard", cwd=tmp_path).returncode == 0
    both = "results/*/*--human-eval--*.json"
    assert opencodeeval("compare", both, both, cwd=tmp_path).returncode == 0
    second = summary_of(opencodeeval(*command, "--json", cwd=tmp_path))
    assert "humaneval, opencodeeval: continues in" in opencodeeval(*command, cwd=tmp_path).stderr
    assert second["differences"][0]["differing"] == []
    assert len(list((tmp_path / "results" / "runs").iterdir())) == 2
