"""Environments: the packages that some benchmarks need besides Python and NumPy.

An environment is a folder below sandbox/ with `environment.toml`: the Python
it needs, the modules imported in advance, the players' environment variables;
and `requirements.txt`, the publisher's pins. One of other languages has
`toolchains` instead, and runs in any Python; `packages.txt` and perhaps
`npm.txt` and `prepare.sh` are what its image is made of, and sandbox/toolchains
makes it. The plain environment has no folder and no name.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import msgspec

from opencodeeval.core.errors import UsageError
from opencodeeval.core.paths import sandbox_dir
from opencodeeval.core.suggest import unknown
from opencodeeval.core.toml import read_toml

# The declaration of an environment's warm compilers, and their folder in every jail.
FORMS = "warm_compilers.toml"
COMPILERS = "/opt/opencodeeval/compilers"
# Any value of this environment variable turns them off.
PLAIN_COMPILERS = "OPENCODEEVAL_PLAIN_COMPILERS"


@dataclass(frozen=True)
class Toolchain:
    """The compilers and interpreters of one language.

    `commands` and `files` have to be there; `ask` is the command whose first line of
    output is the version, which should be `below` the one named there, if one is.
    `packages` are those of Debian that have them.
    """

    commands: tuple[str, ...]
    ask: tuple[str, ...]
    packages: str
    files: tuple[str, ...] = ()
    below: str = ""

    @property
    def needed(self) -> list[str]:
        """The commands and the files."""
        return [*self.commands, *self.files]


@dataclass(frozen=True)
class Environment:
    """One environment as its `folder` describes it; `python` is a version such as "3.10".

    In players the modules `warm` are already imported and the variables `environ` are set.
    Of `toolchains`, by language, every jail has its own, and Python may be any; with
    `runs_files` players may run files that they have written. The local jail shows the
    host's paths `shown` too, and hides `hidden`. With `plain_compilers` compilers are not
    used in their warm forms.
    """

    name: str = ""
    python: str = ""
    warm: tuple[str, ...] = ()
    environ: tuple[tuple[str, str], ...] = ()
    folder: Path = Path()
    toolchains: Mapping[str, Toolchain] = field(default_factory=dict, hash=False)
    runs_files: bool = False
    shown: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    plain_compilers: bool = False

    @property
    def has_warm_compilers(self) -> bool:
        """Whether warm forms of compilers are declared for it, and are to be used."""
        return bool(self.name) and not self.plain_compilers and (self.folder / FORMS).is_file()

    @property
    def dockerfile(self) -> Path:
        """What its image is made by, from the folder of all environments on."""
        return Path("toolchains" if self.toolchains else self.name) / "Dockerfile"

    @property
    def recipe(self) -> list[Path]:
        """The files that define its content."""
        if not self.name:
            return []
        every, shared = self.folder.parent, list[Path]()
        if self.toolchains:
            shared = [*(every / "toolchains").iterdir(), every / "requirements.txt"]
        return sorted(path for path in (*self.folder.iterdir(), *shared) if path.is_file())

    def config(self) -> dict[str, object]:
        """The settings for the guest's zygote."""
        if not self.name:
            return {}
        found: dict[str, object] = {"warm": list(self.warm), "environ": dict(self.environ)}
        if self.toolchains:
            found["toolchains"] = {name: each.needed for name, each in self.toolchains.items()}
        if self.has_warm_compilers:
            found["warm_compilers"] = COMPILERS
        return found

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
        raise UsageError(unknown("there is no environment", name, names()))
    return environment_of(sandbox_dir() / name)


def as_asked(environment: Environment) -> Environment:
    """The environment, with plain compilers where OPENCODEEVAL_PLAIN_COMPILERS asks for them."""
    return (
        replace(environment, plain_compilers=True)
        if os.environ.get(PLAIN_COMPILERS)
        else environment
    )


def environment_of(folder: Path) -> Environment:
    """The environment that a folder with `environment.toml` describes; it has the folder's name."""
    table = read_toml(folder / "environment.toml")
    environ = tuple(table.pop("environ").items())
    described = {**table, "name": folder.name, "environ": environ}
    return replace(msgspec.convert(described, Environment), folder=folder)


def normalised(name: str) -> str:
    """A package's name in the normalised form that package indexes use."""
    return name.strip().lower().replace("_", "-").replace(".", "-")
