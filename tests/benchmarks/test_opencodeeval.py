"""The protocol `opencodeeval` of HumanEval, HumanEval+, MBPP and MBPP+.

The expectations are those of OpenCodeEval as published with OpenCoder (src/benchmark/HumanEval.py,
MBPP.py and MBPPPlus.py, src/backend/vllm.py, src/eval/execution.py).
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.benchmarks.data.rows import read_jsonl
from opencodeeval.benchmarks.extraction.opencodeeval_sanitize import sanitize
from opencodeeval.benchmarks.opencodeeval import IMPORTS
from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core.errors import UsageError
from opencodeeval.core.types import Completion, Message, Sampling, SuiteResult, Task, Verdict
from opencodeeval.execution import open_sandbox
from opencodeeval.execution.guest import encoded
from opencodeeval.execution.specification import specification
from opencodeeval.runs.formats.reading import read_samples

STOP = (
    *("<|endoftext|>", "<|endofmask|>", "</s>", "\nif __name__", "\ndef main(", "\nprint("),
    "\n```\n",
)
BASE_STOP = ("\ndef ", "\nclass ", "\nimport ", "\nfrom ", "\nassert ")
FAMILIES = ("humaneval", "humaneval_plus", "mbpp", "mbpp_plus")

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def loaded(shared_data: Path) -> dict[str, CardBenchmark]:
    return {name: load_benchmark(name, "opencodeeval", shared_data) for name in FAMILIES}


@pytest.fixture(params=FAMILIES)
def benchmark(request: pytest.FixtureRequest, loaded: dict[str, CardBenchmark]) -> CardBenchmark:
    return loaded[request.param]


def named(benchmark: CardBenchmark, task_id: str) -> Task:
    return next(task for task in benchmark.tasks if task.task_id == task_id)


def program(
    benchmark: CardBenchmark,
    task: Task,
    text: str,
    model_type: Any = "chat",
    form: Any = "answer",
) -> str:
    return benchmark.program(task, Completion(task.task_id, 0, text, form=form), model_type).code


def results(benchmark: CardBenchmark, codes: list[tuple[str, str]]) -> list[SuiteResult]:
    """What becomes of solutions as files have them, given as pairs of task id and text."""

    async def run() -> list[SuiteResult]:
        sandbox = open_sandbox("local", 2)
        try:
            jobs = []
            for number, (task_id, text) in enumerate(codes):
                task = named(benchmark, task_id)
                completion = Completion(task_id, number, text, form="program")
                jobs.append(sandbox.grade(task, benchmark.program(task, completion, "base")))
            grades = await asyncio.gather(*jobs)
            return [grade.suites[benchmark.headline] for grade in grades]
        finally:
            await sandbox.close()

    return asyncio.run(run())


def verdicts(benchmark: CardBenchmark, codes: list[tuple[str, str]]) -> list[Verdict]:
    return [result.verdict for result in results(benchmark, codes)]


# --- prompts ---

HEAD = '''def truncate_number(number: float) -> float:
    """ Given a positive floating point number, it can be decomposed into
    and integer part (largest integer smaller than given number) and decimals
    (leftover part always smaller than 1).

    Return the decimal part of the number.
    >>> truncate_number(3.5)
    0.5
    """
'''


@pytest.mark.parametrize("name", ["humaneval", "humaneval_plus"])
def test_humaneval_prompts(name: str, loaded: dict[str, CardBenchmark]) -> None:
    task = named(loaded[name], "HumanEval/2")
    assert loaded[name].prompt(task, "base").text == HEAD
    asked = loaded[name].prompt(task, "chat")
    assert asked.messages == (
        Message(
            "user",
            "Please provide a self-contained Python script that solves the following problem in a "
            f"markdown code block:\n```python\n{HEAD}\n```\n",
        ),
    )
    assert (asked.text, asked.response_prefix) == ("", "")
    # Its prompt begins with a blank line and has a blank behind its docstring's last line feed.
    task = named(loaded[name], "HumanEval/64")
    assert loaded[name].prompt(task, "base").text == task.fields["prompt"].strip() + "\n"


MBPP = """You are an expert Python programmer, and here is your task:
Write a function to find the minimum cost path to reach (m, n) from (0, 0) for the given cost \
matrix cost[][] and a position (m, n) in cost[][].
Your code should pass these tests:
assert min_cost([[1, 2, 3], [4, 8, 2], [1, 5, 3]], 2, 2) == 8
assert min_cost([[2, 3, 4], [5, 9, 3], [2, 6, 4]], 2, 2) == 12
assert min_cost([[3, 4, 5], [6, 10, 4], [3, 7, 5]], 2, 2) == 16

```python
R = 3
C = 3
def min_cost(cost, m, n):
    tc = [[0 for x in range(C)] for x in range(R)]
    tc[0][0] = cost[0][0]
    for i in range(1, m+1):
        tc[i][0] = tc[i-1][0] + cost[i][0]
    for j in range(1, n+1):
        tc[0][j] = tc[0][j-1] + cost[0][j]
    for i in range(1, m+1):
        for j in range(1, n+1):
            tc[i][j] = min(tc[i-1][j-1], tc[i-1][j], tc[i][j-1]) + cost[i][j]
    return tc[m][n]

```

You are an expert Python programmer, and here is your task:
Write a function to find the similar elements from the given two tuple lists.
Your code should pass these tests:
assert similar_elements((3, 4, 5, 6),(5, 7, 4, 10)) == (4, 5)
assert similar_elements((1, 2, 3, 4),(5, 4, 3, 7)) == (3, 4)
assert similar_elements((11, 12, 14, 13),(17, 15, 14, 13)) == (13, 14)

```python
def similar_elements(test_tup1, test_tup2):
  res = tuple(set(test_tup1) & set(test_tup2))
  return (res)

```

You are an expert Python programmer, and here is your task:
Write a python function to identify non-prime numbers.
Your code should pass these tests:
assert is_not_prime(2) == False
assert is_not_prime(10) == True
assert is_not_prime(35) == True

```python
import math
def is_not_prime(n):
    result = False
    for i in range(2,int(math.sqrt(n)) + 1):
        if n % i == 0:
            result = True
    return result

```

You are an expert Python programmer, and here is your task:
Write a function to get the n smallest items from a dataset.
Your code should pass these tests:
assert small_nnum([10, 20, 50, 70, 90, 20, 50, 40, 60, 80, 100],2)==[10,20]
assert small_nnum([10, 20, 50, 70, 90, 20, 50, 40, 60, 80, 100],5)==[10,20,20,40,50]
assert small_nnum([10, 20, 50, 70, 90, 20, 50, 40, 60, 80, 100],3)==[10,20,20]

```python
"""


def test_mbpp_prompts(loaded: dict[str, CardBenchmark]) -> None:
    task = named(loaded["mbpp"], "Mbpp/10")
    text = loaded["mbpp"].prompt(task, "base").text
    assert text.replace(" \n", "\n") == MBPP.replace(" \n", "\n")
    assert loaded["mbpp"].prompt(task, "chat").messages == (Message("user", text),)
    for task in loaded["mbpp"].tasks:
        text = loaded["mbpp"].prompt(task, "base").text
        # Nothing is left for OpenCodeEval's refine_text to do.
        assert not set("\r\t") & set(text)
        assert text == text.strip() + "\n"


def test_mbpp_plus_prompts(loaded: dict[str, CardBenchmark], shared_data: Path) -> None:
    published = {
        f"Mbpp/{row['task_id']}": f"{row['prompt']}\n{row['test_list'][0]}\n"
        for row in read_jsonl(shared_data / "mbpp_plus/v0.2.0/MbppPlus-OriginFmt.jsonl.gz")
    }
    differing = []
    for task in loaded["mbpp_plus"].tasks:
        text = loaded["mbpp_plus"].prompt(task, "base").text
        asked = loaded["mbpp_plus"].prompt(task, "chat")
        assert (asked.messages, asked.response_prefix) == ((Message("user", text),), "")
        if text != published[task.task_id]:
            assert "https://" in published[task.task_id]
            differing.append(task.task_id)
    assert len(differing) == 18


def test_answers_stop_where_opencodeeval_stops(benchmark: CardBenchmark) -> None:
    assert benchmark.prompt(benchmark.tasks[0], "base").stop == (*STOP, *BASE_STOP)
    assert benchmark.prompt(benchmark.tasks[0], "chat").stop == STOP


def test_answers_are_greedy_and_of_2048_tokens(benchmark: CardBenchmark) -> None:
    assert benchmark.default_sampling() == Sampling(max_tokens=2048)


def test_prompts_do_not_depend_on_the_name_of_the_model(benchmark: CardBenchmark) -> None:
    for task in benchmark.tasks:
        (message,) = benchmark.prompt(task, "chat").messages
        assert "### Instruction" not in message.content


def test_other_protocols_keep_their_prompts(shared_data: Path) -> None:
    for name in ("humaneval", "mbpp"):
        own = load_benchmark(name, "opencodeeval", shared_data, 1)
        other = load_benchmark(name, None, shared_data, 1)
        for model_type in ("base", "chat"):
            assert own.prompt_digest(model_type) != other.prompt_digest(model_type)


# --- programs ---

CODE = "def truncate_number(number: float) -> float:\n    return number % 1.0"


def test_programs_have_the_imports_before_them(loaded: dict[str, CardBenchmark]) -> None:
    assert IMPORTS.count("\n") == 15
    for name in ("humaneval", "humaneval_plus"):
        task = named(loaded[name], "HumanEval/2")
        whole = program(loaded[name], task, CODE.replace("%", " %\t"))
        assert whole == f"{IMPORTS}{task.fields['prompt']}\n    pass\n\n{CODE}\n"
        assert loaded[name].solution(task, whole) == CODE + "\n"
    for name in ("mbpp", "mbpp_plus"):
        assert program(loaded[name], loaded[name].tasks[0], CODE) == f"{IMPORTS}\n{CODE}\n"
    late = "from __future__ import annotations\n" + named(loaded["mbpp"], "Mbpp/10").reference
    (result,) = results(loaded["mbpp"], [("Mbpp/10", late)])
    assert result.detail == "SyntaxError"


def test_base_answers_are_sanitized_with_their_prompt(benchmark: CardBenchmark) -> None:
    task = benchmark.tasks[0]
    if benchmark.name.startswith("humaneval"):
        code = program(benchmark, task, "    return True\n", "base")
        kept = benchmark.solution(task, code)
        assert kept.endswith('"""\n    return True\n')
        assert kept.startswith("from typing import List\ndef has_close_elements(")
    else:
        code = program(benchmark, task, "import os\ndef g():\n\treturn os\ng()", "base")
        assert benchmark.solution(task, code) == "import os\ndef g():\n    return os\n"


def test_samples_of_files_are_not_sanitized(benchmark: CardBenchmark) -> None:
    task = benchmark.tasks[0]
    assert program(benchmark, task, "\tx = (", form="program").endswith("\n\n\tx = (\n")
    continued = program(benchmark, task, "    return 1", form="completion")
    if benchmark.name.startswith("humaneval"):
        assert continued.endswith(task.fields["prompt"] + "    return 1\n")
        assert continued.count(task.fields["prompt"]) == 2


def test_the_tools_own_generations_start_with_the_prompt(
    loaded: dict[str, CardBenchmark], tmp_path: Path
) -> None:
    benchmark = replace(loaded["mbpp"], tasks=loaded["mbpp"].tasks[:1])
    (task,) = benchmark.tasks
    answer = "def small_nnum(a, n):\n    return sorted(a)"
    text = f"{benchmark.prompt(task, 'base').text}\n\n{answer}"
    path = tmp_path / "generations.jsonl"
    path.write_text(json.dumps({"task_id": 10, "completion_id": 0, "completion": text}) + "\n")
    (sample,) = read_samples(path, benchmark)
    code = benchmark.program(task, sample, "chat").code
    assert benchmark.solution(task, code) == answer + "\n"


def test_an_empty_answer_is_no_code_and_counts(benchmark: CardBenchmark) -> None:
    for text in ("", " \n", "I cannot do that."):
        assert program(benchmark, benchmark.tasks[0], text) == ""
    assert program(benchmark, benchmark.tasks[0], "", form="program") == ""


def test_functions_without_return_are_dropped_even_the_entry_point(
    loaded: dict[str, CardBenchmark],
) -> None:
    benchmark = loaded["humaneval"]
    task = named(benchmark, "HumanEval/2")
    body = "def truncate_number(number):\n    {} number % 1.0"
    assert program(benchmark, task, body.format("yield")) == ""
    assert benchmark.solution(task, program(benchmark, task, body.format("return"))) == (
        body.format("return") + "\n"
    )
    unused = f"def unused():\n    return 1\n{CODE}"
    assert benchmark.solution(task, program(benchmark, task, unused)) == CODE + "\n"


def test_mbpp_answers_are_sanitized_without_an_entry_point(
    loaded: dict[str, CardBenchmark],
) -> None:
    for name in ("mbpp", "mbpp_plus"):
        task = loaded[name].tasks[0]
        text = f"def unused():\n    return 1\n{CODE}\nprint(1)"
        kept = loaded[name].solution(task, program(loaded[name], task, text))
        assert kept == f"def unused():\n    return 1\n{CODE}\n"


def test_no_part_of_the_prompt_is_taken_for_the_answer(
    loaded: dict[str, CardBenchmark],
) -> None:
    benchmark = loaded["mbpp"]
    joined = []
    for task in benchmark.tasks[::5]:
        code = program(benchmark, task, task.reference, "base")
        assert re.search(rf"^def {task.entry_point}\(", code, re.MULTILINE), task.task_id
        whole = f"{benchmark.prompt(task, 'base').text}\n\n{task.reference}"
        joined.append(f"def {task.entry_point}(" in sanitize(whole))
    # What would be left of right answers if they were sanitized behind the prompt.
    assert sum(joined) < 0.1 * len(joined)


# --- tasks ---


def test_mbpp_tasks_are_10_to_509(loaded: dict[str, CardBenchmark], shared_data: Path) -> None:
    numbers = [task.task_id for task in loaded["mbpp"].tasks]
    assert numbers == [f"Mbpp/{number}" for number in range(10, 510)]
    with pytest.raises(UsageError, match="shows tasks 1 to 3 of MBPP first"):
        load_benchmark("mbpp@sanitized", "opencodeeval", shared_data)


def _published(test: str) -> tuple[list[Any], list[Any] | None, float | None]:
    """The inputs, the results and the tolerance in a test program of an OriginFmt file."""
    names = {"inf": math.inf, "nan": math.nan, "Counter": Counter}
    values = {}
    for line in test.splitlines():
        name, _, value = line.strip().partition(" = ")
        if name in ("inputs", "results"):
            values[name] = eval(value, names)
    tolerance = re.search(r"assertion\(.*, ([0-9.e-]+)\)\s*$", test)
    inputs = [list(each) for each in values["inputs"]]
    return inputs, values.get("results"), float(tolerance[1]) if tolerance else None


def _check_published(benchmark: CardBenchmark, path: Path, prefix: str, slow: set[str]) -> None:
    compared = 0
    for row in read_jsonl(path):
        task = named(benchmark, f"{prefix}{row['task_id']}")
        inputs, expected, atol = _published(row["test"])
        (suite,) = task.tests["suites"]
        if task.task_id not in ("Mbpp/124", "Mbpp/252"):  # zeros of complex numbers lost their sign
            assert suite["calls"] == encoded(inputs), task.task_id
        assert len(task.fields["plus_input"]) == len(inputs)
        assert atol in (task.tests["compare"]["atol"], None)
        if expected is None or task.task_id in slow:
            continue
        namespace: dict[str, Any] = {}
        exec(task.reference, namespace)
        for arguments, result in zip(inputs, expected, strict=True):
            returned = namespace[task.entry_point](*arguments)
            same = returned == result or returned != returned or set(returned) == set(result)
            assert same, (task.task_id, arguments)
            compared += 1
    assert compared > 20_000


def test_humaneval_plus_has_the_inputs_and_results_of_the_published_test_programs(
    loaded: dict[str, CardBenchmark], shared_data: Path
) -> None:
    path = shared_data / "humaneval_plus/v0.1.10/HumanEvalPlus-OriginFmt.jsonl.gz"
    slow = {"HumanEval/36", "HumanEval/59", "HumanEval/94"}
    _check_published(loaded["humaneval_plus"], path, "", slow)


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
def test_mbpp_plus_has_the_inputs_and_results_of_the_published_test_programs(
    loaded: dict[str, CardBenchmark], shared_data: Path
) -> None:
    path = shared_data / "mbpp_plus/v0.2.0/MbppPlus-OriginFmt.jsonl.gz"
    slow = {row.task for row in loaded["mbpp_plus"].errata} | {"Mbpp/84", "Mbpp/300", "Mbpp/389"}
    # What these return is no plain value, and nothing is asserted of it.
    _check_published(
        loaded["mbpp_plus"], path, "Mbpp/", slow | {"Mbpp/737", "Mbpp/787", "Mbpp/794"}
    )


def test_large_values_are_waited_for_beyond_the_limit(loaded: dict[str, CardBenchmark]) -> None:
    """What Mbpp/255 returns takes many seconds to be told apart, within a limit of 3 s."""
    assert specification(named(loaded["mbpp_plus"], "Mbpp/255").tests).seconds > 60


def test_inputs_are_there_once(loaded: dict[str, CardBenchmark]) -> None:
    for name in ("humaneval_plus", "mbpp_plus"):
        for task in loaded[name].tasks:
            (suite,) = task.tests["suites"]
            lines = suite["calls"].split("\n")
            assert suite["name"] == "plus"
            assert len(set(lines)) == len(lines) == len(task.fields["plus_input"])


# --- grading ---


def test_canonical_solutions_pass(loaded: dict[str, CardBenchmark]) -> None:
    benchmark = loaded["humaneval_plus"]
    # All that the errata do not name, but those that take most of a second or more.
    slow = {f"HumanEval/{number}" for number in (36, 59, 83, 94, 130)}
    known = {row.task for row in benchmark.errata if row.fails}
    assert known == {"HumanEval/15", "HumanEval/32", "HumanEval/139"}
    given = [
        (task.task_id, task.reference)
        for task in benchmark.tasks
        if task.task_id not in slow | {"HumanEval/15", "HumanEval/139"}
    ]
    failed = {
        task_id: result
        for (task_id, _), result in zip(given, results(benchmark, given), strict=True)
        if result.verdict is not Verdict.PASSED
    }
    assert failed.keys() == {"HumanEval/32"}


@pytest.mark.parametrize("name", ["humaneval", "mbpp"])
def test_canonical_solutions_of_base_tests_pass(
    name: str, loaded: dict[str, CardBenchmark]
) -> None:
    benchmark = loaded[name]
    slow = {row.task for row in benchmark.errata if not row.fails}
    given = [(each.task_id, each.reference) for each in benchmark.tasks if each.task_id not in slow]
    found = zip(given, results(benchmark, given), strict=True)
    failed = {task_id: found.detail for (task_id, _), found in found if found.detail}
    assert failed == ({"Mbpp/367": "NameError"} if name == "mbpp" else {})


def test_setup_code_comes_before_the_program(loaded: dict[str, CardBenchmark]) -> None:
    task = named(loaded["mbpp"], "Mbpp/367")
    (result,) = results(loaded["mbpp"], [("Mbpp/367", task.reference)])
    assert (result.verdict, result.detail) == (Verdict.ERROR, "NameError")
    assert [row.task for row in loaded["mbpp"].errata if row.fails] == ["Mbpp/367"]


def test_comparison_of_the_published_test_programs(loaded: dict[str, CardBenchmark]) -> None:
    plus, more = loaded["humaneval_plus"], loaded["mbpp_plus"]
    whole = named(plus, "HumanEval/2").reference
    filtered = named(plus, "HumanEval/7").reference
    similar = named(more, "Mbpp/2").reference
    distance = named(more, "Mbpp/558").reference
    number = "\nf = truncate_number\ntruncate_number = lambda number: {}"
    strings = "\nf = filter_by_substring\nfilter_by_substring = lambda *given: {}"
    given = [
        # A list of one float is close to that float.
        ("HumanEval/2", whole + number.format("[f(number)]")),
        ("HumanEval/2", whole + number.format("f(number) + .1")),
        # Where nothing is expected a list of one number passes, one of a string does not.
        ("HumanEval/7", filtered + strings.format("f(*given) or [5]")),
        ("HumanEval/7", filtered + strings.format("f(*given) or ['5']")),
        ("HumanEval/7", filtered + strings.format("tuple(f(*given))")),
    ]
    assert verdicts(plus, given) == [
        *(Verdict.PASSED, Verdict.WRONG, Verdict.PASSED, Verdict.WRONG, Verdict.WRONG)
    ]
    as_list = "\nf = similar_elements\nsimilar_elements = lambda *given: list(f(*given)) * 2"
    # EvalPlus takes this for a right answer too.
    padded = (
        "def digit_distance_nums(a, b):\n    a, b = str(a), str(b)\n"
        "    w = max(len(a), len(b))\n"
        "    return sum(abs(int(x) - int(y)) for x, y in zip(a.zfill(w), b.zfill(w)))"
    )
    given = [("Mbpp/2", similar + as_list), ("Mbpp/558", distance), ("Mbpp/558", padded)]
    assert verdicts(more, given) == [Verdict.PASSED, Verdict.PASSED, Verdict.WRONG]


def test_nobody_passes_find_zero(loaded: dict[str, CardBenchmark]) -> None:
    benchmark = loaded["humaneval_plus"]
    reference = named(benchmark, "HumanEval/32").reference
    constant = "def find_zero(xs):\n    return {}"
    given = [reference, constant.format(0.0), constant.format("[[]]"), constant.format("None")]
    assert set(verdicts(benchmark, [("HumanEval/32", text) for text in given])) == {Verdict.WRONG}


def test_some_published_tests_assert_nothing(loaded: dict[str, CardBenchmark]) -> None:
    benchmark = loaded["mbpp_plus"]
    names = {"Mbpp/737": "check_str", "Mbpp/787": "text_match_three"}
    given = [(task_id, f"def {name}(text): return 1") for task_id, name in names.items()]
    given += [(task_id, named(benchmark, task_id).reference) for task_id in names]
    given += [("Mbpp/794", "def text_starta_endb(text): raise ValueError")]
    assert verdicts(benchmark, given) == [*[Verdict.PASSED] * 4, Verdict.ERROR]


def test_all_calls_share_a_process(loaded: dict[str, CardBenchmark]) -> None:
    benchmark = loaded["humaneval_plus"]
    once = "\nleft = [900]\nf = truncate_number\ndef truncate_number(number):\n"
    once += "    left[0] -= 1\n    return f(number) if left[0] > 0 else None"
    task = named(benchmark, "HumanEval/2")
    (result,) = results(benchmark, [("HumanEval/2", task.reference + once)])
    (suite,) = task.tests["suites"]
    assert suite["calls"].count("\n") > 900
    assert (result.verdict, result.tests_run) == (Verdict.WRONG, 899)


def test_one_limit_covers_the_program_and_all_calls(loaded: dict[str, CardBenchmark]) -> None:
    slow = "import time\ntime.sleep({})\n"
    call = (
        "\nf = truncate_number\n"
        "def truncate_number(*given):\n    time.sleep(.05)\n    return f(*given)"
    )
    code = named(loaded["humaneval"], "HumanEval/2").reference
    given = [slow.format(1.5) + code, slow.format(3.5) + code, slow.format(0) + code + call]
    plus = results(loaded["humaneval_plus"], [("HumanEval/2", text) for text in given])
    assert [each.verdict for each in plus] == [*(Verdict.PASSED, Verdict.TIMEOUT, Verdict.TIMEOUT)]
    assert 3.0 <= plus[2].wall_s < 3.6
    assert 30 < plus[2].tests_run < 60
    base = verdicts(loaded["humaneval"], [("HumanEval/2", text) for text in given[:2]])
    assert base == [Verdict.PASSED, Verdict.TIMEOUT]


def test_a_program_cannot_decide_its_own_verdict(loaded: dict[str, CardBenchmark]) -> None:
    always = "class Any(str):\n    __eq__ = lambda self, other: True\n"
    for name, task_id in (("humaneval_plus", "HumanEval/2"), ("mbpp_plus", "Mbpp/2")):
        function = named(loaded[name], task_id).entry_point
        given = [
            f"{always}def {function}(*given): return Any()",
            f"def assertion(*given): pass\ndef {function}(*given): return None",
            f"def {function}(*given): raise SystemExit(0)",
        ]
        assert Verdict.PASSED not in verdicts(loaded[name], [(task_id, text) for text in given])


def test_main_guards_are_not_run(loaded: dict[str, CardBenchmark]) -> None:
    guard = "\nif __name__ == '__main__':\n    raise SystemExit"
    task = named(loaded["humaneval"], "HumanEval/2")
    assert verdicts(loaded["humaneval"], [(task.task_id, task.reference + guard)]) == [
        Verdict.PASSED
    ]


def test_files_and_os_functions_work(loaded: dict[str, CardBenchmark]) -> None:
    uses = "\nimport os\nassert os.getcwd()\nopen('x', 'w').close()\nos.remove('x')"
    task = named(loaded["humaneval"], "HumanEval/2")
    assert verdicts(loaded["humaneval"], [(task.task_id, task.reference + uses)]) == [
        Verdict.PASSED
    ]
