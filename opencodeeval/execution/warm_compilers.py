"""The warm forms of this machine's compilers for the local jail, made once and kept.

They are in a folder of the user's cache, which may be deleted at any time. Its name has the
digest of what declares them; forms.json in it has the state of every file that they were made
of, so that another version of a compiler has them made again.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from opencodeeval.core.folders import cache_folder
from opencodeeval.core.paths import sandbox_dir
from opencodeeval.core.types import digest
from opencodeeval.execution import guest
from opencodeeval.execution.environments import Environment

Log = Callable[[str], None]

MANIFEST = "forms.json"
MAKE_S = 900.0
KEPT_S = 7 * 86400.0  # a folder of another version that was not used for so long is removed


def made(environment: Environment, log: Log) -> Path | None:
    """The folder with the warm forms of an environment's compilers, made where it is not there.

    None where there are none: plain compilers do the same, and `log` says why.
    """
    if not environment.has_warm_compilers:
        return None
    folder = cache_folder("compilers") / f"{environment.name}-{_digest(environment)[:16]}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(folder.with_suffix(".lock")):
            if not is_current(folder):
                _make(environment, folder, log)
        os.utime(folder / MANIFEST)
        _remove_old(folder)
    except (OSError, subprocess.SubprocessError) as error:
        log(f"compilers are not warm ({error}): a program takes longer to compile")
        return None
    return folder


def is_current(folder: Path) -> bool:
    """Whether a folder has the forms of the compilers that this machine has now."""
    try:
        found = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    ours = guest.module("warm_compilers")
    same = all(ours.state_of(name) == state for name, state in found["inputs"].items())
    return same and not any(shutil.which(name, path=ours.PATH) for name in found["missing"])


def _digest(environment: Environment) -> str:
    """A digest of all that says what is made."""
    ours = sorted((sandbox_dir() / "guest").glob("*warm_compilers.py"))
    return digest([[path.name, path.read_text("utf-8")] for path in (*environment.recipe, *ours)])


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time makes the forms; the others wait for them."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(environment: Environment, folder: Path, log: Log) -> None:
    """Make the forms beside the folder, and put them in its place.

    Raises:
        OSError, SubprocessError: they could not be made.
    """
    log("preparing this machine's compilers for the local jail: once, up to a minute")
    began = time.monotonic()
    fresh = Path(tempfile.mkdtemp(prefix="new-", dir=folder.parent))
    try:
        done = subprocess.run(
            [sys.executable, "-B", "-m", "guest.make_warm_compilers", environment.folder, fresh],
            cwd=sandbox_dir(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=MAKE_S,
            check=False,
        )
        said = done.stdout.strip().splitlines()
        if done.returncode:
            raise OSError(said[-1] if said else f"exit status {done.returncode}")
        for line in said:
            log(line)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(fresh, folder)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    log(f"compilers are warm after {time.monotonic() - began:.0f} s")


def _remove_old(current: Path) -> None:
    """Remove what other versions have left; a jail that still has one uses plain compilers then."""
    for manifest in current.parent.glob(f"{current.name.rpartition('-')[0]}-*/{MANIFEST}"):
        with contextlib.suppress(OSError):
            if time.time() - manifest.stat().st_mtime > KEPT_S:
                shutil.rmtree(manifest.parent, ignore_errors=True)
