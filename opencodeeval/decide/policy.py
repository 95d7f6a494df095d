"""Reading a gate's policy: gate.toml, and the command line's overrides."""

from __future__ import annotations

import re
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from opencodeeval.core.errors import StoreError, UsageError
from opencodeeval.core.text import validation_words
from opencodeeval.core.toml import read_toml
from opencodeeval.decide.gate import Policy


class _OfBenchmark(msgspec.Struct, forbid_unknown_fields=True):
    """A table such as [benchmarks.humaneval]."""

    margin: float | msgspec.UnsetType = msgspec.UNSET
    quarantine: tuple[str, ...] = ()


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    """A whole gate.toml; missing settings have the defaults of Policy."""

    margin: float | msgspec.UnsetType = msgspec.UNSET
    alpha: float | msgspec.UnsetType = msgspec.UNSET
    scope: str | msgspec.UnsetType = msgspec.UNSET
    k: int | msgspec.UnsetType = msgspec.UNSET
    metric: str | msgspec.UnsetType = msgspec.UNSET
    errata: bool | msgspec.UnsetType = msgspec.UNSET
    benchmarks: dict[str, Any] = {}


def read_policy(path: Path) -> Policy:
    """The policy of a gate.toml.

    Raises:
        UsageError: it does not exist, is not TOML, or has an invalid setting.
        StoreError: it cannot be read.
    """
    try:
        table = msgspec.convert(read_toml(path), _Table)
        of = {name: _of_benchmark(name, each) for name, each in table.benchmarks.items()}
    except FileNotFoundError as error:
        raise UsageError(f"there is no policy {path}: name a gate.toml") from error
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror})") from error
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {_words(error)} (docs/gates.md has all settings)") from error
    except ValueError as error:
        raise UsageError(f"{path} is not TOML ({error}): see docs/gates.md") from error
    said = msgspec.to_builtins(table)  # leaves out what is unset
    said.pop("benchmarks")
    policy = Policy(
        **said,
        margins={name: each.margin for name, each in of.items() if isinstance(each.margin, float)},
        quarantine={name: each.quarantine for name, each in of.items() if each.quarantine},
    )
    try:
        return checked(policy)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def _words(error: msgspec.ValidationError) -> str:
    """What is wrong with a setting, and how to write it."""
    words = validation_words(error)
    if unknown := re.search(r"there is no field (.+)", words):
        known = [each.name for each in msgspec.structs.fields(_Table)]
        known = list(_OfBenchmark.__struct_fields__) if words.startswith("[") else known
        near = get_close_matches(unknown[1], known, 1)
        meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        return f"{words.replace('there is no field', 'there is no setting or section')}, {meant}"
    if re.search(r"must be (a (whole )?number|true or false), not text", words):
        return f"{words}: write it without quotes"
    return words


def _of_benchmark(name: str, table: Any) -> _OfBenchmark:
    try:
        return msgspec.convert(table, _OfBenchmark)
    except msgspec.ValidationError as error:
        # msgspec does not name the table that a value is in.
        raise msgspec.ValidationError(f"[benchmarks.{name}] {validation_words(error)}") from error


def overridden(policy: Policy, **options: Any) -> Policy:
    """The policy with the command line's options (None: option not given).

    A margin of the command line is for all benchmarks, and a metric of the command line
    replaces the file's k.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if "margin" in given:
        given["margins"] = {}
    if "metric" in given:
        given["k"] = 1
    return checked(replace(policy, **given))


def checked(policy: Policy) -> Policy:
    """The policy, unchanged.

    Raises:
        UsageError: a value is out of range.
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
    if not isinstance(policy.metric, str):
        raise UsageError(f"metric must be a name like pass^4, got {policy.metric!r}")
    if policy.metric and policy.k != 1:
        raise UsageError(
            f"k = {policy.k} and metric = {policy.metric!r} are two metrics: leave one of them out"
        )
    _ = policy.compared
    if not isinstance(policy.errata, bool):
        raise UsageError(f"errata must be true or false, got {policy.errata!r}")
    return policy


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
