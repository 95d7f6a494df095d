"""SandboxFusion's two addresses, so that its clients move by changing one address.

`/run_code` runs a program and gives back what it printed; `/submit` grades an answer. Its own
clients try again after HTTP 504 (all of them) and after any other error status (some), and read
a 200 as an outcome, so all that may succeed later is told by 504 here, and never by a 200.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from opencodeeval.core.errors import DataError
from opencodeeval.core.types import Grade, Program, Style, SuiteResult, Task, Verdict, digest
from opencodeeval.execution.specification import specification
from opencodeeval.serve import refusals
from opencodeeval.serve.dispatch import Dispatcher
from opencodeeval.serve.fusion_messages import (
    CommandResult,
    EvalResult,
    Extracted,
    RunCodeRequest,
    RunCodeResponse,
    SubmitRequest,
    TestCase,
)
from opencodeeval.serve.fusion_tests import request_of
from opencodeeval.serve.languages import LANGUAGES, offered
from opencodeeval.serve.measures import Measures
from opencodeeval.serve.refusals import Refused, bad_request
from opencodeeval.serve.served import MOST_MEMORY_MB, Served
from opencodeeval.serve.waiting import Job

MEMORY_MB = 4096
# Its clients wait for so long beside both time limits, and some do not try again after that.
PATIENCE_S = 8.0
# What may be tried again is one status here.
LATER = frozenset({429, 503, 504})
FOUND: dict[str, Extracted] = {
    "fence": "fenced",
    "open_fence": "incomplete_fenced",
    "unfenced": "heuristic",
}

_runs = msgspec.json.Decoder(RunCodeRequest)
_answers = msgspec.json.Decoder(SubmitRequest)


class Fusion:
    """The two addresses over one server's tasks and queue."""

    def __init__(self, served: Served, dispatcher: Dispatcher, measures: Measures) -> None:
        self.served, self.dispatcher, self.measures = served, dispatcher, measures

    async def run_code(self, body: bytes, client: str) -> RunCodeResponse:
        """Run a program once; what it printed is given back as it is.

        Raises:
            Refused: it was not run, or its outcome is not known.
        """
        asked = _read(_runs, body)
        environment = self._environment(asked.language)
        task = await asyncio.to_thread(_task, asked)
        key = digest([task.tests_digest, environment, asked.code])
        program = Program(task.task_id, 0, asked.code, "program")
        done = asyncio.get_running_loop().create_future()
        # Not remembered: what it printed may be megabytes.
        job = Job(key, task, program, environment, done, client, remembered=False)
        seconds = asked.compile_timeout + asked.run_timeout + PATIENCE_S
        found = _ran((await self._graded(job, seconds)).suites["base"])
        self.measures.runs.labels(found.status).inc()
        return found

    def _environment(self, language: str) -> str:
        found = offered(self.dispatcher.about())
        if language not in found:
            raise bad_request(
                f"the language {language!r} is not served here; served: {', '.join(found)} "
                "(`opencodeeval serve --environment multipl_e` has more)"
            )
        return found[language]

    async def submit(self, body: bytes, client: str) -> EvalResult:
        """Grade an answer.

        Raises:
            Refused: there is no verdict.
        """
        asked = _read(_answers, body)
        request, found = await asyncio.to_thread(request_of, asked, self.served)
        wanted = await asyncio.to_thread(self.served.wanted, request)
        grade = wanted.grade or await self._graded(wanted.job(client), None)
        result = wanted.result(grade)
        self.measures.verdicts.labels(result.verdict).inc()
        every = bool(asked.config.extra.get("run_all_cases"))
        code = wanted.program.code
        return EvalResult(
            id=asked.id,
            accepted=result.passed,
            extracted_code=code,
            full_code=code,
            tests=[case for each in grade.suites.values() for case in _cases(each, grade, every)],
            extracted_type=_extracted(code, found or wanted.program.found),
            extra={"verdict": result.verdict},
        )

    async def _graded(self, job: Job, seconds: float | None) -> Grade:
        began = time.monotonic()
        grade = await self.dispatcher.grade(job, seconds)
        self.measures.seconds.observe(time.monotonic() - began)
        return grade


def _extracted(code: str, found: str) -> Extracted:
    return FOUND.get(found.partition("_after")[0], "empty") if code.strip() else "empty"


def as_told_there(refused: Refused) -> Refused:
    """A refusal with the status after which SandboxFusion's clients try again, if they may."""
    if refused.status not in LATER:
        return refused
    said = str(refused)
    if refused.status == 504:
        said = "there was no outcome in the time that clients wait for one: send it again"
    return Refused(504, said, refused.retry_after_s or 1.0)


def _read(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise bad_request(f"the body cannot be read: {error}") from None


def _task(asked: RunCodeRequest) -> Task:
    tests = _specification(asked)
    try:
        found = specification(tests)
    except DataError as error:
        raise bad_request(
            str(error).replace("its tests cannot be judged", "it cannot be run")
        ) from None
    task = Task("run_code", Style.PROGRAM, "", "", "", tests, kept=False)
    # Known already: of large files it takes long.
    task.__dict__["tests_digest"] = found.digest
    return task


def _specification(asked: RunCodeRequest) -> dict[str, Any]:
    """The task that only runs the program.

    Raises:
        Refused: it asks for more than a program may have.
    """
    if not asked.code.strip():
        raise bad_request("the code is empty")
    if asked.memory_limit_mb > MOST_MEMORY_MB:
        raise bad_request(
            f"memory_limit_MB is {asked.memory_limit_mb}, and {MOST_MEMORY_MB} is the most"
        )
    language = LANGUAGES[asked.language]
    compiles = asked.compile_timeout if language.compile else 0.0
    return {
        "kind": "run",
        "file": language.file,
        "compile": list(language.compile),
        "command": language.command_for(asked.code),
        "input": asked.stdin or "",
        "files": {name: text for name, text in asked.files.items() if text is not None},
        "fetch": asked.fetch_files,
        "limits": {
            "compile_s": compiles,
            "run_s": asked.run_timeout,
            "total_s": compiles + asked.run_timeout,
            "memory_mb": asked.memory_limit_mb if asked.memory_limit_mb > 0 else MEMORY_MB,
        },
    }


def _ran(found: SuiteResult) -> RunCodeResponse:
    """What the program did, as it is told.

    Raises:
        Refused: the command was not there, or the program's own doing cannot be told from ours.
    """
    if found.extra is None:
        if found.verdict is Verdict.MEMORY:
            # It ended two whole jails: the program's own doing.
            killed = CommandResult(
                status="Finished",
                execution_time=found.wall_s,
                cpu_time=found.cpu_s,
                return_code=137,
                stdout="",
                stderr=found.detail,
            )
            return RunCodeResponse(status="Failed", message=found.detail, run_result=killed)
        raise refusals.failed("the program", found.detail, 1.0)
    compiled, ran = _command(found.extra["compile"]), _command(found.extra["run"])
    done = [each for each in (compiled, ran) if each is not None]
    return RunCodeResponse(
        status="Success" if all(each.return_code == 0 for each in done) else "Failed",
        compile_result=compiled,
        run_result=ran,
        files=dict(found.extra["files"]),
    )


def _command(did: Mapping[str, Any] | None) -> CommandResult | None:
    if did is None:
        return None
    out, err = (
        base64.b64decode(did[name]).decode("utf-8", "replace") for name in ("stdout", "stderr")
    )
    if did["status"] is None and did["verdict"] != "timeout":
        raise refusals.failed("the program", err.strip(), 1.0)
    return CommandResult(
        status="Finished" if did["status"] is not None else "TimeLimitExceeded",
        execution_time=did["wall_s"],
        cpu_time=did["cpu_s"],
        return_code=did["status"],
        stdout=out,
        stderr=err,
    )


def _cases(found: SuiteResult, grade: Grade, every: bool) -> list[TestCase]:
    """An entry for the suite, or for each of its tests where that was asked for."""
    passed = [found.verdict is Verdict.PASSED]
    if every and found.extra is not None:
        passed = [each == "1" for each in found.extra["each"]]
    return [TestCase(passed=each, exec_info=_of_case(each, found, grade)) for each in passed]


def _of_case(passed: bool, found: SuiteResult, grade: Grade) -> RunCodeResponse:
    """What is known of a test's run, in the form of one; the output is that of the last run."""
    late = not passed and found.verdict is Verdict.TIMEOUT
    return RunCodeResponse(
        status="Success" if passed else "Failed",
        run_result=CommandResult(
            status="TimeLimitExceeded" if late else "Finished",
            execution_time=found.wall_s,
            cpu_time=found.cpu_s,
            return_code=None if late else int(not passed),
            stdout=grade.stdout,
            stderr=grade.stderr,
        ),
    )
