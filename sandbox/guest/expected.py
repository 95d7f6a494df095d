"""What a suite's calls must return, kept small.

A large value is kept as its fingerprint only and computed again in the rare
case that a sample returns something else: so a judge stays small whatever its
task returns, and what it learned fits into a few kilobytes that the host can
keep for the next run.
"""

from __future__ import annotations

import json
import time
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from . import codec, fingerprint
from .compare_evalplus import is_floats

# What took the reference less than this counts as taking no time.
FAST_S = 0.01

_SAME, _FLOATS, _MARK = "s", "f", "m"


class Expected(NamedTuple):
    """The expected values of one suite, call by call.

    `lines` are the reply lines of a player that returns these very values: the
    value's encoding or, of a large one, its fingerprint. `same` has an "s"
    where an equal line means a right value, `floats` an "f" where EvalPlus's
    is_floats holds. `size` (characters, about) and `hashed` (set and dict
    elements) are those of the largest value, `seconds` what slow calls of the
    reference took, `marking` what it took to make fingerprints where that was slow.
    """

    lines: List[bytes]
    same: str
    floats: str
    size: int
    hashed: int
    seconds: Dict[int, float]
    marking: Dict[int, float]

    def text(self, index: int) -> Optional[str]:
        """A value's encoding; None where there is only its fingerprint."""
        line = self.lines[index]
        return line[5:-1].decode("ascii") if line.startswith(b'["v"') else None


def of_values(
    values: Iterable[Tuple[Any, float]], reflexive: Callable[[Any], bool] = lambda value: True
) -> Expected:
    """What is kept of values, given as pairs of value and seconds that it took.

    `reflexive` says of a value whether an equal one is right.
    """
    lines: List[bytes] = []
    same: List[str] = []
    floats: List[str] = []
    size = hashed = 0
    slow: Dict[int, float] = {}
    marking: Dict[int, float] = {}
    for index, (value, seconds) in enumerate(values):
        exact = fingerprint.is_exact(value)
        began = time.monotonic()
        mark = fingerprint.fingerprint(value) if exact else None
        taken = time.monotonic() - began
        if mark is None:
            text = codec.encode(value)
            line, length = '["v",' + text + "]", len(text)
        else:
            # No plain value's encoding is longer: a control character takes six for its byte.
            line, length = f'["h","{mark.digest}"]', 6 * mark.size
        lines.append(line.encode("ascii"))
        same.append(_SAME if exact and reflexive(value) else "-")
        floats.append(_FLOATS if is_floats(value) else "-")
        size, hashed = max(size, length), max(hashed, codec.hashed_parts(value))
        if seconds > FAST_S:
            slow[index] = seconds
        if taken > FAST_S:
            marking[index] = taken
    return Expected(lines, "".join(same), "".join(floats), size, hashed, slow, marking)


def dump(suites: Dict[str, Expected]) -> bytes:
    """Suites as bytes: one line of JSON, then the reply lines of one suite after another."""
    head = {name: [len(each.lines), *each[1:]] for name, each in suites.items()}
    lines = [line for each in suites.values() for line in each.lines]
    return b"\n".join([json.dumps(head, separators=(",", ":")).encode("ascii"), *lines])


def load(data: bytes) -> Dict[str, Expected]:
    """What `dump` wrote."""
    head, *lines = data.split(b"\n")
    suites, start = {}, 0
    for name, (count, same, floats, size, hashed, *times) in json.loads(head).items():
        slow, marking = ({int(index): taken for index, taken in each.items()} for each in times)
        part = lines[start : start + count]
        suites[name] = Expected(part, same, floats, size, hashed, slow, marking)
        start += count
    return suites


class Reference:
    """The reference solution of a task, loaded when it is first called."""

    def __init__(self, source: str, entry_point: str) -> None:
        self.source, self.entry_point = source, entry_point
        self.function: Optional[Callable[..., Any]] = None

    def __call__(self, call: str) -> Any:
        """What it returns for the arguments that `call` encodes."""
        function = self.loaded()
        return function(*codec.decode(call, codec.MAX_NODES))

    def loaded(self) -> Callable[..., Any]:
        """The function itself."""
        if self.function is None:
            namespace: Dict[str, Any] = {"__name__": "reference"}
            exec(compile(self.source, "<reference>", "exec", dont_inherit=True), namespace)
            self.function = namespace[self.entry_point]
        return self.function

    def values(self, calls: List[str]) -> Iterator[Tuple[Any, float]]:
        """Pairs of returned value and seconds taken, one call after another."""
        function = self.loaded()
        for call in calls:
            arguments = codec.decode(call, codec.MAX_NODES)
            began = time.monotonic()
            value = function(*arguments)
            yield value, time.monotonic() - began
