"""Programs that are only run, or compared by what they print, in every jail."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.harness import as_unprivileged
from tests.sandbox.run_cases import TAKES_ITS_FOLDER

pytestmark = pytest.mark.timeout(200)


@pytest.fixture(scope="module", params=["docker", "local", "unprivileged"])
def ran(request: pytest.FixtureRequest, require: Callable[[str], None], repo_root: Path) -> Any:
    require(request.param)
    python = as_unprivileged(repo_root) if request.param == "unprivileged" else [sys.executable]
    jail = "docker" if request.param == "docker" else "local"
    done = subprocess.run(
        [*python, "-m", "tests.sandbox.run_cases", jail],
        cwd=repo_root,
        env={**os.environ, "PYTHONPATH": str(repo_root)},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def printed(did: dict[str, Any], stream: str = "stdout") -> str:
    return base64.b64decode(did[stream]).decode()


def test_what_a_program_does_comes_back(ran: Any) -> None:
    python = ran["python"]
    assert (python["verdict"], python["extra"]["compile"]) == ("passed", None)
    assert (printed(python["extra"]["run"]), python["extra"]["run"]["status"]) == ("xhere\n", 0)
    command = ran["command"]
    assert (command["verdict"], command["extra"]["run"]["status"]) == ("error", 4)
    assert printed(command["extra"]["run"]) == "herex\n"


def test_a_compiler_goes_first_and_may_be_the_end(ran: Any) -> None:
    assert printed(ran["compiled"]["extra"]["run"]) == "made\n"
    assert ran["compiled"]["extra"]["compile"]["status"] == 0
    assert all(ran["compiled"]["extra"][name]["peak_mb"] > 1 for name in ("compile", "run"))
    failed = ran["not compiled"]
    assert (failed["verdict"], failed["extra"]["run"]) == ("error", None)
    assert printed(failed["extra"]["compile"], "stderr") == "no\n"
    missing = ran["no such command"]["extra"]["run"]
    # No status: the program never ran.
    assert (missing["status"], "no such program" in printed(missing, "stderr")) == (None, True)


def test_files_are_given_back_with_the_program_s_own_rights(ran: Any) -> None:
    files = ran["links"]["extra"]["files"]
    # A link leads to what the program itself may read, inside the jail; the rest is no file.
    assert set(files) <= {"kept", "link"}
    assert base64.b64decode(files["kept"]) == b"x"


def test_a_program_that_takes_its_folder_away_gets_its_verdict(ran: Any) -> None:
    for name in TAKES_ITS_FOLDER:
        assert (ran[name]["verdict"], ran[name]["extra"]["files"]) == ("passed", {}), name
    assert ran["closed by a compiler"]["verdict"] == "passed"


def test_nothing_is_left_of_it(ran: Any) -> None:
    assert ran["leaves"]["extra"]["files"] == {}
    assert printed(ran["after"]["extra"]["run"]) == "['solution.py']\n"


def test_what_a_program_prints_is_compared_with_a_reference(ran: Any) -> None:
    """Neither its status counts, nor what it finds of the reference: that has left nothing."""
    assert [ran[name]["verdict"] for name in ("prints the same", "prints it again")] == [
        "passed",
        "passed",
    ]
    assert ran["prints less"]["verdict"] == "wrong"
    assert ran["prints too late"]["verdict"] == "wrong"
    assert ran["looks for the reference"]["verdict"] in ("wrong", "error")
    assert ran["prints without end"]["verdict"] == "timeout"
