"""Runs of a model with LoRA adapters: one load, a model of its own in every table for each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import opencodeeval as oce
from opencodeeval.backends import BackendOptions
from opencodeeval.cli.main import main
from opencodeeval.core.names import name_of_folder
from opencodeeval.records.comparable import pair_up
from opencodeeval.records.reading import read_records
from opencodeeval.runs.store import read_run
from tests.support.tiny_adapters import save_tiny_adapter

BASE = Path(__file__).parents[1] / "checkpoints" / "starter-tiny-chat" / "step-0300"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("adapters")
    return [str(save_tiny_adapter(folder / f"step-{each}", BASE, seed=each)) for each in (1, 2)]


def command(output: Path, *options: str) -> list[str]:
    return [
        *("--model", str(BASE), "--backend", "transformers", "--bench", "starter", "--limit", "4"),
        *("--max-tokens", "32", "--sandbox", "local", "--output", str(output), *options),
    ]


def test_several_adapters_are_scored_with_one_load(
    two: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(tmp_path)) == 0
    capsys.readouterr()
    both = ("--lora", two[0], "--lora", two[1])
    assert main(command(tmp_path, *both, "--json")) == 0
    printed, said = capsys.readouterr()
    assert said.count(f"loading {BASE} into transformers\n") == 1
    summary = json.loads(printed)
    assert summary["model"] == str(BASE)
    assert [each["adapter"] for each in summary["benchmarks"]] == [
        name_of_folder(Path(each)) for each in two
    ]
    assert "differences" not in summary
    answers = [
        {where: each.text for where, each in read_run(Path(part["run_folder"])).completions.items()}
        for part in summary["benchmarks"]
    ]
    assert answers[0] != answers[1]

    # Alone, an adapter continues the same run and has the same record.
    assert main(command(tmp_path, "--lora", two[1])) == 0
    table = capsys.readouterr().out
    assert table.startswith(f"model: {BASE} + {two[1]}\n")
    assert f"{Path(two[1]).parent.name}/step-2: starter" in table
    records = read_records([str(tmp_path)])
    assert len(records) == 3
    base_name = "starter-tiny-chat/step-0300"
    parent = Path(two[0]).parent.name
    assert sorted(each.model for each in records) == [
        base_name,
        f"{base_name} + {parent}/step-1",
        f"{base_name} + {parent}/step-2",
    ]
    assert len({each.record.model.weights for each in records}) == 3
    with pytest.raises(oce.UsageError, match="different models"):
        pair_up(records[:1], records[1:])
    assert main(["leaderboard", str(tmp_path)]) == 0
    page = (tmp_path / "leaderboard.html").read_text()
    assert f"{base_name} + {parent}/step-1" in page


def test_scores_are_found_by_adapter(two: list[str], tmp_path: Path) -> None:
    evaluation = oce.evaluate(
        BASE,
        "starter",
        selection=oce.Selection(limit=2),
        sampling=oce.SamplingOptions(max_tokens=8),
        backend="transformers",
        backend_options=BackendOptions(lora=tuple(two)),
        sandbox="local",
        output=oce.Output(tmp_path, "none"),
    )
    assert evaluation.score("starter", lora=two[1]) == 0
    assert str(evaluation).splitlines()[2].startswith("adapter")
    with pytest.raises(KeyError):
        evaluation.score("starter", lora="other")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--backend", "openai", "--base-url", "http://x/v1"), "give that as --model"),
        (("--backend", "reference"), "the backend reference takes no adapters"),
        (("--lora", "b", "--gate", "x"), "--gate compares one model: give one --lora"),
    ],
)
def test_what_cannot_be_done_with_adapters_is_refused_at_once(
    options: tuple[str, ...], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--model", "m", "--bench", "starter", "--lora", "a", *options]) == 2
    assert complaint in capsys.readouterr().err


def test_a_bad_adapter_ends_the_command_with_the_status_of_the_engine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(tmp_path, "--lora", str(tmp_path / "nowhere"))) == 4
    assert "there is no adapter folder" in capsys.readouterr().err
