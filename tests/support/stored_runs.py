"""Finished runs on the disk, stored by the harness's own code without running a program."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from opencodeeval.core.types import Completion, Grade, Program, Prompt, SuiteResult, Verdict
from opencodeeval.runs.rows import ExecutionKey
from opencodeeval.runs.store import RunStore
from tests.support.records import record, sealed, write


def stored_run(
    output: Path,
    model: str,
    counts: Mapping[str, tuple[int, int]],
    benchmark: str = "humaneval",
    text: str = "",
) -> Path:
    """A run of task -> (n, c), the first c samples of a task passed; the record's path.

    Each program has the model's name, and `text`, which also stands in what failures say.
    """
    content = record(counts, model=model, benchmark=benchmark)
    store = RunStore(output, {"run": [model, benchmark]})
    content["run_id"] = store.run_id
    content["timing"] |= {"started": "2026-01-01T00:00:00+00:00"}
    content["totals"] |= {"prompt_tokens": 0, "completion_tokens": 0}
    for task, (n, right) in counts.items():
        store.add_prompt(Prompt(task, text=f"# {task} {text}\n"))
        for sample in range(n):
            code = f"def f(x):  # {model} {sample}\n    return {text!r}  # {task}\n"
            completion = Completion(task, sample, code)
            program = Program(task, sample, code, "answer")
            failed = SuiteResult(
                Verdict.WRONG,
                detail="wrong answer",
                tests_run=3,
                tests_total=3,
                failure={"input": "[1]", "expected": text, "got": text + model},
            )
            passed = SuiteResult(Verdict.PASSED, tests_run=3, tests_total=3)
            store.add_completion(completion)
            store.add_program(completion, program, "")
            key = ExecutionKey(task, f"{model}{sample}", "", "1", "")
            suites = {"base": passed if sample < right else failed}
            store.add_grade(key, Grade(task, sample, suites))
    store.close()
    return write(output, sealed(content))
