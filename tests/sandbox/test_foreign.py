"""Programs in other languages: cheats never pass, odd ones do, bombs get a verdict.

In the image of `opencodeeval sandbox build multipl_e` and in the local jail with this
machine's toolchains; with OPENCODEEVAL_TEST_JAILS=all in every jail.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from opencodeeval.core.errors import SandboxError
from opencodeeval.core.types import Grade, Program, Task, Verdict
from opencodeeval.execution import images, open_sandbox
from opencodeeval.execution.environments import read_environment
from opencodeeval.execution.jails import docker
from opencodeeval.execution.toolchains import check_languages
from tests.sandbox import foreign_compiled, foreign_programs
from tests.support.multipl_e_rows import benchmark, first_protocol, only_task

ENVIRONMENT = "multipl_e"
HOSTILE = foreign_programs.HOSTILE | foreign_compiled.HOSTILE
ODD = foreign_programs.ODD | foreign_compiled.ODD
BOMBS = foreign_programs.BOMBS | foreign_compiled.BOMBS
LANGUAGES = list(HOSTILE)
# In the other jail a part of the languages, and those that the image lacks, unless it could not be
# made: both have the same judge.
QUICK = {"docker": LANGUAGES, "local": ["sh", "js", "rkt", "rs", "jl"]}
# Of these, whose compilers take seconds, so many cheats and odd programs, and no bombs; all with
# OPENCODEEVAL_TEST_JAILS=all.
PART = {"d": 2, "go": 1, "jl": 2, "scala": 1}
WHOLE = os.environ.get("OPENCODEEVAL_TEST_JAILS") == "all"
pytestmark = pytest.mark.timeout(3600 if WHOLE else 300)
NEVER = {Verdict.PASSED, Verdict.INFRA_ERROR}


def image() -> str:
    """The image of the environment, built where it is missing."""
    engine = docker.client()
    environment = read_environment(ENVIRONMENT)
    try:
        images.image_id(engine, images.default_image(environment), environment)
    except SandboxError:
        images.build_image(None, print, environment)
    return images.default_image(environment)


def has_toolchains(name: str) -> bool:
    """Whether the image's build could install Debian's packages."""
    look = "for each in g++ javac node; do command -v $each; done; true"
    return len(images.said_in(docker.client(), name, look).split()) == 3


def programs(table: Mapping[str, Mapping[str, str]], language: str) -> Mapping[str, str]:
    """The programs of a language that are run."""
    if WHOLE or language not in PART:
        return table[language]
    count = 0 if table is BOMBS else PART[language]
    return dict(list(table[language].items())[:count])


class Foreign:
    """The grades of one jail, by language and program."""

    def __init__(self, jail: str) -> None:
        self.jail = jail
        self.described: Mapping[str, object] = {}
        self.grades: dict[tuple[str, str], Grade] = {}
        self.lost: list[str] = []
        self.languages = LANGUAGES if WHOLE else QUICK[jail]

    async def run(self) -> None:
        """Grade every program of every language that the jail has."""
        sandbox = open_sandbox(self.jail, 2, self.lost.append, environment=ENVIRONMENT)
        try:
            self.described = sandbox.describe()
            self.lost.clear()
            there = self.described["toolchains"]
            assert isinstance(there, dict)
            self.languages = [each for each in self.languages if each in there]

            async def grade(language: str, name: str, code: str) -> None:
                protocol = first_protocol(language)
                task = only_task(language, protocol)
                # Right programs pass on a busy machine too.
                seconds = {**dict.fromkeys(ODD[language], 60), **dict.fromkeys(BOMBS[language], 2)}
                if name in seconds:
                    limited = benchmark(language, protocol).with_time_limit(seconds[name])
                    task = limited.tasks[0]
                program = Program(task.task_id, 0, code, "")
                self.grades[language, name] = await sandbox.grade(task, program)

            await asyncio.gather(
                *(
                    grade(language, name, code)
                    for language in self.languages
                    for table in (HOSTILE, ODD, BOMBS)
                    for name, code in programs(table, language).items()
                )
            )
        finally:
            await sandbox.close()

    def verdicts(self, table: Mapping[str, Mapping[str, str]]) -> dict[tuple[str, str], Verdict]:
        """The verdicts of a table's programs."""
        return {
            (language, name): self.grades[language, name].suites["base"].verdict
            for language in self.languages
            for name in programs(table, language)
        }


@pytest.fixture(scope="module", params=list(QUICK))
def foreign(request: pytest.FixtureRequest, require: Callable[[str], None]) -> Foreign:
    require(request.param)
    if request.param == "docker" and not has_toolchains(image()):
        QUICK["local"] = LANGUAGES
        pytest.skip("the image has no toolchains: its build reached no mirror of Debian")
    found = Foreign(request.param)
    asyncio.run(found.run())
    return found


def test_there_is_a_toolchain_for_most_languages(foreign: Foreign) -> None:
    assert "sh" in foreign.languages
    if foreign.jail == "docker":
        assert {"cpp", "cs", "java", "js", "php"} <= set(foreign.languages)


def test_no_cheat_passes(foreign: Foreign) -> None:
    verdicts = foreign.verdicts(HOSTILE)
    assert len(verdicts) >= 10
    assert {key: verdict for key, verdict in verdicts.items() if verdict in NEVER} == {}


def test_right_programs_pass_however_odd_they_are(foreign: Foreign) -> None:
    odd = {
        key: (verdict, foreign.grades[key].suites["base"].detail, foreign.grades[key].stderr)
        for key, verdict in foreign.verdicts(ODD).items()
        if verdict is not Verdict.PASSED
    }
    assert odd == {}


def test_what_a_program_took_is_told(foreign: Foreign) -> None:
    passed = [foreign.grades[key].suites["base"] for key in foreign.verdicts(ODD)]
    assert all(found.peak_mb > 1 and found.wall_s > 0 for found in passed)


def test_what_uses_up_a_limit_gets_a_verdict_and_loses_no_slot(foreign: Foreign) -> None:
    verdicts = foreign.verdicts(BOMBS)
    wrong = {Verdict.MEMORY, Verdict.TIMEOUT, Verdict.ERROR, Verdict.WRONG}
    assert {key: verdict for key, verdict in verdicts.items() if verdict not in wrong} == {}
    assert foreign.lost == []


def test_a_compile_error_is_told_in_the_compiler_s_words(foreign: Foreign) -> None:
    if "java" not in foreign.languages:
        pytest.skip("Java is not among the languages of this jail here")
    found = foreign.grades["java", "does not compile"].suites["base"]
    assert found.verdict is Verdict.ERROR
    assert found.detail.startswith("javac: Problem.java:")
    assert "error:" in found.detail
    assert found.wall_s == 0.0


def test_the_control_run_is_of_the_round_that_passed(require: Callable[[str], None]) -> None:
    """A program may tell rounds apart: honest in one, it is no better in the other."""
    require("docker")
    if not has_toolchains(image()):
        pytest.skip("the image has no toolchains: its build reached no mirror of Debian")
    task = only_task("js")
    [[step]] = task.tests["rounds"]
    other = {**step, "command": ["node", "--no-warnings", *step["command"][1:]]}
    twice = replace(task, tests={**task.tests, "rounds": [[step], [other]]})
    code = (
        "if (!process.execArgv.length) require('node:assert').deepEqual = () => {};\n"
        "function twice(x) { return 0; }\n"
    )

    async def grade() -> Grade:
        sandbox = open_sandbox("docker", 1, environment=ENVIRONMENT)
        try:
            return await sandbox.grade(twice, Program(task.task_id, 0, code, ""))
        finally:
            await sandbox.close()

    assert asyncio.run(grade()).suites["base"].verdict is Verdict.FORGED


class _Without:
    """A sandbox that lacks a language; only what is asked of it here."""

    def __init__(self, jail: str) -> None:
        self.jail, self.slots = jail, 1

    def describe(self) -> Mapping[str, object]:
        return {"jail": self.jail, "toolchains": {"js": "v18"}}

    async def grade(self, task: Task, program: Program) -> Grade:
        raise AssertionError

    async def close(self) -> None:
        return None


@pytest.mark.parametrize(
    ("jail", "remedy"),
    [
        ("local", "install openjdk-17-jdk-headless"),
        ("docker", "use --sandbox local, or build the"),
    ],
)
def test_a_language_without_a_toolchain_is_told_before_anything_runs(
    jail: str, remedy: str
) -> None:
    with pytest.raises(SandboxError, match=f"no toolchain for java: .*{remedy}"):
        check_languages(_Without(jail), benchmark("java"))
    check_languages(_Without(jail), benchmark("js"))
