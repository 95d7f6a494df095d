"""Cheats in HumanEvalPack's languages: none passes, and odd right programs do.

In the local jail with this machine's toolchains, and in the image of `opencodeeval sandbox
build humanevalpack` where it has been built.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import pytest

from opencodeeval.core.errors import SandboxError
from opencodeeval.core.types import Grade, Program, Verdict
from opencodeeval.execution import images, open_sandbox
from opencodeeval.execution.environments import read_environment
from opencodeeval.execution.jails import docker
from tests.sandbox.pack_programs import BOMBS, HOSTILE, ODD
from tests.support.humanevalpack_rows import LANGUAGES, benchmark

pytestmark = pytest.mark.timeout(600)

ENVIRONMENT = "humanevalpack"
# Go and Rust take seconds to compile: only where OPENCODEEVAL_TEST_JAILS=all asks for them.
WHOLE = os.environ.get("OPENCODEEVAL_TEST_JAILS") == "all"
WANTED = [each for each in LANGUAGES if WHOLE or each not in ("go", "rust")]
LIMIT_S = 5.0
NEVER = {Verdict.PASSED, Verdict.INFRA_ERROR}
Found = dict[tuple[str, str], Grade]


@pytest.fixture(scope="module", params=["docker", "local"])
def found(request: pytest.FixtureRequest, require: Callable[[str], None]) -> Found:
    """The grades of every program that the jail has a toolchain for."""
    require(request.param)
    if request.param == "docker":
        environment = read_environment(ENVIRONMENT)
        try:
            name = images.default_image(environment)
            images.image_id(docker.client(), name, environment)
        except SandboxError:
            pytest.skip("the image is not built: run `opencodeeval sandbox build humanevalpack`")
    return asyncio.run(_graded(request.param))


async def _graded(jail: str) -> Found:
    sandbox = open_sandbox(jail, 2, environment=ENVIRONMENT)
    there = {"python", *sandbox.describe()["toolchains"]}
    grades: Found = {}

    async def grade(language: str, name: str, code: str) -> None:
        task = benchmark(language).with_time_limit(LIMIT_S).tasks[0]
        grades[language, name] = await sandbox.grade(task, Program(task.task_id, 0, code, ""))

    try:
        await asyncio.gather(
            *(
                grade(language, name, code)
                for language in WANTED
                if language in there
                for table in (HOSTILE, ODD, BOMBS)
                for name, code in table.get(language, {}).items()
            )
        )
    finally:
        await sandbox.close()
    return grades


def verdicts(found: Found, table: dict[str, dict[str, str]]) -> dict[tuple[str, str], Verdict]:
    """The verdicts of a table's programs."""
    return {
        key: grade.suites["base"].verdict
        for key, grade in found.items()
        if key[1] in table.get(key[0], {})
    }


def test_no_cheat_passes(found: Found) -> None:
    of_cheats = verdicts(found, HOSTILE)
    assert len(of_cheats) >= 4
    assert {key: verdict for key, verdict in of_cheats.items() if verdict in NEVER} == {}


def test_right_programs_pass_however_odd_they_are(found: Found) -> None:
    odd = {
        key: (verdict, found[key].suites["base"].detail, found[key].stderr)
        for key, verdict in verdicts(found, ODD).items()
        if verdict is not Verdict.PASSED
    }
    assert odd == {}


def test_what_uses_up_a_limit_gets_a_verdict(found: Found) -> None:
    wrong = {Verdict.MEMORY, Verdict.TIMEOUT, Verdict.ERROR, Verdict.WRONG}
    of_bombs = verdicts(found, BOMBS)
    assert {key: verdict for key, verdict in of_bombs.items() if verdict not in wrong} == {}


def test_a_compile_error_is_told_without_warnings(found: Found) -> None:
    key = ("rust", "does not compile")
    if key not in found:
        pytest.skip("there is no toolchain for Rust here")
    result = found[key].suites["base"]
    assert result.verdict is Verdict.ERROR
    assert result.detail.startswith("rustc: error")
