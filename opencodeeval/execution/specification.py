"""A task's specification as a value: what a judge is given, addressed by its digest.

It is plain JSON, so it can be sent to another process or machine; its heavy tests are
parts, named by their own digests and read from a store of parts when a judge needs
them. What fields a specification has is declared in sandbox/guest/kinds.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from opencodeeval.core.errors import DataError
from opencodeeval.core.types import digest
from opencodeeval.execution.guest import module


@dataclass(frozen=True)
class Specification:
    """What a judge needs to judge samples of one task.

    `content` is the JSON; two specifications with the same `digest` are the same.
    `parts` are the digests (SHA-256, hex) of the tests that are not in it.
    """

    content: Mapping[str, Any]
    digest: str

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that go with it, in the order that its judge expects."""
        return tuple(self.content.get("sha256", ()))

    @property
    def suites(self) -> list[str]:
        """The suites that a sample gets verdicts of."""
        names: list[str] = module("kinds").suites(self.content)
        return names

    @property
    def seconds(self) -> float:
        """How long the players of one sample may take in all."""
        return float(module("kinds").seconds(self.content))

    def encode(self) -> bytes:
        """The specification as bytes, for another process."""
        return msgspec.json.encode(self.content)


def decode(data: bytes) -> Specification:
    """What `Specification.encode` gave.

    Raises:
        DataError: it is no specification.
    """
    try:
        content = msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise DataError(f"a task's specification cannot be read: {error}") from error
    return specification(content)


def specification(content: Mapping[str, Any], known_digest: str = "") -> Specification:
    """The specification with this content; `known_digest` is its digest where that is known.

    Raises:
        DataError: a field is missing, of another type, or of no use to its kind.
    """
    kinds = module("kinds")
    try:
        kinds.check(content)
    except kinds.Wrong as error:
        raise DataError(f"its tests cannot be judged: {error}") from error
    return Specification(content, known_digest or digest(content))
