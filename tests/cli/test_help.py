"""What somebody sees who does not know the commands yet: help, suggestions, lists, `show`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from opencodeeval.benchmarks.groups import groups
from opencodeeval.benchmarks.registry import check_spec, expanded
from opencodeeval.cli.commands import COMMANDS
from opencodeeval.cli.main import main, whole_parser
from opencodeeval.core.errors import DataError, UsageError
from tests.documented.commands import check
from tests.support.records import greedy, record, write

WIDTH = 80


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """The lines that a command prints on stdout."""
    assert main(arguments) == 0
    return capsys.readouterr().out.splitlines()


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))


def options_of(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.Action]]:
    for action in parser._actions:
        yield parser.prog, action
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from options_of(each)


# --- help ---


def test_help_is_one_screen_with_an_example_before_the_commands_before_the_options(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = printed(capsys, "--help")
    assert len(lines) < 60
    assert max(map(len, lines)) <= WIDTH
    example = lines.index("  opencodeeval --model infly/OpenCoder-8B-Instruct --bench humaneval")
    places = [
        next(i for i, line in enumerate(lines) if line.startswith(f"  {n} ")) for n in COMMANDS
    ]
    options = next(i for i, line in enumerate(lines) if line.startswith("  --model"))
    assert example < min(places)
    assert max(places) < options
    assert printed(capsys, "help") == lines


def test_without_arguments_the_commands_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "\n  gate " in said.err
    assert said.err.splitlines()[-1].startswith("opencodeeval: error: nothing was asked for")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_fits_a_terminal(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = printed(capsys, "help", command)
    assert [line for line in lines if len(line) > WIDTH] == []
    for example in COMMANDS[command].examples:
        typed = example.partition("   #")[0]
        check(f"opencodeeval {command} {typed}".strip())


def test_each_option_says_what_it_is() -> None:
    silent = [
        f"{prog} {action.option_strings or action.metavar}"
        for prog, action in options_of(whole_parser())
        if not action.help and not isinstance(action, argparse._SubParsersAction)
    ]
    assert silent == []


# --- names ---


@pytest.mark.parametrize(
    ("specs", "meant"),
    [
        (["HumanEval", "MBPP"], ["humaneval", "mbpp"]),
        (["HumanEval+@V0.1.9"], ["humaneval_plus@v0.1.9"]),
        (["BigCodeBench-Hard"], ["bigcodebench_hard"]),
        (["MultiPL_E_HumanEval@JS", "CPP"], ["multipl_e_humaneval@js", "multipl_e_humaneval@cpp"]),
        (["@functions", "starter", "humaneval"], ["humaneval", "mbpp", "starter"]),
        (["@Functions-Plus"], ["humaneval_plus", "mbpp_plus"]),
    ],
)
def test_names_may_be_in_any_case_and_a_group_is_its_benchmarks(
    specs: list[str], meant: list[str]
) -> None:
    assert expanded(specs) == meant


def test_each_group_names_benchmarks_that_exist() -> None:
    assert groups()
    for group in groups().values():
        assert group.description
        for spec in expanded(group.benchmarks):
            check_spec(spec)


def test_a_file_may_have_groups_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[nightly]\ndescription = "d"\nbenchmarks = ["starter", "mbpp@sanitized"]\n')
    assert expanded([f"@{path}:nightly"]) == ["starter", "mbpp@sanitized"]
    with pytest.raises(UsageError, match=r"'nihgtly'; did you mean nightly\?"):
        expanded([f"@{path}:nihgtly"])
    with pytest.raises(UsageError, match="cannot be read"):
        expanded([f"@{tmp_path / 'absent.toml'}:nightly"])
    path.write_text("[nightly]\nbenchmarks = 3\n")
    with pytest.raises(DataError, match="must be a list, not a whole number"):
        expanded([f"@{path}:nightly"])
    path.write_text("[nightly\n")
    with pytest.raises(DataError, match="is not TOML"):
        expanded([f"@{path}:nightly"])


def test_the_list_has_the_defaults_of_n_temperature_and_tokens(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = printed(capsys, "benchmarks")
    assert lines[0].split() == [
        "benchmark",
        "rows",
        "n",
        "temp.",
        "max",
        "tokens",
        "default",
        "protocol",
    ]
    (row,) = [line for line in lines if line.startswith("cruxeval_input ")]
    assert row.split() == ["cruxeval_input", "800", "10", "0.2", "1024", "cruxeval"]
    assert max(map(len, lines)) <= WIDTH
    whole = printed(capsys, "benchmarks", "HumanEval")
    assert any(line.split()[:3] == ["human-eval", "2", "(default)"] for line in whole)
    assert any(line.split() == ["v1", "164", "214", "kB"] for line in whole)
    found = json.loads("\n".join(printed(capsys, "benchmarks", "--json")))
    (humaneval,) = [each for each in found["benchmarks"] if each["name"] == "humaneval"]
    assert humaneval["defaults"]["opencodeeval"]["max_tokens"] == 2048
    assert found["groups"]["functions"] == ["humaneval", "mbpp"]


# --- show ---


def test_show_prints_the_tables_of_records_by_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = record(greedy("1100"), model="ckpts/step-10")
    write(tmp_path / "results", content)
    write(tmp_path / "results", record(greedy("1110"), model="ckpts/step-20"))
    (tmp_path / "results" / "runs" / content["run_id"]).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    lines = printed(capsys, "show")
    assert [line for line in lines if line.startswith("model: ")] == [
        "model: ckpts/step-10",
        "model: ckpts/step-20",
    ]
    # Only the first has its run folder here.
    assert sum("opencodeeval report " in line for line in lines) == 1
    assert sum("  verdicts: " in line for line in lines) == 2
    assert [line for line in lines if len(line) > WIDTH and not line.startswith("  record ")] == []
    one = printed(capsys, "show", "results", "--model", "step-20")
    assert [line for line in one if line.startswith("model: ")] == ["model: ckpts/step-20"]
    shown = json.loads("\n".join(printed(capsys, "show", "--json")))["models"]
    assert [each["model"] for each in shown] == ["ckpts/step-10", "ckpts/step-20"]
    assert main(["show", "results", "--model", "step-30"]) == 2
    assert "no record of the model 'step-30'; did you mean" in capsys.readouterr().err
    assert main(["show", "absent"]) == 2
    assert "absent does not exist" in capsys.readouterr().err
