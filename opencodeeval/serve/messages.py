"""What the service takes and gives: plain JSON, read strictly."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Raw, Struct

MOST_PRIORITY = 10
LONGEST_WAIT_S = 3600.0

Priority = Annotated[int, Meta(ge=-MOST_PRIORITY, le=MOST_PRIORITY)]
Seconds = Annotated[float, Meta(gt=0, le=LONGEST_WAIT_S)]
Told = Literal["share", "tests", "failure", "output", "extra"]


class GradeRequest(Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One text to be graded against one task.

    The text is an `answer` (a chat answer to extract code from), a `completion` (the
    continuation of the task's prompt) or a `program`; a specification of tests has no
    prompt, so it takes programs only. The task is `task_id` of a served `bench`, by
    default under the benchmark's own `protocol`; or a specification (docs/service.md),
    whole (`spec`) or by the digest under which it was put (`spec_digest`), with the
    packages of `environment`.

    Of waiting requests those with a higher `priority` go first. After `deadline_s` seconds
    nobody waits for the verdict any more. `tell` asks for more than verdicts: "share" (of
    the tests that pass, all of which are run for it), "tests" (how
    many passed before the first that failed, of how many), "failure" (that test, as
    text), "output" (the tails of what the program printed), "extra" (what else the sandbox
    says of a suite, for a server that asks on behalf of its own clients: each test's outcome,
    or what a specification of the kind "run" did).
    """

    answer: str | None = None
    completion: str | None = None
    program: str | None = None
    bench: str = ""
    task_id: str = ""
    protocol: str = ""
    spec: dict[str, Any] | None = None
    spec_digest: str = ""
    environment: str = ""
    priority: Priority = 0
    deadline_s: Seconds | None = None
    tell: list[Told] = []


class BatchRequest(Struct, forbid_unknown_fields=True):
    """Many requests; each is read by itself, so that a wrong one spoils no other."""

    requests: list[Raw]


class SuiteVerdict(Struct, omit_defaults=True, kw_only=True):
    """One suite's verdict, and what the program took.

    Seconds are those of the program's own processes; `peak_mb` is the most MiB of memory that
    one of them had at once, the interpreter and its libraries included.
    """

    verdict: str
    wall_s: float
    cpu_s: float
    peak_mb: float = 0.0
    tests_passed: int | None = None
    tests_total: int | None = None
    detail: str | None = None
    failure: dict[str, Any] | None = None
    extra: dict[str, Any] | None = None


class GradeResult(Struct, omit_defaults=True, kw_only=True):
    """The verdicts of one text. `passed` counts under the headline suite.

    `verdict` is that suite's, or that of the first failed suite. `digest` names the program
    and its tests: the same text has the same one, and the same verdicts. `share` is that of the
    tests that passed, of all suites together: 0 to 1.
    """

    task_id: str
    passed: bool
    verdict: str
    suites: dict[str, SuiteVerdict]
    digest: str
    share: float | None = None
    stdout: str | None = None
    stderr: str | None = None


class Refusal(Struct, omit_defaults=True, kw_only=True):
    """Why there is no verdict; with `retry_after_s`, the same request may succeed later."""

    error: str
    retry_after_s: float | None = None


class BatchLine(Struct, omit_defaults=True, kw_only=True):
    """A line of a batch's answer: what request number `index` would have got by itself."""

    index: int
    status: int
    result: GradeResult | None = None
    error: str | None = None
    retry_after_s: float | None = None


class ServedBench(Struct, kw_only=True):
    """A benchmark that is served, with the ids of its tasks."""

    bench: str
    protocol: str
    environment: str
    tasks: list[str]


class SandboxState(Struct, omit_defaults=True, kw_only=True):
    """A sandbox of a server: servers with the same `identity` give the same verdicts.

    `languages` are those of which it has toolchains, where it has any.
    """

    identity: str
    languages: list[str] = []


class HostState(Struct, omit_defaults=True, kw_only=True):
    """A host behind a server: `state` is used, away or unfit, and `why` says why it is not used."""

    url: str
    state: str
    why: str = ""
    running: int = 0


class Ready(Struct, omit_defaults=True, kw_only=True):
    """What a server can do now: slots and sandboxes by environment ("plain" is the one without).

    `instance` is another one each time that the server is started.
    """

    slots: dict[str, int] = {}
    sandboxes: dict[str, SandboxState] = {}
    version: str = ""
    instance: str = ""
    hosts: list[HostState] | None = None
