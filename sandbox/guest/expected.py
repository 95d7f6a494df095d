"""What a suite's calls must return, kept small.

A large value is kept as its fingerprint only and computed again in the rare
case that a sample returns something else: so a judge stays small whatever its
task returns, and what it learned fits into a few kilobytes that the host can
keep for the next run.
"""

from __future__ import annotations

import json
import time
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional

from . import codec, fingerprint
from .compare_evalplus import is_floats

# Fingerprints of values below this many bytes are made in no time.
LIGHT = 1 << 18

_SETS = (b'{"s":', b'{"fs":')
_SAME, _FLOATS, _MARK = "s", "f", "m"


class Expected(NamedTuple):
    """The expected values of one suite, call by call.

    `lines` are the reply lines of a player that returns these very values: the
    value's encoding or, of a large one, its fingerprint. `same` has an "s"
    where an equal line means a right value, `floats` an "f" where EvalPlus's
    is_floats holds. `size` (characters, about) and `hashed` (set and dict
    elements) are those of the largest value, `weights` the bytes of values whose
    fingerprint takes time.

    All of it follows from the values. How long the reference took is no part of it:
    what one machine took, under whatever load, must not decide verdicts on another.
    """

    lines: List[bytes]
    same: str
    floats: str
    size: int
    hashed: int
    weights: Dict[int, int]

    @property
    def marks(self) -> bool:
        """Whether a player may send fingerprints: not where right values have sets in them."""
        return not any(tag in line for line in self.lines for tag in _SETS)

    def text(self, index: int) -> Optional[str]:
        """A value's encoding; None where there is only its fingerprint."""
        line = self.lines[index]
        return line[5:-1].decode("ascii") if line.startswith(b'["v"') else None


def of_values(
    values: Iterable[Any], reflexive: Callable[[Any], bool] = lambda value: True
) -> Expected:
    """What is kept of values.

    `reflexive` says of a value whether an equal one is right.
    """
    lines: List[bytes] = []
    same: List[str] = []
    floats: List[str] = []
    size = hashed = 0
    weights: Dict[int, int] = {}
    for index, value in enumerate(values):
        exact = fingerprint.is_exact(value)
        # Equal sets may come in another order, which gives another fingerprint.
        mark = fingerprint.fingerprint(value) if exact and not codec.holds_sets(value) else None
        if mark is None:
            text = codec.encode(value)
            line, length = '["v",' + text + "]", len(text)
        else:
            # No plain value's encoding is longer: a control character takes six for its byte.
            line, length = f'["h","{mark.digest}"]', 6 * mark.size
            if mark.size > LIGHT:
                weights[index] = mark.size
        lines.append(line.encode("ascii"))
        same.append(_SAME if exact and reflexive(value) else "-")
        floats.append(_FLOATS if is_floats(value) else "-")
        size, hashed = max(size, length), max(hashed, codec.hashed_parts(value))
    return Expected(lines, "".join(same), "".join(floats), size, hashed, weights)


def dump(suites: Dict[str, Expected]) -> bytes:
    """Suites as bytes: one line of JSON, then the reply lines of one suite after another."""
    head = {name: [len(each.lines), *each[1:]] for name, each in suites.items()}
    lines = [line for each in suites.values() for line in each.lines]
    return b"\n".join([json.dumps(head, separators=(",", ":")).encode("ascii"), *lines])


def load(data: bytes) -> Dict[str, Expected]:
    """What `dump` wrote."""
    head, *lines = data.split(b"\n")
    suites, start = {}, 0
    for name, (count, same, floats, size, hashed, weights) in json.loads(head).items():
        part = lines[start : start + count]
        heavy = {int(index): weight for index, weight in weights.items()}
        suites[name] = Expected(part, same, floats, size, hashed, heavy)
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

    def values(self, calls: List[str]) -> Iterator[Any]:
        """The returned values, one call after another."""
        function = self.loaded()
        for call in calls:
            yield function(*codec.decode(call, codec.MAX_NODES))

    def seconds(self, calls: List[str], more_than: float) -> Dict[int, float]:
        """Seconds of those calls that take more than `more_than`, here and now (see `_clock`)."""
        function = self.loaded()
        found: Dict[int, float] = {}
        for index, call in enumerate(calls):
            arguments = codec.decode(call, codec.MAX_NODES)
            began = _clock()
            function(*arguments)
            taken = _clock() - began
            if taken > more_than:
                found[index] = taken
        return found


def _clock() -> float:
    """Seconds, less those in which this process was ready to run and others had the processor.

    Where the kernel does not tell the latter (gVisor), all of them.
    """
    waited = 0.0
    try:
        with open("/proc/self/schedstat", "rb") as file:
            waited = int(file.read().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        pass
    return time.monotonic() - waited
