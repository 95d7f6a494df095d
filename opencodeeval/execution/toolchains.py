"""Compilers and interpreters of other languages: what a sandbox has, and what it lacks."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from opencodeeval.core.errors import SandboxError
from opencodeeval.core.types import Task
from opencodeeval.execution.base import Sandbox
from opencodeeval.execution.environments import Environment, read_environment

ASK_S = 300.0
# As in the jails: what is elsewhere on this machine is not shown there.
PATH = "/usr/local/bin:/usr/bin:/bin"


class Tasks(Protocol):
    """A benchmark, as far as its tasks need a sandbox."""

    @property
    def environment(self) -> str:
        """The name of what its programs need beside Python and NumPy."""
        ...

    @property
    def tasks(self) -> Sequence[Task]:
        """The tasks."""
        ...


def script(environment: Environment) -> str:
    """A shell script that prints a line for each language: its name and its version."""
    return "\n".join(
        f'echo "{language} $({shlex.join(each.ask)} 2>/dev/null | head -n 1)"'
        for language, each in environment.toolchains.items()
    )


def read_versions(said: str, lacking: Iterable[str]) -> dict[str, str]:
    """The versions that the script has printed, without the languages that are not whole."""
    lines = [line.partition(" ") for line in said.splitlines()]
    return {name: version for name, _, version in lines if version and name not in lacking}


def on_this_machine(environment: Environment) -> str:
    """What the script prints on this machine.

    Raises:
        SandboxError: one of the toolchains does not answer.
    """
    command = ["sh", "-c", script(environment)]
    try:
        return subprocess.run(
            command,
            env={**os.environ, "PATH": PATH},
            capture_output=True,
            text=True,
            timeout=ASK_S,
            check=False,
        ).stdout
    except subprocess.TimeoutExpired:
        raise SandboxError(
            f"the toolchains of this machine did not tell their versions within {ASK_S:.0f} s: "
            "try again when it has less to do"
        ) from None


def here(environment: Environment) -> dict[str, str]:
    """The versions of the toolchains that this machine has, by language."""
    lacking = [
        language
        for language, each in environment.toolchains.items()
        if not all(shutil.which(name, path=PATH) or Path(name).is_file() for name in each.needed)
    ]
    return read_versions(on_this_machine(environment), lacking)


def described(environment: Environment, said: str, hello: Mapping[str, Any]) -> dict[str, Any]:
    """What a sandbox's description says of its toolchains; nothing where it has none.

    `hello` is what the jail's guest says of itself.
    """
    if not environment.toolchains:
        return {}
    versions = read_versions(said, set(hello["lacking"]))
    return {
        "environment": environment.name,
        "toolchains": versions,
        "not_as_pinned": differences(environment, versions),
        "warm_compilers": list(hello["warm_compilers"]),
    }


def differences(environment: Environment, versions: Mapping[str, str]) -> list[str]:
    """The toolchains of a version under which some verdicts are other than the published ones."""
    return [
        f"{language} {versions[language]} instead of one below {each.below}"
        for language, each in environment.toolchains.items()
        if each.below
        and language in versions
        and _number(versions[language]) >= _number(each.below)
    ]


def _number(version: str) -> tuple[int, ...]:
    found = re.search(r"\d+(\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()


def check_languages(sandbox: Sandbox, benchmark: Tasks) -> None:
    """See that a sandbox has the languages of a benchmark's tasks.

    A sandbox of another package that does not describe its toolchains is taken to have all.

    Raises:
        SandboxError: it lacks one; the message says what to do.
    """
    name, described = benchmark.environment, sandbox.describe()
    tests = [task.tests for task in benchmark.tasks if "language" in task.tests]
    for language in dict.fromkeys(str(each["language"]) for each in tests):
        if language in described.get("toolchains", [language]):
            continue
        toolchain = read_environment(name).toolchains.get(language)
        packages = toolchain.packages if toolchain else language
        remedy = f"install {packages}"
        if described.get("jail") != "local":
            remedy += f" and use --sandbox local, or build the {name} image again with it"
        raise SandboxError(f"the sandbox has no toolchain for {language}: {remedy}")
