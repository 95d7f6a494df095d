"""Warm forms of compilers: made once, used, and told apart from the plain command by nothing.

In the local jail with this machine's compilers.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.core.types import Grade, Program, Task, Verdict
from opencodeeval.execution import open_sandbox, warm_compilers
from opencodeeval.execution.environments import (
    PLAIN_COMPILERS,
    Environment,
    environment_of,
    read_environment,
)
from opencodeeval.execution.guest import module
from opencodeeval.execution.jails import local
from opencodeeval.execution.jails.base import Wanted
from tests.sandbox.foreign_compiled import SCALA
from tests.sandbox.foreign_programs import CPP, JAVA
from tests.support.multipl_e_rows import first_protocol, only_task

pytestmark = pytest.mark.timeout(900)

# An environment of our own, whose compiler is cp. Its warm form writes 2 for TWO and fails on
# UNSURE, neither of which its trial program has.
OWN = """
[environ]
[toolchains.sh]
commands = ["bash"]
ask = ["bash", "-c", "echo $BASH_VERSION"]
packages = "bash"
"""
FORMS = """
[changing]
command = 'cp test\\.sh built\\.sh'
begins = '#!'
instead = ["sh", "{made}/copy"]
unsure = ["not sure"]
make = '''
cat >"$MADE/copy" <<'REST'
if grep -q UNSURE "$1"; then
    echo 'this is not sure' >&2
    exit 1
fi
sed s/TWO/2/ "$1" >"$2"
REST
'''
inputs = 'readlink -f "$RECIPE/../input"'
[changing.trial]
command = "cp test.sh built.sh"
file = "test.sh"
programs = ["#!"]
[other]
command = 'cp test\\.sh built\\.sh'
instead = ["sh", "-c", "echo something else"]
make = ""
inputs = ""
[other.trial]
command = "cp test.sh built.sh"
file = "test.sh"
programs = ["#!"]
"""


@dataclass
class Own:
    """The environment, its task, and what was logged about it."""

    environment: Environment
    task: Task
    log: list[str]

    def verdicts(self, *bodies: str) -> list[Verdict]:
        """The verdicts of programs in the local jail."""
        programs = [f"#!/bin/bash\ntwice() {{\n    {body}\n" for body in bodies]
        grades, _ = graded(self.environment, self.log.append, [(self.task, p) for p in programs])
        return [grade.suites["base"].verdict for grade in grades]


def graded(
    environment: Environment, log: Callable[[str], None], programs: list[tuple[Task, str]]
) -> tuple[list[Grade], Mapping[str, Any]]:
    """Grades in a local jail, and its description."""

    async def run() -> tuple[list[Grade], Mapping[str, Any]]:
        sandbox = local.JAIL.open(Wanted(2, log, environment))
        try:
            named = [(t, Program(t.task_id, i, p, "")) for i, (t, p) in enumerate(programs)]
            grades = await asyncio.gather(*(sandbox.grade(t, p) for t, p in named))
            return list(grades), sandbox.describe()
        finally:
            await sandbox.close()

    return asyncio.run(run())


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, require: Callable[[str], None]) -> Own:
    require("local")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "own"
    folder.mkdir()
    # Where the files are that all environments of toolchains share.
    (tmp_path / "toolchains").mkdir()
    (folder / "environment.toml").write_text(OWN)
    (folder / "warm_compilers.toml").write_text(FORMS)
    (tmp_path / "input").write_text("1")
    task = only_task("sh")
    [[run]] = task.tests["rounds"]
    copy = {"command": ["cp", "test.sh", "built.sh"], "limit": "compile_s"}
    steps = [copy, {**run, "command": ["/bin/bash", "built.sh"]}]
    total = 2 * task.tests["limits"]["total_s"]
    limits = {**task.tests["limits"], "compile_s": 10.0, "total_s": total}
    return Own(
        environment_of(folder),
        replace(task, tests={**task.tests, "rounds": [steps], "limits": limits}),
        [],
    )


def test_a_form_is_used_and_the_plain_command_where_it_is_not_sure(own: Own) -> None:
    right = "echo $((2 * $1))"
    by_form, unsure = "echo $((TWO * $1))", f"{right} # UNSURE"
    assert own.verdicts(right, by_form, unsure) == [Verdict.PASSED] * 3
    assert own.verdicts("echo $((4 * $1))", f"{by_form} # UNSURE") == [Verdict.WRONG] * 2


def test_a_form_that_differs_from_its_command_is_not_used(own: Own) -> None:
    _, described = graded(own.environment, own.log.append, [])
    assert described["warm_compilers"] == ["changing"]
    assert any("instead of the warm form other" in line for line in own.log)


def test_forms_are_made_once_for_each_state_of_what_they_are_made_of(own: Own) -> None:
    def times() -> int:
        return sum("once" in line for line in own.log)

    folder = warm_compilers.made(own.environment, own.log.append)
    assert folder is not None
    assert warm_compilers.made(own.environment, own.log.append) == folder
    assert times() == 1
    (own.environment.folder.parent / "input").unlink()
    assert not warm_compilers.is_current(folder)
    assert warm_compilers.made(own.environment, own.log.append) == folder
    assert times() == 2


def test_what_other_versions_have_left_is_removed_after_a_week(own: Own) -> None:
    folder = warm_compilers.made(own.environment, own.log.append)
    assert folder is not None
    for name, age in (("own-1", 6), ("own-2", 8), ("others-1", 8)):
        left = folder.parent / name / "forms.json"
        left.parent.mkdir()
        left.write_text("{}")
        os.utime(left, (left.stat().st_mtime - age * 86400,) * 2)
    assert warm_compilers.made(own.environment, own.log.append) == folder
    rest = {path.name for path in folder.parent.iterdir() if path.is_dir()}
    assert rest == {folder.name, "own-1", "others-1"}


def test_without_a_cache_compilers_are_plain_and_a_line_says_so(
    own: Own, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert own.verdicts("echo $((2 * $1))", "echo $((TWO * $1))") == [Verdict.PASSED, Verdict.WRONG]
    assert any("compilers are not warm" in line for line in own.log)


def test_a_recipe_that_cannot_be_read_is_told(own: Own) -> None:
    (own.environment.folder / "warm_compilers.toml").write_text("[")
    assert warm_compilers.made(own.environment, own.log.append) is None
    assert any("compilers are not warm" in line for line in own.log)


# --- the compilers of MultiPL-E ---

CPP_FORM = ["g++", "-std=c++17", "test.cpp"]
_TWICE = "function twice(x: number): number { return 2 * x; }\n"
_LONG = "long twice(long x) {\n"
# How programs begin that a precompiled header could change; these are compiled as they are.
COLD = [
    "",
    "#include <algorithm>\n",
    "#define NDEBUG\n#include <bits/stdc++.h>\n",
    "#include <assert.h>\n#define _GLIBCXX_DEBUG\n#include <bits/stdc++.h>\n",
    '#pragma GCC optimize("O3")\n#include <bits/stdc++.h>\n',
    "// a comment that goes on\\\n#include <bits/stdc++.h>\n",
    "/*\n#include <bits/stdc++.h>\n*/\n",
    "#if 0\n#include <bits/stdc++.h>\n#endif\n",
    '#include "test.cpp"\n#include <bits/stdc++.h>\n',
    "#include <boost/any.hpp>\n#include <bits/stdc++.h>\n",
    "namespace a {\n#include <bits/stdc++.h>\n}\n",
]
WARM = [
    CPP,
    "#include<bits/stdc++.h>\n",
    "#include<stdlib.h>\n#include<algorithm>\n#include<cassert>\n\n" + CPP,
]
# Right programs, programs that do not compile, and those whose compile a warm form could change.
PROGRAMS = {
    "cpp": [
        CPP
        + _LONG
        + "    std::vector<long> v{x, x}; return std::accumulate(v.begin(), v.end(), 0L);\n",
        CPP + _LONG + '    return x + "";\n',
        CPP + _LONG + "    std::optional<long> y; return std::max(y, x);\n",
        CPP + _LONG + "    retur x;\n",
        "#define NDEBUG\n" + CPP + _LONG + "    return 0;\n",
        _LONG + "    return std::max(x, x) * 2;\n",
    ],
    "java": [
        JAVA + "    public static long twice(long x) {\n        return List.of(x, x).stream()"
        ".mapToLong(y -> y).sum();\n",
        JAVA + '    public static long twice(long x) {\n        return "" + x;\n',
        JAVA + "    public static long twice(long x) {\n        List y = new ArrayList(); "
        "y.add(x); return 2 * x;\n",
        JAVA + "    // \u00e9\n    public static long twice(long x) {\n        return 2 * x;\n",
    ],
    "ts": [
        "function twice(x: number): number { return [x, x].reduce((a, b) => a + b, 0); }\n",
        "function twice(x: number): string { return 2 * x; }\n",
        "interface Array<T> { length: string }\n" + _TWICE,
        "interface Window extends Array<string> {}\n" + _TWICE,
        "declare global { interface Math { none: Nothing } }\nexport {};\n" + _TWICE,
        "function close(x: number): number { return x; }\n" + _TWICE,
        "function twice(x: number): number { return new Set([1]).size + document.titel; }\n",
        "function twice(x: number): number { return [1].at(-1) ?? 2 * x; }\n",
    ],
    "scala": [
        SCALA + "    def twice(x : Long) : Long = {\n        2 * x\n",
        SCALA + "    def twice(x : Long) : Long = {\n        2 * y\n",
        SCALA + "    def twice(x : Any) : Long = {\n        x match { case 1 => 2L }\n",
    ],
}


@pytest.fixture(scope="module")
def forms() -> Path:
    folder = warm_compilers.made(read_environment("multipl_e"), print)
    assert folder is not None
    return folder


def test_a_header_is_used_only_where_it_cannot_change_a_program(forms: Path) -> None:
    guest = module("warm_compilers")
    guest.use(str(forms))
    if "cpp17" not in guest.in_use():
        pytest.skip("this machine has no g++")
    assert [each for each in COLD if guest.form_for(CPP_FORM, each + _LONG)] == []
    assert [each for each in WARM if not guest.form_for(CPP_FORM, each + _LONG)] == []
    assert not guest.form_for([*CPP_FORM, "-DNDEBUG"], CPP)
    assert not guest.form_for(["g++", "-std=c++11", "test.cpp"], CPP)


# The others take a minute each: only where OPENCODEEVAL_TEST_JAILS=all asks for them.
WANTED = PROGRAMS if os.environ.get("OPENCODEEVAL_TEST_JAILS") == "all" else ["cpp"]


@pytest.mark.parametrize("language", WANTED)
def test_warm_compilers_say_what_plain_ones_say(
    language: str, forms: Path, require: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    require("local")
    task = only_task(language, first_protocol(language))
    # One round is enough; no compile may end for want of time on a busy machine.
    limits = {**task.tests["limits"], "compile_s": 120.0, "total_s": 240.0}
    task = replace(task, tests={**task.tests, "rounds": task.tests["rounds"][:1], "limits": limits})
    programs = [(task, program) for program in PROGRAMS[language]]
    found = []
    for plain in ("", "1"):
        monkeypatch.setenv(PLAIN_COMPILERS, plain)
        sandbox = open_sandbox("local", 1, environment="multipl_e")
        described = sandbox.describe()
        asyncio.run(sandbox.close())
        if language not in described["toolchains"]:
            pytest.skip(f"this machine has no toolchain for {language}")
        assert bool(described["warm_compilers"]) is not bool(plain)
        environment = replace(read_environment("multipl_e"), plain_compilers=bool(plain))
        grades, _ = graded(environment, print, programs)
        suites = [grade.suites["base"] for grade in grades]
        found.append([(suite.verdict, suite.detail) for suite in suites])
    assert found[0] == found[1]
    verdicts = {verdict for verdict, _ in found[0]}
    assert {Verdict.PASSED, Verdict.ERROR} <= verdicts


def test_no_program_can_write_where_the_forms_are(
    forms: Path, require: Callable[[str], None]
) -> None:
    require("local")

    def state() -> dict[str, str]:
        files = sorted(path for path in forms.iterdir() if path.suffix != ".gch")
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    before = state()
    # It is right only if it can neither write there nor make or remove a file.
    body = (
        "    local folder=/opt/opencodeeval/compilers\n"
        "    { echo x >>$folder/forms.json || echo x >$folder/new || rm -f $folder/forms.json ||\n"
        "        chmod 777 $folder || mv $folder /tmp/x; } 2>/dev/null && return\n"
        "    [ -r $folder/forms.json ] && echo $((2 * $1))\n"
    )
    grades, _ = graded(
        read_environment("multipl_e"),
        print,
        [(only_task("sh"), f"#!/bin/bash\ntwice() {{\n{body}")],
    )
    assert grades[0].suites["base"].verdict is Verdict.PASSED
    assert state() == before
