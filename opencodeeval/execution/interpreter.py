"""A Python on this machine, and its files that the local jail shows."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from opencodeeval.execution import scripts
from opencodeeval.execution.environments import COMPILERS, Environment

# Paths where a jail has its own file systems.
_OF_THE_JAIL = ("/tmp", "/dev", "/proc")


@dataclass(frozen=True)
class Interpreter:
    """`shown` are host paths under the same name; `covered` are package folders below
    them that the jail hides; `binds` are pairs of a host path and its path in the
    jail, `links` pairs of a path and its target, `files` pairs of a path in the jail and
    what is read there instead of a script.
    Everything is read-only.
    """

    executable: str
    shown: tuple[str, ...]
    covered: tuple[str, ...]
    binds: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, bytes], ...] = ()


def own(site: str) -> Interpreter:
    """The running interpreter with NumPy as its only package, shown in `site`."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    executable = base_interpreter()
    prefixes = (sys.base_prefix, sys.base_exec_prefix, str(Path(executable).parent))
    covered = _packages_below(sys.base_prefix, version)
    return Interpreter(executable, _shown(prefixes), covered, _numpy(site))


def with_paths(
    python: Interpreter, environment: Environment, compilers: Path | None
) -> Interpreter:
    """The same, in a jail that shows and hides the host's paths that an environment names.

    `compilers` is the folder with the warm forms of its compilers, if there are any.
    """
    shown = filter(os.path.exists, environment.shown)
    hidden = [("/dev/null", path) for path in environment.hidden if os.path.exists(path)]
    made = [(str(compilers), COMPILERS)] if compilers else []
    return replace(python, shown=(*python.shown, *shown), binds=(*python.binds, *hidden, *made))


def of_environment(folder: Path, base_prefix: str, place: str) -> Interpreter:
    """The interpreter of a virtual environment with all its packages, shown in `place`.

    Its original path is a link if possible, because the environment's scripts have it
    in their first lines; it is not possible below a scratch folder of the jail. Scripts
    whose first line leads nowhere are shown with another.
    """
    real = os.path.realpath(folder / "bin" / "python")
    library = next((folder / "lib").glob("python3*")).name
    prefixes = (base_prefix, str(Path(real).parent))
    covered = _packages_below(base_prefix, library)
    shown, pair = _shown(prefixes), (str(folder), place)
    taken = (*shown, str(Path(place).parent))
    links = (pair,) if is_free(pair[0], taken) and not place.startswith(f"{folder}/") else ()
    executable, own_bin = f"{place}/bin/python", str(folder / "bin")

    def is_found(python: str) -> bool:
        home = os.path.dirname(python)
        if os.path.realpath(home) == os.path.realpath(own_bin):
            return bool(links) and home == own_bin
        return any(f"{home}/".startswith(f"{path}/") for path in shown)

    changed = scripts.with_python(folder / "bin", executable, is_found)
    files = tuple((f"{place}/bin/{name}", content) for name, content in changed.items())
    return Interpreter(executable, shown, covered, (pair,), links, files)


def is_free(name: str, shown: tuple[str, ...]) -> bool:
    """Whether a jail that shows these paths may have its own file at this path."""
    return not any(f"{name}/".startswith(f"{path}/") for path in (*shown, *_OF_THE_JAIL))


def out_of_sight(python: Interpreter) -> str | None:
    """Why a jail cannot show this Python, and what to do; None if it can."""
    for path in python.shown:
        if not is_free(path, ()):
            return (
                f"Python lies in {path}, and programs have files of their own there: use one that "
                "lies elsewhere, or --sandbox docker"
            )
    return None


def base_interpreter() -> str:
    """The real path of the interpreter behind any virtual environment."""
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    candidate = Path(sys.base_exec_prefix) / "bin" / name
    return os.path.realpath(candidate if candidate.exists() else sys.executable)


def _shown(prefixes: tuple[str, ...]) -> tuple[str, ...]:
    paths = ["/usr"]
    for path in prefixes:
        real = os.path.realpath(path)
        if not any(real == p or real.startswith(p + "/") for p in paths):
            paths.append(real)
    # How libraries are found; which of several programs a name like awk stands for (links only).
    paths += filter(os.path.exists, ("/etc/ld.so.cache", "/etc/alternatives"))
    return tuple(paths)


def _packages_below(prefix: str, version: str) -> tuple[str, ...]:
    folders = [
        f"{os.path.realpath(prefix)}/lib/{version}/site-packages",
        f"/usr/local/lib/{version}/dist-packages",
        "/usr/lib/python3/dist-packages",
    ]
    return tuple(folder for folder in dict.fromkeys(folders) if os.path.isdir(folder))


def _numpy(site: str) -> tuple[tuple[str, str], ...]:
    """NumPy's folders and their paths in the jail; nothing else from site-packages."""
    import numpy

    package = Path(numpy.__file__).parent
    found = [(str(package), f"{site}/numpy")]
    libs = package.parent / "numpy.libs"
    if libs.is_dir():
        found.append((str(libs), f"{site}/numpy.libs"))
    return tuple(found)
