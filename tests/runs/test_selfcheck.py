"""Errata, what scores are without them, and whether a benchmark's own solutions pass here."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any, get_args

import pytest

from opencodeeval.benchmarks.base import Benchmark
from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.benchmarks.cards import families, read_card
from opencodeeval.benchmarks.errata import Erratum, Kind, read_errata, text_of
from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.cli.main import main
from opencodeeval.core.types import Grade, Program, SuiteResult, Task, Verdict
from opencodeeval.records.schema import content_of
from opencodeeval.runs.observers import Observer
from opencodeeval.runs.selfcheck import Finding, check, errata_of, report, summary
from opencodeeval.runs.summary import summarise, table
from tests.runs.test_pipeline import StandInBackend, StandInBenchmark, answers, run

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLE = """
[[errata]]
task = "t/1"
kind = "network"
fails = true
what = "It downloads a page."

[[errata]]
task = "t/2"
kind = "slow"
versions = ["v2"]
what = "It takes a minute."
"""


def starter(*errata: Erratum) -> CardBenchmark:
    loaded = load_benchmark("starter")
    assert isinstance(loaded, CardBenchmark)
    loaded.errata = errata
    return loaded


@dataclass
class Replaying:
    """A sandbox that gives each task's verdicts in turn, and `passed` where none are named."""

    verdicts: Mapping[str, Sequence[Verdict]]
    jail: str = "replaying"
    slots: int = 1
    seen: list[str] = field(default_factory=list)

    async def grade(self, task: Task, program: Program) -> Grade:
        assert program.code == task.reference
        number = self.seen.count(task.task_id)
        self.seen.append(task.task_id)
        verdict = self.verdicts.get(task.task_id, [Verdict.PASSED] * 9)[number]
        suite = SuiteResult(verdict, "" if verdict is Verdict.PASSED else "why", wall_s=number)
        return Grade(task.task_id, program.sample_id, {"base": suite})

    def describe(self) -> Mapping[str, Any]:
        return {"jail": self.jail}

    async def close(self) -> None:
        return None


def checked(benchmark: Benchmark, verdicts: Mapping[str, Sequence[Verdict]]) -> list[Finding]:
    return asyncio.run(check(benchmark, Replaying(verdicts), 2, Observer()))


# --- the tables ---


def test_errata_are_those_of_the_tasks_and_the_version(tmp_path: Path) -> None:
    (tmp_path / "errata.toml").write_text(TABLE)
    assert read_errata(tmp_path / "absent", "v1", ["t/1"]) == []
    assert [row.task for row in read_errata(tmp_path, "v2", ["t/1", "t/2"])] == ["t/1", "t/2"]
    assert [row.task for row in read_errata(tmp_path, "v1", ["t/1", "t/2"])] == ["t/1"]
    assert read_errata(tmp_path, "v2", ["t/3"]) == []
    (tmp_path / "errata.toml").write_text(TABLE + 'protocols = ["fast"]\n')
    found = [read_errata(tmp_path, "v2", ["t/1", "t/2"], each) for each in ("fast", "slow")]
    assert [len(rows) for rows in found] == [2, 1]


def test_every_table_of_errata_can_be_read_and_names_versions_that_exist() -> None:
    kinds = set(get_args(Kind))
    for family in families():
        card = read_card(family)
        known = {version.name for version in read_card(card.like or family).versions}
        known |= {version.name for version in card.versions}
        path = card.folder / "errata.toml"
        ids = re.findall(r'^task = "(.*)"$', path.read_text("utf-8"), re.M) if path.exists() else []
        protocols = {protocol.name for protocol in card.protocols}
        for version, protocol in product(card.versions, protocols):
            for row in read_errata(card.folder, version.name, ids, protocol):
                assert row.kind in kinds
                assert row.what.strip()
                assert set(row.versions) <= known
                assert set(row.protocols) <= protocols


@pytest.mark.shared
def test_hard_tasks_have_the_errata_of_the_whole(shared_data: Path) -> None:
    whole = load_benchmark("bigcodebench", data_dir=shared_data)
    hard = load_benchmark("bigcodebench_hard@v0.1.0", data_dir=shared_data)
    later = load_benchmark("bigcodebench_hard@v0.1.3", data_dir=shared_data)
    ids = {task.task_id for task in hard.tasks}
    assert [row for row in whole.errata if row.task in ids] == list(hard.errata)
    fails = [{row.task for row in each.errata if row.fails} for each in (hard, later)]
    assert fails[0] - fails[1] == {"BigCodeBench/1006"}
    assert {row.task for row in whole.errata} <= {task.task_id for task in whole.tasks}


# --- records ---


def test_a_score_is_also_given_without_what_cannot_pass(tmp_path: Path) -> None:
    failing = Erratum("t/2", "network", "It downloads a page.", fails=True)
    slow = Erratum("t/1", "slow", "It takes a minute.")
    benchmark = StandInBenchmark(errata=[failing, slow])
    result = run(tmp_path, StandInBackend(answers), benchmark)
    sound = content_of(result.record)["sound"]
    assert (sound["tasks"], sound["without"]) == (3, ["t/2"])
    assert result.record.scores["base"]["pass@1"].value == pytest.approx(7 / 12)
    assert sound["pass@k"]["base"]["pass@1"]["value"] == pytest.approx(4 / 9)
    text = " ".join(table(summarise("m", [result])).split())  # lines fold at 80 columns
    score = sound["pass@k"]["plus"]["pass@1"]
    assert (
        " without 1 tasks that a right program may fail (errata): "
        f"pass@1 {100 * score['value']:.1f} ({100 * score['low']:.1f} to "
    ) in text


def test_where_every_solution_can_pass_there_is_one_score(tmp_path: Path) -> None:
    slow = Erratum("t/1", "slow", "It takes a minute.")
    result = run(tmp_path, StandInBackend(answers), StandInBenchmark(errata=[slow]))
    assert result.record.sound is None
    assert "cannot pass" not in table(summarise("m", [result]))


# --- checking ---


def test_what_always_passes_is_not_worth_a_line() -> None:
    benchmark = starter()
    findings = checked(benchmark, {})
    assert all(each.passed == 2 and each.expected for each in findings)
    (line,) = summary(findings)
    assert line == (
        "24 solutions, 2 times each: 24 always pass, 0 sometimes, 0 never; "
        "0 differ from the errata table"
    )


def test_solutions_that_do_not_always_pass_are_told_with_what_is_known() -> None:
    known = Erratum("starter/1", "network", "It downloads a page.", fails=True)
    stale = replace(known, task="starter/3")
    never, once = [Verdict.ERROR] * 2, [Verdict.PASSED, Verdict.WRONG]
    verdicts = {"starter/1": never, "starter/0": never, "starter/2": once}
    findings = checked(starter(known, stale), verdicts)
    lines = summary(findings)
    assert lines[:-1] == [
        "starter/0: passed 0 of 2; error why; not in the errata",
        "starter/1: passed 0 of 2; error why; errata, network: It downloads a page.",
        "starter/2: passed 1 of 2; wrong why; not in the errata",
        "starter/3: passed 2 of 2; passed; errata, network: It downloads a page.",
    ]
    assert lines[-1].endswith(
        "21 always pass, 1 sometimes, 2 never; 3 differ from the errata table"
    )
    told = json.loads(json.dumps(report(findings)))
    assert told["unexpected"] == ["starter/0", "starter/2", "starter/3"]
    assert told["findings"][2]["verdicts"] == [{"base": "passed"}, {"base": "wrong"}]


def grades(*stderrs: str | None, wall_s: float = 1.0) -> tuple[Grade, ...]:
    """One grade each: a pass for None, else a failure that said this."""
    found = []
    for said in stderrs:
        verdict = Verdict.PASSED if said is None else Verdict.ERROR
        suite = SuiteResult(verdict, "" if said is None else "test_one: error", wall_s=wall_s)
        found.append(Grade("t/1", 0, {"base": suite}, stderr=said or ""))
    return tuple(found)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("socket.gaierror: [Errno -3] Temporary failure in name resolution", "network"),
        ("LookupError\n  >>> nltk.download('stopwords')\n*****", "data"),
        ("_tkinter.TclError: no display name and no $DISPLAY environment variable", "display"),
        ("ModuleNotFoundError: No module named 'sortedcontainers'", "package"),
        ("AssertionError: 1 != 2", "tests"),
    ],
)
def test_errata_are_written_with_a_guess_of_the_cause(said: str, kind: str) -> None:
    (row,) = errata_of([Finding("t/1", grades(said, said))])
    assert (row.task, row.kind, row.fails) == ("t/1", kind, True)
    assert row.what.startswith("error test_one: error: ")
    assert said.splitlines()[0].split(":")[0] in row.what or kind == "data"


def test_written_errata_keep_what_holds_and_say_what_is_new(tmp_path: Path) -> None:
    known = Erratum(
        "t/1",
        "network",
        'It downloads a "page": \\ \x1b[93m \x7f \U0001f40d.',
        fails=True,
        versions=("v1",),
    )
    slow = Erratum("t/1", "slow", "It takes a minute.", protocols=("fast",))
    findings = [
        Finding("t/1", grades("x", "x", wall_s=60), (known, slow)),
        Finding("t/2", grades(None, None), (replace(known, task="t/2"),)),
        Finding("t/3", grades(None, "x")),
        Finding("t/4", grades(None, None, wall_s=45)),
        Finding("t/5", grades(None, None)),
    ]
    rows = errata_of(findings)
    assert rows[:2] == [known, slow]
    assert [(row.task, row.kind, row.fails) for row in rows[2:]] == [
        ("t/3", "time", True),
        ("t/4", "slow", False),
    ]
    assert rows[2].what == "Passed 1 of 2 times; error test_one: error: x"
    (tmp_path / "errata.toml").write_text(text_of(rows), "utf-8")
    ids = [each.task_id for each in findings]
    assert read_errata(tmp_path, "v1", ids, "fast") == rows


def test_rounds_follow_each_other() -> None:
    benchmark, sandbox = starter(), Replaying({})
    asyncio.run(check(benchmark, sandbox, 2, Observer()))
    ids = [task.task_id for task in benchmark.tasks]
    assert sandbox.seen == ids * 2


def test_the_command_checks_the_starter_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["starter", "--times", "2", "--sandbox", "local", "--slots", "2", "--quiet"]
    assert main(["selfcheck", *words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["tasks"], told["times"], told["always"]) == (24, 2, 24)
    assert told["unexpected"] == []


def test_the_command_ends_with_1_where_a_solution_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {
        "task_id": "own/0",
        "style": "function",
        "prompt": "def f(x):\n",
        "entry_point": "f",
        "canonical_solution": "    return x\n",
        "inputs": [[1]],
        "expected": [2],
    }
    path = tmp_path / "tasks.jsonl"
    path.write_text(json.dumps(row) + "\n")
    words = [str(path), "--times", "1", "--sandbox", "local", "--slots", "1", "--quiet"]
    table = tmp_path / "made" / "errata.toml"
    assert main(["selfcheck", *words, "--write", str(table)]) == 1
    assert "own/0: passed 0 of 1; wrong" in capsys.readouterr().out
    (written,) = read_errata(table.parent, "", ["own/0"])
    assert (written.kind, written.fails, written.what) == ("tests", True, "wrong wrong answer")
    assert main(["selfcheck", *words, "--write", str(tmp_path)]) == 2
    assert "that is a folder; name a file" in capsys.readouterr().err


def test_the_command_needs_a_round(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selfcheck", "starter", "--times", "0"]) == 2
    assert "--times 0: at least one round is needed" in capsys.readouterr().err


def test_a_table_that_is_written_again_keeps_its_comments() -> None:
    before = (
        "# What is known of these tasks.\n\n"
        '# the first\n[[errata]]\ntask = "t/1" # here\nkind = "slow"\nfails = false\n'
        'what = "It takes a minute."\n\n'
        '# about gone\n[[errata]]\ntask = "t/2"\nkind = "network"\nwhat = "It asks."\n'
    )
    rows = [
        Erratum("t/1", "slow", "It takes a minute."),
        Erratum("t/3", "tests", 'It says "\ud83d" and \x7f.', fails=True),
    ]
    text = text_of(rows, before)
    assert text.startswith("# What is known of these tasks.\n\n# the first\n[[errata]]\n")
    assert 'task = "t/1" # here\n' in text
    assert "t/2" not in text
    assert "gone" not in text
    assert [row["task"] for row in tomllib.loads(text)["errata"]] == ["t/1", "t/3"]
    assert text_of(rows, text) == text


@pytest.mark.parametrize("content", [b"[[errata\n", b"\xff\n", b"[[errata]]\n[[errata]]\n= 1"])
def test_a_file_that_is_no_table_is_refused_before_anything_runs(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "errata.toml"
    path.write_bytes(content)
    command = ["selfcheck", "starter", "--sandbox", "local", "--write", str(path)]
    assert main(command) == 3
    assert f"{path} is no table of errata" in capsys.readouterr().err
    assert path.read_bytes() == content
