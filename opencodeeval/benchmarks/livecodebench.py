"""What LiveCodeBench's grader says of a failed program, in its codes and words."""

from __future__ import annotations

from typing import Any

from opencodeeval.core.types import SuiteResult, Verdict

# The code and message of the first test that failed.
STATUS = {
    Verdict.WRONG: (-2, "Wrong Answer"),
    Verdict.ERROR: (-4, "Runtime Error"),
    Verdict.TIMEOUT: (-3, "Time Limit Exceeded"),
    Verdict.MEMORY: (-4, "Runtime Error"),
    Verdict.NO_CODE: (-4, "Runtime Error"),
    Verdict.FORGED: (-4, "Runtime Error"),
}

# A sample that ended its grader's process, or outlived its patience.
RUNNER_ERROR = (-5, "TestRunnerError")


def status_of(result: SuiteResult) -> tuple[int, str]:
    """The publisher's code of a failure and its words."""
    if result.detail in ("died", "time limit of the whole process", "SystemExit"):
        return RUNNER_ERROR
    code, message = STATUS[result.verdict]
    own_words = result.detail.startswith(("Wrong answer", "Error during testing"))
    return code, result.detail if own_words else message


def metadata(result: SuiteResult) -> dict[str, Any]:
    """What the publisher's grader tells of a sample: of a failed one the test that failed."""
    if result.verdict is Verdict.PASSED:
        return {"execution time": result.cpu_s}
    code, message = status_of(result)
    failure = result.failure or {}
    told: dict[str, Any] = {
        theirs: failure[ours]
        for ours, theirs in (
            ("got", "output"),
            ("input", "inputs"),
            ("expected", "expected"),
            ("error", "error"),
        )
        if ours in failure
    }
    if result.verdict is not Verdict.WRONG and not message.startswith("Error"):
        told.setdefault("error", result.detail)
    return {**told, "error_code": code, "error_message": message}
