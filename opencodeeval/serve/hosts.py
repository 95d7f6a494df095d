"""A host that runs `opencodeeval serve`, as a sandbox that programs are given to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, NamedTuple

import aiohttp
import msgspec

from opencodeeval import __version__
from opencodeeval.core.errors import SandboxError
from opencodeeval.core.parts import read_part
from opencodeeval.core.types import Grade, Program, SuiteResult, Task, Verdict, digest
from opencodeeval.execution.specification import Specification
from opencodeeval.serve.dispatch import Lost
from opencodeeval.serve.messages import GradeRequest, GradeResult, Ready, Refusal
from opencodeeval.serve.tries import proxy_for

# Longest wait for a host that says how it is.
ANSWER_S = 5.0
# Longest wait before a host that is busy is asked again.
LONGEST_PAUSE_S = 5.0
# A specification may be pushed out between two requests by those of others.
PUTS = 3


UNKNOWN_TOKEN = "it does not know the token: set OPENCODEEVAL_HOSTS_TOKEN to it"


class State(str, Enum):
    """What becomes of a host: `unfit` ones answer and are not used."""

    USED = "used"
    AWAY = "away"
    UNFIT = "unfit"


class Away(Exception):
    """A host does not answer; `silent` if it can be reached and says nothing."""

    def __init__(self, why: str, silent: bool = False) -> None:
        super().__init__(why)
        self.silent = silent


class Unfit(Exception):
    """A host answers, and must not be used; the message says why."""


class Answer(NamedTuple):
    """An answer's status and body."""

    status: int
    body: bytes

    @property
    def refusal(self) -> Refusal:
        """What an error status says."""
        try:
            return msgspec.json.decode(self.body, type=Refusal)
        except msgspec.DecodeError:
            return Refusal(error=f"HTTP {self.status}")


class Host:
    """One host: its address, and how it is.

    `state` and `why` are set by whoever watches it. `running` programs are there now, and
    `graded` and `lost` count those that came back with verdicts and without.
    """

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url.rstrip("/")
        self.state, self.why = State.AWAY, "it was not reached yet"
        self.ready = Ready()
        self.running = self.graded = self.lost = 0
        self.fallen: Callable[[str], None] = lambda why: None
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._proxy = proxy_for(self.url)
        self._session: aiohttp.ClientSession | None = None

    async def look(self) -> Ready:
        """How it is.

        Raises:
            Away: it does not answer.
            Unfit: it must not be used.
        """
        answer = await self._look_at("/ready")
        if answer.status == 503:
            raise Away(f"it is not ready: {answer.refusal.error}")
        try:
            found = msgspec.json.decode(answer.body, type=Ready)
        except msgspec.DecodeError:
            raise Unfit("what answers there is not `opencodeeval serve`") from None
        if found.version != __version__:
            theirs = found.version or "an older version"
            raise Unfit(f"it runs {theirs}, and this server is {__version__}")
        if self.state is not State.USED and (await self._look_at("/benches")).status == 401:
            raise Unfit(UNKNOWN_TOKEN)
        return found

    async def _look_at(self, path: str) -> Answer:
        try:
            return await asyncio.wait_for(self._ask("GET", path), ANSWER_S)
        except asyncio.TimeoutError:
            raise Away(f"it does not answer within {ANSWER_S:g} s", silent=True) from None
        except (aiohttp.ClientError, OSError) as error:
            raise Away(f"it cannot be reached ({error or type(error).__name__})") from None

    async def send(self, method: str, path: str, body: bytes) -> Answer:
        """Its answer.

        Raises:
            Lost: there is none.
        """
        began = False
        for last in (False, True):
            try:
                return await self._ask(method, path, body)
            except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
                began = began or not isinstance(error, aiohttp.ClientConnectorError)
                # Once more: it may have closed a connection that was not used for a while.
                if last:
                    why = str(error) or type(error).__name__
                    self.fallen(f"it cannot be reached ({why})")
                    raise Lost(f"{self.url} was lost ({why})", counts=began) from None
        raise AssertionError("there is a last try")

    async def _ask(self, method: str, path: str, body: bytes | None = None) -> Answer:
        if self._session is None:
            # No limit on an answer: whoever watches the host ends what it will not answer. No
            # limit on connections either: there are as many as the host has slots.
            self._session = aiohttp.ClientSession(
                headers=self._headers,
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=ANSWER_S),
            )
        async with self._session.request(
            method, f"{self.url}{path}", data=body, proxy=self._proxy
        ) as answer:
            return Answer(answer.status, await answer.read())

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


class HostSandbox:
    """The slots of one environment at a host; implements opencodeeval.execution.base.Sandbox.

    Unlike other sandboxes it raises `Lost` where it has no verdict: another host gets the
    program then.
    """

    jail = "host"

    def __init__(self, host: Host, environment: str, slots: int) -> None:
        self.host, self.environment, self.slots = host, environment, slots

    def describe(self) -> Mapping[str, Any]:
        """See opencodeeval.execution.base.Sandbox."""
        return {"jail": self.jail, "slots": self.slots, "host": self.host.url}

    async def grade(self, task: Task, program: Program) -> Grade:
        """See opencodeeval.execution.base.Sandbox.

        Raises:
            Lost: there is no verdict.
            SandboxError: the host refuses the program or its tests.
        """
        self.host.running += 1
        try:
            grade = await self._grade(task, program)
        except BaseException:
            self.host.lost += 1
            raise
        finally:
            self.host.running -= 1
        self.host.graded += 1
        return grade

    async def close(self) -> None:
        """See opencodeeval.execution.base.Sandbox; the host goes on."""

    async def _grade(self, task: Task, program: Program) -> Grade:
        # Checked by the host: here it is sent.
        spec = Specification(task.tests, task.tests_digest)
        asked = GradeRequest(
            spec_digest=spec.digest,
            program=program.code,
            task_id=task.task_id,
            environment=self.environment,
            tell=["tests", "failure", "output", "extra"],
        )
        body = msgspec.json.encode(asked)
        answer = await self.host.send("POST", "/grade", body)
        for _ in range(PUTS):
            if answer.status != 404:
                break
            put = await self._put(spec)
            answer = await self.host.send("POST", "/grade", body) if put.status == 204 else put
        if answer.status != 200:
            await self._refused(answer)
        result = msgspec.json.decode(answer.body, type=GradeResult)
        key = digest([spec.digest, self.environment, program.code])
        if result.digest != key or set(result.suites) != set(spec.suites):
            raise Lost(f"{self.host.url} gave a verdict about something else")
        return _grade_of(result, program, spec.suites)

    async def _put(self, spec: Specification) -> Answer:
        """Keep a specification at the host, with its parts where it lacks them."""
        path, content = f"/specs/{spec.digest}", spec.encode()
        answer = await self.host.send("PUT", path, content)
        if answer.status == 404 and spec.parts:
            for part in spec.parts:
                text = await asyncio.to_thread(read_part, part)
                answer = await self.host.send("PUT", f"/parts/{part}", text)
                if answer.status != 204:
                    return answer
            answer = await self.host.send("PUT", path, content)
        return answer

    async def _refused(self, answer: Answer) -> None:
        """Raise what an error status of the host means."""
        said, url = answer.refusal, self.host.url
        if answer.status == 429:
            await asyncio.sleep(min(said.retry_after_s or 1.0, LONGEST_PAUSE_S))
            raise Lost(f"{url} has no room", counts=False)
        if answer.status == 503:
            try:
                await self.host.look()
            except (Away, Unfit) as error:
                self.host.fallen(str(error))
                raise Lost(f"{url} has ended", counts=False) from None
            raise Lost(f"{url}: {said.error}")
        if answer.status == 401:
            self.host.fallen(UNKNOWN_TOKEN)
            raise Lost(f"{url} does not know the token", counts=False)
        raise SandboxError(f"{url} refuses it (HTTP {answer.status}): {said.error}")


def _grade_of(result: GradeResult, program: Program, order: list[str]) -> Grade:
    suites = {
        name: SuiteResult(
            verdict=Verdict(found.verdict),
            detail=found.detail or "",
            tests_run=found.tests_passed or 0,
            tests_total=found.tests_total or 0,
            failure=found.failure,
            wall_s=found.wall_s,
            cpu_s=found.cpu_s,
            peak_mb=found.peak_mb,
            extra=found.extra,
        )
        for name, found in ((name, result.suites[name]) for name in order)
    }
    return Grade(
        program.task_id,
        program.sample_id,
        suites,
        stdout=result.stdout or "",
        stderr=result.stderr or "",
    )
