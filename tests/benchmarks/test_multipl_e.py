"""MultiPL-E: languages as data, what models are asked, the programs, and the control tests.

Rows of our own stand beside the shared data. The published programs and verdicts are those of
Qwen2.5-Coder-1.5B (qwencoder-eval of QwenLM/Qwen3-Coder).
"""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.benchmarks.cards import read_card
from opencodeeval.benchmarks.data.rows import read_jsonl
from opencodeeval.benchmarks.programs.grading import PROOF
from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core.errors import DataError
from opencodeeval.core.types import Completion, Grade, Program, Task, Verdict
from opencodeeval.execution import open_sandbox
from opencodeeval.execution.environments import read_environment
from opencodeeval.execution.specification import specification
from opencodeeval.execution.toolchains import PATH
from opencodeeval.runs.formats.base import FORMATS
from opencodeeval.runs.formats.reading import read_samples, sample_format
from opencodeeval_benchmarks.multipl_e_humaneval import adapter, answers
from opencodeeval_benchmarks.multipl_e_humaneval.languages import languages
from opencodeeval_benchmarks.multipl_e_humaneval.published_tests import (
    control,
    proven,
    published_tests,
)
from tests.support.multipl_e_rows import (
    BODIES,
    PROMPTS,
    QWEN,
    TESTS,
    benchmark,
    first_protocol,
    only_task,
    row,
)

LANGUAGES = [version.name for version in read_card("multipl_e_humaneval").versions]
SETS = ("humaneval", "mbpp")


def program(
    language: str, text: str, protocol: str = "qwen", model: Any = "base", form: Any = "answer"
) -> str:
    """The program of an answer to our row."""
    task = only_task(language, protocol)
    completion = Completion(task.task_id, 0, text, form=form)
    return benchmark(language, protocol).program(task, completion, model).code


def chat(language: str, answer: str) -> str:
    return program(language, answer, "qwen-instruct", "chat")


def chat_under(protocol: str, language: str, code: str) -> str:
    """The program of an answer that is one block of code."""
    return program(language, f"```\n{code}\n```", protocol, "chat")


def details(shared_data: Path, language: str) -> dict[str, dict[str, Any]]:
    """The published details of Qwen2.5-Coder-1.5B by task."""
    with gzip.open(published(shared_data) / f"humaneval-{language}-details.json.gz") as file:
        return {name: found[0][1] for name, found in json.load(file).items()}


def published(shared_data: Path) -> Path:
    return shared_data / "verdicts" / "qwen2.5-coder-1.5b-base" / "multipl-e"


# --- data and languages ---


def test_every_version_is_a_language_that_is_declared() -> None:
    assert [each.name for each in read_card("multipl_e_mbpp").versions] == LANGUAGES
    assert LANGUAGES[: len(QWEN)] == list(QWEN)
    assert set(LANGUAGES) <= languages().keys()


@pytest.mark.shared
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SETS)
def test_every_row_is_a_task_that_a_judge_takes(
    name: str, language: str, shared_data: Path
) -> None:
    protocol = first_protocol(language)
    loaded = load_benchmark(f"multipl_e_{name}@{language}", protocol, shared_data)
    for task in loaded.tasks:
        assert task.integrity == "hardened"
        assert specification(task.tests).suites == ["base"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"tests": ""}, "its field tests is missing or empty"),
        ({"prompt": None}, "its field prompt is missing or empty"),
        ({"language": "cobol"}, "its language 'cobol' is not known: use one of cpp, cs"),
        ({"stop_tokens": "x"}, "its stop_tokens are not a list"),
        ({"tests": "int main() {\n}\n"}, "its tests name no function"),
        ({"tests": "auto candidate = f;\n"}, "its tests have no assertion of a known form"),
    ],
)
def test_a_row_that_is_no_task_is_refused(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        adapter.to_task(row("cpp", **changed), read_card("multipl_e_humaneval").protocols[0])


@pytest.mark.parametrize("protocol", ["qwen", "qwen-fixed", "qwen-instruct"])
def test_a_language_that_qwen_does_not_evaluate_is_refused_under_its_protocols(
    protocol: str,
) -> None:
    with pytest.raises(DataError, match=r"no Lua: use --protocol multipl-e"):
        only_task("lua", protocol)


# --- what models are asked ---


def test_a_base_model_sees_the_stripped_prompt_and_a_line_feed() -> None:
    asked = benchmark("js").prompt(only_task("js"), "base")
    assert asked.text == "//Twice.\nfunction twice(x){\n"
    assert asked.stop == ()
    assert benchmark("js").default_sampling().max_tokens == 500
    assert benchmark("js").default_sampling().temperature == 0


def test_the_publisher_s_prompt_has_no_line_feed_and_the_row_s_stop_tokens() -> None:
    asked = benchmark("js", "multipl-e").prompt(only_task("js", "multipl-e"), "base")
    assert asked.text == "//Twice.\nfunction twice(x){"
    assert asked.stop == ("\nfunction ",)
    sampling = benchmark("js", "multipl-e").default_sampling()
    assert (sampling.n, sampling.temperature, sampling.top_p) == (20, 0.2, 0.95)
    assert sampling.max_tokens == 512


@pytest.mark.parametrize("protocol", ["qwen", "qwen-instruct", "multipl-e"])
def test_a_chat_model_is_asked_in_one_turn_with_the_language_for_a_tag(protocol: str) -> None:
    asked = benchmark("cs", protocol).prompt(only_task("cs", protocol), "chat")
    (turn,) = asked.messages
    assert turn.role == "user"
    assert turn.content.startswith("Please continue to complete the function and return all ")
    assert turn.content.endswith(f"\n```cs\n{PROMPTS['cs'].strip()}\n```")
    assert asked.stop == ()


# --- programs ---


@pytest.mark.shared
@pytest.mark.parametrize("language", QWEN)
def test_the_published_programs_come_out_byte_for_byte(language: str, shared_data: Path) -> None:
    """From what the model wrote: 1,116 programs in seven languages."""
    loaded = load_benchmark(f"multipl_e_humaneval@{language}", data_dir=shared_data)
    tasks = {task.task_id: task for task in loaded.tasks}
    ran = details(shared_data, language)
    proof = f"\n{languages()[language].proof}"
    rows = read_jsonl(published(shared_data) / f"pred_{language}_output.jsonl.gz")
    assert len(rows) == len(tasks) == len(ran)
    for each in rows:
        task = tasks[each["task_id"]]
        asked = loaded.prompt(task, "base").text
        assert each["wholecode"].startswith(asked)
        answer = Completion(task.task_id, 0, each["wholecode"].removeprefix(asked))
        made = loaded.program(task, answer, "base")
        assert made.code + task.tests["tests"].replace(proof, "") == ran[task.task_id]["code"]
        generation = replace(answer, text=each["generation"], form="program")
        assert loaded.program(task, generation, "base").code == made.code


def test_a_completion_is_cut_at_the_first_stop_token_of_the_row_or_the_language() -> None:
    assert program("js", "  return 1;\n}\nfunction f(){}").endswith("{\n\n  return 1;\n}")
    assert program("ts", "  return 1;\n}\nconsole.log(1)").endswith("{\n\n  return 1;\n}")
    # The publisher has no tokens beside the rows', and no line between prompt and body.
    plain = program("ts", "  return 1;\n}\nconsole.log(1)", "multipl-e")
    assert plain == PROMPTS["ts"] + "  return 1;\n}\nconsole.log(1)"


def test_qwen_puts_lines_before_a_program_and_the_publisher_none() -> None:
    assert program("cpp", "").startswith("#include<stdlib.h>\n#include<algorithm>\n")
    assert program("cs", "").startswith("using System.Numerics;\n")
    assert program("php", "x", form="program") == "<?php\nx"
    assert only_task("php").tests["tests"].endswith("test();?>")
    for language in ("cpp", "cs", "php"):
        body = BODIES[language]
        assert program(language, body, "multipl-e") == PROMPTS[language] + body
    assert only_task("php", "multipl-e").tests["tests"].endswith("test();")


@pytest.mark.parametrize("language", QWEN)
def test_a_whole_program_is_taken_as_it_is_and_given_back(language: str) -> None:
    whole = program(language, BODIES[language])
    assert program(language, whole, form="program") == whole
    solution = benchmark(language).solution(only_task(language), whole)
    assert solution == f"{PROMPTS[language]}\n{BODIES[language]}"
    assert program(language, solution, form="program") == whole


def test_the_first_fenced_block_is_taken_whatever_its_tag() -> None:
    assert answers.first_block("a\n```\nb\n```\n```js\nc\n```") == "b\n"
    assert answers.first_block("Code: ```js\nb```") == "b"
    assert answers.first_block("no fence") == "no fence"
    assert answers.first_block("```js\nnever closed") == "```js\nnever closed"


def test_an_answer_without_the_function_is_put_behind_the_prompt() -> None:
    for language in ("js", "ts", "php"):
        made = chat(language, f"```\n{BODIES[language]}\n```")
        assert made == f"{PROMPTS[language]}{BODIES[language]}\n"
        whole = PROMPTS[language] + BODIES[language]
        assert chat(language, f"```\n{whole}\n```") == f"{whole}\n"
    assert chat("sh", f"```\n{BODIES['sh']}\n}}\n```") == PROMPTS["sh"] + BODIES["sh"]
    assert chat("php", "```php\nfunction twice($x) { return 2; } ?>\n```").startswith("<?php\nfunc")


def test_what_the_tests_close_is_not_in_an_answer_s_program() -> None:
    function = "    public static long twice(long x) {\n        return 2 * x;\n    }"
    main = "    public static void main(String[] args) {\n        twice(1);\n    }"
    end = "class Problem {\n    public static long twice(long x) {\n        return 2 * x;"
    for answer in (
        f"public class Problem {{\n{function}\n{main}\n}}",
        f"class Problem {{\n{function}\n}}",
        function,
    ):
        made = chat("java", f"```java\n{answer}\n```")
        assert made.startswith("import java.util.*;\n")
        assert made.rstrip().endswith(end)
        assert "main" not in made
    sharp = "using System.IO;\nclass A {\n}\nclass Problem {\n" + function.replace("twice", "Twice")
    made = chat("cs", f"```\n{sharp}\n    static void Main() {{\n    }}\n}}\n```")
    assert made.startswith("using System.IO;\nusing System;\n")
    assert made.endswith("    public static long Twice(long x) {\n        return 2 * x;")
    assert "class A" not in made
    plus = "using namespace std;\nlong twice(long x) {\n  return 2 * x;\n}\n"
    made = chat("cpp", f"```cpp\n{plus}int main() {{\n  twice(1);\n}}\n```")
    assert made.endswith("\nlong twice(long x) {\n  return 2 * x;")
    assert "#include<optional>\n" in made
    assert "namespace" not in made


def test_an_answer_in_go_gets_what_the_tests_need_and_its_own_tests_are_not_run() -> None:
    function = "func twice(x int) int {\n    return 2 * x\n}\n"
    tests = "func TestTwice(t *testing.T) {}\nfunc main() { TestTwice(nil) }\n"
    both = 'import "testing"\nimport "fmt"'
    made = chat_under("multipl-e", "go", f"package main\n\n{function}{tests}")
    assert made.startswith(f"package main\n{both}\n\nfunc twice")
    assert "func ownTestTwice(t *testing.T) {}\nfunc main() { ownTestTwice(nil) }" in made
    # What it has is not there twice, and without a package it gets the prompt's.
    made = chat_under("multipl-e", "go", f'import (\n    "fmt"\n)\n{function}')
    assert made.startswith('package twice_test\nimport "testing"\nimport (\n    "fmt"\n)\nfunc')
    body = chat_under("multipl-e", "go", BODIES["go"])
    assert body == f"{PROMPTS['go']}{BODIES['go']}\n"


def test_an_answer_in_scala_is_one_object_that_the_tests_close() -> None:
    function = "    def twice(x : Long) : Long = {\n        2 * x\n    }"
    main = "    def main(args : Array[String]) {\n        println(twice(1))\n    }"
    end = "object Problem {\n    def twice(x : Long) : Long = {\n        2 * x"
    for answer in (
        f"import scala.util.Try\nobject Problem {{\n{function}\n{main}\n}}\n// It doubles.",
        f"object Problem {{\n{function}\n}}\nobject Other",
        function,
    ):
        made = chat_under("multipl-e", "scala", answer)
        assert "import scala.collection.mutable._\n" in made
        assert made.rstrip().endswith(end)
        assert ("Try" in made) == ("Try" in answer)


def test_answers_in_d_and_julia_are_taken_as_they_are_or_put_behind_the_prompt() -> None:
    whole = "long twice(long x)\n{\n    return 2 * x;\n}"
    made = chat_under("multipl-e", "d", f"{whole}\nvoid main()\n{{\n    twice(1);\n}}")
    assert made.strip() == whole
    for language in ("d", "jl"):
        made = chat_under("multipl-e", language, BODIES[language])
        assert made == f"{PROMPTS[language]}{BODIES[language]}\n"


def test_two_tasks_keep_the_namespace_that_they_need() -> None:
    card = read_card("multipl_e_humaneval").protocols[2]
    task = adapter.to_task(row("cpp", task_id="HumanEval_159_twice"), card)
    answer = "```\nusing namespace std;\nlong twice(long x) {\n  return 2;\n}\n```"
    assert "using namespace std;" in answers.completed(answer, task)


def test_an_answer_of_which_nothing_is_left_is_no_code() -> None:
    assert chat("sh", "I cannot do that: twice()") == ""


# --- commands and rules ---


def card_protocol(name: str) -> Any:
    return next(each for each in read_card("multipl_e_humaneval").protocols if each.name == name)


def commands(language: str, protocol: str = "qwen", **changed: Any) -> list[list[str]]:
    rounds = adapter.to_task(row(language, **changed), card_protocol(protocol)).tests["rounds"]
    return [[" ".join(step["command"]) for step in steps] for steps in rounds]


def test_programs_are_compiled_and_run_as_qwen_does() -> None:
    assert commands("ts") == [
        ["tsc --target ES2015 --lib ES2015,DOM test.ts", "node test.js"],
        ["tsc test.ts", "node test.js"],
    ]
    assert commands("cpp", name="HumanEval_162_string_to_md5") == [
        ["g++ -std=c++17 test.cpp -lcrypto -lssl", "./a.out"]
    ]
    tests = only_task("cs").tests
    assert tests["environ"] == {"LC_ALL": "POSIX"}
    assert tests["rounds"][0][1]["environ"] == {"MONO_TRACE_LISTENER": "Console.Error"}
    assert tests["limits"] == {
        "compile_s": 10.0,
        "run_s": 10.0,
        "total_s": 20.0,
        "memory_mb": 4096,
    }
    assert only_task("ts").tests["limits"]["total_s"] == 40.0


def test_commands_of_languages_that_qwen_does_not_have() -> None:
    [steps] = commands("go", "multipl-e")
    assert [step.split(" -")[0] for step in steps] == ["go test", "go vet", "./test.out"]
    assert steps[2] == "./test.out -test.v -test.paniconexit0"
    assert commands("d", "multipl-e") == [["ldmd2 -unittest -of=test test.d", "./test"]]
    assert commands("scala", "multipl-e") == [["scalac test.scala", "scala Problem"]]
    assert commands("jl", "multipl-e") == [["julia test.jl"]]
    assert only_task("scala", "multipl-e").tests["passes"]["stderr_empty"]
    # Under a home of its own: there is no cache that programs share.
    assert only_task("go", "multipl-e").tests["environ"]["GOCACHE"].startswith("/tmp/")
    limits = only_task("scala", "multipl-e").tests["limits"]
    assert (limits["compile_s"], limits["run_s"]) == (45.0, 15.0)


def test_go_s_rows_have_another_name_for_it() -> None:
    task = adapter.to_task(row("go", language="go_test.go"), card_protocol("multipl-e"))
    assert task.tests["language"] == task.fields["language"] == "go"
    asked = benchmark("go", "multipl-e").prompt(task, "chat")
    assert "\n```go\npackage twice_test" in asked.messages[0].content


def test_what_a_program_has_to_do_differs_between_the_evaluations() -> None:
    def passes(language: str, protocol: str) -> dict[str, Any]:
        return dict(only_task(language, protocol).tests["passes"])

    assert passes("js", "qwen")["stdout_only_proof"]
    assert not passes("js", "qwen")["status"]
    for protocol in ("qwen-fixed", "qwen-instruct", "multipl-e"):
        assert not passes("js", protocol)["stdout_only_proof"]
        assert passes("js", protocol)["status"]
        assert "crash" not in passes("cs", protocol)
        assert "Unhandled Exception" in passes("cs", protocol)["lacks"]["stderr"]
    assert passes("cs", "qwen")["crash"] == "Unhandled Exception"


def test_java_s_encoding_and_class_path_differ_between_the_evaluations() -> None:
    jar = "/usr/share/java/javatuples.jar"
    assert commands("java")[0][0] == f"javac -encoding US-ASCII -cp {jar} Problem.java"
    assert commands("java")[0][1] == f"java -ea -cp .:{jar} Problem"
    assert "UTF8" in commands("java", "qwen-fixed")[0][0]
    assert commands("java", "qwen-instruct")[0][1] == "java -ea -cp . Problem"
    assert commands("java", "multipl-e")[0][1] == f"java -ea -cp .:{jar} Problem"


def test_a_time_limit_is_for_the_run_alone() -> None:
    limited = benchmark("ts").with_time_limit(3)
    assert limited.tasks[0].tests["limits"] | {"memory_mb": 0} == {
        "compile_s": 10.0,
        "run_s": 3,
        "total_s": 26.0,
        "memory_mb": 0,
    }


def test_a_record_names_the_language_and_the_limits_of_its_programs() -> None:
    said = benchmark("cs", "multipl-e").describe()
    assert said["language"] == "cs"
    assert said["limits"]["run_s"] == 5.0


# --- the tests that are run ---


@pytest.mark.shared
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_published_test_is_changed_in_the_control_run(
    language: str, shared_data: Path
) -> None:
    of = languages()[language]
    unparsed = []
    for name in SETS:
        protocol = first_protocol(language)
        for each in load_benchmark(f"multipl_e_{name}@{language}", protocol, shared_data).tasks:
            tests = each.fields["tests"]
            if each.task_id in of.broken:
                unparsed.append(each.task_id)
                continue
            found = published_tests(tests, of)
            assert len(found) == tests.count(of.opens), each.task_id
            changed = control(tests, of)
            assert changed["times"] == len(found)
            # Of two tests with one call that contradict each other, each becomes the other; some of
            # D's have their calls in front of them.
            if (language, each.task_id) != ("rs", "HumanEval_92_any_int"):
                for test in found:
                    same = tests[test.start : test.end] in changed["tests"]
                    assert not same or "result" in tests[test.start : test.end], each.task_id
            assert proven(tests, of).replace(f"\n{of.proof}", "") == tests
    # The published tests of these tasks do not compile.
    assert unparsed == list(of.broken)


@pytest.mark.parametrize(
    ("language", "old", "new"),
    [
        ("cpp", "(4)", "(3)"),
        ("cpp", "(-12)", "(-22)"),
        ("cpp", "(0.5f)", "(1.5f)"),
        ("cpp", '("a\\"b")', '("xa\\"b")'),
        ("cpp", '(std::map<std::string,long>({{"1", 7}}))', '({{"1", 6}}))'),
        ("cpp", "(true)", "(false)"),
        ("js", "[]", '"another"'),
        ("js", "[1, undefined]", "[2, undefined]"),
        ("js", "[true]", "[false]"),
        ("php", "null", '"another"'),
        ("java", "(1e-6f)", "(2e-6f)"),
        ("d", "tuple(4L, [1L])", "tuple(4L, [2L])"),
        ("go", "[]int{1, 4}", "[]int{1, 3}"),
        ("go", "[]int{}", '"another"'),
        ("go", "map[string]int{}", '"another"'),
        ("jl", "nothing", '"another"'),
        ("scala", "(List[Long](4l.toLong))", "(List[Long](3l.toLong))"),
    ],
)
def test_an_expected_value_becomes_one_that_differs_in_kind_or_size(
    language: str, old: str, new: str
) -> None:
    kept = {"cpp": "(4)", "java": "(4l)", "d": "4L", "scala": "(4l)"}.get(language, "4")
    tests = TESTS[language].replace(kept, old, 1)
    assert old in tests
    assert new in control(tests, languages()[language])["tests"]


def test_a_test_without_an_expected_value_becomes_its_negation() -> None:
    tests = TESTS["d"].replace("candidate(2L) == 4L", "candidate(2L).isNull")
    assert "assert(!(candidate(2L).isNull));" in control(tests, languages()["d"])["tests"]


def test_tests_whose_end_has_another_form_are_refused() -> None:
    with pytest.raises(DataError, match="no end of a known form"):
        proven(TESTS["go"].rstrip().removesuffix("}"), languages()["go"])


def test_an_empty_value_becomes_that_of_another_test_or_the_test_its_negation() -> None:
    empty = "(std::vector<long>())"
    tests = TESTS["cpp"].replace("(4)", empty)
    assert f"assert(candidate((2)) == {empty.replace('()', '({1})')});" not in tests
    assert "assert(candidate((2)) == (0));" in control(tests, languages()["cpp"])["tests"]
    tests = tests.replace("(0));", f"{empty});")
    assert f"assert(!(candidate((2)) == {empty}));" in control(tests, languages()["cpp"])["tests"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_proof_stands_behind_the_last_test_and_before_the_end(language: str) -> None:
    of = languages()[language]
    lines = proven(TESTS[language], of).splitlines()
    place = lines.index(of.proof)
    last = published_tests(TESTS[language], of)[-1]
    ahead = TESTS[language][: last.end].splitlines()
    assert lines[: len(ahead)] == ahead
    # Go's tests are rows of a table, whose loop comes first; Julia's fail as a group.
    assert (len(ahead) < place) if language in ("go", "jl") else (len(ahead) == place)
    after = "".join(lines[place + 1 : place + 2]).strip()
    assert after == "" if language == "jl" else after in ("}", "end", "))")
    task = only_task(language, first_protocol(language))
    assert task.tests["tests"].count(PROOF) == 1


# --- verdicts ---


def missing(language: str) -> set[str]:
    """The commands and files that a language needs and this machine lacks."""
    rounds = only_task(language, first_protocol(language)).tests["rounds"]
    names = {step["command"][0] for steps in rounds for step in steps}
    toolchain = read_environment("multipl_e").toolchains.get(language)
    if toolchain is None:
        return {f"a toolchain for {language} in the environment multipl_e"}
    absent = {name for name in toolchain.files if not Path(name).exists()}
    return absent | {
        name for name in names if "./" not in name and shutil.which(name, path=PATH) is None
    }


def graded(pairs: list[tuple[Task, Program]]) -> list[Grade]:
    """The grades in the local jail."""

    async def grade() -> list[Grade]:
        sandbox = open_sandbox("local", 2, environment="multipl_e")
        try:
            return list(await asyncio.gather(*(sandbox.grade(*pair) for pair in pairs)))
        finally:
            await sandbox.close()

    return asyncio.run(grade())


def programs_of(language: str) -> list[Program]:
    """A right program, and one that passes the test of 0 only."""
    protocol = first_protocol(language)
    bodies = [BODIES[language]]
    # TypeScript's compiler takes seconds for each of its two rounds.
    if language != "ts":
        bodies.append(BODIES[language].replace("2 *", "3 *").replace("(* 2", "(* 3"))
    task_id = only_task(language, protocol).task_id
    programs = [program(language, body, protocol) for body in bodies]
    return [Program(task_id, at, code, "") for at, code in enumerate(programs)]


@pytest.fixture(scope="module")
def verdicts() -> dict[str, list[Verdict]]:
    """The verdicts of each language's programs, all from one sandbox."""
    here = [language for language in LANGUAGES if not missing(language)]
    # With a limit that a busy machine keeps too.
    limited = {each: benchmark(each, first_protocol(each)).with_time_limit(60) for each in here}
    tasks = {language: found.tasks[0] for language, found in limited.items()}
    pairs = [(tasks[each], one) for each in here for one in programs_of(each)]
    found = iter([grade.suites["base"].verdict for grade in graded(pairs)])
    return {language: [next(found) for _ in programs_of(language)] for language in here}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_right_program_passes_and_a_wrong_one_does_not(
    language: str, verdicts: dict[str, list[Verdict]]
) -> None:
    if language not in verdicts:
        pytest.skip(f"{', '.join(sorted(missing(language)))} is not there")
    wanted = [Verdict.PASSED, Verdict.WRONG][: len(verdicts[language])]
    assert verdicts[language] == wanted


# Solutions of our own: of tests in the usual form, and in D of some with null.
SOLUTIONS = {
    ("d", "HumanEval_62_derivative"): "{\n    long[] found;\n"
    "    foreach (i; 1 .. xs.length) found ~= cast(long) i * xs[i];\n    return found;\n}",
    ("d", "HumanEval_90_next_smallest"): "{\n    import std.algorithm : sort, uniq;\n"
    "    import std.array : array;\n    auto found = lst.dup.sort.uniq.array;\n"
    "    return found.length < 2 ? Nullable!long() : nullable(found[1]);\n}",
    ("go", "HumanEval_62_derivative"): "    found := []int{}\n"
    "    for i := 1; i < len(xs); i++ {\n        found = append(found, i*xs[i])\n    }\n"
    "    return found\n}\n",
    ("jl", "HumanEval_62_derivative"): "    [(i - 1) * xs[i] for i in 2:length(xs)]\nend\n",
    ("scala", "HumanEval_62_derivative"): "        xs.zipWithIndex.drop(1).map(p => p._1 * p._2)\n",
}


@pytest.mark.shared
@pytest.mark.parametrize("language", sorted({language for language, _ in SOLUTIONS}))
def test_solutions_of_published_tasks_fail_every_changed_test(
    language: str, shared_data: Path
) -> None:
    if missing(language):
        pytest.skip(f"{', '.join(sorted(missing(language)))} is not there")
    loaded = load_benchmark(f"multipl_e_humaneval@{language}", "multipl-e", shared_data)
    # The control run takes longer than a published one; how long does not matter here.
    tasks = {task.task_id: task for task in loaded.with_time_limit(60).tasks}
    pairs = []
    for (spoken, name), body in SOLUTIONS.items():
        if spoken == language:
            answer = Completion(name, 0, body)
            pairs.append((tasks[name], loaded.program(tasks[name], answer, "base")))
    found = [grade.suites["base"] for grade in graded(pairs)]
    assert [(each.verdict, each.detail) for each in found] == [(Verdict.PASSED, "")] * len(pairs)


@pytest.mark.shared
def test_published_passes_in_javascript_fail_every_changed_test(shared_data: Path) -> None:
    """Both runs of the judge: a pass would be `forged` if a changed test held."""
    if missing("js"):
        pytest.skip("node is not on this machine")
    loaded = load_benchmark("multipl_e_humaneval@js", data_dir=shared_data)
    ran = details(shared_data, "js")
    pairs = []
    for task in [task for task in loaded.tasks if ran[task.task_id]["passed"]][:16]:
        code = ran[task.task_id]["code"].removesuffix("\n" + task.fields["tests"])
        pairs.append((task, Program(task.task_id, 0, code, "program")))
    grades = graded(pairs)
    assert {each.suites["base"].verdict for each in grades} == {Verdict.PASSED}


# --- files of other tools ---


@pytest.mark.shared
@pytest.mark.parametrize("language", ["js", "php", "cpp"])
def test_qwen_s_two_files_have_the_same_programs(language: str, shared_data: Path) -> None:
    loaded = load_benchmark(f"multipl_e_humaneval@{language}", data_dir=shared_data)
    tasks = {task.task_id: task for task in loaded.tasks}
    found = []
    for name in (f"pred_{language}_output.jsonl.gz", f"humaneval-{language}-details.json.gz"):
        path = published(shared_data) / name
        assert sample_format(path).title.startswith("Qwen MultiPL-E")
        read = read_samples(path, loaded)
        found.append(
            {each.task_id: loaded.program(tasks[each.task_id], each, "base") for each in read}
        )
    assert found[0] == found[1]
    assert len(found[0]) == len(tasks)


def test_multipl_e_s_own_files_are_read_by_problem(tmp_path: Path) -> None:
    problem = {
        "name": "HumanEval_1_twice",
        "language": "sh",
        "prompt": PROMPTS["sh"],
        "tests": TESTS["sh"],
        "stop_tokens": ["\n}"],
    }
    whole = f"{PROMPTS['sh']}{BODIES['sh']}\n{TESTS['sh']}"
    results = {**problem, "results": [{"program": whole, "status": "OK", "exit_code": 0}] * 2}
    completions = {**problem, "completions": [BODIES["sh"]] * 2}
    for folder, name, content in (
        ("results", "HumanEval_1_twice.results.json.gz", results),
        ("completions", "HumanEval_1_twice.json.gz", completions),
    ):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / name
        path.write_bytes(gzip.compress(json.dumps(content, indent=2).encode()))
        for each in (path, path.parent):
            assert sample_format(each).title == f"MultiPL-E {folder}"
            read = read_samples(each, benchmark("sh", "multipl-e"))
            assert [sample.sample_id for sample in read] == [0, 1]
            made = program("sh", read[0].text, "multipl-e", form=read[0].form)
            assert made == PROMPTS["sh"] + BODIES["sh"]


def test_results_without_programs_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "HumanEval_1_twice.results.json"
    content = {"name": "HumanEval_1_twice", "language": "sh", "results": [{"status": "OK"}]}
    path.write_text(json.dumps(content, indent=2))
    with pytest.raises(DataError, match='"results" is not a list of objects with "program"'):
        read_samples(path, benchmark("sh"))


def test_both_tools_are_those_of_the_cards() -> None:
    for name in ("multipl_e_humaneval", "multipl_e_mbpp"):
        assert set(read_card(name).formats) <= set(FORMATS.names())
