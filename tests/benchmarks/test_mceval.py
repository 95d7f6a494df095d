"""McEval: languages as data, what models are asked, the programs, control tests and verdicts.

Rows of our own in each language stand beside the shared data. The publisher's own solutions
are graded for the first tasks of each language whose toolchain is here; with
OPENCODEEVAL_MCEVAL=all for all tasks, which takes half an hour.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.benchmarks.cards import read_card
from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core.errors import DataError
from opencodeeval.core.types import Completion, Grade, Program, Task, Verdict
from opencodeeval.execution import open_sandbox
from opencodeeval.execution.environments import read_environment
from opencodeeval.execution.specification import specification
from opencodeeval_benchmarks.mceval import adapter
from opencodeeval_benchmarks.mceval.languages import language_of, languages
from opencodeeval_benchmarks.mceval.published_tests import HELD, control, proven, published_tests
from tests.support.mceval_rows import HOSTILE, ROWS, benchmark, only_task, row

CARD = read_card("mceval")
# AWK's commands are graded in another way: test_mceval_commands.py.
LANGUAGES = [version.name for version in CARD.versions if version.name != "awk"]
WHOLE = os.environ.get("OPENCODEEVAL_MCEVAL") == "all"
# The others take minutes together: OPENCODEEVAL_MCEVAL=all runs them too.
AT_ONCE = {"c", "cpp", "js", "sh", "py", "pl", "lua", "tcl", "rkt", "r", "php"}
QUICK = [name for name in LANGUAGES if WHOLE or name in AT_ONCE]
CLOSED = {"java": "\n}", "cs": "\n}", "scala": "\n}"}


def missing(name: str) -> list[str]:
    """What of a language's toolchain this machine lacks."""
    needed = read_environment("mceval").toolchains[name].needed
    path = "/usr/local/bin:/usr/bin:/bin"
    return [each for each in needed if not (shutil.which(each, path=path) or Path(each).exists())]


def graded(pairs: list[tuple[Task, str]]) -> list[Grade]:
    """The grades of programs in the local jail."""

    async def grade() -> list[Grade]:
        sandbox = open_sandbox("local", 2, environment="mceval")
        try:
            programs = [(task, Program(task.task_id, 0, code, "")) for task, code in pairs]
            return list(await asyncio.gather(*(sandbox.grade(*pair) for pair in programs)))
        finally:
            await sandbox.close()

    return asyncio.run(grade())


def verdict(grade: Grade) -> Verdict:
    return grade.suites["base"].verdict


def chat(name: str, answer: str) -> str:
    """The program of a chat model's answer to our row."""
    task = only_task(name)
    return benchmark(name).program(task, Completion(task.task_id, 0, answer), "chat").code


def words(text: str) -> str:
    return " ".join(text.split())


# --- data and languages ---


def test_every_version_is_a_language_that_is_declared() -> None:
    assert set(LANGUAGES) == languages().keys() == ROWS.keys() == HOSTILE.keys()
    assert {*LANGUAGES, "awk"} == read_environment("mceval").toolchains.keys()
    rows = {language.rows for language in languages().values()}
    assert rows.isdisjoint({"F#", "Visual Basic", "Dart", "PowerShell", "Swift"})


def test_the_set_is_of_all_languages_that_the_image_has() -> None:
    """Debian 12 has no Julia."""
    assert set(CARD.set) == {*LANGUAGES, "awk"} - {"jl"}


@pytest.mark.shared
@pytest.mark.parametrize("name", LANGUAGES)
def test_every_row_is_a_task_that_a_judge_takes(name: str, shared_data: Path) -> None:
    for protocol in ("mceval", "mceval-published"):
        loaded = load_benchmark(f"mceval@{name}", protocol, shared_data)
        assert len(loaded.tasks) in (50, 53)
        for task in loaded.tasks:
            assert task.integrity == "hardened"
            assert specification(task.tests).suites == ["base"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"test": ""}, "its field test is missing or empty"),
        ({"instruction": None}, "its field instruction is missing or empty"),
        ({"task_id": "Cobol/1"}, "its language 'Cobol' is not known: use one of CPP, C, C#"),
        ({"test": "int main() { return 0; }"}, "its test has no assertion of a known form"),
        ({"test": "void f() { assert(1); }"}, "its test has no place behind the last assertion"),
    ],
)
def test_a_row_that_is_no_task_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        adapter.to_task(row("cpp", **changed), CARD.protocols[0])


# --- what models are asked, and their answers ---


def test_a_chat_model_gets_the_instruction_and_a_base_model_the_prompt() -> None:
    asked = benchmark("lua").prompt(only_task("lua"), "chat")
    assert [turn.content for turn in asked.messages] == [row("lua")["instruction"]]
    assert benchmark("lua").prompt(only_task("lua"), "base").text == row("lua")["prompt"]
    sampling = benchmark("lua").default_sampling()
    assert (sampling.n, sampling.temperature, sampling.max_tokens) == (1, 0.0, 1024)


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_solution_comes_back_from_an_answer(name: str) -> None:
    """With and without the prompt's lines; a fence without the function stands before it."""
    prompt, solution = ROWS[name]["prompt"], ROWS[name]["solution"]
    whole = f"{prompt}\n{solution}{CLOSED.get(name, '')}"
    answer = f"```\nan example\n```\nThen:\n```{name}\n{whole}\n```\nDone."
    made = words(chat(name, answer))
    if name == "f90":
        assert made.endswith("y = 2 * x end function twice end")
    elif name not in CLOSED:
        assert made == words(only_task(name).reference)
    else:
        # Imports and comments stand there twice.
        assert made.endswith(words(solution))
        assert made.count(ROWS[name]["signature"]) == 1


def test_an_answer_s_own_main_and_tests_are_left_out() -> None:
    cpp = "#include <iostream>\nlong twice(int x) {\n    return 2 * x;\n}\n"
    cpp += "int main() {\n    return 1;\n}\n"
    made = chat("cpp", f"```cpp\n{cpp}```")
    assert "main" not in made
    assert "int twice(int x) {" in made  # the row's signature
    java = (
        "import java.util.*;\n\npublic class Main {\n    static int twice(int x) {\n"
        "        return 2 * x;\n    }\n\n    public static void main(String[] args) {\n"
        "        System.out.println(twice(2));\n    }\n}\n"
    )
    made = chat("java", f"```java\n{java}```")
    assert made.startswith("import java.util.*;\nimport java.util.List;\n\nclass Solution {")
    assert "void main" not in made
    assert made.count("{") == made.count("}") + 1
    python = (
        "def twice(x):\n    return 2 * x\n\nprint(twice(2))\nif __name__ == '__main__':\n    x\n"
    )
    assert words(chat("py", f"```python\n{python}```")).endswith("return 2 * x")


def test_a_fence_in_a_comment_ends_no_block() -> None:
    """Comments of Julia's functions show examples in fences, which are not always closed."""
    start = f'{ROWS["jl"]["signature"]}\n    """\n    Twice.\n    ```julia\n    twice(2)\n'
    for end in ("    ```\n", ""):
        code = f'{start}{end}    """\n    return 2 * x\nend\n'
        made = chat(
            "jl", f"An example:\n```\n1\n```\n```julia\n{code}```\nIt doubles.\n```\n4\n```"
        )
        assert words(made).endswith('""" return 2 * x end')
        assert words(code) in words(made)


def test_go_imports_what_prompt_and_answer_use_and_nothing_else() -> None:
    code = (
        'package main\n\nimport (\n\t"fmt"\n\t"strings"\n)\n\n'
        'func twice(x int) int {\n\treturn x * len(strings.Repeat("a", 2))\n}\n\n'
        "func main() {\n\tfmt.Println(twice(2))\n}\n"
    )
    made = chat("go", f"```go\n{code}```")
    assert re.findall(r'"([\w./]+)"\n', made) == [
        "testing",
        "github.com/stretchr/testify/assert",
        "strings",
    ]
    assert made.startswith("package main\n")
    assert "main()" not in made


def test_an_answer_without_the_function_continues_the_prompt() -> None:
    made = chat("lua", "```lua\n    return 2 * x\nend\n```")
    assert made == f"{ROWS['lua']['prompt']}\n    return 2 * x\nend\n"
    assert chat("lua", " \n") == ""


def test_csharp_has_the_implicit_usings() -> None:
    code = only_task("cs").reference
    assert code.startswith("using System;\nusing System.IO;\nusing System.Linq;\n")
    assert benchmark("cs").solution(only_task("cs"), code).startswith("using System;\n\nclass")


# --- tests and their control ---


@pytest.mark.parametrize("name", LANGUAGES)
def test_both_tests_of_a_row_expect_something_else_in_the_control_run(name: str) -> None:
    task = only_task(name)
    language = language_of(task.task_id)[1]
    assert len(published_tests(ROWS[name]["test"], language)) == 2
    made = control(ROWS[name]["test"], language, task.entry_point)
    assert (made.changed, made.negated, made.unchanged) == (2, 0, 0)
    assert made.tests != ROWS[name]["test"]
    assert task.tests["control"]["times"] == 2 + made.holding


@pytest.mark.shared
@pytest.mark.parametrize("name", LANGUAGES)
def test_nine_assertions_in_ten_expect_another_value(name: str, shared_data: Path) -> None:
    """The others are negated; one in forty at most of a language stays as it is."""
    language = languages()[name]
    found = [0, 0, 0]
    for task in load_benchmark(f"mceval@{name}", data_dir=shared_data).tasks:
        if task.tests["control"]["times"]:
            made = control(task.fields["test"], language, task.entry_point)
            counts = (made.changed, made.negated, made.unchanged)
            found = [a + b for a, b in zip(found, counts, strict=True)]
    least = {"pl": 0.8, "scala": 0.75}.get(name, 0.9)
    assert found[0] / sum(found) >= least
    assert found[2] / sum(found) <= 0.025


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("c", 'strcmp(twice(2), "four") == 0', 'strcmp(twice(2), "xfour") == 0'),
        ("c", "fabs(twice(2) - 4.5) < 1e-6", "fabs(twice(2) - 3.5) < 1e-6"),
        ("c", "twice(2) < 1e-6", "!(twice(2) < 1e-6)"),
        ("c", "twice(2)", "!(twice(2))"),
        ("c", "4 == twice(2)", "3 == twice(2)"),
        ("c", "twice(2) == 4 || 1", "!(twice(2) == 4 || 1)"),
        ("py", "twice(2) == wanted", 'twice(2) == "another"'),
        ("py", "twice(2) == case['expected']", 'twice(2) == "another"'),
        ("py", "twice(2) == [True]", "twice(2) == [False]"),
        ("jl", "twice(2) == '4'", "twice(2) == '~'"),
        ("jl", "twice(2) ≈ 4.5", "twice(2) ≈ 3.5"),
        ("cs", "twice(2) == '4'", "twice(2) == '~'"),
        ("groovy", "twice(2) == 4 // four", 'twice(2) == 3; println("'),
        ("java", 'twice(2).equals("SECOND")', 'twice(2).equals("xSECOND")'),
    ],
)
def test_an_assertion_becomes_one_that_a_right_program_fails(name: str, old: str, new: str) -> None:
    kept = "twice(2) == 4"
    tests = ROWS[name]["test"].replace(kept, old, 1)
    assert old in tests
    assert new in control(tests, languages()[name], "twice").tests


def test_the_proof_is_a_statement_of_its_own_where_a_brace_follows_at_once() -> None:
    tests = '  def main(args: Array[String]): Unit = {\n  println("All tests passed")}\n}'
    made = proven(tests, languages()["scala"])
    assert made.endswith('println("All tests passed")\nprintln("@@PROOF@@")\n}\n}')


def test_tests_that_assert_nothing_have_no_control_run_and_the_verdict_says_so() -> None:
    untested = row("lua", task_id="Lua/1", test="function test()\n    assert(twice(2) == 4)\nend")
    task = adapter.to_task(untested, CARD.protocols[0])
    assert task.tests["control"]["times"] == 0
    if missing("lua"):
        pytest.skip(f"{missing('lua')} is not there")
    (grade,) = graded([(task, "function twice(x) return 0 end")])
    assert verdict(grade) is Verdict.PASSED
    assert grade.suites["base"].detail == "its tests assert nothing"


def test_a_test_in_a_loop_has_to_fail_each_time() -> None:
    """One that holds in the control run is seen, however many others fail there."""
    loop = "for x, wanted in ((2, 4), (3, 6)):\n    assert twice(x) == wanted"
    task = adapter.to_task(row("py", test=loop), CARD.protocols[0])
    cheat = (
        "class Any:\n    def __eq__(self, other):\n        return True\n"
        "def twice(x):\n    return 4 if x == 2 else Any()\n"
    )
    right, wrong = graded([(task, only_task("py").reference), (task, cheat)])
    assert verdict(right) is Verdict.PASSED
    assert verdict(wrong) is Verdict.FORGED


# --- the publisher's rules ---


def test_every_process_has_fifteen_seconds() -> None:
    limits = only_task("cpp").tests["limits"]
    assert (limits["compile_s"], limits["run_s"], limits["total_s"]) == (15.0, 15.0, 30.0)
    limited = benchmark("cpp").with_time_limit(2).tasks[0].tests["limits"]
    assert (limited["compile_s"], limited["run_s"], limited["total_s"]) == (15.0, 2, 17.0)


def test_words_that_tell_a_failure_are_looked_for_as_published() -> None:
    lacks = {name: only_task(name).tests["passes"]["lacks"] for name in LANGUAGES}
    for name in ("c", "cpp", "f90"):
        assert lacks[name] == {"stdout": ["failed"]}
    for name in ("js", "ts", "lua", "pas", "vim"):
        assert lacks[name] == {"stderr": ["failed"]}
    for name in ("rkt", "scm"):
        assert lacks[name] == {"stderr": ["FAILURE"]}
    assert only_task("ts").tests["rounds"][0][0]["command"][-1].endswith("; true")


def test_the_publisher_s_traps_are_a_protocol_of_their_own() -> None:
    for name in ("sh", "lisp"):
        assert only_task(name, "mceval-published").tests["passes"]["endless"] is True
        assert "endless" not in only_task(name).tests["passes"]
    assert "-Sa" in only_task("pas").tests["rounds"][0][0]["command"]
    assert "-Sa" not in only_task("pas", "mceval-published").tests["rounds"][0][0]["command"]
    four = row("pas", task_id="Pascal/4")
    times = [adapter.to_task(four, each).tests["control"]["times"] for each in CARD.protocols]
    assert times == [2, 0]
    assert only_task("hs").tests["passes"]["lacks"] == {"stdout": ["fail", "Fail"]}
    assert only_task("hs", "mceval-published").tests["passes"]["lacks"] == {"stdout": ["fail"]}
    assert "stderr" in only_task("coffee").tests["passes"]["lacks"]
    assert only_task("coffee", "mceval-published").tests["passes"]["lacks"] == {}
    endless = "twice() {\nwhile true; do :; done\n}\n"
    pairs = []
    for protocol in ("mceval", "mceval-published"):
        pairs.append((benchmark("sh", protocol).with_time_limit(1).tasks[0], endless))
    sound, published = graded(pairs)
    assert verdict(sound) is Verdict.TIMEOUT
    assert verdict(published) is Verdict.PASSED
    assert published.suites["base"].detail == "ended by the time limit"


# --- verdicts ---


@pytest.fixture(scope="module")
def grades() -> dict[tuple[str, str], Grade]:
    """The grades of our rows' programs and cheats, all from one sandbox."""
    there = [name for name in QUICK if not missing(name)]
    named = [(name, "right", only_task(name).reference) for name in there]
    named += [(name, each, code) for name in there for each, code in HOSTILE[name].items()]
    found = graded([(only_task(name), code) for name, _, code in named])
    return {(name, each): grade for (name, each, _), grade in zip(named, found, strict=True)}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", LANGUAGES)
def test_a_right_program_passes_and_no_cheat_does(
    name: str, grades: dict[tuple[str, str], Grade]
) -> None:
    if name not in QUICK:
        pytest.skip("it takes long: set OPENCODEEVAL_MCEVAL=all")
    if missing(name):
        pytest.skip(f"{', '.join(missing(name))} is not there")
    found = {each: verdict(grade) for (of, each), grade in grades.items() if of == name}
    assert found.pop("right") is Verdict.PASSED
    assert len(found) >= 2
    cheats = {each for each, got in found.items() if got in (Verdict.PASSED, Verdict.INFRA_ERROR)}
    assert cheats == set()


@pytest.mark.shared
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", LANGUAGES)
def test_the_publisher_s_solutions_pass(name: str, shared_data: Path) -> None:
    """Both runs of the judge; what does not pass is among the errata."""
    if name not in QUICK:
        pytest.skip("it takes long: set OPENCODEEVAL_MCEVAL=all")
    if missing(name):
        pytest.skip(f"{', '.join(missing(name))} is not there")
    loaded = load_benchmark(f"mceval@{name}", data_dir=shared_data)
    tasks = loaded.tasks if WHOLE else loaded.tasks[:2]
    found = graded([(task, task.reference) for task in tasks])
    failed = {grade.task_id for grade in found if verdict(grade) is not Verdict.PASSED}
    ids = {task.task_id for task in tasks}
    assert failed == {each.task for each in loaded.errata if each.fails} & ids


@pytest.mark.shared
def test_negated_and_changed_assertions_report_what_held(shared_data: Path) -> None:
    tests = load_benchmark("mceval@c", data_dir=shared_data).tasks[0].tests["control"]
    assert tests["held"] == HELD
    assert tests["tests"].count(HELD) == tests["times"]
