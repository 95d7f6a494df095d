"""Variants of one kind, found by looking: backends, jails, sample-file formats, trackers.

Ours are the modules of one package that define a constant of an agreed name. Those of other
distributions are entry points of the group `opencodeeval.<what>s`. Listing the names imports
none of them; a variant is imported when it is loaded.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from opencodeeval.core.errors import ExtensionError, UsageError
from opencodeeval.core.suggest import unknown

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")


@dataclass(frozen=True)
class Extension:
    """Where a variant is: `place` for people, `module` and `constant` for the import."""

    name: str
    place: str
    module: str
    constant: str
    ours: bool


@dataclass(frozen=True)
class Seam(Generic[T]):
    """A kind of thing that has variants.

    `what` names the kind ("backend"), `package` is where ours are, and each variant's
    module defines `constant`, of the class `kind`.
    """

    what: str
    package: str
    constant: str
    kind: type[T]

    def names(self) -> list[str]:
        """The names of all variants: ours, then those of other distributions."""
        return list(self.found())

    def found(self) -> dict[str, Extension]:
        """Name -> variant, none of them imported.

        Raises:
            ExtensionError: two have one name.
        """
        found = {each.name: each for each in self._ours()}
        for point in installed(f"opencodeeval.{self.what}s"):
            each = Extension(
                point.name,
                f"{point.value} of {distribution(point)}",
                point.value.partition(":")[0],
                point.value.partition(":")[2] or self.constant,
                ours=False,
            )
            if each.name in found:
                raise twins(f"{self.what}s", each.name, found[each.name].place, each.place)
            found[each.name] = each
        return found

    def find(self, name: str) -> Extension:
        """The variant of a name, not imported.

        Raises:
            UsageError: there is none.
            ExtensionError: as `found`.
        """
        found = self.found()
        if name in found:
            return found[name]
        raise UsageError(unknown(f"there is no {self.what}", name, found))

    def load(self, name: str) -> T:
        """The variant of a name.

        Raises:
            UsageError: there is none.
            ExtensionError: as `found`; or somebody else's does not import, or is none.
        """
        return self._load(self.find(name))

    def load_all(self) -> dict[str, T]:
        """Name -> variant.

        Raises:
            ExtensionError: as `load`.
        """
        return {name: self._load(each) for name, each in self.found().items()}

    def _ours(self) -> Iterator[Extension]:
        spec = importlib.util.find_spec(self.package)
        defines = re.compile(rf"^{self.constant}\b", re.MULTILINE)
        for folder in (spec.submodule_search_locations if spec else None) or ():
            for path in sorted(Path(folder).glob("*.py")):
                if path.stem != "__init__" and defines.search(path.read_text("utf-8")):
                    name, module = path.stem.replace("_", "-"), f"{self.package}.{path.stem}"
                    yield Extension(name, str(path), module, self.constant, ours=True)

    def _load(self, extension: Extension) -> T:
        try:
            value = getattr(importlib.import_module(extension.module), extension.constant, None)
        except Exception as error:  # whatever somebody's module raises
            if extension.ours:
                raise
            first = (str(error).splitlines() or [""])[0]
            raise ExtensionError(
                f"the {self.what} {extension.name} ({extension.place}) cannot be imported "
                f"({type(error).__name__}: {first}): fix or uninstall it"
            ) from error
        if not isinstance(value, self.kind):
            raise ExtensionError(
                f"{extension.place} defines no {extension.constant} that is a "
                f"{self.kind.__name__}: fix or uninstall it"
            )
        return value


def installed(group: str) -> list[EntryPoint]:
    """The entry points of a group, of all distributions that are installed."""
    from importlib.metadata import entry_points

    return list(entry_points(group=group))


def distribution(point: EntryPoint) -> str:
    """The name of the distribution that an entry point belongs to."""
    return point.dist.name if point.dist else f"the entry point {point.name}"


def twins(plural: str, name: str, one: str, other: str) -> ExtensionError:
    """The refusal of two extensions that have one name."""
    return ExtensionError(
        f"two {plural} are named {name}: {one} and {other}; uninstall or rename one"
    )
