"""Prepared environments on this machine: finding, reading and making them.

An environment for the local jail is any virtual environment; `opencodeeval sandbox
build NAME --local DIR` makes one or takes an existing one, and remembers its path.
OPENCODEEVAL_<NAME>_ENV names another.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from opencodeeval.core.errors import SandboxError
from opencodeeval.core.folders import data_folder
from opencodeeval.core.types import digest
from opencodeeval.execution.environments import Environment, normalised

Log = Callable[[str], None]

_FACTS = """
import importlib.metadata as m, json, sys
print(json.dumps({
    "python": sys.version.split()[0],
    "base_prefix": sys.base_prefix,
    "packages": {d.metadata["Name"]: d.version for d in m.distributions() if d.metadata["Name"]},
}))
"""


@dataclass(frozen=True)
class Prepared:
    """A virtual environment: its folder, its Python's version and home, its packages."""

    folder: Path
    python: str
    base_prefix: str
    packages: Mapping[str, str]

    @property
    def digest(self) -> str:
        """A digest that differs if programs could behave differently in two environments."""
        return digest({"python": self.python, "packages": dict(self.packages)})


def find(environment: Environment) -> Prepared:
    """The environment to use on this machine.

    Raises:
        SandboxError: there is none, or it has another Python; the message says what to do.
    """
    variable = _variable(environment)
    named = os.environ.get(variable)
    folder = Path(named) if named else _remembered(environment)
    if not (folder / "bin" / "python").exists():
        where = f"{variable} names {named}, which has no bin/python" if named else "there is none"
        raise SandboxError(
            f"the local jail needs a prepared {environment.name} environment, and {where}: run "
            f"`opencodeeval sandbox build {environment.name} --local DIR` (Python "
            f"{environment.python}; DIR may be a virtual environment that you have already)"
        )
    return examine(environment, folder)


def examine(environment: Environment, folder: Path) -> Prepared:
    """The content of a virtual environment.

    Raises:
        SandboxError: its Python cannot be run, or has another version.
    """
    command = [str(folder / "bin" / "python"), "-I", "-c", _FACTS]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    except OSError as error:
        done, why = None, str(error.strerror)
    if done is None or done.returncode:
        raise SandboxError(f"{command[0]} does not run ({why}): prepare {folder} again")
    facts = json.loads(done.stdout)
    if not facts["python"].startswith(environment.python + "."):
        raise SandboxError(
            f"{folder} has Python {facts['python']}, but {environment.name} needs "
            f"{environment.python}: prepare a folder of that version"
        )
    packages = {normalised(name): version for name, version in facts["packages"].items()}
    return Prepared(
        folder.resolve(), facts["python"], facts["base_prefix"], dict(sorted(packages.items()))
    )


def differences(environment: Environment, prepared: Prepared) -> list[str]:
    """The publisher's pins that the environment does not meet, one phrase each."""
    return [
        f"{name} {prepared.packages[name]} instead of {version}"
        if name in prepared.packages
        else f"no {name} {version}".rstrip()
        for name, version in environment.pins().items()
        if name not in prepared.packages
        or (version and _shortest(version) != _shortest(prepared.packages[name]))
    ]


def prepare(environment: Environment, folder: Path, python: str | None, log: Log) -> Prepared:
    """Make a virtual environment in `folder`, or take the existing one; remember its path.

    Packages are installed if pins are not met. `python` is the interpreter for it.

    Raises:
        SandboxError: no such Python, or the packages cannot be installed.
    """
    if not (folder / "bin" / "python").exists():
        maker = python or shutil.which(f"python{environment.python}")
        if maker is None:
            raise SandboxError(
                f"there is no python{environment.python} on the PATH: install it, or name one "
                "with --python PATH"
            )
        log(f"making a virtual environment in {folder} with {maker}")
        _do([maker, "-m", "venv", str(folder)], f"{folder} could not be made")
    prepared = examine(environment, folder)
    if differences(environment, prepared):
        log(f"installing {environment.name}'s packages into {folder}: this takes a while")
        pins = environment.folder / "requirements.txt"
        # The publisher's pins contradict each other; with --ignore-installed pip accepts them.
        command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        _do(
            [*command, "--ignore-installed", "-r", str(pins)], "the packages could not be installed"
        )
        prepared = examine(environment, folder)
    for difference in differences(environment, prepared):
        log(f"not as pinned: {difference}")
    _remember(environment, prepared.folder)
    return prepared


def _shortest(version: str) -> str:
    return re.sub(r"(\.0)+$", "", version)


def _do(command: list[str], trouble: str) -> None:
    try:
        done = subprocess.run(command, stdout=sys.stderr, check=False)
    except OSError as error:
        raise SandboxError(f"{command[0]} cannot be run ({error.strerror})") from None
    if done.returncode:
        raise SandboxError(f"{trouble}: see above what {' '.join(command[:4])} said")


def _variable(environment: Environment) -> str:
    return f"OPENCODEEVAL_{re.sub(r'[^A-Z0-9]', '_', environment.name.upper())}_ENV"


def _remembered(environment: Environment) -> Path:
    return data_folder("environments") / environment.name


def _remember(environment: Environment, folder: Path) -> None:
    link = _remembered(environment)
    link.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        link.unlink()
    link.symlink_to(folder, target_is_directory=True)
