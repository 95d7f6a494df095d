"""A task's specification as a value: the judge's input, addressed by its digest.

It is plain JSON, so it can be sent to another process or machine. Large tests are
parts, named by their own digests and read from a store of parts when a judge needs
them. The fields of a specification are declared in sandbox/guest/kinds.py.
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
    """Everything that a judge needs for samples of one task.

    `content` is the JSON; two specifications with the same `digest` are the same.
    `parts` are the digests (SHA-256, hex) of the tests that are not in it.
    """

    content: Mapping[str, Any]
    digest: str

    @property
    def parts(self) -> tuple[str, ...]:
        """Its parts, in the order that its judge expects."""
        return tuple(self.content.get("sha256", ()))

    @property
    def suites(self) -> list[str]:
        """The suites that give a sample its verdicts."""
        names: list[str] = module("kinds").suites(self.content)
        return names

    @property
    def seconds(self) -> float:
        """The time limit for all players of one sample together."""
        return float(module("kinds").seconds(self.content))

    def encode(self) -> bytes:
        """The specification as bytes, for another process."""
        return msgspec.json.encode(self.content)


def decode(data: bytes) -> Specification:
    """Decode the bytes from `Specification.encode`.

    Raises:
        DataError: they are not a specification.
    """
    try:
        content = msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise DataError(f"a task's specification cannot be read: {error}") from error
    return specification(content)


def specification(content: Mapping[str, Any], known_digest: str = "") -> Specification:
    """The specification with this content; `known_digest` is its digest if already known.

    Raises:
        DataError: a field is missing, has a wrong type, or does not belong to its kind.
    """
    kinds = module("kinds")
    try:
        kinds.check(content)
    except kinds.Wrong as error:
        raise DataError(f"its tests cannot be judged: {error}") from error
    return Specification(content, known_digest or digest(content))
