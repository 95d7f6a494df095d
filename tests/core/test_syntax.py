"""Questions about Python source text."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from opencodeeval.core.syntax import normal_form, parse


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


def test_layout_is_no_part_of_the_normal_form() -> None:
    assert normal_form("x=1") == normal_form("x = (1)  # one")
