"""Before the first sample: do all programs that run at once fit into the memory?"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opencodeeval.core import machine
from opencodeeval.core.types import Style, Task
from opencodeeval.execution.memory import short_of_memory

GIB = 1 << 30


def tasks(*limits: int) -> list[Task]:
    return [
        Task(str(mb), Style.FUNCTION, "", "f", "", {"limits": {"memory_mb": mb}}) for mb in limits
    ]


@pytest.mark.parametrize(
    ("slots", "limits", "free", "advised"),
    [
        (2, (4096,), 8 * GIB, 0),
        (3, (1024, 4096), 8 * GIB, 2),
        (16, (8192,), 20 * GIB, 2),
        (4, (4096,), GIB, 1),
        (1, (4096,), GIB, 0),  # fewer is not possible
        (8, (), 0, 0),
    ],
)
def test_it_is_said_how_many_slots_fit(
    slots: int, limits: tuple[int, ...], free: int, advised: int
) -> None:
    said = short_of_memory(slots, tasks(*limits), free)
    assert said.endswith(f"use --slots {advised}") if advised else said == ""
    assert len(said) < 160
    assert "\n" not in said


def test_what_is_free_is_no_more_than_the_machine_has() -> None:
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 0 < machine.usable_memory() < whole


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where cgroups are mounted, as files of our own: a real limit would also hold for the test."""
    monkeypatch.setattr(machine, "CGROUPS", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("limit", "used"),
    [
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ],
)
def test_a_limit_of_a_cgroup_counts_without_what_is_used_of_it(
    root: Path, limit: str, used: str
) -> None:
    (root / "memory").mkdir()
    before = machine.usable_memory()
    (root / limit).write_text(f"{300 << 20}\n")
    (root / used).write_text(f"{100 << 20}\n")
    if machine.usable_memory() == before:
        pytest.skip(f"this process is in no cgroup that has {limit}")
    assert machine.usable_memory() == 200 << 20
    (root / used).write_text(f"{400 << 20}\n")
    assert machine.usable_memory() == 0
    (root / limit).write_text("max\n")
    assert machine.usable_memory() > 200 << 20
