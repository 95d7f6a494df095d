"""What both clients of the service do: when to try again, and what of a batch is left."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import msgspec

from opencodeeval.core.errors import SandboxError, UsageError
from opencodeeval.serve.messages import BatchLine, GradeRequest, GradeResult, Refusal

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


class Tries:
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


def refusal_of(status: int, content: bytes, headers: Mapping[str, str]) -> Refusal:
    """What an error status says."""
    try:
        said = msgspec.json.decode(content, type=Refusal)
    except msgspec.DecodeError:
        said = Refusal(error=f"an answer that is not this service's ({content[:100]!r})")
    if said.retry_after_s is None and headers.get("retry-after", "").isdigit():
        said.retry_after_s = float(headers["retry-after"])
    return said


def encoded(fields: Mapping[str, Any]) -> bytes:
    """A request with these fields.

    Raises:
        UsageError: they are not those of a request.
    """
    try:
        return msgspec.json.encode(msgspec.convert(dict(fields), GradeRequest))
    except msgspec.ValidationError as error:
        raise UsageError(f"this cannot be graded: {error}") from None


def headers_of(token: str | None) -> dict[str, str]:
    """The headers of every request."""
    headers = {"Content-Type": "application/json"}
    return {**headers, "Authorization": f"Bearer {token}"} if token else headers


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for an address (HTTP_PROXY, NO_PROXY and the like).

    aiohttp would look it up, and read ~/.netrc, at every request.
    """
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme)


class Batch:
    """The requests of a batch that still have no verdict."""

    def __init__(self, requests: Sequence[Mapping[str, Any]]) -> None:
        self.left = {index: encoded(fields) for index, fields in enumerate(requests)}
        self.order: list[int] = []

    def body(self) -> bytes:
        """What is sent for them."""
        self.order = list(self.left)
        parts = b",".join(self.left[index] for index in self.order)
        return b'{"requests":[' + parts + b"]}"

    def read(self, line: str | bytes, tries: Tries) -> tuple[int, GradeResult] | None:
        """A verdict with the number of its request; None if it has to be sent again."""
        found = msgspec.json.decode(line, type=BatchLine)
        index = self.order[found.index]
        if found.result is not None:
            del self.left[index]
            return index, found.result
        if found.status not in PASSING:
            tries.refused(found.status, Refusal(error=f"request {index}: {found.error}"))
        return None
