"""Reading a gate's policy: gate.toml, and what the command line says over it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from opencodeeval.core.errors import StoreError, UsageError
from opencodeeval.decide.gate import Policy

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_KEYS = ("margin", "alpha", "scope", "k", "errata", "benchmarks")
_BENCHMARK_KEYS = ("margin", "quarantine")


def read_policy(path: Path) -> Policy:
    """The policy of a gate.toml.

    Raises:
        UsageError: it is not there, no TOML, or says what no policy can.
        StoreError: it cannot be read.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"there is no policy {path}: name a gate.toml") from error
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise UsageError(f"{path} is not TOML ({error}): see docs/gates.md") from error
    _only(path, "", table, _KEYS)
    benchmarks = table.get("benchmarks", {})
    is_table = isinstance(benchmarks, dict)
    if not is_table or not all(isinstance(each, dict) for each in benchmarks.values()):
        raise UsageError(f"{path}: a benchmark is a table, like [benchmarks.humaneval]")
    for name, each in benchmarks.items():
        _only(path, f"benchmarks.{name}.", each, _BENCHMARK_KEYS)
        tasks = each.get("quarantine", [])
        if not isinstance(tasks, list) or not all(isinstance(task, str) for task in tasks):
            raise UsageError(f"{path}: the quarantine of {name} is a list of task ids")
    try:
        return checked(
            Policy(
                **{name: value for name, value in table.items() if name != "benchmarks"},
                margins={
                    name: each["margin"] for name, each in benchmarks.items() if "margin" in each
                },
                quarantine={
                    name: tuple(each["quarantine"])
                    for name, each in benchmarks.items()
                    if "quarantine" in each
                },
            )
        )
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def overridden(policy: Policy, **asked: Any) -> Policy:
    """The policy with what was asked for on the command line (None: not asked).

    A margin of the command line is for all benchmarks.
    """
    given = {name: value for name, value in asked.items() if value is not None}
    if "margin" in given:
        given["margins"] = {}
    return checked(replace(policy, **given))


def checked(policy: Policy) -> Policy:
    """The policy itself.

    Raises:
        UsageError: a value that cannot be decided by.
    """
    for name, margin in {"": policy.margin, **policy.margins}.items():
        if not _is_number(margin) or not 0 < margin < 1:
            of = f" of {name}" if name else ""
            raise UsageError(
                f"margin{of} must be between 0 and 1, got {margin} (0.01 tolerates a drop of one "
                "point)"
            )
    if not _is_number(policy.alpha) or not 0 < policy.alpha < 0.5:
        raise UsageError(f"alpha must be between 0 and 0.5, got {policy.alpha}")
    if policy.scope not in ("each", "overall"):
        raise UsageError(f"scope must be each or overall, got {policy.scope!r}")
    if type(policy.k) is not int or policy.k < 1:
        raise UsageError(f"k must be a positive whole number, got {policy.k!r}")
    if not isinstance(policy.errata, bool):
        raise UsageError(f"errata must be true or false, got {policy.errata!r}")
    return policy


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _only(path: Path, where: str, table: Mapping[str, Any], known: tuple[str, ...]) -> None:
    unknown = [name for name in table if name not in known]
    if unknown:
        raise UsageError(
            f"{path} has no setting {where}{unknown[0]}; available: {', '.join(known)}"
        )
