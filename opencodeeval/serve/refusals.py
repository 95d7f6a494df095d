"""Requests that get no verdict: each with its HTTP status, one sentence, and when to try again."""

from __future__ import annotations

from opencodeeval.core.errors import OpenCodeEvalError
from opencodeeval.serve.messages import Refusal


class Refused(OpenCodeEvalError):
    """A request that is answered by an error status, never by a verdict.

    With `retry_after_s` the same request may succeed after so many seconds.
    """

    def __init__(self, status: int, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s

    def body(self) -> Refusal:
        """The body of the answer."""
        return Refusal(error=str(self), retry_after_s=self.retry_after_s)


def bad_request(message: str) -> Refused:
    """The request cannot be graded as it is written."""
    return Refused(400, message)


def not_found(message: str) -> Refused:
    """The request names something that is not served."""
    return Refused(404, message)


def too_large(what: str, most: int) -> Refused:
    """The request is larger than this server takes; `most` is in bytes."""
    return Refused(413, f"{what} is larger than {most} bytes, the most that this server takes")


def too_many(retry_after_s: float) -> Refused:
    """The queue is full."""
    message = "too many requests wait already: send this one again later"
    return Refused(429, message, retry_after_s)


def failed(what: str, detail: str, retry_after_s: float) -> Refused:
    """The sandbox failed, which says nothing about the program."""
    message = f"the sandbox failed on {what} ({detail}), so there is no verdict: send it again"
    return Refused(503, message, retry_after_s)


def no_host(environment: str) -> Refused:
    """None of the hosts behind this server has the environment."""
    name = environment or "plain"
    return Refused(
        503,
        f"no host in use has the environment {name}: start one with --environment {name}, or see "
        "/ready for why its hosts are not used",
        10.0,
    )


def closing() -> Refused:
    """The server ends."""
    return Refused(503, "this server is shutting down: send it again", 1.0)


def too_late() -> Refused:
    """The request's own deadline has passed."""
    return Refused(504, "there was no verdict within deadline_s of the request")
