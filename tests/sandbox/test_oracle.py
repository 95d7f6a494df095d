"""The judge's answers on values that crossed, held against the publishers' on the very values.

Values go the whole way: the player's reply, the judge's loop over a suite, its shortcuts for equal
lines and fingerprints, and the rule. OPENCODEEVAL_FUZZ_EXAMPLES sets how many are tried for each
rule, by fresh seeds then.
"""

from __future__ import annotations

import importlib
import os
from collections import deque
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opencodeeval.benchmarks.data.rows import read_jsonl
from tests.sandbox import publishers, values

call_suites: Any = importlib.import_module("guest.call_suites")
codec: Any = importlib.import_module("guest.codec")
compare: Any = importlib.import_module("guest.compare")
compare_livecodebench: Any = importlib.import_module("guest.compare_livecodebench")
compare_evalplus: Any = importlib.import_module("guest.compare_evalplus")
expected: Any = importlib.import_module("guest.expected")
judge_calls: Any = importlib.import_module("guest.judge_calls")
judge_check: Any = importlib.import_module("guest.judge_check")
judge_livecodebench: Any = importlib.import_module("guest.judge_livecodebench")
player: Any = importlib.import_module("guest.player")

EXAMPLES = int(os.environ.get("OPENCODEEVAL_FUZZ_EXAMPLES", "0"))
LIMITS = {"reference_factor": 0, "min_call_s": 60.0, "total_s": 600.0, "grace_s": 0.0}
fuzzed = settings(
    max_examples=EXAMPLES or 200,
    database=None,
    derandomize=not EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


class Player:
    """Stands for a player in its jail: makes the same replies here, thousands in a second."""

    def __init__(self, outputs: list[Any], marks: bool) -> None:
        self.outputs, self.marks = iter(outputs), marks
        self.lines: deque[bytes] = deque()
        self.partial = b""
        self.clock = self
        self.value: Any = None

    def since(self) -> None:
        """No clock is needed."""

    def send(self, text: str) -> None:
        if text.encode() == player.WANTED:
            self.lines.append(player._encoded(self.value).encode("ascii"))

    def line(self, deadline: float) -> bytes:
        """A reply, of which this player never makes two at once."""
        if self.lines:
            return self.lines.popleft()
        out = next(self.outputs)
        reply, self.value = player._call(lambda: out, [], self.marks)
        return bytes(reply.encode("ascii"))


def judged(rule: dict[str, Any], calls: list[publishers.Call]) -> dict[str, Any]:
    """The result of a suite of these calls, and how many were right."""
    checked = compare.value_rule(rule)
    kept = [checked.kept(right) for _, right, _ in calls]
    right = expected.of_values(kept, checked.reflexive)
    spec = {
        "name": "base",
        "calls": "\n".join(codec.encode(arguments) for _, _, arguments in calls),
        "expected": "\n".join(map(codec.encode, kept)),
    }
    suite = call_suites.Suite(spec, right, {"limits": LIMITS})
    replies = Player([out for out, _, _ in calls], suite.marks)
    run = judge_calls._Run(suite, replies, checked, None)
    found: dict[str, Any] = run._guarded(run._calls)
    return {**found, "done": run.done}


class Deviation(NamedTuple):
    """Where an answer differs on purpose; docs/sandbox.md has the same rows."""

    name: str
    lenient: bool  # passes what the publisher fails
    applies: Callable[[Any, str], bool]  # to what was returned, and by the rule or entry point


def parts(value: Any) -> Iterator[Any]:
    """The value and all that is in it."""
    yield value
    item: Any
    if type(value) is values.Once:
        value = value.items
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple, set, frozenset, deque, type({}.keys()), type({}.items()))):
        for item in value:
            yield from parts(item)


def holds(check: Callable[[Any], bool]) -> Callable[[Any, str], bool]:
    return lambda value, rule: any(map(check, parts(value)))


def has_type(value: Any, *names: str) -> bool:
    return isinstance(value, (numpy.ndarray, numpy.generic)) and value.dtype.str[1:] in names


def is_token(value: Any) -> bool:
    return isinstance(codec.decode(codec.encode(values.built(value))), codec.Opaque)


NARROW = ("f2", "f4", "c8")
SUBCLASSES = (values.Whole, values.Metres, values.Turn, values.Items, values.Row, values.Pair)
DEVIATIONS = [
    Deviation("half precision", False, holds(lambda part: has_type(part, "f2"))),
    Deviation("narrow floats", False, holds(lambda part: has_type(part, *NARROW))),
    Deviation(
        "arrays of objects",
        False,
        holds(
            lambda part: isinstance(part, (numpy.ndarray, numpy.void)) and part.dtype.kind in "OV"
        ),
    ),
    Deviation("own operators", False, holds(lambda part: isinstance(part, memoryview))),
    Deviation("subclasses", True, holds(lambda part: isinstance(part, SUBCLASSES))),
    Deviation(
        "anything passes",
        True,
        lambda value, rule: rule in {"are_equivalent", *compare_evalplus.NOT_NONE},
    ),
    Deviation(
        "no list",
        False,
        lambda value, rule: rule == "originfmt" and holds(is_token)(value, rule),
    ),
]


def agrees(ours: bool, theirs: bool, out: Any, right: Any, rule: str = "") -> None:
    if ours is theirs:
        return
    reasons = [each for each in DEVIATIONS if each.lenient is ours and each.applies(out, rule)]
    assert reasons, ("ours", ours, rule, verdict_text(out), type(out), verdict_text(right))


def verdict_text(value: Any) -> str:
    try:
        return repr(value)[:300]
    except ValueError:
        return "long"


def no_cheat(found: dict[str, Any]) -> None:
    assert found["verdict"] in ("passed", "wrong") or found["detail"] == "TooBig", found


def as_published(
    rule: dict[str, Any], calls: list[tuple[Any, Any, list[Any]]], theirs: list[bool]
) -> None:
    found = judged(rule, [(values.built(out), right, given) for out, right, given in calls])
    no_cheat(found)
    done, published = found["done"], values.first(theirs)
    if done != published:
        out, right, _ = calls[min(done, published)]
        name = rule.get("entry_point", "f")
        name = rule["rule"] if name == "f" else name
        agrees(done > published, done < published, out, right, name)


@given(st.lists(values.pairs(), min_size=1, max_size=3), st.sampled_from([0, 0, 1e-6, 0.1]))
@fuzzed
def test_evalplus(pairs: list[tuple[Any, Any]], atol: float) -> None:
    calls = [(out, right, [0]) for out, right in pairs]
    raw = [(values.built(out), right, given) for out, right, given in calls]
    theirs = publishers.evalplus("humaneval", "f", raw, atol)
    rule = {"rule": "evalplus", "dataset": "humaneval", "entry_point": "f", "atol": atol}
    as_published(rule, calls, theirs)


SPECIAL = sorted(
    {*compare_evalplus.SAME_ELEMENTS, *compare_evalplus.NOT_NONE, *compare_evalplus.ORACLES}
)


@given(
    st.sampled_from(SPECIAL),
    values.pairs(),
    st.booleans(),
    st.lists(st.integers(0, 40), min_size=2, max_size=2),
    st.sampled_from([0, 0, 1e-4]),
)
@fuzzed
def test_evalplus_oracles(
    name: str, pair: tuple[Any, Any], wanted: bool, arguments: list[int], atol: float
) -> None:
    out, right = pair
    right = wanted if name in compare_evalplus.NOT_NONE else right
    theirs = publishers.evalplus("mbpp", name, [(values.built(out), right, arguments)], atol)
    rule = {"rule": "evalplus", "dataset": "mbpp", "entry_point": name, "atol": atol}
    kept = None if name in compare_evalplus.NOT_NONE and not wanted else right
    as_published(rule, [(out, kept, arguments)], theirs)


@given(values.returned(-0.5, 3) | values.unrelated)
@fuzzed
def test_find_zero(out: Any) -> None:
    calls = [(out, -0.5, [[1, 2]])]
    theirs = publishers.evalplus(
        "humaneval", "find_zero", [(values.built(out), -0.5, [[1, 2]])], 1e-4
    )
    rule = {"rule": "evalplus", "dataset": "humaneval", "entry_point": "find_zero", "atol": 1e-4}
    as_published(rule, calls, theirs)


@given(
    st.sampled_from([("humaneval", "f"), ("mbpp", "f"), ("mbpp as sets", "Diff")]),
    values.pairs(),
    st.sampled_from([0, 0, 1e-6, 0.1]),
)
@fuzzed
def test_originfmt(kind: tuple[str, str], pair: tuple[Any, Any], atol: float) -> None:
    out, right = pair
    theirs = publishers.originfmt(kind[0])(values.built(out), right, atol)
    rule = {"rule": "originfmt", "dataset": kind[0].split()[0], "entry_point": kind[1]}
    as_published({**rule, "atol": atol}, [(out, right, [])], [theirs])


@given(values.pairs())
@fuzzed
def test_equality(pair: tuple[Any, Any]) -> None:
    out, right = pair
    theirs = publishers.equal(values.built(out), right)
    as_published({"rule": "value"}, [(out, right, [])], [theirs])


@given(values.pairs())
@fuzzed
def test_assertions(pair: tuple[Any, Any]) -> None:
    """Published test code, whose own == meets what crossed."""
    out, right = pair
    candidate = judge_check.Candidate(Player([values.built(out)], False), 0.0)
    try:
        crossed = candidate()
    except judge_check.Ended as ended:
        no_cheat(ended.found)
        ours = False
    except judge_check._Raised:
        ours = False
    else:
        ours = publishers.equal(crossed, right)
    agrees(ours, publishers.equal(values.built(out), right), out, right)


@given(values.pairs(values.json_values))
@fuzzed
def test_livecodebench_values(pair: tuple[Any, Any]) -> None:
    out, right = pair
    case = judge_livecodebench._Case([], right, 1 << 20)
    livecodebench = Player([values.built(out)], False)
    run = judge_livecodebench._Run(livecodebench, [case], 0.0, 60)
    run.patient = True
    found = run._calls()
    no_cheat(found)
    theirs = publishers.livecodebench_value(values.built(out), right)
    agrees(found["verdict"] == "passed", theirs, out, right)


_words = st.sampled_from(
    [
        *(
            "1",
            "1.0",
            "01",
            "-0",
            "+1",
            "1e0",
            "1_0",
            "10",
            "nan",
            "NaN",
            "sNaN",
            "Infinity",
            "inf",
        ),
        *(
            "0.1",
            ".1",
            "0.10",
            "1,0",
            "\u0661",
            "1e999999",
            "1e9999999999999999999",
            "Yes",
            "a",
            "",
        ),
    ]
)
_blanks = st.sampled_from(
    [" ", "  ", "\t", "\n", "\n\n", "\r\n", " \n", "\x0c", "\xa0", "\x1c", "\0"]
)
_printed = st.lists(_words | _blanks, max_size=6).map("".join) | st.lists(
    st.tuples(_words, st.sampled_from([" ", "\n"])).map("".join), max_size=4
).map("".join)


@st.composite
def _texts(draw: st.DrawFn) -> tuple[str, str]:
    """What was printed, and what is to be: often the same but for some words or blanks."""
    right = draw(_printed)
    out = right
    for _ in range(draw(st.integers(0, 2))):
        words = st.sampled_from([*right.split(), " ", "\n"])
        out = out.replace(draw(words), draw(_words | _blanks), draw(st.sampled_from([1, -1])))
    return draw(st.sampled_from([out, out, out + "\n"]) | _printed), right


@given(_texts())
@fuzzed
def test_livecodebench_texts(pair: tuple[str, str]) -> None:
    out, right = pair
    theirs = publishers.livecodebench_text(out, right)
    assert (compare_livecodebench.wrong_text(out, right) == "") is theirs


@given(values.pairs(), st.sampled_from([1e-6, 0.1]))
@fuzzed
def test_equality_within_a_tolerance(pair: tuple[Any, Any], atol: float) -> None:
    """The rule of task files, which no publisher has: crossing changes no answer of its own."""
    out, right = pair
    theirs = publishers.passes(lambda: _same(values.built(out), right, atol))
    as_published({"rule": "value", "atol": atol}, [(out, right, [])], [theirs])


def _same(out: Any, right: Any, atol: float) -> None:
    if not compare.same_value(out, right, atol):
        raise AssertionError


ORIGINFMT = {"rule": "originfmt", "dataset": "humaneval", "entry_point": "f", "atol": 0}
FOUND = [
    # what was returned, what is expected
    (list(numpy.array(["a"] * 600)), ["a"] * 600),
    (dict.fromkeys("ab").keys(), {"a", "b"}),
    (values.Turn(2), 2),
    (numpy.zeros((1,) * 32), 0),
    (range(3), [0.0, 1.0, 2.0]),
    (deque([0.5]), [0.5]),
    (10**5000, ()),
    (set(), []),
    (None, []),
    ("", []),
    ([[None], [1]], []),
    ([b"ab"], []),
    (numpy.array([]), []),
    (numpy.void(b"a"), []),
    (numpy.zeros(0, numpy.float16), []),
    ({1: 2}, ((),)),
    ((0.5, Fraction(1, 3)), [0.5, 1 / 3]),
]


@pytest.mark.parametrize(("out", "right"), FOUND, ids=range(len(FOUND)))
def test_what_was_found_before(out: Any, right: Any) -> None:
    as_published({"rule": "value"}, [(out, right, [])], [publishers.equal(out, right)])
    for kind in ("humaneval", "mbpp"):
        theirs = publishers.originfmt(kind)(out, right, 0)
        as_published({**ORIGINFMT, "dataset": kind}, [(out, right, [])], [theirs])


def test_equal_elements_may_come_often() -> None:
    calls: list[publishers.Call] = [([7] * 1000, [7], [])]
    rule = {"rule": "evalplus", "dataset": "mbpp", "entry_point": "Diff", "atol": 0}
    as_published(rule, calls, publishers.evalplus("mbpp", "Diff", calls, 0))


def test_the_copies_of_originfmt_are_the_published_text(shared_data: Path) -> None:
    paths = {
        "humaneval": "humaneval_plus/v0.1.10/HumanEvalPlus-OriginFmt.jsonl.gz",
        "mbpp": "mbpp_plus/v0.2.0/MbppPlus-OriginFmt.jsonl.gz",
    }
    for kind, text in publishers.ORIGINFMT.items():
        tests = [row["test"] for row in read_jsonl(shared_data / paths[kind.split()[0]])]
        assert any(text in test and publishers.ORIGINFMT_FLOATS in test for test in tests), kind
