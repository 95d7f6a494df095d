"""The kinds of task: what each is made of, for the host and for the guest.

The one place where they are declared. The host checks a specification by it before
anything runs and plans by it how long a judge may take; the judge finds by it who
prepares a task. README.md says what each kind does. Imports nothing of the guest.
"""

from __future__ import annotations

import math
import re
from types import MappingProxyType
from typing import Any, Dict, List, Mapping, NamedTuple, Sequence, Tuple

NUMBER = (int, float)
NUMBER_OR_NULL = (int, float, type(None))
# What every kind may have beside its own fields: digests (SHA-256, hex) of its parts, tests that
# are too large to be carried in it.
COMMON = {"sha256": list}


class Kind(NamedTuple):
    """One kind of task.

    `judge` is the module that prepares it; `required` and `optional` are its fields
    with their types, `limits` those of its limits that it needs (`*_s` are seconds,
    `*_mb` MiB, `digits` those of an integer that Python reads and prints) and
    `more_limits` those that it may have. `is_data` says that it can be prepared without
    running any of its code, and `players` how many players a sample may take at most, each
    for as long as the limits allow.
    """

    judge: str
    required: Dict[str, Any]
    limits: Tuple[str, ...]
    optional: Mapping[str, Any] = MappingProxyType({})
    more_limits: Tuple[str, ...] = ()
    is_data: bool = False
    players: int = 1


KINDS: Dict[str, Kind] = {
    "calls": Kind(
        "judge_calls",
        {"entry_point": str, "suites": list, "compare": dict},
        ("min_call_s", "reference_factor", "total_s", "grace_s", "memory_mb"),
        {"reference": str, "setup": str, "every": bool},
        ("marking_s", "digits"),
        # Of each suite: it may run twice, and its reference once, where that has to be timed.
        players=3,
    ),
    "check": Kind(
        "judge_check",
        {"entry_point": str, "test": str, "helpers": str},
        ("total_s", "memory_mb"),
        {"asserts": bool, "setup": str},
        ("digits",),
    ),
    "input": Kind(
        "judge_input",
        {"entry_point": str, "source": str, "function": str, "expected": str},
        ("total_s", "memory_mb"),
        more_limits=("min_call_s", "reference_factor", "grace_s"),
        is_data=True,
        players=2,
    ),
    "livecodebench": Kind(
        "judge_livecodebench",
        {"function": str, "processes": bool},
        ("test_s", "spare_s", "total_s", "memory_mb"),
        is_data=True,
    ),
    "output": Kind(
        "judge_output",
        {"language": str, "file": str, "command": list, "reference": str, "files": dict},
        ("run_s", "total_s", "memory_mb"),
    ),
    "program": Kind(
        "judge_program",
        {
            "language": str,
            "file": str,
            "tests": str,
            "proof": str,
            "joint": str,
            "control": dict,
            "rounds": list,
            "passes": dict,
        },
        ("compile_s", "run_s", "total_s", "memory_mb"),
        {"environ": dict, "tests_first": bool},
        is_data=True,
        # The control run is the second.
        players=2,
    ),
    "run": Kind(
        "judge_run",
        {
            "file": str,
            "compile": list,
            "command": list,
            "input": str,
            "files": dict,
            "fetch": list,
        },
        ("compile_s", "run_s", "total_s", "memory_mb"),
        is_data=True,
    ),
    "stdio": Kind(
        "judge_stdio",
        {"tests": list, "compare": dict},
        ("test_s", "total_s", "memory_mb"),
        {"every": bool},
        ("digits",),
        is_data=True,
    ),
    "unittest": Kind(
        "judge_unittest",
        {"entry_point": str, "test": str, "reference": str},
        ("total_s", "memory_mb"),
        {"module": dict, "must_run": list},
        more_limits=("digits",),
        players=3,
    ),
}
SUITE = {"name": str, "calls": str}
SUITE_OPTIONAL = {"expected": str}
TEST = {"input": str, "output": str}
# Of the kind "program": the test program in which every test must fail, a command, and what the
# last command must have done.
CONTROL, CONTROL_OPTIONAL = {"tests": str, "fell": str, "times": int}, {"held": str}
STEP, STEP_OPTIONAL = {"command": list, "limit": str}, {"environ": dict}
PASSES = {"status": bool, "stdout_only_proof": bool, "stderr_empty": bool, "lacks": dict}
PASSES_OPTIONAL = {"crash": str, "wrong": list, "endless": bool}
STEP_LIMITS = ("compile_s", "run_s")
# What a rule of comparison has beside its name: what it needs, and what it may have.
RULES: Dict[str, Dict[str, Tuple[Dict[str, Any], Dict[str, Any]]]] = {
    "calls": {
        "value": ({}, {"atol": NUMBER}),
        "evalplus": ({"dataset": str, "atol": NUMBER}, {}),
        "originfmt": ({"dataset": str, "atol": NUMBER}, {}),
    },
    "stdio": {"lines": ({}, {"tol": NUMBER_OR_NULL}), "livecodebench": ({}, {})},
}
_PATH = re.compile(r"[^/\0][^\0]{0,200}")
_BASE64 = re.compile("[A-Za-z0-9+/]*={0,2}")
_SHA256 = re.compile("[0-9a-f]{64}")


class Wrong(ValueError):
    """A specification is not of its kind; the text says in what."""


def check(spec: Mapping[str, Any]) -> Kind:
    """The kind of a specification.

    Raises:
        Wrong: it is of no kind, lacks a field, or has one of another type or of no use.
    """
    if not isinstance(spec, Mapping):
        raise Wrong(f"they are of type {type(spec).__name__}")
    name = spec.get("kind")
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise Wrong(f"its kind is {name!r}; available: {', '.join(KINDS)}")
    own = {name: each for name, each in spec.items() if name not in ("kind", "limits")}
    _fields("", own, kind.required, {**kind.optional, **COMMON})
    limits = spec.get("limits")
    if limits is None:
        raise Wrong("its limits are missing")
    _fields("limits.", limits, dict.fromkeys(kind.limits, NUMBER), _numbers(kind.more_limits))
    _numbers_are_limits(limits)
    _each("suites", spec, kind, (SUITE, SUITE_OPTIONAL))
    _each("tests", spec, kind, (TEST, {}))
    for sha256 in spec.get("sha256", ()):
        if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
            raise Wrong(f"its sha256 has {sha256!r}, which is no digest")
    if name in RULES:
        _rule(spec["compare"], RULES[name])
    if name == "program":
        _program(spec)
    if name == "run":
        _run(spec)
    if name == "output":
        _output(spec)
    return kind


def suites(spec: Mapping[str, Any]) -> List[str]:
    """The suites that a sample gets verdicts of."""
    return [suite["name"] for suite in spec.get("suites", ())] or ["base"]


def seconds(spec: Mapping[str, Any]) -> float:
    """How long the players of one sample may take in all."""
    limits, kind = spec["limits"], KINDS[spec["kind"]]
    runs = kind.players * len(spec.get("suites", (None,)))
    allowed = limits["total_s"] + limits.get("grace_s", 0.0) + limits.get("marking_s", 0.0)
    return float(runs * (allowed + 1.0))


def _each(
    name: str, spec: Mapping[str, Any], kind: Kind, fields: "Tuple[Dict[str, Any], Dict[str, Any]]"
) -> None:
    """Check a list of parts that are alike; there has to be one at least."""
    if kind.required.get(name) is not list:
        return
    if not spec[name]:
        raise Wrong(f"its {name} are none: a task needs one at least")
    for place, each in enumerate(spec[name]):
        _fields(f"{name}[{place}].", each, *fields)


def _program(spec: Mapping[str, Any]) -> None:
    """Check what the kind "program" has of its own."""
    if not re.fullmatch(r"[\w-][\w.-]*", spec["file"], re.ASCII):
        raise Wrong(f"its file is {spec['file']!r}: a plain file name is needed")
    control = spec["control"]
    _fields("control.", control, CONTROL, CONTROL_OPTIONAL)
    for name, text in (("tests", spec["tests"]), ("control.tests", control["tests"])):
        if not spec["proof"] or text.count(spec["proof"]) != 1:
            raise Wrong(f"its {name} must have its proof once, behind the last test")
    if not control["fell"] or control["times"] < 0:
        raise Wrong("its control tests nothing: it needs a text to count, and times of 0 or more")
    _each_round(spec["rounds"])
    _fields("passes.", spec["passes"], PASSES, PASSES_OPTIONAL)
    _fields("passes.lacks.", spec["passes"]["lacks"], {}, {"stdout": list, "stderr": list})
    wrong = {"passes.wrong": spec["passes"].get("wrong", [])}
    lacks = {f"passes.lacks.{name}": each for name, each in spec["passes"]["lacks"].items()}
    for name, texts in {**wrong, **lacks}.items():
        _texts(name, texts)
    _texts("environ", [*spec.get("environ", {}), *spec.get("environ", {}).values()])


def _run(spec: Mapping[str, Any]) -> None:
    """Check what the kind "run" has of its own."""
    if spec["limits"]["total_s"] < spec["limits"]["run_s"]:
        raise Wrong("its limits.total_s is less than its limits.run_s")
    _texts("compile", spec["compile"])
    _texts("command", spec["command"])
    _files(spec, spec["fetch"])


def _output(spec: Mapping[str, Any]) -> None:
    """Check what the kind "output" has of its own."""
    if not spec["command"]:
        raise Wrong("its command is empty")
    _texts("command", spec["command"])
    _files(spec)


def _files(spec: Mapping[str, Any], fetched: Sequence[Any] = ()) -> None:
    """Check that the files of a program have usable paths below its folder, and contents."""
    for name in (spec["file"], *spec["files"], *fetched):
        if not isinstance(name, str) or not _PATH.fullmatch(name) or ".." in name.split("/"):
            raise Wrong(f"its files have the path {name!r}: one below the working folder is needed")
    folders = {each.rpartition("/")[0] for each in (spec["file"], *spec["files"])}
    for name in (spec["file"], *spec["files"]):
        if name in folders:
            raise Wrong(f"its files have {name!r} both as a file and as a folder")
    for text in spec["files"].values():
        if not isinstance(text, str) or not _BASE64.fullmatch(text) or len(text) % 4:
            raise Wrong("its files have a content that is not base64")


def _each_round(rounds: Sequence[Any]) -> None:
    if not rounds or not all(isinstance(steps, list) and steps for steps in rounds):
        raise Wrong("its rounds are empty: a task needs one at least, of one command at least")
    for place, steps in enumerate(rounds):
        for number, step in enumerate(steps):
            where = f"rounds[{place}][{number}]."
            _fields(where, step, STEP, STEP_OPTIONAL)
            environ = step.get("environ", {})
            _texts(f"{where}command", [*step["command"], *environ, *environ.values()])
            if not step["command"] or step["limit"] not in STEP_LIMITS:
                raise Wrong(f"its {where}limit is {step['limit']!r}, or its command is empty")


def _texts(name: str, found: Sequence[Any]) -> None:
    if not all(isinstance(each, str) and each for each in found):
        raise Wrong(f"its {name} has something that is no text, or an empty one")


def _rule(
    compare: Mapping[str, Any], rules: "Dict[str, Tuple[Dict[str, Any], Dict[str, Any]]]"
) -> None:
    named = compare.get("rule")
    if not isinstance(named, str) or named not in rules:
        raise Wrong(f"its compare.rule is {named!r}; available: {', '.join(rules)}")
    required, optional = rules[named]
    _fields("compare.", compare, {"rule": str, **required}, optional)


def _numbers_are_limits(limits: Mapping[str, Any]) -> None:
    for name, value in limits.items():
        if not (math.isfinite(value) and value >= 0):
            raise Wrong(f"its limits.{name} is {value}: it must be a number of 0 or more")


def _numbers(names: Tuple[str, ...]) -> Dict[str, Any]:
    return dict.fromkeys(names, NUMBER)


def _fields(
    where: str, found: Mapping[str, Any], required: Dict[str, Any], optional: Dict[str, Any]
) -> None:
    if not isinstance(found, Mapping):
        raise Wrong(f"its {where.rstrip('.')} is of type {type(found).__name__}")
    for name in required:
        if name not in found:
            raise Wrong(f"it lacks {where}{name}")
    for name, value in found.items():
        wanted = required.get(name) or optional.get(name)
        if wanted is None:
            raise Wrong(f"it has {where}{name}, which its kind does not use")
        is_number = wanted in (NUMBER, NUMBER_OR_NULL)
        if not isinstance(value, wanted) or (is_number and isinstance(value, bool)):
            raise Wrong(f"its {where}{name} is of type {type(value).__name__}")
