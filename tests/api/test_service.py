"""`evaluate`, `grade`, `compare` and `gate` as a script or a notebook calls them."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from pathlib import Path

import pytest

import opencodeeval as oce
from opencodeeval.backends.samples import SamplesBackend
from opencodeeval.core.types import Completion, SampleId
from opencodeeval.runs.observers import GradedSample

LOCAL = oce.SandboxOptions("local", slots=2)
FIVE = oce.Selection(limit=5)


def reference(output: Path, *benchmarks: str, **more: object) -> oce.Evaluation:
    """The benchmark's own solutions, scored without a word on stderr."""
    return oce.evaluate(
        "reference",
        list(benchmarks) or "starter",
        selection=FIVE,
        backend="reference",
        sandbox=LOCAL,
        output=oce.Output(output, "none"),
        **more,  # type: ignore[arg-type]
    )


def test_evaluate_returns_records_and_where_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = reference(tmp_path)
    (record,) = result.records
    assert (record.benchmark.name, record.benchmark.tasks) == ("starter", 5)
    assert result.score("starter") == 1.0
    (stored,) = oce.read_records(tmp_path)
    assert stored.record == record
    assert stored.path == result.runs[0].record_path
    assert "starter" in str(result)
    assert capsys.readouterr() == ("", "")
    again = reference(tmp_path)
    assert again.runs[0].executed == 0
    assert again.records[0].digest == record.digest


def test_an_opened_backend_is_used_and_left_open(tmp_path: Path) -> None:
    class Counting(SamplesBackend):
        closed = 0

        async def close(self) -> None:
            self.closed += 1

    benchmark = oce.load_benchmark("starter", limit=5)
    answers = [Completion(t.task_id, 0, t.reference, form="program") for t in benchmark.tasks]
    backend = Counting(answers, {"model": "mine"}, "chat")
    result = oce.evaluate(backend, benchmark, sandbox=LOCAL, output=oce.Output(tmp_path, "none"))
    assert (result.model, result.score("starter"), backend.closed) == ("mine", 1.0, 0)


def test_grade_takes_a_file_and_gives_the_same_result(tmp_path: Path) -> None:
    tasks = oce.load_benchmark("starter", limit=5).tasks
    rows = [{"task_id": task.task_id, "solution": task.reference} for task in tasks]
    rows[0]["solution"] = "x = 1"
    samples = tmp_path / "samples.jsonl"
    samples.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    output = oce.Output(tmp_path / "results", "none")
    graded = oce.grade(
        samples,
        "starter",
        selection=FIVE,
        source=oce.SampleSource(model="mine"),
        sandbox=LOCAL,
        output=output,
    )
    assert graded.model == "mine"
    assert graded.score("starter") == pytest.approx(0.8)
    before = reference(tmp_path / "reference")
    (comparison,) = oce.compare(before, graded)
    assert [flip.task_id for flip in comparison.lost] == [tasks[0].task_id]
    decision = oce.gate(before, graded, oce.Policy(margin=0.5))
    assert decision.answer in (oce.Answer.PASS, oce.Answer.INCONCLUSIVE)
    with pytest.raises(oce.UsageError, match="margin"):
        oce.gate(before, graded, oce.Policy(margin=2))


def test_evaluate_works_where_an_event_loop_is_running(tmp_path: Path) -> None:
    """As in a notebook, whose cells run inside one."""

    async def cell() -> oce.Evaluation:
        return reference(tmp_path)

    assert asyncio.run(cell()).score("starter") == 1.0


def test_evaluate_works_in_a_thread_and_leaves_signals_alone(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    found: list[oce.Evaluation] = []
    thread = threading.Thread(target=lambda: found.append(reference(tmp_path)))
    thread.start()
    thread.join()
    assert found[0].score("starter") == 1.0
    assert signal.getsignal(signal.SIGINT) is before


class Recorder(oce.Observer):
    """Writes down what it hears, and stops after `enough` samples."""

    def __init__(self, enough: int = 1000) -> None:
        self.heard: list[str] = []
        self.samples: list[SampleId] = []
        self.enough = enough

    def start(self, title: str, samples: int) -> None:
        self.heard.append(f"start {title} {samples}")

    def graded(self, sample: GradedSample) -> None:
        self.samples.append(SampleId(sample.grade.task_id, sample.grade.sample_id))
        if len(self.samples) >= self.enough:
            raise oce.StopRun("enough")

    def finish(self) -> None:
        self.heard.append("finish")


def test_an_observer_hears_of_every_sample(tmp_path: Path) -> None:
    observer = Recorder()
    reference(tmp_path, observers=[observer])
    assert observer.heard == ["start starter 5", "finish"]
    assert len(observer.samples) == 5


def test_an_observer_may_stop_a_run_which_then_can_be_finished(tmp_path: Path) -> None:
    result = reference(tmp_path, observers=[Recorder(enough=2)])
    assert result.runs == ()
    (stopped,) = result.stopped
    assert (stopped.why, stopped.run_folder.parent) == ("enough", tmp_path / "runs")
    assert reference(tmp_path).records[0].timing.resumed


def test_early_stopping_keeps_two_data_versions_of_a_benchmark_apart(tmp_path: Path) -> None:
    """The starter has one data version, so the test makes the second."""
    first = oce.load_benchmark("starter", limit=5)
    second = oce.load_benchmark("starter", limit=4)
    second.data_version = "v2"
    versions = oce.evaluate(
        "reference",
        [first, second],
        backend="reference",
        sandbox=LOCAL,
        output=oce.Output(tmp_path / "both", "none"),
    )
    assert len(versions.runs) == 2
    baseline = oce.Baseline({each.spec: each for each in versions.stored})
    early = oce.EarlyStopping(baseline, oce.Policy(margin=0.4), family=2)
    oce.evaluate(
        "reference",
        [first, second],
        backend="reference",
        sandbox=LOCAL,
        output=oce.Output(tmp_path / "again", "none"),
        observers=[early],
    )
    assert {spec: stop.of for spec, stop in early.stops.items()} == {
        f"starter@{first.data_version}": 5,
        "starter@v2": 4,
    }


def test_early_stopping_wants_a_record_of_the_same_data(tmp_path: Path) -> None:
    stored = reference(tmp_path / "baseline").stored[0]
    other = oce.load_benchmark("starter", limit=5)
    other.data_version = "v2"
    early = oce.EarlyStopping(oce.Baseline({stored.spec: stored}), oce.Policy())
    with pytest.raises(oce.UsageError, match=r"the baseline has no record of starter@v2"):
        oce.evaluate(
            "reference",
            other,
            backend="reference",
            sandbox=LOCAL,
            output=oce.Output(tmp_path / "results", "none"),
            observers=[early],
        )


def test_what_cannot_be_done_raises_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(oce.UsageError, match="no benchmark is named"):
        oce.evaluate("m", [], output=tmp_path)
    with pytest.raises(oce.UsageError, match=r"samples\.jsonl does not exist"):
        oce.grade(tmp_path / "samples.jsonl", "starter")
    with pytest.raises(oce.UsageError, match="k must be at least 1"):
        oce.compare(tmp_path, tmp_path, k=0)
