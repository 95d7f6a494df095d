"""HumanEvalPack: what models are asked, the programs, the control tests, and the verdicts.

Rows of our own stand beside the shared data. OPENCODEEVAL_TEST_SOLUTIONS=humanevalpack runs
all published solutions and all buggy ones, which takes most of an hour of two cores.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.benchmarks.cards import read_card
from opencodeeval.benchmarks.programs.grading import PROOF
from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core.errors import DataError, SandboxError
from opencodeeval.core.types import Completion, Program, Task, Verdict
from opencodeeval.execution import images, open_sandbox
from opencodeeval.execution.environments import read_environment
from opencodeeval.execution.jails import docker
from opencodeeval.execution.specification import specification
from opencodeeval.execution.toolchains import here
from opencodeeval.runs.formats.reading import read_samples
from opencodeeval_benchmarks.humanevalpack_synthesize import adapter
from opencodeeval_benchmarks.humanevalpack_synthesize.assembly import cut
from opencodeeval_benchmarks.humanevalpack_synthesize.languages import languages
from opencodeeval_benchmarks.humanevalpack_synthesize.source import Source
from opencodeeval_benchmarks.humanevalpack_synthesize.statements import control, published_tests
from tests.support.humanevalpack_rows import (
    BODIES,
    DECLARATIONS,
    LANGUAGES,
    PROMPTS,
    TESTS,
    benchmark,
    only_task,
    row,
)

PROGRAMS = tuple(name for name in LANGUAGES if name != "python")
NAMES = ("humanevalpack_synthesize", "humanevalpack_fix")


def program(
    language: str, text: str, asks: str = "synthesize", form: Any = "answer", model: Any = "base"
) -> str:
    """The program of an answer to our row."""
    task = only_task(language, asks)
    completion = Completion(task.task_id, 0, text, form=form)
    return benchmark(language, asks).program(task, completion, model).code


# --- data and languages ---


def test_every_version_is_a_language_and_all_are_the_set() -> None:
    for name in NAMES:
        card = read_card(name)
        assert tuple(each.name for each in card.versions) == card.set == LANGUAGES
    assert tuple(languages()) == LANGUAGES
    assert set(read_environment("humanevalpack").toolchains) == set(PROGRAMS)


@pytest.mark.shared
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_row_is_a_task_that_a_judge_takes(language: str, shared_data: Path) -> None:
    worth = "forge-proof" if language == "python" else "hardened"
    for name in NAMES:
        for protocol in read_card(name).protocols:
            loaded = load_benchmark(f"{name}@{language}", protocol.name, shared_data)
            assert len(loaded.tasks) == 164
            for task in loaded.tasks:
                assert task.integrity == worth
                assert specification(task.tests).suites == ["base"]
                asked = loaded.prompt(task, "base").text
                assert asked.endswith(task.prompt.strip())


@pytest.mark.parametrize(
    ("language", "changed", "words"),
    [
        ("cpp", {"test": ""}, "its field test is missing or empty"),
        ("js", {"buggy_solution": None}, "its field buggy_solution is missing or empty"),
        ("js", {"task_id": "Cobol/1"}, "its task_id names no language"),
        ("go", {"test_setup": None}, "its field test_setup is missing"),
        ("cpp", {"test": "int main(){}\n"}, "its tests have no assertion of a known form"),
        ("java", {"test": "class Main {}\n"}, "its tests throw no AssertionError"),
        ("go", {"test": "assert.Equal(1)\n}"}, "its tests compare one value alone"),
        ("rust", {"test": "assert!(twice(2) == 4);\n}\n"}, "its tests do not end as they should"),
        ("python", {"test": "def check(f): pass\n"}, r"its tests do not end with check\(twice\)"),
    ],
)
def test_a_row_that_is_no_task_is_refused(
    language: str, changed: dict[str, Any], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        adapter.to_task(row(language, **changed), read_card(NAMES[0]).protocols[0])


# --- what models are asked ---


def test_a_base_model_sees_the_instruction_and_the_function_s_start() -> None:
    asked = benchmark("js").prompt(only_task("js"), "base")
    assert asked.text == "Write `twice`.\nTwice.\n\n/* Twice. */\nconst twice = (x) => {"
    assert asked.stop == ()
    assert benchmark("go").prompt(only_task("go"), "base").stop == languages()["go"].stop
    sampling = benchmark("js").default_sampling()
    assert (sampling.n, sampling.temperature, sampling.top_p) == (20, 0.2, 0.95)
    assert sampling.max_tokens == 2048


def test_what_is_to_be_repaired_is_shown_with_its_tests_or_its_docstring() -> None:
    buggy = row("rust")["buggy_solution"]
    start = "fn main(){}\n" + DECLARATIONS["rust"]
    asked = benchmark("rust", "fix").prompt(only_task("rust", "fix"), "base").text
    assert asked == f"{start}{buggy}\n{TESTS['rust']}\nFix bugs in twice.\n\n{start}".strip()
    documented = only_task("rust", "fix", "octopack-docs")
    asked = benchmark("rust", "fix", "octopack-docs").prompt(documented, "base").text
    assert asked == f"{PROMPTS['rust']}{buggy}\nFix bugs in twice.\n\n{PROMPTS['rust']}".strip()


@pytest.mark.parametrize(
    ("asks", "protocol"),
    [("synthesize", "octopack"), ("fix", "octopack"), ("fix", "octopack-docs")],
)
def test_a_chat_model_goes_on_from_the_function_s_start(asks: str, protocol: str) -> None:
    task = only_task("cpp", asks, protocol)
    of = benchmark("cpp", asks, protocol)
    asked = of.prompt(task, "chat")
    (turn,) = asked.messages
    assert asked.response_prefix == task.prompt.strip()
    assert f"{turn.content}\n\n{asked.response_prefix}" == of.prompt(task, "base").text
    answer = Completion(task.task_id, 0, "\n    return 2*x;\n}\nIt doubles.")
    assert of.program(task, answer, "chat") == of.program(task, answer, "base")


# --- programs ---


def test_a_completion_is_cut_at_its_language_s_stop_words() -> None:
    python, go = languages()["python"], languages()["go"]
    assert cut("\n    return 1\ndef f():\n    pass", "python", python) == "\n    return 1"
    assert cut("\n    return 1\nx = 2\n", "python", python) == "\n    return 1"
    assert cut("\n    return 1\n\n    # two\n", "python", python) == "\n    return 1\n\n    # two\n"
    assert cut("\n return 1 }\nfunc main() {}", "go", go) == "\n return 1 }"
    assert cut("\n var constructed = 1 }", "go", go) == "\n var con"


def test_a_completion_ends_where_the_function_s_braces_close() -> None:
    for name in ("cpp", "js", "rust"):
        text = "\n if (x) { y }\n}\nlater {}"
        assert cut(text, name, languages()[name]) == "\n if (x) { y }\n}"
    assert cut("\n y;\n }\n}\nclass A {}", "java", languages()["java"]) == "\n y;\n }\n}"
    # Braces in strings count too.
    assert cut('\n return "}";\n}', "js", languages()["js"]) == '\n return "}'


def test_a_completion_without_its_last_brace_is_cut_behind_the_last_one() -> None:
    assert cut("\n if (x) { y }\n z", "cpp", languages()["cpp"]) == "\n if (x) { y }"
    assert cut("\n z", "cpp", languages()["cpp"]) == "\n z"
    java = languages()["java"]
    assert cut("\n y;\n }\n", "java", java) == "\n y;\n }"
    assert cut("\n if (x) { if (y) { z; } w;", "java", java) == "\n if (x) { if (y) { z; }\n}"
    main = "\n y;\n }\n public static void main(String[] a) { f(); "
    assert cut(main, "java", java) == "\n y;\n }\n }"


def test_a_program_has_what_its_tests_need_before_it() -> None:
    made = program("python", "\n    return 2 * x\n")
    assert made.startswith("import math\nimport re\n")
    assert made.endswith(
        f"from collections import *\n{PROMPTS['python'].rstrip()}\n    return 2 * x"
    )
    made = program("cpp", "\n    return 2*x;\n}")
    assert made.startswith("using namespace std;\n#include<stdlib.h>\n")
    assert "#include<boost/any.hpp>\n" in made
    whole = program("cpp", f"{PROMPTS['cpp']}{BODIES['cpp']}int main(){{}}", form="program")
    assert "int main" not in whole
    java = f"{PROMPTS['java']}{BODIES['java']}\npublic class Main {{\n    }}"
    assert program("java", java, form="program") == f"{PROMPTS['java']}{BODIES['java']}"
    bare = "fn twice(x:i32) -> i32{\n    2 * x\n}\nfn main() {}\nfn main() { twice(1); }"
    made = program("rust", bare, form="program")
    assert made.startswith("use std::any::Any;\nuse rand::Rng;\nfn twice")
    assert made.count("fn main()") == 1


def test_go_packages_are_imported_by_the_last_part_of_their_names() -> None:
    body = '\n    return strings.Count(fmt.Sprint(rand.Int()), "1")\n    // sort.Ints\n}'
    made = program("go", body)
    assert made.startswith('package main\n\nimport (\n    "testing"\n')
    assert 'import (\n    "fmt"\n    "rand"\n)\n' in made
    assert made.count('"strings"') == 1
    own = f'package main\nimport "github.com/stretchr/testify/assert"\n{BODIES["go"]}'
    made = program("go", f" {own}", form="program")
    assert made.count("package main") == 1
    assert made.count('"github.com/stretchr/testify/assert"') == 1


@pytest.mark.parametrize("asks", ["synthesize", "fix"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_whole_program_is_taken_as_it_is(language: str, asks: str) -> None:
    whole = only_task(language, asks).reference
    assert program(language, whole, asks, form="program") == whole
    assert program(language, "  \n", asks) == ""


@pytest.mark.parametrize("asks", ["synthesize", "fix"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_publisher_s_generations_become_the_same_programs(
    language: str, asks: str, tmp_path: Path
) -> None:
    """bigcode-evaluation-harness keeps the function's start with the completion, cut."""
    task, of = only_task(language, asks), benchmark(language, asks)
    kept = cut(f"\n{BODIES[language]}".rstrip(), language, languages()[language])
    start = PROMPTS[language] if asks == "synthesize" else task.prompt
    path = tmp_path / f"generations_humaneval{asks}-{language}.json"
    path.write_text(json.dumps([[start.rstrip() + kept, start.rstrip()]]), "utf-8")
    right, empty = read_samples(path, of)
    wanted = program(language, f"\n{BODIES[language]}\n", asks)
    assert of.program(task, right, "base").code == wanted
    assert of.program(task, empty, "base").code != wanted
    assert (empty.task_id, empty.sample_id) == (task.task_id, 1)


# --- commands and rules ---


def test_programs_are_compiled_and_run_as_the_publisher_does() -> None:
    def commands(language: str) -> list[str]:
        [steps] = only_task(language).tests["rounds"]
        return [" ".join(step["command"]) for step in steps]

    assert commands("cpp") == ["g++ -std=c++11 test.cpp -lcrypto -lssl", "./a.out"]
    assert commands("js") == ["node test.js"]
    assert commands("java") == ["javac -encoding UTF8 Main.java", "java -cp . Main"]
    assert [command.split()[:2] for command in commands("go")] == [
        ["go", "test"],
        ["go", "vet"],
        ["./test.out", "-test.v"],
    ]
    check, test, run = commands("rust")
    assert "--edition=2021" in check
    assert "--emit=metadata" in check
    assert " --test " in test
    assert run == "./test.out --nocapture"
    passes = only_task("js").tests["passes"]
    assert passes["stdout_only_proof"]
    assert passes["stderr_empty"]
    assert not passes["status"]
    limits = {name: only_task(name).tests["limits"] for name in LANGUAGES}
    assert [limits[name]["run_s"] for name in PROGRAMS] == [60.0, 10.0, 10.0, 20.0, 300.0]
    assert limits["python"]["total_s"] == 10.0


def test_a_time_limit_is_for_the_run_alone() -> None:
    assert benchmark("cpp").with_time_limit(3).tasks[0].tests["limits"]["total_s"] == 63.0
    assert benchmark("python").with_time_limit(3).tasks[0].tests["limits"]["total_s"] == 3


def test_a_record_names_the_language() -> None:
    assert benchmark("rust").describe()["language"] == "rust"
    assert benchmark("python").describe()["language"] == ""


# --- the tests that are run ---


def test_python_s_tests_call_the_program_by_value() -> None:
    tests = only_task("python").tests
    assert tests["kind"] == "check"
    assert tests["test"].rstrip().endswith("assert twice(0) == 0")


@pytest.mark.parametrize("language", PROGRAMS)
def test_the_proof_stands_at_the_end_of_the_tests(language: str) -> None:
    rules = languages()[language].program
    assert rules
    lines = only_task(language).tests["tests"].rstrip().splitlines()
    place = lines.index(rules.proof)
    assert [line.strip() for line in lines[place + 1 :] if line.strip()] == ["}"] * rules.closes
    assert sum(line.count(PROOF) for line in lines) == 1


@pytest.mark.shared
@pytest.mark.parametrize("language", PROGRAMS)
def test_every_published_test_is_changed_in_the_control_run(
    language: str, shared_data: Path
) -> None:
    rules = languages()[language].program
    assert rules
    for task in load_benchmark(f"{NAMES[0]}@{language}", data_dir=shared_data).tasks:
        tests, changed = task.fields["test"], task.tests["control"]
        if language != "java":
            source = Source(tests, rules)
            found = published_tests(source, rules)
            assert changed["times"] == len(found)
            assert len(found) == len(re.findall(rules.statement, source.plain)), task.task_id
            kept = [each for each in found if tests[each.start : each.end] in changed["tests"]]
            # Where two tests make one call, one may become the other.
            assert len(kept) <= 1, task.task_id
        assert changed["tests"].count(changed["fell"]) >= changed["times"] - _listed(tests)
        assert task.tests["tests"].replace(f"\n{rules.proof}\n", "") == f"\n\n{tests}"


def _listed(tests: str) -> int:
    """How many more tests than texts a list of Java's has."""
    return tests.count("\n") if "correct = Arrays.asList(" in tests else 0


@pytest.mark.parametrize(
    ("language", "old", "new"),
    [
        ("cpp", "twice(2)==4", "twice(2)==3"),
        ("cpp", 'issame(twice(2), {"a,b", "c"})', 'issame(twice(2), {"a,b", "xc"})'),
        ("cpp", "issame(twice(2), {})", "!(issame(twice(2), {}))"),
        ("cpp", "abs(twice(2) - 4.5) < 1e-4", "abs(twice(2) - 3.5) < 1e-4"),
        ("cpp", "abs(twice(2) +1)<0.01", "abs(twice(2) +2)<0.01"),
        ("cpp", '(twice(2) == "4")', '(twice(2) == "x4")'),
        ("cpp", "twice(2)", "!(twice(2))"),
        ("js", "twice(2) === 4", "twice(2) === 3"),
        ("js", "f(twice(2)) === f([])", "f(twice(2)) === [f([]), 'another']"),
        ("js", "Math.abs(twice(2) - 1 / 3) < 1e-6", "Math.abs(twice(2) - 1 / 2) < 1e-6"),
        ("js", "twice(2) // === 4", "!(twice(2) // === 4"),
        ("rust", "assert_eq!(twice(2), 4)", "assert_eq!(twice(2), 3)"),
        ("rust", "assert_eq!(twice(2), empty)", "assert_eq!((twice(2)) == (empty), false)"),
        ("rust", "assert_eq!(other, twice(2))", "assert_eq!((other) == (twice(2)), false)"),
        ("rust", 'assert!(twice(2) == "B A")', 'assert!(twice(2) == "xB A")'),
        ("go", "assert.Equal(4, Twice(2))", "assert.Equal(3, Twice(2))"),
        ("go", "assert.Equal(true, near(1.5))", "assert.Equal(false, near(1.5))"),
        ("go", "assert.Equal(nil, Twice(2))", 'Equal([]interface{}{nil, "another"}, Twice(2))'),
        ("go", "assert.Equal([2]int{1, 2}, Twice(2))", "assert.Equal([2]int{1, 1}, Twice(2))"),
        ("go", "assert.Equal([2]any{nil}, Twice(2))", '{[2]any{nil}, "another"}, Twice(2))'),
        ("java", "s.twice(2) == 4", "s.twice(2) == 3"),
        ("java", 's.twice(2).equals("4")', 's.twice(2).equals("x4")'),
        ("java", "!s.twice(2).equals(4)", "!(!s.twice(2).equals(4))"),
        ("java", 'Objects.equals(s.twice(2), "4")', 'Objects.equals(s.twice(2), "x4")'),
        ("java", "s.twice(2).isEmpty()", "!(s.twice(2).isEmpty())"),
    ],
)
def test_an_expected_value_becomes_another_or_the_test_its_negation(
    language: str, old: str, new: str
) -> None:
    first = {
        "cpp": "twice(2)==4",
        "js": "twice(2) === 4",
        "java": "s.twice(2) == 4",
        "go": "assert.Equal(4, Twice(2))",
        "rust": "assert_eq!(twice(2), 4)",
    }[language]
    rules = languages()[language].program
    assert rules
    tests = TESTS[language].replace(first, f"{old}\n" if "//" in old else old)
    assert old in tests
    name = "Twice" if language == "go" else "twice"
    assert new in control(tests, rules, name)["tests"]


# --- verdicts ---


def graded(language: str, pairs: list[tuple[Task, Program]]) -> list[Verdict]:
    """The verdicts in the local jail, or in the image where this machine lacks the toolchain."""
    jail = jail_of(language)

    async def grade() -> list[Verdict]:
        sandbox = open_sandbox(jail, 2, environment="humanevalpack")
        try:
            grades = await asyncio.gather(*(sandbox.grade(*pair) for pair in pairs))
        finally:
            await sandbox.close()
        return [each.suites["base"].verdict for each in grades]

    return asyncio.run(grade())


def jail_of(language: str) -> str:
    """The jail that has the language; skips the test where none has."""
    environment = read_environment("humanevalpack")
    if language == "python" or language in here(environment):
        return "local"
    try:
        images.image_id(docker.client(), images.default_image(environment), environment)
    except SandboxError:
        pytest.skip(f"no jail has a toolchain for {language} here: see docs/humanevalpack.md")
    return "docker"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_right_program_passes_and_a_buggy_one_does_not(language: str) -> None:
    task, of = only_task(language, "fix"), benchmark(language, "fix")
    bodies = (BODIES[language], task.fields["buggy_solution"])
    answers = [Completion(task.task_id, at, f"\n{body}") for at, body in enumerate(bodies)]
    pairs = [(task, of.program(task, each, "base")) for each in answers]
    assert graded(language, pairs) == [Verdict.PASSED, Verdict.WRONG]


@pytest.mark.shared
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("language", LANGUAGES)
def test_solutions_pass_and_buggy_ones_fail(language: str, shared_data: Path) -> None:
    """Of all tasks where the variable asks for it, else of some whose tests are of odd forms."""
    of = load_benchmark(f"humanevalpack_fix@{language}", data_dir=shared_data)
    tasks = list(of.tasks)
    if os.environ.get("OPENCODEEVAL_TEST_SOLUTIONS") != "humanevalpack":
        tasks = [task for task in tasks if task.task_id.split("/")[1] in ("23", "38")]
    pairs = [(task, Program(task.task_id, 0, task.reference, "")) for task in tasks]
    pairs += [
        (task, of.program(task, Completion(task.task_id, 1, task.fields["buggy_solution"]), "base"))
        for task in tasks
    ]
    verdicts = graded(language, pairs)
    passed = {
        (task.task_id, program.sample_id)
        for (task, program), verdict in zip(pairs, verdicts, strict=True)
        if verdict is Verdict.PASSED
    }
    fails = {row.task for row in of.errata if row.fails}
    wanted = {(task.task_id, 0) for task in tasks if task.task_id not in fails}
    if language == "cpp":
        wanted.add(("CPP/23", 1))
    assert passed == wanted
