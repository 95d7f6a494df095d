"""Composes random programs: fragments, the places that they are put in, and a core.

`program(seed, number)` is the same program every time. Its core is wrong, so that it may
never pass; or right with fragments that do no harm, so that it has to pass; or right with
any fragments, so that any verdict will do.
"""

from __future__ import annotations

import random
import re
import textwrap
from dataclasses import dataclass
from enum import Enum

from tests.sandbox.random_programs import (
    descriptors,
    endings,
    interpreter,
    processes,
    resources,
    settings,
    values,
)
from tests.sandbox.random_programs.tasks import KINDS, Kind
from tests.sandbox.random_programs.terms import TERMS

BLOCK = 25  # programs in a row that answer one task: a judge is kept that long
RARE = 0.04  # how often a fragment is taken that makes its program wait for its time limit
_HOLE = re.compile(r"<([a-z_]+)>")
_HEAD = re.compile(r"^# ([a-z-]+)((?: \[[a-z]+\])*)\n", re.MULTILINE)


class Core(Enum):
    """What a program answers apart from its fragments, and so what it may get."""

    WRONG = "wrong"  # any verdict but passed
    BENIGN = "benign"  # passed: its fragments do no harm
    RIGHT = "right"  # any verdict


@dataclass(frozen=True)
class Fragment:
    """Statements that do one hostile or odd thing; `marks` are the words in brackets."""

    name: str
    text: str
    marks: frozenset[str]


@dataclass(frozen=True)
class Random:
    """One program of the grammar, with what it is made of."""

    number: int
    kind: Kind
    core: Core
    parts: tuple[str, ...]
    code: str


def _read(text: str) -> list[Fragment]:
    """The fragments of one text: a comment names each, its marks behind it."""
    pieces = _HEAD.split(text.lstrip("\n"))[1:]
    return [
        Fragment(name, body.strip("\n"), frozenset(re.findall(r"\[([a-z]+)\]", marks)))
        for name, marks, body in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True)
    ]


ACTS = [
    _read(text)
    for text in (
        interpreter.CHANGING,
        settings.SETTING,
        processes.STARTING,
        endings.ENDING,
        descriptors.WRITING,
        resources.LEAVING,
    )
]
WRAPS = _read(values.WRAPPING)
BENIGN = [each for group in ACTS for each in group if "benign" in each.marks]

# Where a fragment runs; `{f}` is the function that holds it, `{k}` a number of its own.
PLACES = {
    "module": "_run({f})",
    "module-bare": "{f}()",
    "call": "",
    "call-bare": "",
    "result": "",
    "exit": "import atexit; atexit.register(_run, {f})",
    "finalizer": "import weakref; weakref.finalize(_Held, {f})",
    "held": "class _Kept{k}:\n    def __del__(self): _run({f})\n_kept{k} = _Kept{k}()",
    "thread": "import threading; threading.Thread(target=_run, args=({f},), daemon=True).start()",
    "thread-joined": "import threading; _t{k} = threading.Thread(target=_run, args=({f},), "
    "daemon=True); _t{k}.start(); _t{k}.join(0.2)",
    "timer": "import threading; _t{k} = threading.Timer(0.01, _run, ({f},)); "
    "_t{k}.daemon = True; _t{k}.start()",
    "alarm": "import signal; signal.signal(signal.SIGALRM, lambda *_: _run({f})); "
    "signal.setitimer(signal.ITIMER_REAL, 0.003)",
    "child": "import posix\nif posix.fork() == 0:\n    _run({f}); posix._exit(0)",
    "collector": "import gc; gc.callbacks.append(lambda *_: _once{k} and _once{k}.pop()()); "
    "_once{k} = [{f}]",
    "profile": "sys.setprofile(lambda *_: (sys.setprofile(None), {f}()))",
    "sender": "import guest.player as _p{k}\n_s{k} = _p{k}.send\n"
    "_p{k}.send = lambda text: (_run({f}), _s{k}(text))",
    "fork-hook": "import os; os.register_at_fork(after_in_child={f})",
    "unraisable": "sys.unraisablehook = lambda *_: _run({f})",
}
# Places where what does no harm does none.
QUIET = ("module", "module-bare", "call", "call-bare", "exit", "thread-joined")

_START = """import sys

def _run(function):
    try: return function()
    except Exception: return None

class _Held: pass

"""


def expanded(text: str, rng: random.Random) -> str:
    """The text with every `<name>` replaced by one of its terms."""

    def term(match: re.Match[str]) -> str:
        terms = TERMS.get(match[1])
        return expanded(rng.choice(terms), rng) if terms else match[0]

    return _HOLE.sub(term, text)


def program(seed: int, number: int, lacking: frozenset[str] = frozenset()) -> Random:
    """Program `number` of a seed; `lacking` are marks of fragments that the jail cannot take."""
    rng = random.Random(f"{seed}/{number}")
    kind = KINDS[number // BLOCK % len(KINDS)]
    core = rng.choices((Core.WRONG, Core.BENIGN, Core.RIGHT), (70, 10, 20))[0]
    own = kind.right if core != Core.WRONG else rng.choice(kind.wrong)
    parts: list[str] = []
    functions, module, call = [], [], []
    wrap = None
    for k in range(rng.choice((1, 1, 2, 2, 3, 4))):
        if core != Core.BENIGN and wrap is None and rng.random() < 0.25:
            wrap = _taken(WRAPS, rng, lacking)
            functions.append(_wrapping(wrap, rng))
            parts.append(f"{wrap.name} (value)")
            continue
        fragment = _taken(BENIGN if core == Core.BENIGN else rng.choice(ACTS), rng, lacking)
        places = QUIET if core == Core.BENIGN else tuple(PLACES)
        place = rng.choice(places)
        name = f"_act{k}"
        body = textwrap.indent(expanded(fragment.text, rng), "    ")
        functions.append(f"def {name}():\n{body}\n")
        parts.append(f"{fragment.name} ({place})")
        if place == "result":
            functions.append(_carrying(name, k))
            call.append(f"value = _Carrier{k}(value)")
        elif place.startswith("call"):
            call.append(f"{name}()" if place.endswith("bare") else f"_run({name})")
        else:
            module.append(PLACES[place].format(f=name, k=k))
    statements = "\n".join(module)
    # Before or after the function is there.
    before, after = (statements, "") if rng.random() < 0.5 else ("", statements)
    returned = "_wrapped(value)" if wrap else "value"
    ending = kind.frame(own, "\n".join(call) or "pass", returned)
    code = "\n".join([_START, *functions, before, ending, after, ""])
    return Random(number, kind, core, tuple(parts), code)


def _taken(group: list[Fragment], rng: random.Random, lacking: frozenset[str]) -> Fragment:
    while True:
        found = rng.choice(group)
        if found.marks & lacking or ("rare" in found.marks and rng.random() > RARE):
            continue
        return found


def _wrapping(fragment: Fragment, rng: random.Random) -> str:
    text = expanded(fragment.text, rng)
    body = textwrap.indent(text, "    ")
    # Some have to be made when the value is there, as they take its type.
    return f"def _wrapped(value):\n{body}\n    return wrap(value)\n"


def _carrying(name: str, k: int) -> str:
    """A list that runs a fragment when it is looked at."""
    hooks = "__iter__ __len__ __getitem__ __eq__ __hash__ __reduce_ex__ __array__ __index__ __del__"
    lines = "\n".join(
        f"    def {hook}(self, *_): _run({name}); return NotImplemented" for hook in hooks.split()
    )
    return (
        f"class _Carrier{k}(list):\n    def __init__(self, value): list.append(self, value)\n"
        f"{lines}\n"
    )
