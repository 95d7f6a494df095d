"""Clients of `opencodeeval serve`: verdicts or an error, never a reward made of a failure.

```
with GraderClient("http://127.0.0.1:8321") as grader:
    result = grader.grade(bench="mbpp_plus", task_id="Mbpp/2", answer=text)
    reward = float(result.passed)
```
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import httpx
import msgspec

from opencodeeval.core.errors import SandboxError, UsageError
from opencodeeval.serve.connections import Connections
from opencodeeval.serve.messages import (
    BatchLine,
    GradeRequest,
    GradeResult,
    Refusal,
    ServedBench,
)

# Statuses after which the same request may succeed.
PASSING = frozenset({408, 425, 429, 502, 503})
_LONGEST_PAUSE_S = 30.0


class NotGraded(SandboxError):
    """There is no verdict: the service failed or refused for longer than the client waits."""


@dataclass(frozen=True)
class Waiting:
    """How long a client tries again where the service is busy or away.

    It ends `give_up_s` seconds after the first try; `answer_s` is how long one answer may take.
    """

    give_up_s: float = 600.0
    answer_s: float = 660.0


class _Tries:
    """The tries of one call: when to try again, and when no more."""

    def __init__(self, url: str, waiting: Waiting) -> None:
        self.url, self.end = url, time.monotonic() + waiting.give_up_s
        self.count = 0

    def pause(self, why: str, retry_after_s: float | None) -> float:
        """Seconds until the next try.

        Raises:
            NotGraded: it would be too late.
        """
        self.count += 1
        # Clients that were refused together must not come back together.
        grown = min(_LONGEST_PAUSE_S, 0.25 * 2.0 ** min(self.count, 8))
        pause = max(retry_after_s or 0.0, grown * random.uniform(0.5, 1.0))
        if time.monotonic() + pause > self.end:
            raise NotGraded(
                f"no verdict from {self.url} in {self.count} tries ({why}): see whether the server "
                "runs and what its /metrics say, then grade again"
            )
        return pause

    def refused(self, status: int, said: Refusal) -> float:
        """Seconds until the next try after an error status.

        Raises:
            UsageError: another try would be refused too.
            NotGraded: it would be too late.
        """
        if status in PASSING:
            return self.pause(f"HTTP {status}: {said.error}", said.retry_after_s)
        if status == 504:
            raise NotGraded(said.error)
        raise UsageError(f"{self.url} refuses the request (HTTP {status}): {said.error}")


def _refusal(status: int, content: bytes, headers: Mapping[str, str]) -> Refusal:
    try:
        said = msgspec.json.decode(content, type=Refusal)
    except msgspec.DecodeError:
        said = Refusal(error=f"an answer that is not this service's ({content[:100]!r})")
    if said.retry_after_s is None and headers.get("retry-after", "").isdigit():
        said.retry_after_s = float(headers["retry-after"])
    return said


def _request(fields: Mapping[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(msgspec.convert(dict(fields), GradeRequest))
    except msgspec.ValidationError as error:
        raise UsageError(f"this cannot be graded: {error}") from None


def _headers(token: str | None) -> dict[str, str]:
    headers = {"Content-Type": "application/json"}
    return {**headers, "Authorization": f"Bearer {token}"} if token else headers


class _Batch:
    """The requests of a batch that still have no verdict."""

    def __init__(self, requests: Sequence[Mapping[str, Any]]) -> None:
        self.left = {index: _request(fields) for index, fields in enumerate(requests)}
        self.order: list[int] = []

    def body(self) -> bytes:
        self.order = list(self.left)
        parts = b",".join(self.left[index] for index in self.order)
        return b'{"requests":[' + parts + b"]}"

    def read(self, line: str, tries: _Tries) -> tuple[int, GradeResult] | None:
        """A verdict with the number of its request; None if it has to be sent again."""
        found = msgspec.json.decode(line, type=BatchLine)
        index = self.order[found.index]
        if found.result is not None:
            del self.left[index]
            return index, found.result
        if found.status not in PASSING:
            tries.refused(found.status, Refusal(error=f"request {index}: {found.error}"))
        return None


class GraderClient:
    """A client for one thread; see `AsyncGraderClient` for many calls at once."""

    def __init__(self, url: str, token: str | None = None, waiting: Waiting | None = None) -> None:
        self.url, self.waiting = url.rstrip("/"), waiting or Waiting()
        self._http = httpx.Client(headers=_headers(token), timeout=self.waiting.answer_s)

    def __enter__(self) -> GraderClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def grade(self, **fields: Any) -> GradeResult:
        """The verdict of one text; the fields are those of `GradeRequest`.

        Raises:
            UsageError: the service refuses the request.
            NotGraded: it failed or was busy for too long; there is no verdict.
        """
        body = _request(fields)
        return msgspec.json.decode(self._call("POST", "/grade", body), type=GradeResult)

    def grade_many(
        self, requests: Sequence[Mapping[str, Any]]
    ) -> Iterator[tuple[int, GradeResult]]:
        """The verdicts of many texts as they come, each with the index of its request.

        What the service could not grade is sent again.

        Raises:
            UsageError: the service refuses one of them.
            NotGraded: it failed or was busy for too long.
        """
        batch, tries = _Batch(requests), _Tries(self.url, self.waiting)
        while batch.left:
            why, after = "the connection was lost", None
            try:
                with self._http.stream(
                    "POST", f"{self.url}/grade/batch", content=batch.body()
                ) as answer:
                    if answer.status_code == 200:
                        for line in answer.iter_lines():
                            if found := batch.read(line, tries):
                                yield found
                        why = "some were not graded"
                    else:
                        said = _refusal(answer.status_code, answer.read(), answer.headers)
                        why, after = said.error, tries.refused(answer.status_code, said)
            except httpx.TransportError as error:
                why = str(error) or type(error).__name__
            if batch.left:
                time.sleep(tries.pause(why, after))

    def put_spec(self, spec: Mapping[str, Any]) -> str:
        """Keep a specification at the service; its digest, for `spec_digest`."""
        from opencodeeval.core.types import digest

        name = digest(spec)
        self._call("PUT", f"/specs/{name}", msgspec.json.encode(spec))
        return name

    def put_part(self, content: bytes) -> str:
        """Keep a part of a specification at the service; its SHA-256, for the specification."""
        name = hashlib.sha256(content).hexdigest()
        self._call("PUT", f"/parts/{name}", content)
        return name

    def benches(self) -> list[ServedBench]:
        """The benchmarks that are served."""
        return msgspec.json.decode(self._call("GET", "/benches"), type=list[ServedBench])

    def _call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        tries = _Tries(self.url, self.waiting)
        while True:
            try:
                answer = self._http.request(method, f"{self.url}{path}", content=body)
            except httpx.TransportError as error:
                time.sleep(tries.pause(str(error) or type(error).__name__, None))
                continue
            if answer.is_success:
                return answer.content
            said = _refusal(answer.status_code, answer.content, answer.headers)
            time.sleep(tries.refused(answer.status_code, said))


class AsyncGraderClient:
    """The same in an event loop: any number of calls may wait at once."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        waiting: Waiting | None = None,
        connections: int = 512,
    ) -> None:
        self.url, self.waiting = url.rstrip("/"), waiting or Waiting()
        # Calls beyond the connections wait for one, however long.
        timeout = httpx.Timeout(self.waiting.answer_s, pool=None)
        self._connections = Connections(connections, headers=_headers(token), timeout=timeout)

    async def __aenter__(self) -> AsyncGraderClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.close()

    async def grade(self, **fields: Any) -> GradeResult:
        """See `GraderClient.grade`."""
        content = await self._call("POST", "/grade", _request(fields))
        return msgspec.json.decode(content, type=GradeResult)

    async def grade_many(
        self, requests: Sequence[Mapping[str, Any]]
    ) -> AsyncIterator[tuple[int, GradeResult]]:
        """See `GraderClient.grade_many`."""
        batch, tries = _Batch(requests), _Tries(self.url, self.waiting)
        while batch.left:
            why, after = "the connection was lost", None
            try:
                async with (
                    self._connections.one() as http,
                    http.stream("POST", f"{self.url}/grade/batch", content=batch.body()) as answer,
                ):
                    if answer.status_code == 200:
                        async for line in answer.aiter_lines():
                            if found := batch.read(line, tries):
                                yield found
                        why = "some were not graded"
                    else:
                        content = await answer.aread()
                        said = _refusal(answer.status_code, content, answer.headers)
                        why, after = said.error, tries.refused(answer.status_code, said)
            except httpx.TransportError as error:
                why = str(error) or type(error).__name__
            if batch.left:
                await asyncio.sleep(tries.pause(why, after))

    async def put_spec(self, spec: Mapping[str, Any]) -> str:
        """See `GraderClient.put_spec`."""
        from opencodeeval.core.types import digest

        name = digest(spec)
        await self._call("PUT", f"/specs/{name}", msgspec.json.encode(spec))
        return name

    async def put_part(self, content: bytes) -> str:
        """See `GraderClient.put_part`."""
        name = hashlib.sha256(content).hexdigest()
        await self._call("PUT", f"/parts/{name}", content)
        return name

    async def benches(self) -> list[ServedBench]:
        """See `GraderClient.benches`."""
        return msgspec.json.decode(await self._call("GET", "/benches"), type=list[ServedBench])

    async def _call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        tries = _Tries(self.url, self.waiting)
        while True:
            try:
                async with self._connections.one() as http:
                    answer = await http.request(method, f"{self.url}{path}", content=body)
            except httpx.TransportError as error:
                await asyncio.sleep(tries.pause(str(error) or type(error).__name__, None))
                continue
            if answer.is_success:
                return answer.content
            said = _refusal(answer.status_code, answer.content, answer.headers)
            await asyncio.sleep(tries.refused(answer.status_code, said))
