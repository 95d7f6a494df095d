"""LiveCodeBench: its data, versions and dates, its prompts and answers, and published samples."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import pickle
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.benchmarks.cards import Part, read_card
from opencodeeval.benchmarks.data import fetch, parts
from opencodeeval.benchmarks.data import rows as data_rows
from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.benchmarks.windows import parse_window
from opencodeeval.cli.main import main
from opencodeeval.core.errors import DataError, UsageError
from opencodeeval.core.parts import read_part
from opencodeeval.core.types import Completion, Program, Sampling, SuiteResult, Task, Verdict
from opencodeeval.execution import open_sandbox
from opencodeeval.execution.guest import module
from opencodeeval.runs.formats import livecodebench
from opencodeeval.runs.options import SamplingOptions
from opencodeeval_benchmarks.livecodebench.adapter import extract_code
from tests.support.livecodebench_rows import (
    Row,
    as_tests,
    packed,
    problem,
    read,
    with_all_tests,
    with_known_tests,
    write,
)

OFFICIAL, FIXED = "livecodebench", "livecodebench-fixed"
CARD = read_card("livecodebench")


def load(folder: Path, rows: Sequence[Row], protocol: str = OFFICIAL, **more: Any) -> CardBenchmark:
    path = write(folder / "rows.jsonl", rows)
    return load_benchmark(f"livecodebench@file:{path}", protocol, **more)


def graded(
    jail: str, work: Sequence[tuple[Task, str]], slots: int = 2
) -> dict[tuple[str, str], SuiteResult]:
    """What became of programs: by task id and program."""

    async def run() -> list[SuiteResult]:
        sandbox = open_sandbox(jail, slots)
        try:
            grades = await asyncio.gather(
                *(
                    sandbox.grade(task, Program(task.task_id, number, code, "program"))
                    for number, (task, code) in enumerate(work)
                )
            )
            return [grade.suites["base"] for grade in grades]
        finally:
            await sandbox.close()

    results = asyncio.run(run())
    return {
        (task.task_id, code): result for (task, code), result in zip(work, results, strict=True)
    }


# --- data ---


def test_versions_are_the_publishers_releases_and_ranges() -> None:
    counts = {version.name: version.tasks for version in CARD.versions}
    releases = [counts[f"release_v{number}"] for number in range(1, 7)]
    assert releases == [400, 511, 612, 713, 880, 1055]
    assert [counts[f"v{number}"] for number in range(1, 7)] == [400, 111, 101, 101, 167, 175]
    ranges = [f"v{a}_v{b}" for a in range(1, 7) for b in range(a + 1, 7)]
    assert set(ranges) < set(counts)
    assert counts["v1_v3"] == counts["release_v3"]
    assert counts["v5_v6"] == 342
    assert len(counts) == 6 + 6 + 15
    assert CARD.versions[0].name == "release_v6"
    assert all(len(version.source.revision) == 40 for version in CARD.versions)


@pytest.mark.shared
def test_the_parts_have_as_many_problems_as_published(shared_data: Path) -> None:
    rows = read(shared_data / "livecodebench" / "lcb_release_v6_1055_public.jsonl.gz")
    counts = Counter(row["release_file"] for row in rows)
    assert {part.name: part.tasks for part in CARD.versions[0].parts} == counts


def in_parts(folder: Path, *files: Sequence[Row]) -> Any:
    """A card whose parts are these rows, written below the folder."""
    own = []
    for number, rows in enumerate(files, 1):
        (folder / "livecodebench").mkdir(exist_ok=True)
        path = write(folder / "livecodebench" / f"part{number}.jsonl", rows)
        _, content = parts.read_part(path, "")
        own.append(Part(path.name, len(rows), path.stat().st_size, content))
    version = replace(CARD.versions[0], name="own", parts=tuple(own))
    return replace(CARD, versions=(version,))


def test_parts_are_read_in_order_and_checked_to_the_byte(tmp_path: Path) -> None:
    first, second = [problem(question_id="a"), problem(question_id="b")], [problem(question_id="c")]
    card = in_parts(tmp_path, first, second)
    rows, provenance = data_rows.load_rows(card, card.versions[0], tmp_path)
    assert rows == [*first, *second]
    assert provenance["origin"] == "files part1.jsonl, part2.jsonl"
    assert provenance["sha256"] == [part.sha256 for part in card.versions[0].parts]
    with (tmp_path / "livecodebench" / "part2.jsonl").open("a") as file:
        file.write("\n")
    with pytest.raises(DataError, match=r"is not the part2\.jsonl of LiveCodeBench"):
        data_rows.load_rows(card, card.versions[0], tmp_path)
    (tmp_path / "livecodebench" / "part1.jsonl").unlink()
    with pytest.raises(DataError, match=r"looked for livecodebench/part1.jsonl, part1.jsonl"):
        data_rows.load_rows(card, card.versions[0], tmp_path)


def test_parts_are_fetched_once_and_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub, folder = tmp_path / "hub", tmp_path / "data"
    hub.mkdir()
    card = in_parts(hub, [problem(("1", "1"), question_id="a")], [problem(("1", "1"))])
    (version,) = card.versions
    asked = []

    def from_hub(name: str, filename: str, repo_type: str, revision: str) -> str:
        assert (name, repo_type) == ("livecodebench/code_generation_lite", "dataset")
        assert revision == version.source.revision
        asked.append(filename)
        return str(hub / "livecodebench" / filename)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", from_hub)
    rows, provenance = data_rows.load_rows(card, version, None)
    assert len(rows) == 2
    assert provenance["origin"] == "Hugging Face livecodebench/code_generation_lite"
    assert fetch.fetch(card, version, folder) == "fetched, part1.jsonl, part2.jsonl"
    assert fetch.fetch(card, version, folder).startswith("is already there")
    (folder / "livecodebench" / "part2.jsonl").write_text("damaged")
    assert fetch.fetch(card, version, folder) == "fetched, part2.jsonl"
    assert asked == ["part1.jsonl", "part2.jsonl"] * 2 + ["part2.jsonl"]
    assert data_rows.load_rows(card, version, folder)[0] == rows
    (listed,) = {each.here for each in fetch.inventory(folder) if each.version == "release_v6"}
    assert listed == ""


def test_large_tests_stay_in_their_file_until_a_judge_needs_them(tmp_path: Path) -> None:
    noise = [("".join(str(os.urandom(40_000))), "1\n")]
    rows = [problem(question_id=name, private=noise) for name in ("a", "b", "c")]
    benchmark = load(tmp_path, rows)
    for task, row in zip(benchmark.tasks, rows, strict=True):
        assert len(str(task)) < 6000 < len(row["private_test_cases"])
        assert read_part(task.tests["sha256"][1]).decode() == row["private_test_cases"]
    (tmp_path / "rows.jsonl").write_text("x" * 10**6)
    with pytest.raises(DataError, match="has changed while it was in use"):
        read_part(benchmark.tasks[0].tests["sha256"][1])


def test_tests_of_many_megabytes_are_graded_again_and_again(tmp_path: Path) -> None:
    """The judge keeps them for the samples of their task, and gives way to one for the next."""
    big = [("7\n" + "0" * (80 << 20), "7\n")]
    rows = [
        problem(("1\n", "1\n"), private=big, question_id="big"),
        problem(("1\n", "1\n"), question_id="small"),
    ]
    large, small = load(tmp_path, rows).tasks
    work = [(large, "print(input())\n"), (large, "print(1)\nprint(2)\n")]
    work += [(small, "print(input())\n")]
    verdicts = [result.verdict for result in graded("local", work, slots=1).values()]
    assert verdicts == [Verdict.PASSED, Verdict.WRONG, Verdict.PASSED]


def test_compressed_rows_are_the_same_tasks(tmp_path: Path) -> None:
    rows = [problem(("1", "1"), private=[("2" * 10**5, "2")])]
    plain = load(tmp_path, rows)
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress((tmp_path / "rows.jsonl").read_bytes()))
    zipped = load_benchmark(f"livecodebench@file:{path}")
    assert zipped.data_digest == plain.data_digest
    assert zipped.tasks[0].tests_digest == plain.tasks[0].tests_digest
    digests = plain.tasks[0].tests["sha256"]
    assert [len(read_part(sha256)) > 0 for sha256 in digests] == [True, True]


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch /tmp/opencodeeval-evil",)


@pytest.mark.parametrize(
    ("private", "message"),
    [
        (packed(Evil()), "its pickle wants posix.system, and only a string is taken"),
        (packed([1, 2]), "its pickle is of a list, and only a string is taken"),
        (packed("no JSON"), "it is not JSON"),
        (packed("[1]"), 'it is not a list of {"input", "output"}'),
        (packed("[]")[:-8], "is not base64 of zlib"),
        ("@", "is not base64 of zlib"),
        ("{}", "is not base64 of zlib"),
    ],
)
def test_private_tests_that_are_more_than_text_are_refused(
    private: str, message: str, tmp_path: Path
) -> None:
    row = problem(("1", "1"), private_test_cases=private)
    with pytest.raises(DataError, match=f"task 1 .*{message}"):
        load(tmp_path, [row])
    assert not Path("/tmp/opencodeeval-evil").exists()


def test_long_private_tests_are_refused_by_how_they_begin_and_by_the_judge(tmp_path: Path) -> None:
    tests = module("livecodebench_tests")
    long = as_tests([(str(os.urandom(100_000)), "1")])
    assert tests.head(packed(long)[:4096]).startswith('[{"input": ')
    assert tests.private_text(packed(long)) == long
    for value in ([long], (Evil(), long), {"a": long}):
        with pytest.raises(tests.Damaged):
            tests.head(packed(value)[:4096])
        with pytest.raises(tests.Damaged):
            tests.private_text(packed(value))
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        text = pickle.dumps(long, protocol)
        assert tests._OnlyText(__import__("io").BytesIO(text)).load() == long
    with pytest.raises(DataError, match="does not begin with a string of JSON"):
        load(tmp_path, [problem(private_test_cases=packed([long]))])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (problem(), "it has no tests"),
        (problem(private_test_cases="[]"), "it has no tests"),
        (problem(("1", "1"), metadata="{"), "its \"metadata\" is '{'"),
        (problem(("1", "1"), contest_date=None), 'it needs "contest_date", a string'),
        (problem(("1", "1"), public_test_cases=None), "it needs public_test_cases and"),
        ({"question_id": "a"}, 'it needs "question_content"'),
    ],
)
def test_rows_that_cannot_be_judged_are_refused(row: Row, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        load(tmp_path, [row])


def test_unknown_releases_files_and_twice_the_same_problem(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"livecodebench has no version 'release_v9'.*release_v6"):
        load_benchmark("livecodebench@release_v9", data_dir=tmp_path)
    with pytest.raises(UsageError, match="there is no file"):
        load_benchmark(f"livecodebench@file:{tmp_path / 'absent.jsonl'}")
    with pytest.raises(DataError, match="holds no tasks"):
        load(tmp_path, [])
    with pytest.raises(DataError, match="'own_a' is there twice"):
        load(tmp_path, [problem(("1", "1")), problem(("1", "1"))])


def test_tasks_are_in_the_publishers_order(tmp_path: Path) -> None:
    names = ["abc301_a", "2727", "1873_A", "arc190_a", "1899_B"]
    rows = [problem(("1", "1"), question_id=name) for name in names]
    assert [task.task_id for task in load(tmp_path, rows).tasks] == sorted(names)


@pytest.mark.shared
def test_the_errata_are_the_publishers_and_apply(tmp_path: Path, shared_data: Path) -> None:
    rows = [row for row in with_known_tests(shared_data) if row["question_id"] != "abc350_c"]
    benchmark = load(tmp_path, rows)
    kinds = Counter(row.kind for row in benchmark.errata)
    assert kinds == {"answers": 11, "interactive": 2, "tests": 3}
    assert all(row.fails for row in benchmark.errata)


# --- dates ---

DATES = ("2024-01-06T00:00:00", "2024-01-06T18:30:00", "2024-02-01T00:00:00", "2024-03-31T06:30:00")


@pytest.mark.parametrize(
    ("start", "end", "kept"),
    [
        (None, None, "abcd"),
        ("2024-01-06", "2024-02-01", "abc"),
        ("2024-01-07", None, "cd"),
        (None, "2024-01-06", "ab"),
        ("2024-03-31", "2024-03-31", "d"),
        # What the publisher makes of a last day: its midnight.
        (None, "2024-01-06T00:00", "a"),
    ],
)
def test_windows_of_dates_have_both_their_ends(
    start: str | None, end: str | None, kept: str, tmp_path: Path
) -> None:
    rows = [
        problem(("1", "1"), question_id=name, contest_date=date)
        for name, date in zip("abcd", DATES, strict=True)
    ]
    benchmark = load(tmp_path, rows, window=parse_window(start, end, None))
    assert "".join(task.task_id for task in benchmark.tasks) == kept
    assert benchmark.known_ids == set("abcd")
    assert benchmark.describe().get("window", {}).keys() == {
        name for name, date in (("start", start), ("end", end)) if date
    }


def test_windows_that_keep_nothing_or_make_no_sense_are_refused(tmp_path: Path) -> None:
    rows = [problem(("1", "1"))]
    with pytest.raises(UsageError, match="its tasks are from 2024-01-06 to 2024-01-06"):
        load(tmp_path, rows, window=parse_window("2025-01-01", None, None))
    with pytest.raises(UsageError, match="swap them"):
        parse_window("2024-02-01", "2024-01-01", None)
    for text in ("soon", "2024-13-01", "2024-01-01T00:00+01:00"):
        with pytest.raises(UsageError, match="must be a date like"):
            parse_window(None, text, None)
    with pytest.raises(UsageError, match="the tasks of starter v1 have no dates"):
        load_benchmark("starter", window=parse_window("2024-01-01", None, None))


@pytest.mark.shared
def test_a_window_of_the_published_problems(tmp_path: Path, shared_data: Path) -> None:
    rows = [row for row in with_known_tests(shared_data) if row["question_id"] != "abc350_c"]
    window = parse_window("2024-08-01", "2025-02-01", None)
    tasks = load(tmp_path, rows, window=window).tasks
    days = {task.task_id: task.fields["contest_date"][:10] for task in tasks}
    assert days == {
        row["question_id"]: row["contest_date"][:10]
        for row in rows
        if "2024-08-01" <= row["contest_date"][:10] <= "2025-02-01"
    }
    assert len(days) == 335


# --- prompts and answers ---


def test_chat_models_get_the_generic_system_and_user_messages(tmp_path: Path) -> None:
    stdin, function = load(
        tmp_path,
        [
            problem(("1", "1"), question_content="Add.\n", question_id="a"),
            problem(("1", "1"), function="f", question_content="Sub.", question_id="b"),
        ],
    ).tasks
    benchmark = load_benchmark(f"livecodebench@file:{tmp_path / 'rows.jsonl'}")
    system, user = benchmark.prompt(stdin, "chat").messages
    assert (system.role, user.role) == ("system", "user")
    assert system.content == (
        "You are an expert Python programmer. You will be given a question (problem "
        "specification) and will generate a correct Python program that matches the "
        "specification and passes all tests."
    )
    assert user.content == (
        "### Question:\nAdd.\n\n\n### Format: Read the inputs from stdin solve the problem and "
        "write the answer to stdout (do not directly test on the sample inputs). Enclose your "
        "code within delimiters as follows. Ensure that when the python program runs, it reads "
        "the inputs, runs the algorithm and writes output to STDOUT.\n```python\n"
        "# YOUR CODE HERE\n```\n\n### Answer: (use the provided format with backticks)\n\n"
    )
    assert benchmark.prompt(function, "chat").messages[1].content == (
        "### Question:\nSub.\n\n### Format: You will use the following starter code to write "
        "the solution to the problem and enclose your code within delimiters.\n```python\n"
        "class Solution:\n    def f(self\n```\n\n### Answer: (use the provided format with "
        "backticks)\n\n"
    )
    assert benchmark.prompt(stdin, "chat").stop == ("###",)


def test_base_models_get_one_shot_of_the_same_kind(tmp_path: Path) -> None:
    benchmark = load(
        tmp_path,
        [
            problem(("1", "1"), question_content="Add {{ x }}.", question_id="a"),
            problem(("1", "1"), function="f", question_content="Sub.", question_id="b"),
        ],
    )
    stdin, function = (benchmark.prompt(task, "base").text for task in benchmark.tasks)
    assert stdin.startswith("### Question\nYou have $n$ gifts")
    assert stdin.endswith("main()\n\n\n### Question\nAdd {{ x }}.\n\n### Answer\n\n")
    assert function.startswith("### Question\nYou are given a 0-indexed array")
    assert "### Starter Code\nclass Solution:\n    def unequalTriplets" in function
    assert function.endswith(
        "return ans\n\n### Question\nSub.\n\n### Starter Code\nclass Solution:\n    def f(self"
        "\n\n### Answer\n\n"
    )
    assert benchmark.prompt(benchmark.tasks[0], "base").stop == ("###",)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("```python\nx = 1\n```", "x = 1"),
        ("```\na\n```\nthen\n```python\nb\nc\n```\nend", "b\nc"),
        ("say ```python\nx\n``` done", "x"),
        ("```python\nx = 1\n", ""),
        ("no fence", ""),
        ("```python\nx\n```\nSee `a` and ```b```.", ""),
    ],
)
def test_answers_are_what_is_between_the_last_two_fences(text: str, code: str) -> None:
    assert extract_code(text) == code


def test_programs_of_answers_and_of_base_models(tmp_path: Path) -> None:
    benchmark = load(tmp_path, [problem(("1", "1"))])
    (task,) = benchmark.tasks
    completion = Completion(task.task_id, 0, "\n```python\nx = 1\n```\n")
    assert benchmark.program(task, completion, "chat").code == "x = 1"
    assert benchmark.program(task, completion, "base").code == "```python\nx = 1\n```"
    assert benchmark.program(task, replace(completion, text="thinking"), "chat").found == "none"


def test_sampling_is_the_publishers_where_the_user_asks_for_nothing(tmp_path: Path) -> None:
    benchmark = load(tmp_path, [problem(("1", "1"))])
    default = benchmark.default_sampling()
    assert default == Sampling(n=10, temperature=0.2, top_p=0.95, max_tokens=2000)
    assert SamplingOptions(temperature=0.0).applied(default).n == 1


# --- published problems and samples ---

# Question id: a right program, and a wrong one.
SOLUTIONS = {
    "abc398_a": (
        """
n = int(input())
m = 2 - n % 2
print('-' * ((n - m) // 2) + '=' * m + '-' * ((n - m) // 2))
""",
        """
n = int(input())
print('-' * (n // 2) + '=' + '-' * (n // 2))
""",
    ),
    "abc389_b": (
        """
import math
x = int(input())
n = 1
while math.factorial(n) != x:
    n += 1
print(n)
""",
        """
x = int(input())
print(x // 2)
""",
    ),
    "abc391_a": (
        """
d = input()
print(d.translate(str.maketrans('NSEW', 'SNWE')))
""",
        """
print(input()[::-1])
""",
    ),
    "abc400_a": (
        """
a = int(input())
print(-1 if 400 % a else 400 // a)
""",
        """
a = int(input())
print(400 // a)
""",
    ),
    "abc392_a": (
        """
a, b, c = sorted(map(int, input().split()))
print('Yes' if a * b == c else 'No')
""",
        """
a, b, c = map(int, input().split())
print('Yes' if a * b == c else 'No')
""",
    ),
    "abc387_a": (
        """
a, b = map(int, input().split())
print((a + b) ** 2)
""",
        """
a, b = map(int, input().split())
print(a ** 2 + b ** 2)
""",
    ),
    "abc400_b": (
        """
n, m = map(int, input().split())
x = sum(n ** i for i in range(m + 1))
print(x if x <= 10 ** 9 else 'inf')
""",
        """
n, m = map(int, input().split())
print(sum(n ** i for i in range(m + 1)))
""",
    ),
    "abc393_a": (
        """
a, b = input().split()
print({('sick', 'sick'): 1, ('sick', 'fine'): 2, ('fine', 'sick'): 3, ('fine', 'fine'): 4}[a, b])
""",
        """
a, b = input().split()
print(1 if a == b else 2)
""",
    ),
    "1873_A": (
        """
for _ in range(int(input())):
    s = input()
    print('YES' if sum(a != b for a, b in zip(s, 'abc')) in (0, 2) else 'NO')
""",
        """
for _ in range(int(input())):
    print('YES')
""",
    ),
    "abc301_a": (
        """
n, s = int(input()), input()
t, a = s.count('T'), s.count('A')
print('T' if t > a or (t == a and s[-1] == 'A') else 'A')
""",
        """
n, s = int(input()), input()
print('T' if s.count('T') > s.count('A') else 'A')
""",
    ),
    "2727": (
        """
class Solution:
    def countSeniors(self, details: List[str]) -> int:
        return sum(int(each[11:13]) > 60 for each in details)
""",
        """
class Solution:
    def countSeniors(self, details: List[str]) -> int:
        return sum(int(each[11:13]) >= 60 for each in details)
""",
    ),
}
# Ways to read the whole input first: the one that works for the publisher, and those that do not.
READING = {
    "sys.stdin.read": ("import sys\n_d = iter(sys.stdin.read().split('\\n'))\n", True),
    "sys.stdin": ("import sys\n_d = iter([l.rstrip('\\n') for l in sys.stdin])\n", False),
    "open(0)": ("_d = iter(open(0).read().split('\\n'))\n", False),
    "buffer.readline": (
        "import sys\n_d = iter(lambda: sys.stdin.buffer.readline().decode().strip(), None)\n",
        None,
    ),
}


@pytest.mark.shared
@pytest.mark.docker
def test_problems_with_all_their_tests_in_docker(shared_data: Path, tmp_path: Path) -> None:
    rows = with_all_tests(shared_data)
    assert {row["question_id"] for row in rows} == set(SOLUTIONS)
    for protocol in (OFFICIAL, FIXED):
        tasks = load(tmp_path, rows, protocol).tasks
        work = [(task, code) for task in tasks for code in SOLUTIONS[task.task_id]]
        found = graded("docker", work)
        for task in tasks:
            right, wrong = (found[task.task_id, code] for code in SOLUTIONS[task.task_id])
            assert right.verdict is Verdict.PASSED, (task.task_id, right)
            assert right.tests_run == right.tests_total > 4
            assert wrong.verdict is Verdict.WRONG, (task.task_id, wrong)


@pytest.mark.shared
@pytest.mark.docker
@pytest.mark.parametrize("style", READING)
def test_styles_of_reading_on_published_problems(
    style: str, shared_data: Path, tmp_path: Path
) -> None:
    head, passes = READING[style]
    rows = [row for row in with_all_tests(shared_data) if not row["starter_code"]]
    for protocol in (OFFICIAL, FIXED):
        tasks = load(tmp_path, rows, protocol).tasks
        programs = {
            task.task_id: head + "".join(SOLUTIONS[task.task_id][0]).replace("input()", "next(_d)")
            for task in tasks
        }
        found = graded("docker", [(task, programs[task.task_id]) for task in tasks])
        verdicts = {task_id: result.verdict for (task_id, _), result in found.items()}
        if protocol == FIXED or passes:
            assert set(verdicts.values()) == {Verdict.PASSED}
        elif passes is None:  # the first line again and again: right where there is only one
            lines = {row["question_id"] for row in rows if row["question_id"] != "1873_A"}
            assert verdicts["1873_A"] is not Verdict.PASSED
            assert sum(verdicts[name] is Verdict.PASSED for name in lines) == len(lines) - 1
        else:
            assert Verdict.PASSED not in verdicts.values()


CHANGED = "a hidden test whose input was published as a failing method had left it: changed"
OLDER = "graded when sys.stdin was a StringIO, before it became the stand-in of today"
# Published as passed, and failed here; nothing published as failed passes.
EXCEPTIONS = {
    **dict.fromkeys(["2878", "3226", "3454", "3475", "3518", "3531", "3607", "3616"], CHANGED),
    **dict.fromkeys(["abc303_d", "abc338_d", "abc344_b", "abc359_d", "abc380_c"], OLDER),
}
# Takes about as long as it may: its verdict is one of the machine.
SLOW = {"abc328_e"}


@pytest.fixture(scope="module")
def published(shared_data: Path) -> dict[str, tuple[str, str]]:
    """Question id -> the program of o1-mini, and what the index says of it."""
    folder = shared_data / "verdicts" / "livecodebench"
    with gzip.open(folder / "INDEX.jsonl.gz", "rt") as file:
        classes = {row["question_id"]: row["cls"] for row in map(json.loads, file)}
    with gzip.open(folder / "o1-mini.v5_880.eval_all.json.gz", "rt") as file:
        found = json.load(file)
    return {row["question_id"]: (row["code_list"][0], classes[row["question_id"]]) for row in found}


@pytest.mark.shared
@pytest.mark.timeout(1800)
def test_published_samples_of_o1_mini(
    published: Mapping[str, tuple[str, str]], shared_data: Path, tmp_path: Path
) -> None:
    """One in eight, or with OPENCODEEVAL_LIVECODEBENCH_WHOLE all of the 880."""
    rows = [row for row in with_known_tests(shared_data) if row["question_id"] in published]
    rows = [row for row in rows if row["question_id"] != "abc350_c"]  # of which no test is here
    if not os.environ.get("OPENCODEEVAL_LIVECODEBENCH_WHOLE"):
        rows = sorted(rows, key=lambda row: str(row["question_id"]))[::8]
    tasks = load(tmp_path, rows).tasks
    code = {task.task_id: published[task.task_id][0] for task in tasks}
    found = graded("local", [(task, code[task.task_id]) for task in tasks if code[task.task_id]])
    differing = {}
    for (task_id, _), result in found.items():
        expected = {"pass": True, "fail_test_known": False}.get(published[task_id][1])
        if expected is not None and (result.verdict is Verdict.PASSED) != expected:
            differing[task_id] = f"{result.verdict} {result.detail}"
    assert differing.keys() - SLOW == EXCEPTIONS.keys() & code.keys(), differing


# --- bad input at the command line ---


def test_the_command_line_refuses_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "rows.jsonl", [problem(("1", "1"))])
    samples = tmp_path / "samples.json"
    samples.write_text(json.dumps([{"question_id": "own_a", "code_list": ["print(1)"]}]))
    bench = f"livecodebench@file:{path}"
    for given, status, message in (
        (["--bench", "livecodebench@release_v7"], 2, "livecodebench has no version"),
        (["--bench", bench, "--end-date", "2023-01-01"], 2, "no task of livecodebench file"),
        (["--bench", bench, "--cutoff", "now"], 2, "--cutoff now: must be a date"),
        (["--bench", "livecodebench", "--data", str(tmp_path)], 3, "is not in"),
        (["--bench", "starter", "--start-date", "2024-01-01"], 2, "have no dates"),
    ):
        assert main(["grade", str(samples), *given]) == status
        told = capsys.readouterr().err
        assert message in told
        assert told.count("\n") == 1
    assert main(["selfcheck", bench, "--sandbox", "local"]) == 2
    assert "no published solution (own_a is the first)" in capsys.readouterr().err


# --- what is written is read again ---


def test_exported_results_have_the_publishers_fields_and_are_graded_alike(tmp_path: Path) -> None:
    rows = [
        problem(("1\n", "1\n"), private=[("2\n", "2\n")], question_id="abc_b"),
        problem(("1\n2", "3"), function="add", question_id="2727"),
    ]
    codes = {
        "abc_b": ["print(input())\n", "print(1)\n", "print(int('x'))\n", ""],
        "2727": [
            "def add(x, y):\n    return x\n",
            "import os\nos._exit(1)\n",
            "def add(x, y):\n    return x + y\n",
            "def add(:\n",
        ],
    }
    bench = f"livecodebench@file:{write(tmp_path / 'rows.jsonl', rows)}"
    samples = [{"question_id": name, "code_list": code} for name, code in codes.items()]
    (tmp_path / "them.json").write_text(json.dumps(samples))
    given = ("--bench", bench, "--sandbox", "local", "--quiet", "--output")
    assert main(["grade", str(tmp_path / "them.json"), *given, str(tmp_path / "first")]) == 0
    (folder,) = (tmp_path / "first" / "runs").iterdir()
    export = ["export", str(folder), "--format", "livecodebench", "--bench", bench]
    assert main([*export, "--output", str(tmp_path / "theirs")]) == 0
    stem = tmp_path / "theirs" / "them_codegeneration_output"
    outputs, (metrics, results, metadata), evaluated = (
        json.loads(Path(f"{stem}{end}.json").read_text()) for end in ("", "_eval", "_eval_all")
    )
    fields = {*livecodebench.PROBLEM, "output_list", "code_list"}
    assert set(outputs[0]) == fields
    assert set(evaluated[0]) == fields | {"graded_list", "pass@1", "metadata"}
    assert [each["question_id"] for each in evaluated] == ["2727", "abc_b"]
    assert [each["graded_list"] for each in evaluated] == [
        [False, False, True, False],
        [True, False, False, False],
    ]
    assert metrics["pass@1"] == 0.25
    assert results["0"] == [[False], [-2], [True], [-4]]
    assert results["1"] == [[True, True], [True, -2], [-4], [-4]]
    codes_of = [[json.loads(each).get("error_code") for each in part] for part in metadata]
    assert codes_of == [[-2, -5, None, -4], [None, -2, -4, -4]]
    assert json.loads(metadata[1][1]) == {
        "output": "1\n",
        "inputs": "2\n",
        "expected": "2\n",
        "error_code": -2,
        "error_message": "Wrong answer at output_line_idx=0: 1 != 2",
    }
    assert json.loads(metadata[1][2])["error"].startswith("ValueError(")
    again = str(Path(f"{stem}_eval_all.json"))
    assert main(["grade", again, *given, str(tmp_path / "second")]) == 0
    first, second = (
        json.loads(next((tmp_path / name).glob("livecodebench/*.json")).read_text())["tasks"]
        for name in ("first", "second")
    )
    assert first == second
