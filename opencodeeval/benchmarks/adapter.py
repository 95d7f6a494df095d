"""What a benchmark's own code is: `adapter.py` in its folder defines one ADAPTER.

A folder has a card (cards.py says what is in it), prompt templates (`*.jinja`), perhaps
`quirks.toml` and `errata.toml`, and `adapter.py`. A card that is `like` another's
takes that one's adapter where it has none of its own.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType

from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.benchmarks.cards import Card, ProtocolCard
from opencodeeval.benchmarks.data.rows import Row
from opencodeeval.benchmarks.finished import FinishedSample
from opencodeeval.benchmarks.windows import About
from opencodeeval.core.errors import DataError
from opencodeeval.core.paths import benchmarks_dir
from opencodeeval.core.types import Task, digest

# The package that the shipped folders are imported below.
SHIPPED = "opencodeeval_benchmarks"


def _all(rows: Sequence[Row], protocol: ProtocolCard) -> Sequence[Row]:
    return rows


@dataclass(frozen=True)
class Adapter:
    """The code of one benchmark.

    `to_task` makes a task of a row, or raises DataError with a sentence that begins
    with "its"; `benchmark` is the class of the benchmark of such tasks. `select` gives
    the rows that are tasks, where not all of them are; `about` has the release date of
    a task ("contest_date"), where tasks have one. `repairs` makes tasks of a finished
    run's samples instead of rows. `rules` has the code of protocols whose card names
    it in its option `rules`, where a protocol needs code of its own.
    """

    to_task: Callable[[Row, ProtocolCard], Task]
    benchmark: type[CardBenchmark]
    select: Callable[[Sequence[Row], ProtocolCard], Sequence[Row]] = _all
    about: About | None = None
    repairs: Callable[[Sequence[FinishedSample], str], list[Task]] | None = None
    rules: Mapping[str, Adapter] = field(default_factory=dict)

    def under(self, protocol: ProtocolCard) -> Adapter:
        """The code for one protocol."""
        return self.rules.get(str(protocol.options.get("rules", "")), self)


def adapter_of(card: Card) -> Adapter:
    """The code of a benchmark's folder.

    Raises:
        DataError: the folder has none, it does not import, or it defines no ADAPTER.
    """
    folder = card.folder if (card.folder / "adapter.py").is_file() else card.templates
    path = folder / "adapter.py"
    if not path.is_file():
        raise DataError(f"{card.folder} has no adapter.py: see docs/tutorial.md for what is in it")
    try:
        adapter = getattr(_module(folder), "ADAPTER", None)
    except (Exception, SystemExit) as error:  # whatever somebody's module raises
        raise DataError(
            f"{path} cannot be imported ({type(error).__name__}: {error}): fix it"
        ) from error
    if not isinstance(adapter, Adapter):
        raise DataError(f"{path} defines no ADAPTER: it ends with `ADAPTER = Adapter(...)`")
    return adapter


@cache
def _module(folder: Path) -> ModuleType:
    if folder.parent == benchmarks_dir():
        package = f"{_package(SHIPPED, benchmarks_dir())}.{folder.name}"
    else:
        package = _package(f"opencodeeval_benchmark_{digest(str(folder))[:12]}", folder)
    return importlib.import_module(f"{package}.adapter")


def _package(name: str, folder: Path) -> str:
    """A package that has a folder's modules, so that they find each other by relative imports."""
    if name not in sys.modules:
        made = ModuleType(name)
        made.__path__ = [str(folder)]
        sys.modules[name] = made
    return name


# Importable from the start: `import opencodeeval_benchmarks.leetcode.adapter`.
_package(SHIPPED, benchmarks_dir())
