"""Rows in LiveCodeBench's format, of problems of our own and of the published ones."""

from __future__ import annotations

import base64
import gzip
import json
import pickle
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Pair = tuple[str, str]


def packed(value: Any) -> str:
    """What the publisher makes of private tests, of any value."""
    return base64.b64encode(zlib.compress(pickle.dumps(value))).decode()


def as_tests(pairs: Iterable[Pair], kind: str = "stdin") -> str:
    """Pairs of input and output as the publisher's JSON."""
    return json.dumps([{"input": i, "output": o, "testtype": kind} for i, o in pairs])


def problem(
    *pairs: Pair,
    private: Sequence[Pair] = (),
    function: str = "",
    question_id: str = "own_a",
    **more: Any,
) -> Row:
    """A row with these public and private tests, as the publisher writes it."""
    kind = "functional" if function else "stdin"
    return {
        "question_title": "Own",
        "question_content": "Do it.",
        "platform": "leetcode" if function else "atcoder",
        "question_id": question_id,
        "contest_id": "own",
        "contest_date": "2024-01-06T00:00:00",
        "starter_code": f"class Solution:\n    def {function}(self" if function else "",
        "difficulty": "easy",
        "public_test_cases": as_tests(pairs, kind),
        "private_test_cases": packed(as_tests(private, kind)),
        "metadata": json.dumps({"func_name": function} if function else {}),
        **more,
    }


def write(path: Path, rows: Iterable[Row]) -> Path:
    """The rows as JSON Lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read(path: Path) -> list[Row]:
    """The rows of a compressed file."""
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


def with_all_tests(shared: Path) -> list[Row]:
    """The 11 published problems of which all tests are there, as the publisher writes them."""
    rows = read(shared / "livecodebench" / "lcb_full_tests_11.jsonl.gz")
    return [_whole(row, row.pop("tests")) for row in rows]


def with_known_tests(shared: Path) -> list[Row]:
    """The published problems with those of their tests that are there; one has none.

    Public tests, hidden tests that published results have shown, and no other.
    """
    folder = shared / "livecodebench"
    hidden: dict[str, list[Row]] = {}
    for test in read(folder / "lcb_harvested_tests.jsonl.gz"):
        if not test["is_public"]:
            hidden.setdefault(test["question_id"], []).append(test)
    rows = read(folder / "lcb_release_v6_1055_public.jsonl.gz")
    for row in rows:
        more = hidden.get(row["question_id"], [])
        tests = [{name: test[name] for name in ("input", "output", "testtype")} for test in more]
        row["private_test_cases"] = packed(json.dumps(tests))
    return rows


def _whole(row: Row, tests: list[Row]) -> Row:
    public = len(json.loads(row["public_test_cases"]))
    first, rest = json.dumps(tests[:public]), json.dumps(tests[public:])
    return {**row, "public_test_cases": first, "private_test_cases": packed(rest)}
