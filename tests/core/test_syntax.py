"""Questions about Python source text."""

from __future__ import annotations

import ast
import gc
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from opencodeeval.core.syntax import hopeless, literal, normal_form, parse


@pytest.fixture
def interrupted() -> Iterator[None]:
    """Another thread runs whenever garbage is collected, as it may happen in any run."""

    def give_way(*_: object) -> None:
        time.sleep(0.0002)

    before = gc.get_threshold()
    gc.callbacks.append(give_way)
    gc.set_threshold(50)
    yield
    gc.set_threshold(*before)
    gc.callbacks.remove(give_way)


@pytest.mark.usefixtures("interrupted")
def test_threads_may_parse_at_once() -> None:
    """CPython 3.11 counts the depth of trees for all threads together."""
    source = "\n".join(f"x{n} = [[[[[f(a{n})(b)[c] for d in e]]]]]" for n in range(60))
    with ThreadPoolExecutor(4) as pool:
        trees = list(pool.map(parse, [source] * 24))
    assert all(trees)


@pytest.fixture
def disturbed() -> Iterator[list[int]]:
    """Something else parses as often as the list's one number says, whenever garbage is collected.

    It stands for a thread of another package, which takes no turns: here it comes for certain.
    """
    left = [0]

    def deep(frames: int) -> None:
        if frames:
            deep(frames - 1)
        else:
            ast.parse("x = (1 + 2)")

    def disturb(phase: str, _: object) -> None:
        if phase == "start" and left[0]:
            left[0] -= 1
            deep(20)

    before = gc.get_threshold()
    gc.callbacks.append(disturb)
    gc.set_threshold(50)
    yield left
    gc.set_threshold(*before)
    gc.callbacks.remove(disturb)


@pytest.mark.parametrize(
    "ask",
    [
        lambda source: parse(source) is not None,
        lambda source: not hopeless(source.split("\n")),
        lambda source: literal(source.replace("\n", "") + "0") is not None,
    ],
    ids=["parse", "hopeless", "literal"],
)
@pytest.mark.parametrize("times", [1, 20])
def test_other_packages_may_parse_meanwhile(
    disturbed: list[int], ask: Callable[[str], bool], times: int
) -> None:
    source = "\n".join("[[[[[(1, 2)], 3], 4], 5], 6]," for _ in range(60))
    disturbed[0] = times
    assert ask(source)
    assert not disturbed[0]


def test_layout_is_no_part_of_the_normal_form() -> None:
    assert normal_form("x=1") == normal_form("x = (1)  # one")
