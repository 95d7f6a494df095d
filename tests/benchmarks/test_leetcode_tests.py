"""LeetCode's published tests become calls and expected values, or are refused in one sentence."""

from __future__ import annotations

from keyword import iskeyword
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opencodeeval.core.errors import DataError
from opencodeeval_benchmarks.leetcode.published_tests import (
    ENTRY_POINT,
    Calls,
    check_calls,
    contest_calls,
)

names = st.from_regex(r"[a-z][A-Za-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: not iskeyword(name)
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=8,
)
calls = st.lists(
    st.tuples(st.dictionaries(names, values, max_size=3), values), min_size=1, max_size=5
)
NEW = "my_solution = Solution()\n"
INPUT = 'test_input = { "x": 1 }\n'
CLAIM = "assert my_solution.f(**test_input) == 1"
READ = "assert _f(my_solution.f(**test_input)) == 1"
HELPER = "_f = lambda x: Node(x)\n"


def told(found: Calls) -> list[tuple[dict[str, Any], Any]]:
    return list(zip(map(dict, found.arguments), found.expected, strict=True))


@given(names, calls)
def test_what_a_contest_test_says_is_what_is_read(
    method: str, wanted: list[tuple[dict[str, Any], Any]]
) -> None:
    test = NEW + "\n".join(
        f"test_input = {arguments!r}\nassert my_solution.{method}(**test_input) == {expected!r}\n"
        for arguments, expected in wanted
    )
    found = contest_calls(test)
    assert (found.method, told(found)) == (method, wanted)


@given(names, calls)
def test_what_a_check_says_is_what_is_read(
    method: str, wanted: list[tuple[dict[str, Any], Any]]
) -> None:
    lines = [
        f"    assert candidate({', '.join(f'{n} = {v!r}' for n, v in arguments.items())})"
        f" == {expected!r}"
        for arguments, expected in wanted
    ]
    found = check_calls("\n".join(["def check(candidate):", *lines]), f"Solution().{method}")
    assert (found.method, told(found)) == (method, wanted)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_in_one_sentence(text: str) -> None:
    for read in (contest_calls, lambda test: check_calls(test, "Solution().f")):
        try:
            found = read(NEW + INPUT + text)
        except DataError as error:
            refused = str(error)
        else:
            refused = ""
            assert found.expected
        assert "\n" not in refused


def test_the_setup_makes_one_object_and_gives_arguments_by_name() -> None:
    linked = (
        "_f1 = lambda lst: (lst[0], _f1(lst[1:])) if lst else None\n"
        "_f2 = lambda node: [node[0]] + _f2(node[1]) if node else []\n"
        'test_input = { "head": _f1([1, 2]), "n": 3 }\n'
        "assert _f2(my_solution.add(**test_input)) == [4, 2]\n"
    )
    found = contest_calls(NEW + linked)
    assert (found.made, found.read) == ({"head": "_f1"}, "_f2")
    source = (
        "class Solution:\n    made = 0\n"
        "    def __init__(self):\n        Solution.made += 1\n"
        "    def add(self, n, head):\n        return (head[0] + n, head[1])\n"
    )
    namespace: dict[str, Any] = {}
    exec(source + found.setup, namespace)
    for _ in range(2):
        assert namespace[ENTRY_POINT]({"head": [1, 2], "n": 3}) == [4, 2]
    assert namespace["Solution"].made == 1
    assert "4, 2" not in found.setup


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ("", "asserts nothing"),
        ("assert my_solution.f(**test_input) == 1", "no known form: assert my_solution.f"),
        (INPUT + "assert my_solution.f(1) == 1", r"no known form: my_solution.f\(1\) == 1"),
        (INPUT + "assert my_solution.f(**test_input) == g(1)", r"no known form: g\(1\)"),
        (INPUT + "assert my_solution.f(**test_input) != 1", "no known form: my_solution.f"),
        (INPUT + "assert my_solution.f(**test_input) == 1 == 1", "no known form: my_solution"),
        (INPUT + "assert my_solution.f(**test_input)", "no known form: assert my_sol"),
        (INPUT + "assert _g(my_solution.f(**test_input)) == 1", r"no known form: _g\(my_sol"),
        (INPUT + "assert other.f(**test_input) == 1", "no known form: other.f"),
        (f'test_input = {{ "x": y }}\n{CLAIM}', "no known form: y"),
        (
            'test_input = { "x y": 1 }\nassert my_solution.f(**test_input) == 1',
            "no known form: {'x",
        ),
        (
            "test_input = { **y }\nassert my_solution.f(**test_input) == 1",
            "no known form: {[*]{2}y}",
        ),
        ("import os", "no known form: import os"),
        ("my_solution = Other()", r"no known form: my_solution = Other\(\)"),
        ("__import__('os').system('true')", "no known form: __import__"),
        ("x = (", "its test is not Python"),
        (f"{INPUT}{CLAIM}\n{CLAIM.replace('.f', '.g')}", "calls in 2 ways"),
        (
            f"{HELPER}{INPUT}{CLAIM}\n{CLAIM.replace('my', '_f(my').replace(') =', ')) =')}",
            "2 ways",
        ),
    ],
)
def test_a_contest_test_of_another_form_is_refused(test: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        contest_calls(NEW + test)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ("", "no known form: pass"),
        ("x = 1", "no known form: x = 1"),
        ("def check(candidate):\n    pass", "no known form: pass"),
        ("def check(candidate):\n    assert candidate(1) == 1", r"no known form: assert cand"),
        ("def check(candidate):\n    assert candidate(**x) == 1", "no known form"),
        ("def check(candidate):\n    assert candidate(x = y) == 1", "no known form: y"),
        ("def check(candidate):\n    assert candidate(x = 1) == y", "no known form: y"),
        ("def check(candidate):\n    assert candidate(x = 1)", "no known form: assert"),
        ("def check(candidate:", "its test is not Python"),
    ],
)
def test_a_check_of_another_form_is_refused(test: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_calls(test, "Solution().f")


@pytest.mark.parametrize("entry_point", ["f", "Solution().f()", "Solution()", "Other().f"])
def test_what_is_called_is_a_method_of_solution(entry_point: str) -> None:
    with pytest.raises(DataError, match="is no method of Solution"):
        check_calls("def check(candidate):\n    assert candidate(x = 1) == 1", entry_point)
