"""Environments: the packages that some benchmarks need besides Python and NumPy.

An environment is a folder below sandbox/ with `environment.toml` (the Python
it needs, the modules imported in advance, the players' environment variables)
and `requirements.txt` (the publisher's pins). The plain environment has no
folder and no name.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from opencodeeval.core.errors import UsageError
from opencodeeval.core.paths import sandbox_dir

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Environment:
    """One environment as its `folder` describes it; `python` is a version such as "3.10".

    In players the modules `warm` are already imported and the variables `environ` are set.
    """

    name: str = ""
    python: str = ""
    warm: tuple[str, ...] = ()
    environ: tuple[tuple[str, str], ...] = ()
    folder: Path = Path()

    @property
    def recipe(self) -> list[Path]:
        """The files that define its content."""
        return sorted(path for path in self.folder.iterdir() if path.is_file()) if self.name else []

    def config(self) -> dict[str, object]:
        """The settings for the guest's zygote."""
        return {"warm": list(self.warm), "environ": dict(self.environ)} if self.name else {}

    def pins(self) -> dict[str, str]:
        """Its packages, by their normalised names, with their versions."""
        lines = (self.folder / "requirements.txt").read_text("utf-8").splitlines()
        pairs = [line.partition("#")[0].strip().partition("==") for line in lines]
        return {normalised(name): version for name, _, version in pairs if name}


PLAIN = Environment()


def names() -> list[str]:
    """The names of all environments except the plain one."""
    return sorted(path.parent.name for path in sandbox_dir().glob("*/environment.toml"))


@cache
def read_environment(name: str) -> Environment:
    """An environment by name; "" is the plain one.

    Raises:
        UsageError: there is none with that name.
    """
    if not name:
        return PLAIN
    if name not in names():
        raise UsageError(f"there is no environment {name!r}; available: {', '.join(names())}")
    return environment_of(sandbox_dir() / name)


def environment_of(folder: Path) -> Environment:
    """The environment that a folder with `environment.toml` describes; it has the folder's name."""
    table = tomllib.loads((folder / "environment.toml").read_text("utf-8"))
    environ = tuple(table["environ"].items())
    return Environment(folder.name, table["python"], tuple(table["warm"]), environ, folder)


def normalised(name: str) -> str:
    """A package's name in the normalised form that package indexes use."""
    return name.strip().lower().replace("_", "-").replace(".", "-")
