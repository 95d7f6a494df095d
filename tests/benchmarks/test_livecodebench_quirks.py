"""What LiveCodeBench's grader makes of programs, and what the corrected reading does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from opencodeeval.benchmarks.cards import read_card
from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core.types import Program, SuiteResult, Verdict
from opencodeeval.execution import Sandbox, open_sandbox
from tests.support.livecodebench_rows import Pair, Row, problem, write

PASSED, WRONG, ERROR, TIMEOUT = Verdict.PASSED, Verdict.WRONG, Verdict.ERROR, Verdict.TIMEOUT
Limits = Mapping[str, float]
NO_LIMITS: Limits = {}
OFFICIAL, FIXED = "livecodebench", "livecodebench-fixed"
# The sum of the numbers of each of some lines, after their count.
SUMS = (("2\n1 2\n3 4\n", "3\n7\n"), ("1\n5 6\n", "11\n"), ("0\n", ""))


class Judge:
    """Grades single programs in the local jail."""

    def __init__(self, sandbox: Sandbox, loop: asyncio.AbstractEventLoop, folder: Path) -> None:
        self.sandbox, self.loop, self.path = sandbox, loop, folder / "rows.jsonl"

    def result(
        self, program: str, row: Row, protocol: str = OFFICIAL, limits: Limits = NO_LIMITS
    ) -> SuiteResult:
        write(self.path, [row])
        (task,) = load_benchmark(f"livecodebench@file:{self.path}", protocol).tasks
        tests = {**task.tests, "limits": {**task.tests["limits"], **limits}}
        task = replace(task, tests=tests)
        grade = self.loop.run_until_complete(
            self.sandbox.grade(task, Program(task.task_id, 0, program, "program"))
        )
        return grade.suites["base"]

    def both(self, program: str, *pairs: Pair) -> tuple[Verdict, Verdict]:
        """The verdicts of the two protocols on a program that reads stdin."""
        row = problem(*(pairs or SUMS))
        found = [self.result(program, row, protocol).verdict for protocol in (OFFICIAL, FIXED)]
        return found[0], found[1]

    def calls(self, program: str, *pairs: Pair, **limits: float) -> SuiteResult:
        """The result of a program with a method f."""
        return self.result(program, problem(*pairs, function="f"), limits=limits)

    def prints(self, out: str, expected: str) -> Verdict:
        """The verdict on printing `out`, the same under both protocols."""
        official, fixed = self.both(f"print({out!r}, end='')", ("", expected))
        assert official is fixed
        return official


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    loop = asyncio.new_event_loop()
    sandbox = open_sandbox("local", 1)
    yield Judge(sandbox, loop, tmp_path_factory.mktemp("rows"))
    loop.run_until_complete(sandbox.close())
    loop.close()


@pytest.mark.parametrize("seconds", [2.0, 1.5])
def test_a_limit_need_not_be_in_whole_seconds(judge: Judge, seconds: float) -> None:
    limits = {"test_s": seconds}
    program = (
        "import time\nclass Solution:\n    def f(self, n):\n"
        "        time.sleep({})\n        return n\n"
    )
    assert judge.calls(program.format(1.1), ("1", "1"), **limits).verdict is PASSED
    assert judge.calls(program.format(9), ("1", "1"), **limits).verdict is TIMEOUT


# --- programs that read stdin: what the publisher's way gets right, and wrong ---

RIGHT = {
    "input": "for _ in range(int(input())):\n    print(sum(map(int, input().split())))\n",
    "read": "import sys\nd = sys.stdin.read().split('\\n')\n"
    "for line in d[1:1 + int(d[0])]:\n    print(sum(map(int, line.split())))\n",
    "readline": "import sys\ninput = sys.stdin.readline\n"
    "for _ in range(int(input())):\n    print(sum(map(int, input().split())))\n",
    "readlines": "import sys\nd = sys.stdin.readlines()\n"
    "for line in d[1:1 + int(d[0])]:\n    print(sum(map(int, line.split())))\n",
    "from sys import stdin": "from sys import stdin\n"
    "for _ in range(int(stdin.readline())):\n    print(sum(map(int, stdin.readline().split())))\n",
    "buffer.read": "import sys\nd = sys.stdin.buffer.read().split(b'\\n')\n"
    "for line in d[1:1 + int(d[0])]:\n    print(sum(map(int, line.split())))\n",
    "main, guarded": "def main():\n    for _ in range(int(input())):\n"
    "        print(sum(map(int, input().split())))\n\nif __name__ == '__main__':\n    main()\n",
    "EOFError": "input()\ntry:\n    while True:\n        print(sum(map(int, input().split())))\n"
    "except EOFError:\n    pass\n",
    "sys.exit in the middle": "import sys\nn = int(input())\nif not n:\n    sys.exit()\n"
    "for _ in range(n):\n    print(sum(map(int, input().split())))\nsys.exit(3)\nprint(1)\n",
    "exit()": "for _ in range(int(input())):\n    print(sum(map(int, input().split())))\nexit()\n",
    "a thread": "import sys, threading\ndef main():\n    for _ in range(int(input())):\n"
    "        print(sum(map(int, input().split())))\n"
    "t = threading.Thread(target=main)\nt.start()\nt.join()\n",
    "without imports": "print(*[sum(map(int, input().split())) for _ in range(int(input()))],"
    " sep='\\n') if True else floor(Counter())\n",
    "multiprocessing, imported": "import multiprocessing\nfor _ in range(int(input())):\n"
    "    print(sum(map(int, input().split())))\n",
    "sys.stdout.write": "import sys\nout = [str(sum(map(int, input().split())))"
    " for _ in range(int(input()))]\nsys.stdout.write('\\n'.join(out))\n",
}

MISJUDGED = {
    "iterating sys.stdin": "import sys\nd = [line for line in sys.stdin]\n"
    "for line in d[1:]:\n    print(sum(map(int, line.split())))\n",
    "sys.stdin.buffer.readline": "import sys\nr = sys.stdin.buffer.readline\n"
    "for _ in range(int(r())):\n    print(sum(map(int, r().split())))\n",
    "sys.stdout.buffer": "import sys\nout = [str(sum(map(int, input().split())))"
    " for _ in range(int(input()))]\nsys.stdout.buffer.write('\\n'.join(out).encode())\n",
    "from sys import stdout": "from sys import stdout\n"
    "for _ in range(int(input())):\n    stdout.write(f'{sum(map(int, input().split()))}\\n')\n",
    "global": "count = 0\ndef main():\n    global count\n    count += 1\n"
    "    for _ in range(int(input())):\n        print(sum(map(int, input().split())))\nmain()\n",
    "open(0)": "d = open(0).read().split('\\n')\n"
    "for line in d[1:1 + int(d[0])]:\n    print(sum(map(int, line.split())))\n",
    "guard that is not last": "def main():\n    for _ in range(int(input())):\n"
    "        print(sum(map(int, input().split())))\n"
    "if __name__ == '__main__':\n    main()\ndone = True\n",
    "guard with else": "def main():\n    for _ in range(int(input())):\n"
    "        print(sum(map(int, input().split())))\n"
    "if '__main__' == __name__:\n    main()\n",
    "future import": "from __future__ import annotations\n"
    "for _ in range(int(input())):\n    print(sum(map(int, input().split())))\n",
    "quit()": "for _ in range(int(input())):\n    print(sum(map(int, input().split())))\nquit()\n",
    "os.getcwd": "import os\nos.getcwd()\n"
    "for _ in range(int(input())):\n    print(sum(map(int, input().split())))\n",
    "read after a line": "import sys\nn = int(input())\nd = sys.stdin.read().split('\\n')\n"
    "for line in d[:n]:\n    print(sum(map(int, line.split())))\n",
    "a thread that is not waited for": "import threading, time\ndef main():\n"
    "    for _ in range(int(input())):\n        time.sleep(0.1)\n"
    "        print(sum(map(int, input().split())))\n"
    "threading.Thread(target=main).start()\n",
    "name assigned late": "n = int(input())\ninput = iter([input() for _ in range(n)]).__next__\n"
    "for _ in range(n):\n    print(sum(map(int, input().split())))\n",
}


@pytest.mark.parametrize("style", RIGHT)
def test_both_protocols_take_right_programs(judge: Judge, style: str) -> None:
    assert judge.both(RIGHT[style]) == (PASSED, PASSED)


@pytest.mark.parametrize("style", RIGHT)
def test_both_protocols_refuse_wrong_programs(judge: Judge, style: str) -> None:
    wrong = RIGHT[style].replace("sum(", "-sum(")
    assert judge.both(wrong) == (WRONG, WRONG)


@pytest.mark.parametrize("style", MISJUDGED)
def test_programs_that_the_publisher_misjudges_pass_as_processes(judge: Judge, style: str) -> None:
    official, fixed = judge.both(MISJUDGED[style])
    assert official is not PASSED
    assert fixed is PASSED


@pytest.mark.parametrize("style", MISJUDGED)
def test_the_corrected_protocol_corrects_no_wrong_program(judge: Judge, style: str) -> None:
    wrong = MISJUDGED[style].replace("sum(", "-sum(")
    assert judge.both(wrong)[1] is WRONG


def test_a_return_outside_of_functions_is_no_error_in_the_publishers_way(judge: Judge) -> None:
    program = RIGHT["input"] + "return\nprint(1)\n"
    assert judge.both(program) == (PASSED, ERROR)


def test_all_tests_of_a_sample_share_one_process_in_the_publishers_way(judge: Judge) -> None:
    program = "import sys\nsys.runs = getattr(sys, 'runs', 0) + 1\nprint(sys.runs)\n"
    assert judge.both(program, ("", "1"), ("", "2")) == (PASSED, WRONG)
    assert judge.both(program, ("", "1"), ("", "1")) == (WRONG, PASSED)


def test_stdin_can_be_read_again_in_the_publishers_way(judge: Judge) -> None:
    program = "import sys\nprint(sys.stdin.read() == sys.stdin.read())\n"
    assert judge.both(program, ("1\n", "True")) == (PASSED, WRONG)
    lines = "import sys\nprint(len(sys.stdin.readlines()))\n"
    assert judge.both(lines, ("1\n2\n", "3")) == (PASSED, WRONG)


def test_the_open_of_builtins_gives_the_input_and_closing_stdout_is_an_error(judge: Judge) -> None:
    mocked = "import builtins\nprint(builtins.open('anything').read().strip())\n"
    assert judge.both(mocked, ("7\n", "7")) == (PASSED, ERROR)
    closing = "import sys\nprint(7)\nsys.stdout.close()\n"
    assert judge.both(closing, ("", "7"))[0] is ERROR


def test_programs_find_the_publishers_imports_and_long_integers(judge: Judge) -> None:
    names = "print(gcd(4, 6), len(list(permutations('ab'))), Counter('aab')['a'], inf, List)\n"
    assert judge.both(names, ("", "2 2 2 inf typing.List")) == (PASSED, PASSED)
    digits = "print(len(str(10 ** 40000)))\n"
    assert judge.both(digits, ("", "40001")) == (PASSED, PASSED)
    assert judge.calls("def f(self=0):\n    return len(str(10 ** 40000))\n", ("1", "40001")).verdict
    deep = "def f(n): return n and 1 + f(n - 1)\nprint(f(20000))\n"
    assert judge.both(deep, ("", "20000")) == (PASSED, PASSED)


def test_deep_recursion_through_c_ends_a_process_of_the_publishers(judge: Judge) -> None:
    deep = "@lru_cache(None)\ndef f(n):\n    return n and 1 + f(n - 1)\nprint(f(20000))\n"
    assert judge.both(deep, ("", "20000")) == (ERROR, PASSED)
    assert judge.both(deep.replace("20000", "9000"), ("", "9000")) == (PASSED, PASSED)


def test_an_empty_program_and_one_of_imports_fail(judge: Judge) -> None:
    for program in ("# nothing\n", "import sys\n", "def f(:\n"):
        assert judge.both(program, ("", "1"))[0] is ERROR
    assert judge.both("import sys\n", ("", "")) == (ERROR, PASSED)


# --- how outputs are compared ---


@pytest.mark.parametrize(
    ("out", "expected", "verdict"),
    [
        ("1  \n 2\n\n", "1\n2", PASSED),
        ("\n\n1\n2", "1\n2\n", PASSED),
        ("1\n\n2", "1\n2", WRONG),
        ("1   2", "1 2", PASSED),
        ("a  b", "a b", WRONG),
        ("0.50", "0.5", PASSED),
        ("1e1", "10", PASSED),
        ("0.3333", "0.33333", WRONG),
        ("50000000000000001", "50000000000000000", WRONG),
        ("Yes", "YES", WRONG),
        ("nan", "nan", PASSED),
        ("nan ", "NaN", WRONG),
        ("sNaN 1", "sNaN  1", WRONG),
        ("1 a", "1  a", WRONG),
        ("", "", PASSED),
        ("", "1", WRONG),
    ],
)
def test_outputs_are_compared_as_published(
    judge: Judge, out: str, expected: str, verdict: Verdict
) -> None:
    assert judge.prints(out, expected) is verdict


def test_what_is_wrong_is_told_in_the_publishers_words(judge: Judge) -> None:
    found = judge.result("print(1)\nprint(input())\n", problem(("5\n", "1\n6\n")))
    assert found.detail == "Wrong answer at output_line_idx=1: 5 != 6"
    assert found.failure == {"index": 0, "input": "5\n", "expected": "1\n6\n", "got": "1\n5\n"}
    found = judge.result("print(input())\n", problem(("5\n", "1\n6\n")))
    assert found.detail == "Wrong answer: mismatched output length"
    found = judge.calls("def f(x):\n    return [1] * 200\n", ("1", "2"))
    assert found.detail == "Wrong Answer"
    assert found.failure
    assert found.failure["got"] == "[1" + ", 1" * 49 + ",...(truncated) ..." + " 1," * 49 + " 1]"
    found = judge.calls("def f(x):\n    return {}[x]\n", ("1", "2"))
    assert (found.verdict, found.failure) == (
        ERROR,
        {"index": 0, "input": "[1]", "expected": "2", "error": "KeyError(1)"},
    )


def test_arguments_are_shown_as_they_were(judge: Judge) -> None:
    found = judge.calls("def f(x):\n    x.clear()\n    return x\n", ("[1, 2]", "[1]"))
    assert found.failure
    assert found.failure["input"] == "[[1, 2]]"


# --- methods ---


@pytest.mark.parametrize(
    ("value", "expected", "verdict"),
    [
        ("(1, 2)", "[1, 2]", PASSED),
        ("[(1, 2)]", "[[1, 2]]", WRONG),
        ("True", "1", PASSED),
        ("1.0", "1", PASSED),
        ("0.1 + 0.2", "0.3", WRONG),
        ("{1, 2}", "[1, 2]", WRONG),
        ("deque([1, 2])", "[1, 2]", WRONG),
        ("None", "null", PASSED),
        ("float('nan')", "NaN", WRONG),
        ("'a'", '"a"', PASSED),
        ("__import__('numpy').int64(3)", "3", PASSED),
        ("__import__('numpy').array([1, 2])", "[1, 2]", WRONG),
        ("defaultdict(int, a=1)", '{"a": 1}', PASSED),
        ("2 ** 100", str(2**100), PASSED),
    ],
)
def test_values_are_compared_as_published(
    judge: Judge, value: str, expected: str, verdict: Verdict
) -> None:
    assert judge.calls(f"def f():\n    return {value}\n", ("", expected)).verdict is ERROR
    program = f"class Solution:\n    def f(self, x):\n        return {value}\n"
    assert judge.calls(program, ("0", expected)).verdict is verdict


def test_a_method_of_one_object_or_a_function_is_called(judge: Judge) -> None:
    pairs = (("1\n2", "3"), ("[1]\n[2]", "[1, 2]"))
    for program in (
        "class Solution:\n    def f(self, a: int, b: int) -> int:\n        return a + b\n",
        "def f(a, b):\n    return a + b\n",
    ):
        assert judge.calls(program, *pairs).verdict is PASSED
        assert judge.calls(program.replace("a + b", "a"), *pairs).verdict is WRONG
    once = (
        "class Solution:\n    n = 0\n    def f(self):\n        self.n += 1\n        return self.n\n"
    )
    counting = once.replace("self)", "self, x)")
    assert judge.calls(counting, ("0", "1"), ("0", "2")).verdict is PASSED
    # The words alone, in a comment, make the publisher look for the class.
    assert judge.calls("# class Solution\ndef f(x):\n    return x\n", ("1", "1")).verdict is ERROR
    assert judge.calls("def g(x):\n    return x\n", ("1", "1")).verdict is ERROR


def test_leaving_a_method_fails_and_leaving_a_program_does_not(judge: Judge) -> None:
    assert judge.calls("import sys\ndef f(x):\n    sys.exit(0)\n", ("1", "1")).verdict is ERROR
    assert judge.calls("import os\ndef f(x):\n    os._exit(0)\n", ("1", "1")).verdict is ERROR
    assert judge.both("print(1)\nraise SystemExit('done')\n", ("", "1")) == (PASSED, PASSED)


def test_a_test_that_cannot_be_read_fails_every_program(judge: Judge) -> None:
    found = judge.calls("def f(x):\n    return x\n", ("1", "1"), ("not json", "1"))
    assert found.verdict is ERROR
    assert "which fails every program" in found.detail


# --- limits ---


def test_a_test_may_take_six_seconds(judge: Judge) -> None:
    slow = "import time\ndef f(x):\n    time.sleep(x)\n    return x\n"
    pairs = (("1.5", "1.5"), ("1.6", "1.6"))
    assert judge.calls(slow, *pairs, test_s=2).verdict is PASSED
    found = judge.calls(slow, ("5", "5"), test_s=2)
    assert (found.verdict, found.detail) == (TIMEOUT, "Time Limit Exceeded")
    assert found.failure
    assert found.failure["error"] == "TimeoutException()"
    assert 1.9 < found.wall_s < 2.9
    assert {each.limits["test_s"] for each in read_card("livecodebench").protocols} == {6}


def test_a_method_that_catches_the_alarm_has_the_time_of_the_whole_process(judge: Judge) -> None:
    catching = (
        "import time\ndef f(x):\n    try:\n        time.sleep(9)\n    except Exception:\n"
        "        time.sleep(x)\n    return x\n"
    )
    assert judge.calls(catching, ("1.5", "1.5"), test_s=1).verdict is PASSED
    found = judge.calls(catching, ("30", "30"), test_s=1, spare_s=1)
    assert (found.verdict, found.detail) == (TIMEOUT, "time limit of the whole process")
    assert 2.9 < found.wall_s < 4


def test_a_program_that_catches_the_alarm_fails_at_once(judge: Judge) -> None:
    catching = (
        "while True:\n    try:\n        while True: pass\n    except Exception:\n        pass\n"
    )
    found = judge.result(catching, problem(*[("", "")] * 40), limits={"test_s": 1})
    assert found.verdict is TIMEOUT
    assert found.wall_s < 4
    # With the publisher's complaint in its output it could not have passed.
    late = "import time\ntry:\n    time.sleep(9)\nexcept Exception:\n    print(1)\n"
    assert judge.result(late, problem(("", "1")), limits={"test_s": 1}).verdict is WRONG


def test_memory_is_limited(judge: Judge) -> None:
    hungry = "x = bytearray(3 << 29)\nx += x\nx += x\nprint(1)\n"
    for verdict in judge.both(hungry, ("", "1")):
        assert verdict in (Verdict.MEMORY, ERROR)


def test_cheats_are_not_rewarded(judge: Judge) -> None:
    """What the publisher's grader takes for right and nobody should."""
    equal = "class Any(int):\n    def __eq__(self, other): return True\n"
    assert judge.calls(equal + "def f(x):\n    return Any()\n", ("1", "1")).verdict is WRONG
    always = "class Any:\n    def __eq__(self, other): return True\n"
    assert judge.calls(always + "def f(x):\n    return Any()\n", ("1", "1")).verdict is WRONG
    forging = "import os\ndef f(x):\n    os.write(3, b'[\"v\",1]\\n' * 3)\n    return 1\n"
    assert judge.calls(forging, ("1", "1"), ("1", "1")).verdict is Verdict.FORGED
    silent = 'import os\nos.write(3, b\'["v",""]\\n\')\n'
    assert judge.both(silent, ("", "1"))[0] is not PASSED
    patching = "import json, builtins\nbuiltins.len = lambda _: 1\njson.loads = str\n"
    assert judge.both(patching + "print(2)\n", ("", "1")) == (WRONG, WRONG)


def test_a_sample_never_holds_a_test_that_is_not_under_way(judge: Judge) -> None:
    """Neither inputs to come nor expected outputs are in its memory when it runs."""
    looking = (
        "import re\ndef f(x):\n"
        "    maps = [line.split() for line in open('/proc/self/maps') if ' rw-p ' in line]\n"
        "    memory = open('/proc/self/mem', 'rb')\n    for line in maps:\n"
        "        start, end = (int(part, 16) for part in line[0].split('-'))\n"
        "        try:\n            memory.seek(start)\n"
        "            part = memory.read(end - start)\n"
        "        except (OSError, ValueError, OverflowError):\n            continue\n"
        "        if re.search(rb'[89]1{11}', part):\n            return 0\n"
        "    return x\n"
    )
    pairs = (("5", "5"), ("9" + "1" * 11, "8" + "1" * 11))
    found = judge.calls(looking, *pairs)
    assert found.failure
    assert found.failure["index"] == 1
