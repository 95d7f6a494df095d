"""What every executor has to do: the same samples, the same verdicts, the same record."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import msgspec
import pytest

import opencodeeval as oce
from opencodeeval.backends.base import Request
from opencodeeval.core.types import Completion, Program, Prompt, SampleId, Sampling
from opencodeeval.records.schema import Record, content_of
from opencodeeval.runs.executors.base import EXECUTORS, Executor, Opener
from opencodeeval.runs.executors.options import ExecutorOptions
from opencodeeval.runs.regrade import open_stored, regrade_runs
from opencodeeval.runs.selfcheck import selfcheck
from tests.support.ray_cluster import RayCluster
from tests.support.tiny_models import save_tiny_model

NAMES = ("local", "ray")
QUIET = ("timing", "executor")
JAIL = oce.SandboxOptions("local", slots=2)
SAMPLING = Sampling(n=3, temperature=0.8, max_tokens=16, seed=5)


@pytest.fixture
def options(request: pytest.FixtureRequest) -> ExecutorOptions:
    """The executor of a test's `name`, and where its cluster is."""
    name = request.getfixturevalue("name")
    if name == "local":
        return ExecutorOptions()
    cluster: RayCluster = request.getfixturevalue("one_node")
    return ExecutorOptions("ray", {"address": cluster.address})


def compared(record: Record) -> dict[str, object]:
    """A record without its provenance."""
    return {name: part for name, part in content_of(record).items() if name not in QUIET}


def test_every_executor_is_held_to_this() -> None:
    assert tuple(EXECUTORS.names()) == NAMES
    assert all(isinstance(EXECUTORS.load(name), Opener) for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_run_has_the_record_that_this_process_alone_makes(
    name: str, options: ExecutorOptions, tmp_path: Path
) -> None:
    def run(executor: str | ExecutorOptions, folder: Path) -> oce.Evaluation:
        return oce.evaluate(
            "reference",
            "starter",
            backend="reference",
            sandbox=JAIL,
            executor=executor,
            output=oce.Output(folder, "none"),
        )

    alone, made = run("local", tmp_path / "alone"), run(options, tmp_path / "made")
    (ours,), (theirs,) = alone.records, made.records
    assert compared(theirs) == compared(ours)
    assert theirs.digest == ours.digest
    assert theirs.executor.get("name", "local") == name
    # As it was: nothing is left to do, and the record is not written again.
    again = run(options, tmp_path / "made")
    assert (again.runs[0].generated, again.runs[0].executed) == (0, 0)
    assert again.records == made.records


@pytest.mark.parametrize("name", NAMES)
def test_samples_of_another_tool_get_the_same_verdicts(
    name: str, options: ExecutorOptions, tmp_path: Path
) -> None:
    bench = oce.load_benchmark("starter", limit=6)
    wrong = "def nothing():\n    return None\n"
    rows = [
        {"task_id": task.task_id, "solution": wrong if number % 2 else task.reference}
        for number, task in enumerate(bench.tasks)
    ]
    samples = tmp_path / "samples.jsonl"
    samples.write_text("".join(json.dumps(row) + "\n" for row in rows))
    graded = oce.grade(
        samples,
        bench,
        source=oce.SampleSource("evalplus"),
        sandbox=JAIL,
        executor=options,
        output=oce.Output(tmp_path / "out", "none"),
    )
    correct = {task: row.c["base"] for task, row in graded.records[0].tasks.items()}
    assert list(correct.values()) == [1, 0, 1, 0, 1, 0]


@pytest.mark.parametrize("name", NAMES)
def test_stored_samples_are_executed_again_in_it(
    name: str, options: ExecutorOptions, tmp_path: Path
) -> None:
    quiet = oce.Output(tmp_path / "out", "none")
    bench = oce.load_benchmark("starter", limit=6)
    made = oce.evaluate("reference", bench, backend="reference", sandbox=JAIL, output=quiet)

    def again(chosen: ExecutorOptions, folder: str) -> Record:
        executor = chosen.open(JAIL, lambda line: None)
        stored = [open_stored(made.runs[0].run_folder)]
        (done,) = regrade_runs(stored, executor, quiet, again=True, folder=tmp_path / folder)
        assert done.result is not None
        assert (done.result.executed, done.moves) == (6, ())
        return done.result.record

    theirs, ours = again(options, "made"), again(ExecutorOptions(), "alone")
    assert compared(theirs) == compared(ours)
    assert theirs.executor.get("name", "local") == name


@pytest.mark.parametrize("name", NAMES)
def test_reference_solutions_are_checked_in_it(name: str, options: ExecutorOptions) -> None:
    bench = oce.load_benchmark("starter", limit=4)
    executor = options.open(JAIL, lambda line: None)
    findings = selfcheck(bench, 2, executor, oce.Output(progress="none"))
    assert [(each.task_id, each.passed) for each in findings] == [
        (task.task_id, 2) for task in bench.tasks
    ]


@pytest.mark.parametrize("name", NAMES)
def test_its_sandbox_keeps_the_contract(name: str, options: ExecutorOptions) -> None:
    bench = oce.load_benchmark("starter", limit=3)
    calls = [
        (task, Program(task.task_id, number, f"{code}\n# {number}\n", "program"))
        for number in range(8)
        for task in bench.tasks
        for code in (task.reference,)
    ]

    async def check(executor: Executor) -> None:
        try:
            sandbox = executor.open_sandbox("")
            described = dict(sandbox.describe())
            assert (described["jail"], described["slots"]) == (sandbox.jail, sandbox.slots)
            assert sandbox.slots == 2
            grades = await asyncio.gather(*(sandbox.grade(*each) for each in calls))
            for (task, program), grade in zip(calls, grades, strict=True):
                assert (grade.task_id, grade.sample_id) == (task.task_id, program.sample_id)
                assert {str(each.verdict) for each in grade.suites.values()} == {"passed"}
            assert dict(sandbox.describe()) == described
            await sandbox.close()
            await sandbox.close()
        finally:
            await executor.close()
            await executor.close()

    asyncio.run(check(options.open(JAIL, lambda line: None)))


@pytest.mark.parametrize("name", NAMES)
def test_its_engines_keep_the_contract(name: str, options: ExecutorOptions, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    model = str(save_tiny_model(tmp_path))
    engine = oce.BackendOptions(dtype="float32", max_model_len=128, batch_size=4)
    asked = [
        Request(Prompt(f"t/{task}", text=f"def f{task}():\n"), number)
        for task in range(3)
        for number in range(SAMPLING.n)
    ]

    async def check(executor: Executor) -> dict[SampleId, Completion]:
        try:
            backend = executor.open_backend("transformers", model, engine, ())
            identity = dict(backend.identity())
            assert model.endswith(str(identity["model"]))
            found = [each async for each in backend.generate(asked, SAMPLING)]
            by_place = {SampleId(each.task_id, each.sample_id): each for each in found}
            assert len(by_place) == len(found) == len(asked)
            # A resumed run asks for the rest, in another order, and gets the same.
            async for each in backend.generate(asked[:4:-1], SAMPLING):
                assert by_place[SampleId(each.task_id, each.sample_id)] == each
            assert [each async for each in backend.generate([], SAMPLING)] == []
            assert dict(backend.identity()) == identity
            await backend.close()
            await backend.close()
            return by_place
        finally:
            await executor.close()

    found = asyncio.run(check(options.open(JAIL, lambda line: None)))
    if name != "local":
        alone = asyncio.run(check(ExecutorOptions().open(JAIL, lambda line: None)))
        assert {where: msgspec.to_builtins(each) for where, each in found.items()} == {
            where: msgspec.to_builtins(each) for where, each in alone.items()
        }


@pytest.mark.parametrize("name", NAMES)
def test_an_argument_that_it_does_not_take_is_refused(name: str) -> None:
    with pytest.raises(oce.UsageError, match=f"the executor {name} "):
        ExecutorOptions(name, {"engin": "2"}).check()


def test_an_executor_that_does_not_exist_is_refused() -> None:
    with pytest.raises(oce.UsageError, match="there is no executor 'rey'; did you mean ray"):
        ExecutorOptions("rey").check()
