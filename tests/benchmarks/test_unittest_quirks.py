"""How unittest tasks are graded, seen in a real jail: one test a row of BigCodeBench's quirks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from opencodeeval.core.types import Grade, Program, Style, Task, Verdict
from opencodeeval.execution import Sandbox, open_sandbox
from opencodeeval_benchmarks.bigcodebench.adapter import MODULE, names_of_tests

REFERENCE = "def task_func(x):\n    return x + 1\n"
HEAD = "import unittest\nclass TestCases(unittest.TestCase):\n"
PLAIN_TEST = HEAD + "    def test_one(self):\n        self.assertEqual(task_func(1), 2)\n"


class Judge:
    """Grades single programs in the local jail, as the adapter has them graded."""

    def __init__(self, sandbox: Sandbox, loop: asyncio.AbstractEventLoop) -> None:
        self.sandbox, self.loop = sandbox, loop

    def grade(self, program: str, test: str, reference: str = REFERENCE, **limits: float) -> Grade:
        tests: dict[str, Any] = {
            "kind": "unittest",
            "entry_point": "task_func",
            "test": test,
            "reference": reference,
            "module": MODULE,
            "must_run": names_of_tests(test),
            "limits": {"total_s": 10.0, "memory_mb": 1024, **limits},
        }
        task = Task("quirk", Style.UNITTEST, "", "task_func", reference, tests)
        graded = self.sandbox.grade(task, Program("quirk", 0, program, "program"))
        return self.loop.run_until_complete(graded)

    def __call__(
        self, program: str, test: str = PLAIN_TEST, reference: str = REFERENCE, **limits: float
    ) -> Verdict:
        return self.grade(program, test, reference, **limits).suites["base"].verdict


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    loop = asyncio.new_event_loop()
    sandbox = open_sandbox("local", 1)
    yield Judge(sandbox, loop)
    loop.run_until_complete(sandbox.close())
    loop.close()


def returning(value: str, head: str = "") -> str:
    return f"{head}def task_func(*_):\n    return {value}\n"


def expecting(check: str) -> str:
    """Tests with one check of what the function returns, called `got`."""
    return f"{HEAD}    def test_one(self):\n        got = task_func()\n        {check}\n"


def agrees(judge: Judge, value: str, check: str, head: str = "") -> bool:
    """Whether a program that returns `value`, which is also the reference, passes a check."""
    program = returning(value, head)
    return judge(program, expecting(check), program) is Verdict.PASSED


def test_the_module_is_called_test(judge: Judge) -> None:
    assert agrees(judge, "__name__", "self.assertEqual(got, '__test__')")
    program = (
        "import math\ndef root(x):\n    return math.sqrt(x)\ndef task_func():\n    return root(4)\n"
    )
    patched = (
        "import unittest\nfrom unittest.mock import patch\n"
        "class TestCases(unittest.TestCase):\n"
        "    @patch('__test__.root', return_value=7)\n"
        "    def test_one(self, _):\n        self.assertEqual(task_func(), 7)\n"
        "    @patch(__name__ + '.root', return_value=8)\n"
        "    def test_two(self, _):\n        self.assertEqual(task_func(), 8)\n"
    )
    assert judge(program, patched, program) is Verdict.PASSED


def test_main_guards_are_not_run_in_unittest_tasks(judge: Judge) -> None:
    guard = "if __name__ == '__main__':\n    raise SystemExit(1)\n"
    assert judge(REFERENCE + guard) is Verdict.PASSED


def test_sys_os_and_environ_are_there_without_an_import(judge: Judge) -> None:
    assert agrees(judge, "sys.maxsize", "self.assertGreater(got, 1)")
    assert agrees(judge, "os.sep", "self.assertEqual(got, '/')")
    assert agrees(judge, "environ is os.environ", "self.assertTrue(got)")
    assert judge(returning("re.escape('a')"), expecting("self.assertEqual(got, 'a')")) is (
        Verdict.ERROR
    )


def test_exit_and_quit_are_none(judge: Judge) -> None:
    assert agrees(judge, "(exit, quit)", "self.assertEqual(got, (None, None))")
    raising = "def task_func(*_):\n    exit(3)\n"
    assert judge(raising) is Verdict.ERROR


def test_sys_exit_is_an_exception_like_any_other(judge: Judge) -> None:
    leaving = "import sys\ndef task_func(*_):\n    sys.exit(3)\n"
    test = HEAD + (
        "    def test_one(self):\n"
        "        with self.assertRaises(SystemExit) as caught:\n            task_func()\n"
        "        self.assertEqual(caught.exception.code, 3)\n"
    )
    assert judge(leaving, test, leaving) is Verdict.PASSED
    assert judge(leaving) is Verdict.ERROR
    assert judge("import sys\nsys.exit(0)\n" + REFERENCE) is Verdict.ERROR


def test_leaving_the_process_never_passes_unittests(judge: Judge) -> None:
    for leave in ("os._exit(0)", "os.kill(os.getpid(), 9)", "os.abort()"):
        assert judge(f"import os\ndef task_func(*_):\n    {leave}\n") is Verdict.ERROR


def test_a_right_program_passes_where_the_reference_does_not(judge: Judge) -> None:
    assert judge(REFERENCE, PLAIN_TEST, returning("None")) is Verdict.PASSED
    assert judge(returning("None"), PLAIN_TEST, returning("None")) is Verdict.WRONG


def test_tests_that_did_not_run_are_not_passed(judge: Judge) -> None:
    emptied = "import unittest\nunittest.TestLoader.getTestCaseNames = lambda *_: []\n"
    # Where tests run apart from the program, they do run, and fail.
    assert judge(emptied + returning("None")) in (Verdict.FORGED, Verdict.WRONG)
    skipping = "import unittest\ndef task_func(*_):\n    raise unittest.SkipTest\n"
    assert judge(skipping) in (Verdict.FORGED, Verdict.ERROR)


def test_a_class_that_cannot_be_set_up_is_an_error(judge: Judge) -> None:
    test = HEAD + (
        "    @classmethod\n    def setUpClass(cls):\n        cls.x = task_func(1)\n"
        "    def test_one(self):\n        self.assertEqual(self.x, 2)\n"
    )
    assert judge(REFERENCE, test) is Verdict.PASSED
    assert judge("def task_func(x):\n    raise KeyError\n", test) is Verdict.ERROR


def test_every_subtest_counts(judge: Judge) -> None:
    test = HEAD + (
        "    def test_one(self):\n"
        "        for x in range(3):\n"
        "            with self.subTest(x=x):\n"
        "                self.assertEqual(task_func(x), x + 1)\n"
    )
    assert judge(REFERENCE, test) is Verdict.PASSED
    assert judge("def task_func(x):\n    return min(x + 1, 2)\n", test) is Verdict.WRONG


def test_the_tests_own_names_win_over_the_programs(judge: Judge) -> None:
    mine = "class TestCases:\n    pass\ndef helper():\n    return 5\n"
    test = PLAIN_TEST.replace("class", "def helper():\n    return 2\nclass").replace(
        "(1), 2", "(1), helper()"
    )
    assert judge(mine + REFERENCE, test) is Verdict.PASSED


def test_a_future_import_behind_other_code_is_an_error(judge: Judge) -> None:
    head = "import math\ndef task_func(x):\n\n    pass\n"
    assert judge(head + REFERENCE) is Verdict.PASSED
    assert judge(head + "from __future__ import annotations\n" + REFERENCE) is Verdict.ERROR


def test_programs_may_keep_files_and_start_processes(judge: Judge) -> None:
    program = (
        "import os, subprocess\n"
        "def task_func():\n"
        "    with open('kept', 'w') as file:\n        file.write('x')\n"
        "    child = subprocess.Popen(['sleep', '60'])\n"
        "    os.kill(child.pid, 9)\n"
        "    shown = subprocess.check_output(['echo', 'ps'])\n"
        "    done = subprocess.run(['true'])\n"
        "    return os.listdir(), child.wait(), shown, done.stdout, type(subprocess.Popen)\n"
    )
    check = "self.assertEqual(got, (['kept'], -9, b'ps\\n', None, type))"
    assert judge(program, expecting(check), program) is Verdict.PASSED


def test_what_is_printed_goes_to_a_real_stream(judge: Judge) -> None:
    program = "import sys\ndef task_func():\n    print('x')\n    return sys.stdout.fileno()\n"
    assert judge(program, expecting("self.assertEqual(got, 1)"), program) is Verdict.PASSED


def test_reading_standard_input_fails_unittests(judge: Judge) -> None:
    assert judge(returning("int(input() or 2)")) is Verdict.ERROR


def test_programs_of_the_system_are_found_by_their_names(judge: Judge) -> None:
    program = (
        "import subprocess\n"
        "def task_func():\n"
        "    return subprocess.check_output(\"echo a b | awk '{print $2}'\", shell=True)\n"
    )
    assert judge(program, expecting("self.assertEqual(got, b'b\\n')"), program) is Verdict.PASSED


def test_outside_the_working_folder_nothing_can_be_made(judge: Judge) -> None:
    program = "import os\ndef task_func():\n    os.makedirs('/target/dir')\n"
    assert judge(program, expecting("self.assertIsNone(got)"), program) is Verdict.ERROR


def test_there_is_no_network(judge: Judge) -> None:
    program = (
        "import socket\n"
        "def task_func():\n    return socket.create_connection(('192.0.2.1', 80), timeout=5)\n"
    )
    unreachable = HEAD + (
        "    def test_one(self):\n"
        "        with self.assertRaisesRegex(OSError, 'unreachable'):\n            task_func()\n"
    )
    assert judge(program, unreachable, program) is Verdict.PASSED


def test_an_object_that_is_equal_to_everything(judge: Judge) -> None:
    always = "class Any:\n    def __eq__(self, other):\n        return True\n"
    assert judge(returning("Any()", always)) in (Verdict.FORGED, Verdict.WRONG)


def test_the_time_limit_is_for_loading_and_tests_together(judge: Judge) -> None:
    slow = (
        "import time\ntime.sleep(0.7)\ndef task_func(x):\n    time.sleep(0.7)\n    return x + 1\n"
    )
    assert judge(slow, total_s=5.0) is Verdict.PASSED
    assert judge(slow, total_s=1.0) is Verdict.TIMEOUT


def test_a_program_cannot_swallow_the_end_of_its_time(judge: Judge) -> None:
    deaf = (
        "import time\ndef task_func(x):\n"
        "    try:\n        time.sleep(30)\n    except Exception:\n        pass\n    return x + 1\n"
    )
    assert judge(deaf, total_s=1.0) is Verdict.TIMEOUT


def test_memory_is_limited(judge: Judge) -> None:
    hungry = "def task_func(x):\n    return len(bytearray(2 << 30)) and x + 1\n"
    assert judge(hungry, memory_mb=512) is Verdict.MEMORY
    assert judge(hungry, memory_mb=4096) is Verdict.PASSED


def test_chance_repeats_itself(judge: Judge) -> None:
    program = (
        "import random\nimport numpy\n"
        "def task_func():\n    return [random.random(), float(numpy.random.rand())]\n"
    )
    shown = [
        judge.grade(f"{program}print(task_func(), flush=True) # {n}\n", expecting("pass"), program)
        for n in range(2)
    ]
    assert shown[0].stdout == shown[1].stdout != ""


def test_a_module_is_registered_before_it_is_executed(judge: Judge) -> None:
    program = (
        "import sys\nhere = sys.modules.get(__name__)\n"
        "def task_func():\n    return here.task_func is task_func\n"
    )
    assert judge(program, expecting("self.assertTrue(got)"), program) is Verdict.PASSED
