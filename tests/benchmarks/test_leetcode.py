"""LeetCode: what OpenCodeEval asks, what it makes of answers, and how they are graded.

The expectations are those of OpenCodeEval as it was for OpenCoder's paper (src/benchmark/
LeetCode.py, src/sanitize.py) and later (OpenCodeEval/benchmark/LeetCode.py, eval/sanitize.py).
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.backends.reference import ReferenceBackend
from opencodeeval.benchmarks import registry
from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.benchmarks.extraction.opencodeeval_sanitize import sanitize
from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.cli.main import main
from opencodeeval.core.errors import DataError, UsageError
from opencodeeval.core.types import Completion, Program, Sampling, SuiteResult, Task, Verdict
from opencodeeval.execution import open_sandbox
from opencodeeval.runs.formats.reading import read_samples
from opencodeeval_benchmarks.leetcode import adapter as leetcode
from tests.support.one_task import of_row

STUB = "class Solution:\n    def doubleIt(self, x: int) -> int:"
RIGHT = f"{STUB}\n        return 2 * x"
# As Python prints it.
PRINTED = RIGHT.replace("\n    def", "\n\n    def")
CONTEST = {
    "task_id": "weekly-contest-1-double-it",
    "meta": {"questionId": "7", "title": "Double It"},
    "prompt": f'"""\nTwice\tx.\n"""\n{STUB}\n        ',
    "prompt_sft": "Twice\tx.\n\n```python\nclass Solution:\n    ...\n```",
    "test": (
        "\nmy_solution = Solution()\n\n"
        'test_input = { "x": 2 }\nassert my_solution.doubleIt(**test_input) == 4\n\n'
        'test_input = { "x": -1 }\nassert my_solution.doubleIt(**test_input) == -2\n\n'
        'test_input = { "x": 0 }\nassert my_solution.doubleIt(**test_input) == 0'
    ),
}
LATER = {
    "task_id": "double-it",
    "meta": {
        "question_id": 7,
        "lang_code": STUB,
        "query": "Twice x.\nPlease complete the following python code precisely:\n...",
    },
    "prompt": "from typing import *\n",
    "entry_point": "Solution().doubleIt",
    "test": (
        "def check(candidate):\n"
        "    assert candidate(x = 2) == 4\n"
        "    assert candidate(x = 0) == 0\n"
    ),
    "completion": f"{RIGHT}\n",
}
LIST = {
    **CONTEST,
    "test": (
        "\nmy_solution = Solution()\n\n"
        "_f1 = lambda lst: ListNode(lst[0], _f1(lst[1:])) if lst else None\n"
        "_f2 = lambda node: [node.val] + _f2(node.next) if node else []\n\n\n"
        'test_input = { "head": _f1([1,2]) }\nassert _f2(my_solution.turn(**test_input)) == [2,1]\n'
        'test_input = { "head": _f1([]) }\nassert _f2(my_solution.turn(**test_input)) == []'
    ),
}
GENERAL = ("<|endoftext|>", "<|endofmask|>", "</s>", "\nif __name__", "\ndef main(", "\nprint(")
BASE_STOP = ("\ndef ", "\nclass ", "\nimport ", "\nfrom ", "\nassert ")
# Passes where all that is before it has been executed.
UNHARMED = "def unharmed():\n    return 1\n"
ALONE = {
    "kind": "calls",
    "entry_point": "unharmed",
    "suites": [{"name": "base", "calls": "[]", "expected": "1"}],
    "compare": {"rule": "value"},
}
# Of test200: its solution needs a package that is no part of Python.
UNABLE = {"LeetCode/3344"}
# Any pair of indices will do, says the statement; the tests have one.
OTHER_ANSWERS = {"LeetCode/3165", "LeetCode/3170"}


def benchmark(row: dict[str, Any] = CONTEST, protocol: str = "opencodeeval") -> CardBenchmark:
    """A benchmark of one task of our own."""
    return of_row("leetcode", row, protocol, "own")


def program(text: str, model_type: Any = "chat", form: Any = "answer", **more: Any) -> Program:
    asked = benchmark(**more)
    return asked.program(asked.tasks[0], Completion("LeetCode/7", 0, text, form=form), model_type)


def results(tasks: list[Task], codes: list[str], jail: str = "local") -> list[SuiteResult]:
    """What became of one program a task."""

    async def run() -> list[SuiteResult]:
        sandbox = open_sandbox(jail, 2)
        try:
            grades = await asyncio.gather(
                *(
                    sandbox.grade(task, Program(task.task_id, number, code, "program"))
                    for number, (task, code) in enumerate(zip(tasks, codes, strict=True))
                )
            )
            return [grade.suites["base"] for grade in grades]
        finally:
            await sandbox.close()

    return asyncio.run(run())


def verdicts(
    row: dict[str, Any], codes: list[str], jail: str = "local", total_s: float = 3.0
) -> list[Verdict]:
    """The verdicts on solutions of one task of our own, with what is put before each."""
    asked = benchmark(row)
    task = asked.tasks[0]
    limits = {**task.tests["limits"], "total_s": total_s}
    task = replace(task, tests={**task.tests, "limits": limits})
    programs = [
        asked.program(task, Completion("LeetCode/7", 0, code, form="program"), "chat").code
        for code in codes
    ]
    return [found.verdict for found in results([task] * len(programs), programs, jail)]


@pytest.fixture(scope="module")
def contest(shared_data: Path) -> CardBenchmark:
    return load_benchmark("leetcode", data_dir=shared_data)


@pytest.fixture(scope="module")
def later(shared_data: Path) -> CardBenchmark:
    return load_benchmark("leetcode@test200", data_dir=shared_data)


# --- tasks and prompts ---


@pytest.mark.shared
def test_tasks_are_named_by_leetcodes_numbers(contest: CardBenchmark, later: CardBenchmark) -> None:
    assert (len(contest.tasks), len(later.tasks)) == (180, 200)
    for task in contest.tasks:
        assert task.task_id == f"LeetCode/{task.fields['meta']['questionId']}"
    for task in later.tasks:
        assert task.task_id == f"LeetCode/{task.fields['meta']['question_id']}"


@pytest.mark.shared
def test_every_published_assertion_is_a_call(contest: CardBenchmark, later: CardBenchmark) -> None:
    for task in (*contest.tasks, *later.tasks):
        (suite,) = task.tests["suites"]
        asserted = task.fields["test"].count("assert ")
        assert len(suite["calls"].split("\n")) == len(suite["expected"].split("\n")) == asserted
    calls = [len(task.tests["suites"][0]["calls"].split("\n")) for task in contest.tasks]
    assert set(calls) == {100}


@pytest.mark.shared
def test_base_models_see_the_stub_and_chat_models_the_question(contest: CardBenchmark) -> None:
    for task in contest.tasks:
        base, chat = contest.prompt(task, "base"), contest.prompt(task, "chat")
        wanted = task.fields["prompt"].replace("\t", "    ").strip() + "\n"
        assert base.text == wanted
        (message,) = chat.messages
        wanted = task.fields["prompt_sft"].replace("\t", "    ").strip() + "\n"
        assert (message.role, message.content) == ("user", wanted)
        assert "solve above prblem:\n```python\n" in message.content
        assert chat.response_prefix == ""


def test_stop_strings_and_sampling() -> None:
    asked = benchmark()
    task = asked.tasks[0]
    assert asked.prompt(task, "chat").stop == (*GENERAL, "\n```\n")
    assert asked.prompt(task, "base").stop == (*GENERAL, "\n```\n", *BASE_STOP)
    assert asked.default_sampling() == Sampling(max_tokens=2048)
    asked = benchmark(protocol="opencodeeval-later")
    assert asked.prompt(task, "chat").stop == GENERAL[3:]
    assert asked.prompt(task, "base").stop == (*GENERAL[3:], *BASE_STOP)


@pytest.mark.shared
def test_later_data_have_one_question_for_all(later: CardBenchmark) -> None:
    task = later.tasks[0]
    base, chat = later.prompt(task, "base"), later.prompt(task, "chat")
    assert base.text == chat.messages[0].content == task.fields["meta"]["query"].strip() + "\n"


# --- answers ---


def test_answers_are_printed_anew_behind_the_imports() -> None:
    text = f"Here:\n```python\nimport os\n{RIGHT}  # twice\nx: int = 3\n```\nDone."
    made = program(text)
    assert made.found == "sanitized"
    assert made.code == f"{leetcode.IMPORTS}\nimport os\n{PRINTED}\n"
    assert made.code.startswith("import math\nimport re\n")
    assert "\nfrom typing import *\nfrom collections import *\n\n" in made.code
    assert program("I cannot.").code == ""


def test_a_base_models_answer_follows_its_prompt() -> None:
    assert program("        return 2 * x", "base").code.endswith(f"\n\n{PRINTED}\n")
    asked = benchmark()
    assert "Twice    x." in asked.prompt(asked.tasks[0], "base").text
    code = program("return 2 * x", "base", form="completion").code
    assert code == leetcode.IMPORTS + "\n" + CONTEST["prompt"] + "return 2 * x\n"


def test_the_paper_s_sanitizer_looks_for_functions_that_return() -> None:
    swap = "def g(a):\n    a.sort()\n"
    assert "def g" not in program(f"```python\n{swap}\n{RIGHT}\n```").code
    many = "\n".join(f"x{i} = {i}" for i in range(100))
    assert "class Solution" not in program(f"{many}\n{RIGHT}").code


def test_later_sanitizers_keep_what_solution_needs() -> None:
    lazy = "def g(a):\n    yield a"
    used = PRINTED.replace("2 * x", "next(g(2 * x))")
    many = "\n".join(f"x{i} = {i}\n" for i in range(100))
    code = program(f"{many}\n{lazy}\n\n{used}", protocol="opencodeeval-later").code
    assert code == f"{leetcode.IMPORTS}{leetcode.LATER_IMPORTS}\n{lazy}\n{used}\n"
    assert "def g" not in sanitize(lazy)
    assert sanitize(lazy, later=True) == lazy


def test_blank_lines_go_before_later_sanitizers_look() -> None:
    text = 'class Solution:\n    x = """a\n\nb"""\n'
    assert sanitize(text) == "class Solution:\n    x = 'a\\n\\nb'"
    assert sanitize(text, "Solution", later=True) == "class Solution:\n    x = 'a\\nb'"


def test_an_answer_too_deep_to_be_printed_is_no_code() -> None:
    text = "class Solution:\n    x = " + "+".join(["1"] * 3000)
    assert program(text).code == program(text, protocol="opencodeeval-later").code == ""


def test_later_data_have_a_stub_before_every_program() -> None:
    code = program(RIGHT, row=LATER).code
    imports = leetcode.IMPORTS + leetcode.LATER_IMPORTS
    assert code == f"{imports}\n{STUB}\n        pass\n\n{PRINTED}\n"
    asked = benchmark(LATER)
    assert asked.solution(asked.tasks[0], code) == PRINTED + "\n"
    assert asked.tasks[0].reference == code.replace(PRINTED + "\n", str(LATER["completion"]))


# --- other tools' files ---


@pytest.mark.parametrize("row", [CONTEST, LATER], ids=["contest", "later"])
def test_opencodeevals_files_give_the_same_program(row: dict[str, Any], tmp_path: Path) -> None:
    asked = benchmark(row)
    task = asked.tasks[0]
    call = "\ncheck(Solution().doubleIt)" if row is LATER else ""
    whole = f"{task.fields['head']}{RIGHT}\n\n{row['test']}{call}"
    numbered = {"task_id": 7, "completion_id": 0}
    files = {
        "generations.jsonl": {**numbered, "completion": f"```python\n{RIGHT}\n```\n"},
        "solutions.jsonl": {**numbered, "solution": RIGHT},
        "evaluation.jsonl": {
            **numbered,
            "passed": True,
            "result": "passed",
            "solution": whole,
        },
    }
    for name, line in files.items():
        (tmp_path / name).write_text(json.dumps(line) + "\n")
        (sample,) = read_samples(tmp_path / name, asked)
        code = asked.program(task, sample, "chat").code
        solution = PRINTED if name == "generations.jsonl" else RIGHT
        assert code.rstrip() == f"{task.fields['head']}{solution}", name
        assert "assert" not in code


# --- grading ---


@pytest.mark.shared
def test_own_solutions_pass_but_for_the_errata(later: CardBenchmark) -> None:
    found = results(list(later.tasks), [task.reference for task in later.tasks])
    failed = {
        task.task_id
        for task, result in zip(later.tasks, found, strict=True)
        if result.verdict is not Verdict.PASSED
    }
    assert failed == UNABLE == {row.task for row in later.errata if row.fails}


@pytest.mark.shared
def test_solutions_of_the_later_data_pass_the_contests_tests(
    contest: CardBenchmark, later: CardBenchmark
) -> None:
    """84 problems are in both; a method that does nothing solves none of them."""
    known = {task.task_id: task for task in later.tasks}
    both = [task for task in contest.tasks if task.task_id in known]
    right = [known[task.task_id].reference for task in both]
    idle = [str(known[task.task_id].fields["head"]) for task in both]
    found = [result.verdict is Verdict.PASSED for result in results([*both] * 2, [*right, *idle])]
    assert len(both) == 84
    failed = {task.task_id for task, passed in zip(both, found[:84], strict=True) if not passed}
    assert failed == OTHER_ANSWERS
    assert not any(found[84:])


@pytest.mark.shared
def test_verdicts_are_those_of_the_published_programs(
    contest: CardBenchmark, later: CardBenchmark, shared_data: Path
) -> None:
    """A model's answers are among the later data; OpenCodeEval puts the tests behind a program."""
    answers = {task.task_id: str(task.fields["meta"]["response"]) for task in later.tasks}
    since = load_benchmark("leetcode", "opencodeeval-later", shared_data)
    tasks, ours, whole = [], [], []
    for asked in (contest, since, later):
        for task in asked.tasks:
            if task.task_id in answers:
                answer = Completion(task.task_id, 0, answers[task.task_id])
                code = asked.program(task, answer, "chat").code
                call = "" if task.entry_point == "Solution" else f"\ncheck({task.entry_point})"
                tasks.append(task)
                ours.append(code or "pass")
                whole.append(f"{code}\n{task.fields['test']}{call}\n{UNHARMED}")
    count = 84 + 84 + 200
    assert len(tasks) == count
    alone = [replace(task, tests={**ALONE, "limits": task.tests["limits"]}) for task in tasks]
    found = results([*tasks, *alone], [*ours, *whole])
    passed = [result.verdict is Verdict.PASSED for result in found]
    differ = [
        (place, task.task_id)
        for place, task in enumerate(tasks)
        if passed[place] != passed[count + place]
    ]
    assert not differ
    assert 100 < sum(passed[:count]) < count


LIST_NODE = """
class ListNode:
    def __init__(self, val=0, next=None):
        self.val = val
        self.next = next
"""
# A right and a wrong method of each.
BY_HAND = {
    "LeetCode/3275": (
        ["minimumPushes(self, word):", "return sum(1 + i // 8 for i in range(len(word)))"],
        ["minimumPushes(self, word):", "return sum(1 + i // 9 for i in range(len(word)))"],
    ),
    "LeetCode/3226": (
        ["numberGame(self, nums):", "s = sorted(nums)", "return [s[i ^ 1] for i in range(len(s))]"],
        ["numberGame(self, nums):", "return sorted(nums)"],
    ),
    "LeetCode/2886": (
        [
            "finalString(self, s):",
            "out = ''",
            "for c in s:",
            "    out = out[::-1] if c == 'i' else out + c",
            "return out",
        ],
        ["finalString(self, s):", "return s.replace('i', '')"],
    ),
    "LeetCode/2892": (
        ["isGood(self, nums):", "n = max(nums)", "return sorted(nums) == [*range(1, n + 1), n]"],
        ["isGood(self, nums):", "return True"],
    ),
    # Linked lists: nodes of the solution's own class, made and read where it runs.
    "LeetCode/2871": (
        [
            "doubleIt(self, head):",
            "number, node = 0, None",
            "while head:",
            "    number, head = 10 * number + head.val, head.next",
            "for digit in reversed(str(2 * number)):",
            "    node = ListNode(int(digit), node)",
            "return node",
        ],
        ["doubleIt(self, head):", "return head"],
    ),
}


@pytest.mark.shared
def test_solutions_by_hand(contest: CardBenchmark) -> None:
    tasks = {task.task_id: task for task in contest.tasks}
    chosen = [tasks[name] for name in BY_HAND]
    solutions = [
        f"{task.fields['head']}{LIST_NODE}class Solution:\n    def "
        + "\n        ".join(pair[number])
        for number in (0, 1)
        for task, pair in zip(chosen, BY_HAND.values(), strict=True)
    ]
    found = [result.verdict for result in results([*chosen, *chosen], solutions)]
    assert found == [Verdict.PASSED] * 5 + [Verdict.WRONG] * 5


@pytest.mark.shared
def test_of_several_right_answers_the_published_one_passes(contest: CardBenchmark) -> None:
    """The statement of LeetCode/3194 says that the indices may come in any order."""
    task = next(task for task in contest.tasks if task.task_id == "LeetCode/3194")
    assert "in any order" in task.prompt
    code = "def findWordsContaining(self, words, x):\n        return {}"
    indices = "[i for i, word in enumerate(words) if x in word]"
    orders = [indices, f"{indices}[::-1]"]
    solutions = [f"class Solution:\n    {code.format(order)}\n" for order in orders]
    verdicts = [result.verdict for result in results([task, task], solutions)]
    assert verdicts == [Verdict.PASSED, Verdict.WRONG]


def method(body: str, parameters: str = "x") -> str:
    return f"class Solution:\n    def doubleIt(self, {parameters}):\n        {body}\n"


def test_calls_are_by_name_on_one_object() -> None:
    renamed = method("return 2 * y", "y")
    counting = method("self.n = getattr(self, 'n', 0) + 1\n        return 2 * x + (self.n > 3)")
    spoilt = method("self.n = getattr(self, 'n', 0) + 1\n        return 2 * x + (self.n > 2)")
    needs = "class Solution:\n    def __init__(self, n):\n        pass\n"
    assert verdicts(CONTEST, [renamed, counting, spoilt, needs]) == [
        Verdict.ERROR,
        Verdict.PASSED,
        Verdict.WRONG,
        Verdict.ERROR,
    ]


def test_values_are_equal_as_in_python() -> None:
    same = method("return 2.0 * x")
    counted = method("return numpy.int64(2 * x)")
    listed = method("return [2 * x]")
    assert verdicts(CONTEST, [same, counted, listed]) == [
        Verdict.PASSED,
        Verdict.PASSED,
        Verdict.WRONG,
    ]


def test_one_limit_is_for_everything() -> None:
    slow = method("import time; time.sleep(0.5); return 2 * x")
    endless = method("while True: pass")
    asleep = "import time\ntime.sleep(1.5)\n" + RIGHT
    awake = "import time\ntime.sleep(0.5)\n" + RIGHT
    found = verdicts(CONTEST, [slow, endless, asleep, awake], total_s=1.0)
    assert found == [Verdict.TIMEOUT] * 3 + [Verdict.PASSED]
    assert benchmark().describe()["limits"]["total_s"] == 3.0


TURN = LIST_NODE + (
    "class Solution:\n    def turn(self, head):\n        last = None\n"
    "        while head:\n            last, head = ListNode(head.val, last), head.next\n"
    "        return last\n"
)


def test_linked_lists_are_of_the_solutions_own_class() -> None:
    unmade = TURN.replace(LIST_NODE, "")
    other = TURN.replace("last = None", "return head")
    assert verdicts(LIST, [TURN, unmade, other]) == [
        Verdict.PASSED,
        Verdict.ERROR,
        Verdict.WRONG,
    ]


HOSTILE = {
    "always equal": "class A(int):\n    __eq__ = lambda s, o: True\n" + method("return A(9)"),
    "a list that is always equal": (
        "class A(list):\n    __eq__ = lambda s, o: True\n" + method("return A([9])")
    ),
    "exit": method("raise SystemExit(0)"),
    "exit at once": "import os\nos._exit(0)",
    "the entry point of its own": (
        method("return 9") + "_called_by_name = lambda named: 2 * named['x']\n"
    ),
    "a comment at the end": RIGHT.replace("2 * x", "9") + "\n'''",
    "frames": method("import sys; return sys._getframe(3).f_locals.get('expected', 9)"),
    "words": method("print('passed'); return 9"),
    "patches equality": "import operator, builtins\nbuiltins.int = bool\n" + method("return 9"),
    "another Solution": RIGHT
    + "\nSolution = lambda: type('S', (), {'doubleIt': lambda s, x: 9})()\n",
    "the channel": method('import os; os.write(3, b\'["v",1]\\n["v",1]\\n["v",1]\\n\'); return 9'),
    "the test itself": method(
        "import gc; return [o for o in gc.get_objects() if type(o) is dict and 'expected' in o]"
    ),
}


@pytest.fixture(params=["local", pytest.param("docker", marks=pytest.mark.docker)])
def jail(request: pytest.FixtureRequest) -> str:
    if request.param == "docker":
        request.getfixturevalue("guest_image")
    return str(request.param)


def test_no_cheat_passes(jail: str) -> None:
    found = dict(zip(HOSTILE, verdicts(CONTEST, list(HOSTILE.values()), jail), strict=True))
    assert Verdict.PASSED not in found.values(), found
    assert Verdict.INFRA_ERROR not in found.values(), found
    codes = [RIGHT, RIGHT.replace("2 * x", "3 * x")]
    assert verdicts(CONTEST, codes, jail) == [Verdict.PASSED, Verdict.WRONG]
    linked = (
        LIST_NODE
        + "ListNode.__eq__ = lambda s, o: True\n"
        + TURN.replace("last = None", "return head")
    )
    assert verdicts(LIST, [linked], jail) == [Verdict.WRONG]


def test_large_expected_values_need_no_solution() -> None:
    row = {
        **CONTEST,
        "test": (
            'my_solution = Solution()\ntest_input = { "x": 2000 }\n'
            f"assert my_solution.doubleIt(**test_input) == {list(range(2000))}"
        ),
    }
    equal = method("return [float(i) for i in range(x)]")
    found = verdicts(row, [method("return list(range(x))"), equal, method("return [*range(1, x)]")])
    assert found == [Verdict.PASSED, Verdict.PASSED, Verdict.WRONG]


# --- what cannot be carried out ---


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test": "assert my_solution.doubleIt(("}, "its test is not Python"),
        ({"test": "my_solution = Solution()"}, "its test asserts nothing"),
        ({"meta": {}}, "no row of LeetCode's .*questionId"),
        ({"meta": {"questionId": "seven"}}, "no row of LeetCode's .*seven"),
        ({"test": None}, "no row of LeetCode's"),
    ],
)
def test_a_malformed_row_is_named(
    change: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    rows = [CONTEST, {**CONTEST, "task_id": "weekly-contest-1-triple-it", **change}]
    monkeypatch.setattr(registry, "load_rows", lambda *_: (rows, {"rows_sha256": ""}))
    with pytest.raises(DataError, match=message) as raised:
        load_benchmark("leetcode", data_dir=tmp_path)
    assert "LeetCode contest180, task 2 ('weekly-contest-1-triple-it')" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.shared
def test_without_solutions_there_is_nothing_to_check(
    contest: CardBenchmark, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match="180 of these 180 tasks have no published solution"):
        ReferenceBackend(contest.tasks)
    command = ["selfcheck", "leetcode", "--data", str(shared_data), "--limit", "3"]
    assert main(command) == UsageError.exit_status
    told = capsys.readouterr().err.splitlines()[-1]
    assert "3 of these 3 tasks have no published solution (LeetCode/3275 is the first" in told
