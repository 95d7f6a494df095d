"""Jails by name, and those of other distributions.

What every jail has to hold is in tests/sandbox: its programs run in each jail that conftest names.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import opencodeeval as oce
from opencodeeval.cli.main import main
from opencodeeval.core.errors import UsageError
from opencodeeval.execution import open_sandbox
from opencodeeval.execution.jails.base import JAILS, Jail
from tests.sandbox.conftest import JAILS as TESTED
from tests.support.distributions import install

# A jail of the local kind under a name of its own.
THEIRS = """
from opencodeeval.execution.jails.base import Jail, lacks, started
from opencodeeval.execution.jails.local import LocalSlot
from opencodeeval.execution.pool import SlotPool

def open(wanted):
    first = started(LocalSlot)
    about = {"weaker": ["only a test"], "lacks": lacks(first)}
    return SlotPool("cell", wanted.slots, LocalSlot, first, about, wanted.log)

JAIL = Jail(open)
"""


@pytest.fixture
def cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = {"opencodeeval.jails": {"cell": "theirs.cell"}}
    package = install(tmp_path / "site", "theirs", points, monkeypatch)
    (package / "cell.py").write_text(THEIRS)


def test_ours_are_found_by_looking_and_all_run_the_hostile_programs() -> None:
    assert JAILS.names() == ["docker", "local"]
    assert set(JAILS.names()) <= set(TESTED)
    assert all(isinstance(jail, Jail) for jail in JAILS.load_all().values())


def test_a_jail_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match=r"no jail 'lokal'; did you mean local\? Available: dock"):
        open_sandbox("lokal")
    assert main(["--backend", "reference", "--bench", "starter", "--sandbox", "moon"]) == 2
    assert "there is no jail 'moon'; available: docker, local" in capsys.readouterr().err


@pytest.mark.usefixtures("cell")
def test_a_distribution_s_jail_is_chosen_by_its_name(tmp_path: Path) -> None:
    result = oce.evaluate(
        "reference",
        "starter",
        backend="reference",
        selection=oce.Selection(limit=2),
        sandbox=oce.SandboxOptions("cell", slots=1),
        output=oce.Output(tmp_path / "results", "none"),
    )
    (record,) = result.records
    assert record.sandbox["jail"] == "cell"
    assert {each.c["base"] for each in record.tasks.values() if each.n} == {1}


@pytest.mark.usefixtures("cell")
@pytest.mark.parametrize("jail", ["local", "cell"])
def test_an_image_goes_only_with_a_jail_that_takes_one(jail: str) -> None:
    with pytest.raises(UsageError, match="--image and --runtime need --sandbox docker"):
        open_sandbox(jail, 1, image="some-image")


# Mounts that come and go, as those of containers do, while the question is asked.
MOUNTING = """
import ctypes, sys, threading
from opencodeeval.execution.jails import local

libc, ended = ctypes.CDLL(None, use_errno=True), threading.Event()

def mount_and_unmount():
    while not ended.is_set():
        assert libc.mount(b"none", sys.argv[1].encode(), b"tmpfs", 0, None) == 0
        assert libc.umount2(sys.argv[1].encode(), 2) == 0

others = threading.Thread(target=mount_and_unmount)
others.start()
said = [local.available() for _ in range(100)]
ended.set()
others.join()
print({why for why in said if why})
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
def test_a_mount_that_ends_meanwhile_is_no_reason_against_the_local_jail(tmp_path: Path) -> None:
    """With the whole of / bound, some of the hundred were refused."""
    # Shared with the namespace that the probe makes, but not with this machine.
    shared = 'mount --make-rshared / && exec "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", shared, "sh", sys.executable, "-c", MOUNTING, tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare failed" in done.stderr:
        pytest.skip("this machine lets nobody make a mount namespace")
    assert done.stdout == "set()\n", done.stderr
