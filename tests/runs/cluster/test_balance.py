"""Which engine a request goes to."""

from __future__ import annotations

from opencodeeval.backends.capabilities import Capabilities
from opencodeeval.runs.cluster.backend import WORTH, best_engine
from opencodeeval.runs.cluster.engine_actor import AboutEngine
from opencodeeval.runs.cluster.engines import Running
from opencodeeval.runs.cluster.node import AboutNode

COST = 100.0
NODE = AboutNode("0", "", {}, 1)
SAME = AboutEngine({}, "base", Capabilities())


def engine(flying: int, tokens: float, *tasks: str) -> Running:
    # Nothing is asked of its actor here.
    return Running(None, NODE, SAME, flying, tokens, dict.fromkeys(tasks))


def test_the_fewest_queued_tokens_count_and_not_the_fewest_requests() -> None:
    long_ones, short_ones = engine(2, 9000), engine(30, 3000)
    assert best_engine([long_ones, short_ones], "t", COST, 64) is short_ones


def test_the_samples_of_a_task_stay_where_its_prompt_is_cached() -> None:
    idle, warm = engine(0, 0), engine(WORTH, WORTH * COST, "t")
    assert best_engine([idle, warm], "t", COST, 64) is warm
    assert best_engine([idle, warm], "other", COST, 64) is idle


def test_a_cached_prompt_is_not_worth_a_much_longer_queue() -> None:
    idle, warm = engine(0, 0), engine(WORTH + 1, WORTH * COST + 1, "t")
    assert best_engine([idle, warm], "t", COST, 64) is idle


def test_an_engine_has_no_more_requests_than_the_limit() -> None:
    full, warm = engine(64, 10), engine(64, 10, "t")
    free = engine(63, 1e6)
    assert best_engine([full, warm, free], "t", COST, 64) is free
    assert best_engine([full, warm], "t", COST, 64) is None
