"""SandboxFusion's addresses: its own client, verl's reading of the answers, and bad input."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.serve.languages import LANGUAGES as LANGUAGES_THERE
from tests.serve.conftest import TOKEN
from tests.serve.test_service import counted
from tests.support.serving import Server

STARTER = {task.task_id: task for task in load_benchmark("starter").tasks}
RIGHT = STARTER["starter/0"].reference
HALF = "def count_rises(values):\n    return 2 if values and values[0] == 3 else 0\n"
LANGUAGES = {
    "cpp": "#include <iostream>\nint main() { int n; std::cin >> n; std::cout << 2 * n; }\n",
    "bash": "read n\necho $((2 * n))\n",
    "perl": "my $n = <STDIN>;\nprint 2 * $n, qq(\\n);\n",
    "nodejs": "console.log(2 * require('fs').readFileSync(0, 'utf8'));\n",
    "go": 'package main\n\nimport "fmt"\n\nfunc main() {\n\tvar n int\n\tfmt.Scan(&n)\n\t'
    "fmt.Println(2 * n)\n}\n",
}
COMPILED = ("cpp", "go", "scala")
# Their tests fail where SUM is not 4.
UNIT_TESTED = {
    "D_ut": "unittest { int x = 2; assert(SUM == 4); }\nvoid main() {}\n",
    "go_test": 'package main\n\nimport "testing"\n\nfunc TestTwice(t *testing.T) {\n\tx := 2\n\t'
    'if SUM != 4 {\n\t\tt.Error("it is not 4")\n\t}\n}\n',
}
WHOLE = os.environ.get("OPENCODEEVAL_TEST_JAILS") == "all"
# These take many seconds to start: only where OPENCODEEVAL_TEST_JAILS=all asks for them.
SLOW = {
    "scala": "object Twice {\n  def main(args: Array[String]): Unit =\n"
    "    println(2 * scala.io.StdIn.readInt())\n}\n",
    "julia": "println(2 * parse(Int, readline()))\n",
    "kotlin_script": "println(2 * readLine()!!.toInt())\n",
}


def run(server: Server, code: str, **fields: Any) -> httpx.Response:
    body = {"code": code, "language": "python", **fields}
    return httpx.post(f"{server.url}/run_code", json=body, timeout=120)


def submit(server: Server, completion: str, **fields: Any) -> httpx.Response:
    body = {"dataset": "starter", "id": "starter/0", "config": {}, **fields}
    return httpx.post(f"{server.url}/submit", json={**body, "completion": completion}, timeout=120)


def with_tests(outputs: dict[str, str], **extra: Any) -> dict[str, Any]:
    tests = [{"input": {"stdin": n}, "output": {"stdout": out}} for n, out in outputs.items()]
    config = {"dataset_type": "CommonOJDataset", "language": "python", "run_timeout": 5}
    return {
        "config": {**config, "provided_data": {"id": 7, "test": tests}, "extra": extra},
        "id": 7,
    }


def test_a_program_s_output_and_status_come_back(server: Server) -> None:
    found = run(server, "import sys\nprint(input()[::-1])\nsys.exit(3)", stdin="abc\n").json()
    assert (found["status"], found["compile_result"]) == ("Failed", None)
    ran = found["run_result"]
    assert (ran["status"], ran["return_code"], ran["stdout"]) == ("Finished", 3, "cba\n")
    assert ran["execution_time"] > 0
    assert run(server, "print(1)").json()["status"] == "Success"
    raised = run(server, "print(1 // 0)").json()["run_result"]
    assert (raised["return_code"], "ZeroDivisionError" in raised["stderr"]) == (1, True)
    killed = run(server, "import os\nos.kill(os.getpid(), 9)").json()
    assert (killed["status"], killed["run_result"]["return_code"]) == ("Failed", 137)


def test_files_go_in_and_come_out(server: Server) -> None:
    code = (
        "import os\ntext = open('data/given.txt').read()\nos.makedirs('out')\n"
        "open('out/made.bin', 'wb').write(text.encode() + bytes([0, 255]))\n"
        "os.mkfifo('pipe')\nos.symlink('/etc/passwd', 'link')\n"
    )
    found = run(
        server,
        code,
        files={"data/given.txt": base64.b64encode(b"here").decode(), "none": None},
        fetch_files=["out/made.bin", "pipe", "absent", "data"],
    ).json()
    assert found["status"] == "Success", found
    assert {name: base64.b64decode(text) for name, text in found["files"].items()} == {
        "out/made.bin": b"here\x00\xff"
    }
    # Nothing of it is there for the next one.
    assert run(server, "import os\nprint(os.listdir('.'))").json()["run_result"]["stdout"] == (
        "['solution.py']\n"
    )


def test_limits_of_time_memory_and_output(server: Server) -> None:
    late = run(server, "print('here', flush=True)\nwhile True: pass", run_timeout=0.7).json()
    assert (late["status"], late["run_result"]["status"]) == ("Failed", "TimeLimitExceeded")
    assert (late["run_result"]["return_code"], late["run_result"]["stdout"]) == (None, "here\n")
    large = run(server, "len(bytearray(300 << 20))", memory_limit_MB=200).json()
    assert "MemoryError" in large["run_result"]["stderr"]
    long = run(server, "import sys\nsys.stdout.buffer.write(bytes([255]) * (3 << 20))").json()
    # Bytes that are no text take most room on their way.
    assert (long["status"], len(long["run_result"]["stdout"])) == ("Success", 1 << 20)


def test_every_part_of_an_answer_may_be_as_large_as_it_may_be(server: Server) -> None:
    code = (
        "import sys\nfor stream in (sys.stdout, sys.stderr):\n"
        "    stream.buffer.write(bytes(2 << 20))\n"
        "for name in 'ab':\n    open(name, 'wb').write(bytes((1 << 20) - 8))\n"
        "open('c', 'wb').write(bytes(64))\n"
    )
    found = run(server, code, fetch_files=["a", "b", "c"]).json()
    assert found["status"] == "Success"
    assert len(found["run_result"]["stderr"]) == 1 << 20
    # Two MiB in all are given back: what does not fit is left out.
    assert set(found["files"]) == {"a", "b"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"language": "cobol"}, "'cobol' is not served here; served: python"),
        ({"language": 3}, "cannot be read"),
        ({"run_timeout": 0}, "run_timeout"),
        ({"run_timeout": 1e9}, "run_timeout"),
        ({"code": " "}, "the code is empty"),
        ({"memory_limit_MB": 1 << 20}, "8192 is the most"),
        ({"files": {"../x": ""}}, "below the working folder"),
        ({"files": {"/etc/x": ""}}, "below the working folder"),
        ({"files": {"a": "?"}}, "not base64"),
        ({"files": {"a": "", "a/b": ""}}, "both as a file and as a folder"),
        ({"fetch_files": ["a/../../x"]}, "below the working folder"),
    ],
)
def test_what_cannot_be_run_is_refused(server: Server, fields: dict[str, Any], said: str) -> None:
    answer = run(server, fields.pop("code", "print(1)"), **fields)
    assert answer.status_code == 400
    assert said in answer.json()["error"]


def test_answers_are_graded_against_served_tasks(server: Server) -> None:
    answer = f"Here:\n```python\n{RIGHT}```\n"
    for named in ("starter/0", 0, "0"):
        found = submit(server, answer, id=named).json()
        assert (found["id"], found["accepted"], found["extracted_type"]) == (named, True, "fenced")
        assert [case["passed"] for case in found["tests"]] == [True]
    wrong = submit(server, HALF).json()
    assert (wrong["accepted"], wrong["extra"]) == (False, {"verdict": "wrong"})
    assert submit(server, "I cannot.").json()["extracted_type"] == "empty"
    every = submit(server, HALF, config={"extra": {"run_all_cases": True}}).json()
    passed = [case["passed"] for case in every["tests"]]
    assert (len(passed), every["accepted"]) == (9, False)
    assert 3 <= sum(passed) < 9
    for unknown in ({"dataset": "nope"}, {"id": 99}):
        assert submit(server, answer, **unknown).status_code == 404


def test_tests_that_come_along_are_graded(server: Server) -> None:
    answer = "<think>Adding?</think>\n```python\nprint(int(input()) + 1)\n```"
    assert submit(server, answer, **with_tests({"1": "2", "5": "6\n"})).json()["accepted"]
    tests = {"1": "2", "5": "5", "7": "8"}
    found = submit(server, answer, **with_tests(tests)).json()
    assert (found["accepted"], len(found["tests"])) == (False, 1)
    found = submit(server, answer, **with_tests(tests, run_all_cases=True)).json()
    assert [case["passed"] for case in found["tests"]] == [True, False, True]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dataset_type": "AutoEvalDataset"}, "share a process with the program"),
        ({"language": "cpp"}, "not for 'cpp'"),
        ({"provided_data": {"test": []}}, "a list of one test at least"),
        ({"provided_data": {"test": [{"input": {"f": ""}, "output": {}}]}}, "files are not served"),
        ({"custom_extract_logic": "1"}, "does not execute"),
        ({"extra": {"total_timeout": 1e6}}, "total_timeout must be between"),
    ],
)
def test_tests_that_are_not_served_are_refused(
    server: Server, change: dict[str, Any], said: str
) -> None:
    asked = with_tests({"1": "1"})
    answer = submit(server, "print(1)", **{**asked, "config": {**asked["config"], **change}})
    assert answer.status_code == 400
    assert said in answer.json()["error"]


@pytest.mark.parametrize(
    "cheat",
    [
        "import os\nprint('2', flush=True)\nos._exit(0)",
        "import sys\nsys.exit(0)",
        "class Any(str):\n    def __eq__(self, other): return True\nprint(Any('x'))",
    ],
)
def test_a_program_that_only_ends_well_is_not_accepted(server: Server, cheat: str) -> None:
    assert submit(server, cheat, **with_tests({"1": "2", "5": "6"})).json()["accepted"] is False


def test_its_own_client_needs_another_address_only(start: Callable[..., Server]) -> None:
    fusion = pytest.importorskip("sandbox_fusion")
    tokens = f"ours={TOKEN}"
    server = start("--bench", "starter", OPENCODEEVAL_SERVE_TOKENS=tokens)
    fusion.set_endpoint(server.url.replace("//", f"//any:{TOKEN}@"))
    ran = fusion.run_code(
        fusion.RunCodeRequest(code="print(input())", stdin="5", language="python")
    )
    assert ran.status == fusion.RunStatus.Success
    assert ran.run_result.stdout == "5\n"
    mapping = fusion.SummaryMapping(RunFailed="failed", RunTimeout="late")
    for code, said in (("1 // 0", "failed"), ("while True: pass", "late")):
        request = fusion.RunCodeRequest(code=code, language="python", run_timeout=0.7)
        assert fusion.summary_run_code_result(fusion.run_code(request), mapping) == said
    request = fusion.SubmitRequest(
        dataset="starter", id="starter/0", completion=RIGHT, config=fusion.TestConfig()
    )
    assert fusion.submit(request).accepted is True
    fusion.set_endpoint(server.url)
    with pytest.raises(Exception, match="responded with code 401"):
        fusion.submit(request, max_attempts=1)


def test_a_full_queue_is_a_status_after_which_clients_try_again(
    start: Callable[..., Server],
) -> None:
    server = start("--bench", "starter", "--slots", "1", "--queue", "1")

    ended = threading.Event()

    def ask(number: int) -> None:
        # Again where it was refused: the first one may still be in the queue when others come.
        with contextlib.suppress(httpx.HTTPError):
            while not ended.is_set():
                run(server, f"import time\ntime.sleep(60)\nprint({number})", run_timeout=90)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    end, full = time.monotonic() + 60, 0
    while full < 20 and time.monotonic() < end:
        full = full + 1 if counted(server, "opencodeeval_waiting") >= 1 else 0
        time.sleep(0.05)
    # After 429 some of its clients give a reward of zero, after 504 all try again.
    answer = run(server, "print(1)")
    assert answer.status_code == 504
    assert "too many requests" in answer.json()["error"]
    assert int(answer.headers["retry-after"]) >= 1
    ended.set()
    server.end(signal.SIGKILL)
    for each in threads:
        each.join()


@pytest.mark.parametrize("language", [*LANGUAGES, *(SLOW if WHOLE else ())])
def test_other_languages_of_a_served_environment(language: str, others: Server) -> None:
    offered = json.loads(
        httpx.post(f"{others.url}/run_code", json={"code": "1", "language": "?"}).text
    )
    if language not in offered["error"].split(" (")[0]:
        pytest.skip(f"this machine has no toolchain for {language}")
    limits = {"compile_timeout": 60, "run_timeout": 60}
    code = {**LANGUAGES, **SLOW}[language]
    found = run(others, code, language=language, stdin="21\n", **limits).json()
    assert (found["status"], found["run_result"]["stdout"].strip()) == ("Success", "42"), found
    assert (found["compile_result"] is not None) == (language in COMPILED)


@pytest.mark.parametrize(
    ("language", "words"), [("D_ut", "Assertion failure"), ("go_test", "it is not 4")]
)
def test_a_program_s_own_unit_tests_decide_how_it_ends(
    language: str, words: str, others: Server
) -> None:
    limits, code = {"compile_timeout": 60, "run_timeout": 60}, UNIT_TESTED[language]
    right = run(others, code.replace("SUM", "x + x"), language=language, **limits)
    if right.status_code == 400:
        pytest.skip(f"this machine has no toolchain for {language}")
    wrong = run(others, code.replace("SUM", "x + 1"), language=language, **limits).json()
    assert right.json()["status"] == "Success", right.json()
    assert wrong["status"] == "Failed"
    assert words in wrong["run_result"]["stdout"] + wrong["run_result"]["stderr"]


def test_scala_runs_the_object_that_the_program_defines() -> None:
    scala = LANGUAGES_THERE["scala"]
    code = "import scala.util._\n\nobject Twice extends App {}\nobject Other {}\n"
    assert scala.command_for(code) == ["scala", "Twice"]
    assert scala.command_for("class Twice {}") == ["scala", "Main"]


def test_what_does_not_compile_is_told(others: Server) -> None:
    found = run(others, "int main() { return x; }", language="cpp").json()
    assert (found["status"], found["run_result"]) == ("Failed", None)
    assert found["compile_result"]["return_code"] == 1
    assert "was not declared" in found["compile_result"]["stderr"]


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory, needs_local: None) -> Any:
    log = tmp_path_factory.mktemp("others") / "log"
    # Their warm forms take a minute to prepare.
    plain = {"OPENCODEEVAL_PLAIN_COMPILERS": "1"}
    environments = "multipl_e,mceval" if WHOLE else "multipl_e"
    server = Server(log, "--environment", environments, "--slots", "1", **plain)
    yield server
    server.end()
