"""Names as people type them, numbers as they read them, and signs of life."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from opencodeeval.core.alive import alive, remark
from opencodeeval.core.background import in_background
from opencodeeval.core.sizes import duration, size
from opencodeeval.core.suggest import nearest, spelled, unknown
from opencodeeval.core.tables import fitted


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        *((0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (214438, "214 kB"), (999_600, "1.0 MB")),
        *((6965021, "7.0 MB"), (4_510_000_000, "4.5 GB"), (9_960_000, "10 MB")),
    ],
)
def test_bytes_are_in_the_unit_that_people_use(count: int, shown: str) -> None:
    assert size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")],
)
def test_seconds_are_in_the_unit_that_people_use(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_a_name_is_found_in_any_spelling_that_means_one() -> None:
    names = ["humaneval_plus", "Twin", "twin"]
    assert spelled("HumanEval+", names) == "humaneval_plus"
    assert spelled("twin", names) == "twin"
    assert spelled("TWIN", names) is None
    assert nearest("humanevl-plus", names) == "humaneval_plus"
    assert nearest("zzz", names) is None
    assert unknown("there is no x", "humanevl_plus", names).startswith(
        "there is no x 'humanevl_plus'; did you mean humaneval_plus? Available: "
    )


def test_a_wide_table_has_its_first_columns_in_lines_of_their_own() -> None:
    header, row = ("a", "b", "n"), ("x" * 50, "y" * 40, "1")
    assert fitted(header, [("x", "y", "1")], {"n"}, lead=2) == "a  b  n\nx  y  1"
    assert fitted(header, [row, row, ("z", "", "12")], {"n"}, lead=2).split("\n") == [
        "a, b",
        "   n",
        f"{'x' * 50}, {'y' * 40}",
        "   1",
        "   1",
        "z",
        "  12",
    ]


def test_long_work_says_how_long_and_where_to_read_more_although_stderr_leads_elsewhere(
    tmp_path: Path,
) -> None:
    log, told = tmp_path / "log", tmp_path / "told"
    with told.open("w") as stream, log.open("w") as elsewhere:
        saved = os.dup(stream.fileno())
        said = threading.Event()
        with alive("loading M", every_s=0.02, stream=stream):
            remark("the log is FILE")
            # As an engine does with the descriptor that everything is written to.
            os.dup2(elsewhere.fileno(), stream.fileno())
            while "FILE" not in told.read_text():
                said.wait(0.01)
        os.dup2(saved, stream.fileno())
        os.close(saved)
    assert re.search(r"opencodeeval: loading M: \d+ s so far; the log is FILE\n", told.read_text())
    assert log.read_text() == ""
    remark("nobody is waiting")
    in_memory = io.StringIO()
    with alive("it", every_s=0.01, stream=in_memory):
        while " s so far" not in in_memory.getvalue():
            said.wait(0.01)


def test_work_in_the_background_gives_its_result_or_its_error_and_is_not_waited_for() -> None:
    assert in_background(lambda: 5).result() == 5
    with pytest.raises(ZeroDivisionError):
        in_background(lambda: 1 // 0).result()
    script = "import time; from opencodeeval.core.background import in_background as run\n"
    script += "run(lambda: time.sleep(600))\n"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
