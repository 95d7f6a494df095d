"""What every jail must do with every program of the suite (programs.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from opencodeeval.execution.jails import docker
from tests.sandbox import programs
from tests.sandbox.cases import Case
from tests.sandbox.conftest import JAILS, RUN_S
from tests.sandbox.harness import UNPRIVILEGED_UID, eventually_none

PLAN = programs.plan()

pytestmark = pytest.mark.timeout(RUN_S + 30)

# Seen in gVisor, where nothing of the host stands behind it: devices and priorities that are its
# own, and what /proc tells of the guest's processes (their memory and descriptors it does not).
GVISOR_SHOWS = {"devices", "limits_raised", "other_processes_memory_and_descriptors"}


def _params() -> list[Any]:
    """One parameter a jail, marked so that no engine is needed to run the others."""
    marks = {"docker": [pytest.mark.docker], "gvisor": [pytest.mark.docker]}
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
    jail: str, report: dict[str, Any], case: Case
) -> None:
    outcome = report["outcomes"][case.name]
    accept = {str(verdict) for verdict in case.accept}
    if jail == "gvisor" and case.name in GVISOR_SHOWS:
        accept.add("passed")
    assert outcome["verdict"] in accept, outcome


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


def test_no_slot_was_lost(jail: str, report: dict[str, Any]) -> None:
    lost = [line for line in report["log"] if "attempt" in line or "replacing" in line]
    # Ending a hundred processes takes gVisor longer than a slot may take: such a slot is replaced.
    assert len(lost) <= (3 if jail == "gvisor" else 0)


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
