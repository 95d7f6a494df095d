"""The simulation behind docs/scale.md: right where the answer is known, and what the page holds."""

from __future__ import annotations

import pytest

from tests.simulations.cluster import (
    CASES,
    HEADER,
    PAGE,
    Cluster,
    Costs,
    expected_s,
    read_costs,
    simulate,
)

# Ten tasks, of which a sample takes a second and its answer has a hundred tokens.
EVEN = Costs([1.0] * 10, [100] * 10, sample_s=0.0, task_s=0.0, driver_s=0.0)


def test_one_engine_and_one_slot() -> None:
    # 3,000 tokens at 1,000 a second, 30 at once: all samples are there after 3 s.
    found = simulate(EVEN, Cluster(1, 1, 1000), samples=3)
    assert found.generation_s == pytest.approx(3.0)
    assert found.wall_s == pytest.approx(3.0 + 30)
    assert found.grading_s == pytest.approx(30)


def test_the_slowest_part_decides() -> None:
    slow_engine = simulate(EVEN, Cluster(1, 10, 10), samples=100)
    assert slow_engine.wall_s == pytest.approx(10_000, rel=0.05)
    few_slots = simulate(EVEN, Cluster(8, 2, 100_000), samples=100)
    assert few_slots.wall_s == pytest.approx(500, rel=0.05)
    slow_driver = simulate(EVEN._replace(driver_s=2.0), Cluster(8, 100, 100_000), samples=100)
    assert slow_driver.wall_s == pytest.approx(2000, rel=0.05)


def test_a_judge_is_prepared_about_once_a_task() -> None:
    costs = EVEN._replace(task_s=10.0)
    found = simulate(costs, Cluster(1, 4, 1_000_000), samples=100)
    # Each of the four slots would prepare ten if they shared the tasks: 40 in all.
    assert found.grading_s * 4 <= 1000 + 10 * 20


def test_more_programs_wait_where_there_are_more_slots() -> None:
    costs = Costs([1.0] * 200, [100] * 200, sample_s=0.0, task_s=1.0, driver_s=0.0)
    found = simulate(costs, Cluster(1, 64, 1_000_000), samples=100)
    # Judges take a second each. Were only 256 programs to wait, 3,360 would be prepared.
    assert found.grading_s * 64 - 20_000 <= 1000


def test_the_page_holds_what_the_simulation_writes() -> None:
    page = PAGE.read_text(encoding="utf-8")
    table = page[page.index("<!-- cluster:") :].split("<!-- end -->")[0]
    assert table.count("\n|") == len(CASES) + 2
    assert f"| {' | '.join(HEADER)} |" in table
    costs = read_costs()
    for gpus, cores, rate in CASES:
        parts = expected_s(costs, Cluster(gpus, cores, rate), 200)
        row = f"| {gpus:,} | {cores:,} | {rate:,} | "
        assert row + " | ".join(f"{each / 60:.1f}" for each in parts.values()) in table
