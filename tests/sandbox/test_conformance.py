"""What every jail must do with every program of the suite (programs.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from opencodeeval.execution import docker
from tests.sandbox import programs
from tests.sandbox.cases import Case
from tests.sandbox.conftest import JAILS, RUN_S, UNPRIVILEGED_UID
from tests.sandbox.harness import eventually_none

_IN_PROCESS = (
    "unittest verdicts come from the process that the sample runs in: see the guest's README"
)
# Where the suite asks for more than there is; a row whose reason has gone fails.
KNOWN = {
    ("*", "report_under_construction_edited"): _IN_PROCESS,
    ("*", "reporter_taken_from_the_frames"): _IN_PROCESS,
    ("*", "reporter_taken_from_the_collector"): _IN_PROCESS,
    ("*", "stdout_replaced_by_a_buffer"): "only sys.stdout is flushed at the end of a script",
    ("*", "file_over_stdout_never_closed"): "only sys.stdout is flushed at the end of a script",
    ("*", "reply_that_is_half_an_array"): "the codec lets LookupError through: infra_error",
    ("unprivileged", "files_outside_the_scratch"): "/dev belongs to the jail's only user",
}
PLAN = programs.plan()

pytestmark = pytest.mark.timeout(RUN_S + 30)


def _params() -> list[Any]:
    """One parameter a jail, marked so that no engine is needed to run the others."""
    marks = {"docker": [pytest.mark.docker]}
    return [pytest.param(jail, marks=marks.get(jail, []), id=jail) for jail in JAILS]


@pytest.fixture(scope="module", params=_params())
def jail(request: pytest.FixtureRequest, require: Callable[[str], None]) -> str:
    name = str(request.param)
    require(name)
    return name


@pytest.fixture(scope="module")
def report(jail: str, run_plan: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    return run_plan(jail, "programs", environment={"CANARY": "never to be seen by a sample"})


@pytest.mark.parametrize("case", programs.CASES, ids=lambda case: case.name)
def test_program_gets_a_verdict_that_is_right_for_it(
    request: pytest.FixtureRequest, jail: str, report: dict[str, Any], case: Case
) -> None:
    known = KNOWN.get((jail, case.name)) or KNOWN.get(("*", case.name))
    if known:
        request.applymarker(pytest.mark.xfail(reason=known, strict=True))
    outcome = report["outcomes"][case.name]
    assert outcome["verdict"] in {str(verdict) for verdict in case.accept}, outcome


def test_bystanders_get_their_verdicts(jail: str, report: dict[str, Any]) -> None:
    """Plain programs between the hostile ones are judged as if they were alone.

    The observers among them pass only where no file, process or System V object
    of an earlier sample can be seen.
    """
    jobs = {job.case.name: job.case for job in PLAN if " after " in job.case.name}
    assert len(jobs) == 2 * len(programs.HOSTILE)
    outcomes = report["outcomes"]
    astray = {
        name: outcomes[name]
        for name, case in jobs.items()
        if outcomes[name]["verdict"] not in {str(verdict) for verdict in case.accept}
    }
    assert not astray


def test_no_slot_was_lost(request: pytest.FixtureRequest, report: dict[str, Any]) -> None:
    why = KNOWN.get(("*", "reply_that_is_half_an_array"))
    if why:
        request.applymarker(pytest.mark.xfail(reason=why, strict=True))
    assert not [line for line in report["log"] if "attempt" in line or "replacing" in line]


def test_nothing_is_left_on_the_machine(jail: str, report: dict[str, Any]) -> None:
    assert report["left_before_close"] == []
    assert report["left_after_close"] == []
    if jail == "unprivileged":
        assert eventually_none({UNPRIVILEGED_UID}) == []
    else:
        assert len(report["uids"]) >= 2


@pytest.mark.docker
@pytest.mark.parametrize("jail", ["docker"], indirect=True)
def test_no_container_is_left(jail: str, report: dict[str, Any]) -> None:
    engine = docker.client()
    found = engine.containers.list(all=True, filters={"label": docker.LABEL})
    owners = [container.labels[docker.LABEL].split(":")[1] for container in found]
    assert str(report["pid"]) not in owners


def test_harness_stays_small_and_quick(report: dict[str, Any]) -> None:
    assert report["rss_mb"] < 300
    assert report["wall_s"] < 150


def test_every_case_is_told_apart() -> None:
    names = [job.case.name for job in PLAN]
    assert len(names) == len(set(names))
    assert {name for _, name in KNOWN} <= set(names)
