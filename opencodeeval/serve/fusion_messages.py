"""SandboxFusion's messages, as far as they are served: fields that it has and we do not use
are read over, as its own server does with fields that it does not know.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

Timeout = Annotated[float, Meta(gt=0, le=300.0)]
Status = Literal["Success", "Failed"]
Extracted = Literal["fenced", "incomplete_fenced", "heuristic", "empty"]
CommandStatus = Literal["Finished", "TimeLimitExceeded"]


class RunCodeRequest(Struct, kw_only=True):
    """A program to be run once; `files` and what is fetched are base64 by path.

    Seconds are those of the compiler and of the program. A memory limit of 0 or less is ours.
    """

    code: str
    language: str
    stdin: str | None = None
    compile_timeout: Timeout = 10.0
    run_timeout: Timeout = 10.0
    memory_limit_mb: int = field(default=-1, name="memory_limit_MB")
    files: dict[str, str | None] = {}
    fetch_files: list[str] = []


class CommandResult(Struct, kw_only=True):
    """What one command did; after a time limit there is no `return_code`."""

    status: CommandStatus
    execution_time: float
    cpu_time: float
    return_code: int | None
    stdout: str
    stderr: str


class RunCodeResponse(Struct, kw_only=True):
    """What became of a program: `Failed` if it was ended, or ended with a status other than 0.

    There is no `SandboxError`: where the sandbox failed, the answer is an error status.
    """

    status: Status
    message: str = ""
    compile_result: CommandResult | None = None
    run_result: CommandResult | None = None
    executor_pod_name: str | None = None
    files: dict[str, str] = {}


class SubmitConfig(Struct, kw_only=True):
    """How an answer is graded: tests that come along (`provided_data`) with their type.

    Of `extra`, `run_all_cases` asks for an entry of every test, and `total_timeout` is how
    many seconds all tests of `provided_data` may take.
    """

    dataset_type: str | None = None
    language: str | None = None
    run_timeout: Timeout | None = None
    custom_extract_logic: str | None = None
    provided_data: dict[str, Any] | list[Any] | None = None
    extra: dict[str, Any] = {}


class SubmitRequest(Struct, kw_only=True):
    """An answer to the task `id` of a served benchmark, or to the tests that come along."""

    dataset: str
    id: int | str
    completion: str
    config: SubmitConfig


class TestCase(Struct, kw_only=True):
    """One suite, or with `run_all_cases` one test: whether it passed."""

    passed: bool
    exec_info: RunCodeResponse
    test_info: dict[str, Any] | None = None


class EvalResult(Struct, kw_only=True):
    """Whether an answer is accepted, and the code that was found in it."""

    id: int | str
    accepted: bool
    extracted_code: str
    full_code: str
    test_code: None = None
    tests: list[TestCase]
    extracted_type: Extracted
    extra: dict[str, Any]
