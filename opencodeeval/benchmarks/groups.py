"""Groups: names that stand for several benchmarks, in `benchmarks/groups.toml` or a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from opencodeeval.core.errors import DataError, UsageError
from opencodeeval.core.paths import benchmarks_dir
from opencodeeval.core.suggest import spelled, unknown
from opencodeeval.core.text import validation_words
from opencodeeval.core.toml import read_toml

MARK = "@"
GROUPS = "groups.toml"


@dataclass(frozen=True)
class Group:
    """Benchmarks under one name; each may have a data version, as in `--bench`."""

    description: str
    benchmarks: tuple[str, ...]


@cache
def groups() -> dict[str, Group]:
    """Name -> group, of those that are shipped.

    Raises:
        DataError: the file is not as it has to be.
    """
    return _read(benchmarks_dir() / GROUPS)


def without_groups(specs: Sequence[str]) -> list[str]:
    """The specs, with the benchmarks of a group in place of `@NAME` or `@FILE.toml:NAME`.

    Raises:
        UsageError: there is no such group or file.
        DataError: the file is not as it has to be.
    """
    found: list[str] = []
    for spec in specs:
        found += _group_of(spec).benchmarks if spec.startswith(MARK) else [spec]
    return found


def _group_of(spec: str) -> Group:
    file, of_file, name = spec.removeprefix(MARK).rpartition(":")
    known = _read(Path(file).expanduser()) if of_file else groups()
    found = spelled(name, known)
    if found is None:
        where = f" in {file}" if of_file else ""
        raise UsageError(unknown(f"there is no group of benchmarks{where}", name, known))
    return known[found]


def _read(path: Path) -> dict[str, Group]:
    try:
        table = read_toml(path)
        return msgspec.convert(table, dict[str, Group])
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): name a TOML file") from error
    except msgspec.ValidationError as error:
        raise DataError(f"{path}: {validation_words(error)}") from error
    except ValueError as error:
        raise DataError(f"{path} is not TOML: {error}") from error
