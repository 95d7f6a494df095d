"""What is written of a run is written sample by sample: memory does not grow with the run."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from opencodeeval.cli import main as cli
from tests.support.peak import peak_of
from tests.support.stored_runs import stored_run

SMALL, LARGE, SAMPLES = 6, 18, 4
# Of which gzip makes no less than half: it looks for repetition in 32 KiB.
TEXT = random.Random(0).randbytes(20_000).hex()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[Path]]:
    """Number of tasks -> two runs with as many tasks."""
    return {
        tasks: [
            stored_run(
                tmp_path_factory.mktemp(model),
                model,
                {f"task/{number}": (SAMPLES, 1) for number in range(tasks)},
                text=TEXT,
            )
            for model in ("one", "other")
        ]
        for tasks in (SMALL, LARGE)
    }


@pytest.mark.parametrize(
    "command",
    [
        ["report", "ONE", "--output", "OUT/page.html"],
        ["export", "ONE", "--format", "inspect", "--output", "OUT"],
        ["compare", "ONE", "OTHER", "--page", "OUT/page.html"],
    ],
    ids=lambda command: command[0],
)
def test_memory_does_not_grow_with_the_samples(
    command: Sequence[str], runs: dict[int, list[Path]], tmp_path: Path
) -> None:
    peaks, sizes = [], []
    # The first is for what is only loaded and compiled once.
    for turn, tasks in enumerate((SMALL, SMALL, LARGE)):
        out = tmp_path / str(turn)
        out.mkdir()
        names = {"ONE": str(runs[tasks][0]), "OTHER": str(runs[tasks][1])}
        arguments = [names.get(each, each.replace("OUT", str(out))) for each in command]
        peaks.append(peak_of(lambda arguments=arguments: cli.main(arguments)))  # type: ignore[misc]
        sizes.append(sum(path.stat().st_size for path in out.iterdir()))
    _, small, large = peaks
    more = sizes[2] - sizes[1]
    assert more > 3_000_000
    # A file that is put together first is there as text and as bytes.
    assert large - small < more / 2
