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
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

import aiohttp
import httpx
import msgspec

from opencodeeval.serve.messages import GradeResult, ServedBench
from opencodeeval.serve.tries import (
    Batch,
    NotGraded,
    Tries,
    Waiting,
    encoded,
    headers_of,
    proxy_for,
    refusal_of,
)

__all__ = ["AsyncGraderClient", "GraderClient", "NotGraded", "Waiting"]

# A line of a batch's answer, in bytes.
LONGEST_LINE = 16 << 20
# What a lost connection raises in an event loop.
_LOST = (aiohttp.ClientError, asyncio.TimeoutError, OSError)


class GraderClient:
    """A client for one thread; see `AsyncGraderClient` for many calls at once."""

    def __init__(self, url: str, token: str | None = None, waiting: Waiting | None = None) -> None:
        self.url, self.waiting = url.rstrip("/"), waiting or Waiting()
        self._http = httpx.Client(headers=headers_of(token), timeout=self.waiting.answer_s)

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
        body = encoded(fields)
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
        batch, tries = Batch(requests), Tries(self.url, self.waiting)
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
                        said = refusal_of(answer.status_code, answer.read(), answer.headers)
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
        tries = Tries(self.url, self.waiting)
        while True:
            try:
                answer = self._http.request(method, f"{self.url}{path}", content=body)
            except httpx.TransportError as error:
                time.sleep(tries.pause(str(error) or type(error).__name__, None))
                continue
            if answer.is_success:
                return answer.content
            said = refusal_of(answer.status_code, answer.content, answer.headers)
            time.sleep(tries.refused(answer.status_code, said))


class AsyncGraderClient:
    """The same in an event loop: any number of calls may wait at once.

    Calls beyond the `connections` wait for one, however long.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        waiting: Waiting | None = None,
        connections: int = 512,
    ) -> None:
        self.url, self.waiting = url.rstrip("/"), waiting or Waiting()
        self._headers, self._connections = headers_of(token), connections
        self._proxy = proxy_for(self.url)
        self._session: aiohttp.ClientSession | None = None

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
        if self._session is not None:
            await self._session.close()

    async def grade(self, **fields: Any) -> GradeResult:
        """See `GraderClient.grade`."""
        content = await self._call("POST", "/grade", encoded(fields))
        return msgspec.json.decode(content, type=GradeResult)

    async def grade_many(
        self, requests: Sequence[Mapping[str, Any]]
    ) -> AsyncIterator[tuple[int, GradeResult]]:
        """See `GraderClient.grade_many`."""
        batch, tries = Batch(requests), Tries(self.url, self.waiting)
        while batch.left:
            why, after = "the connection was lost", None
            try:
                async with self._http().post(
                    f"{self.url}/grade/batch", data=batch.body(), proxy=self._proxy
                ) as answer:
                    if answer.status == 200:
                        async for line in answer.content:
                            if found := batch.read(line, tries):
                                yield found
                        why = "some were not graded"
                    else:
                        said = refusal_of(answer.status, await answer.read(), answer.headers)
                        why, after = said.error, tries.refused(answer.status, said)
            except _LOST as error:
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

    def _http(self) -> aiohttp.ClientSession:
        # Made in the event loop, as it has to be.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=self._headers,
                connector=aiohttp.TCPConnector(limit=self._connections),
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=self.waiting.answer_s, sock_read=self.waiting.answer_s
                ),
                # The longest line is twice as long.
                read_bufsize=LONGEST_LINE // 2,
            )
        return self._session

    async def _call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        tries = Tries(self.url, self.waiting)
        while True:
            try:
                async with self._http().request(
                    method, f"{self.url}{path}", data=body, proxy=self._proxy
                ) as answer:
                    content = await answer.read()
            except _LOST as error:
                await asyncio.sleep(tries.pause(str(error) or type(error).__name__, None))
                continue
            if answer.ok:
                return content
            said = refusal_of(answer.status, content, answer.headers)
            await asyncio.sleep(tries.refused(answer.status, said))
