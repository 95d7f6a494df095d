"""What `/submit` grades against: a task of a served benchmark, or tests that come along."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from opencodeeval.benchmarks.extraction.answers import extract
from opencodeeval.core import reasoning
from opencodeeval.serve.fusion_messages import SubmitRequest
from opencodeeval.serve.languages import PYTHON
from opencodeeval.serve.messages import GradeRequest, Told
from opencodeeval.serve.refusals import bad_request, not_found
from opencodeeval.serve.served import LONGEST_S, Served

# SandboxFusion's names of data sets that have another name here.
NAMES = {"humaneval_python": "humaneval"}
# Of a test that comes along, where the request says nothing: seconds and MiB.
TEST_S, TOTAL_S, MEMORY_MB = 10.0, 300.0, 4096


def request_of(asked: SubmitRequest, served: Served) -> tuple[GradeRequest, str]:
    """The request in our form, and how code was found in the answer if that was done here.

    Raises:
        Refused: what it names is not served.
    """
    config = asked.config
    if config.custom_extract_logic:
        raise bad_request(
            "custom_extract_logic is code, which this server does not execute: extract before "
            "you submit, or leave it out"
        )
    tell: list[Told] = ["share"] if config.extra.get("run_all_cases") else []
    if config.provided_data is None:
        bench = asked.dataset if asked.dataset in served.benchmarks else _name(asked.dataset)
        task_id = _task_id(bench, asked.id, served)
        return GradeRequest(bench=bench, task_id=task_id, answer=asked.completion, tell=tell), ""
    found = extract(reasoning.separate(asked.completion).answer)
    spec = _specification(asked)
    return GradeRequest(spec=spec, program=found.code, tell=tell), found.found.value


def _name(dataset: str) -> str:
    return NAMES.get(dataset, dataset)


def _task_id(bench: str, named: int | str, served: Served) -> str:
    """The task's id here; a number is taken for the task whose id ends with it."""
    found = served.benchmarks.get(bench)
    if found is None or any(task.task_id == named for task in found.tasks):
        return str(named)
    ending = [task.task_id for task in found.tasks if task.task_id.rpartition("/")[2] == str(named)]
    return ending[0] if len(ending) == 1 else str(named)


def _specification(asked: SubmitRequest) -> dict[str, Any]:
    """Tests of standard input and output as a specification.

    Raises:
        Refused: they are not of this kind.
    """
    config, data = asked.config, asked.config.provided_data
    if isinstance(data, list):
        data = next((row for row in data if str(_of(row, "id")) == str(asked.id)), None)
        if data is None:
            raise not_found(f"provided_data has no row with the id {asked.id!r}")
    if config.dataset_type != "CommonOJDataset":
        raise bad_request(
            f"dataset_type is {config.dataset_type!r}: of tests that come along only those of "
            "CommonOJDataset (stdin and stdout) are graded, for all others would share a process "
            "with the program; use POST /grade with a specification"
        )
    labels = _of(data, "labels") or {}
    language = config.language or _of(labels, "programming_language") or PYTHON
    if language != PYTHON:
        raise bad_request(
            f"tests that come along are graded for python, not for {language!r}: use POST "
            "/run_code, or a served benchmark of this language"
        )
    each_s = config.run_timeout or TEST_S
    total_s = config.extra.get("total_timeout", TOTAL_S)
    if not isinstance(total_s, (int, float)) or not 0 < total_s < LONGEST_S:
        raise bad_request(f"extra.total_timeout must be between 0 and {LONGEST_S:g} seconds")
    return {
        "kind": "stdio",
        "tests": [_test(each) for each in _tests(data)],
        "compare": {"rule": "lines"},
        "limits": {"test_s": each_s, "total_s": float(total_s), "memory_mb": MEMORY_MB},
    }


def _of(row: Any, name: str) -> Any:
    """A field of a row; some publish a row's fields as JSON in a text."""
    found = row.get(name) if isinstance(row, Mapping) else None
    if name in ("labels", "test") and isinstance(found, str):
        try:
            return json.loads(found)
        except (ValueError, RecursionError):
            return None
    return found


def _tests(data: Any) -> list[Any]:
    found = _of(data, "test")
    if not isinstance(found, list) or not found:
        raise bad_request("provided_data.test has to be a list of one test at least")
    return found


def _test(each: Any) -> dict[str, str]:
    given, wanted = _of(each, "input"), _of(each, "output")
    known = isinstance(given, Mapping) and isinstance(wanted, Mapping)
    if not known or not set(given) <= {"stdin"} or set(wanted) != {"stdout"}:
        raise bad_request(
            'a test of provided_data is {"input": {"stdin": …}, "output": {"stdout": …}}; files '
            "are not served"
        )
    texts = {"input": given.get("stdin", ""), "output": wanted["stdout"]}
    if not all(isinstance(text, str) for text in texts.values()):
        raise bad_request("stdin and stdout of a test have to be texts")
    return texts
