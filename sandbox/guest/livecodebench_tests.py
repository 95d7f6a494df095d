"""LiveCodeBench's tests as its publisher writes them: decoded, and nothing else unpickled.

A problem's private tests are JSON or, mostly, base64 of zlib of a pickle of
JSON text. A pickle can do anything, so of this one only a string is taken. The
host reads this file too, and it imports nothing of the guest.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import pickle
import re
import zlib
from typing import Any, Dict, List

HEAD_BYTES = 1 << 12
# The pickle of a string: protocol, perhaps a frame, opcode and length, then a JSON list.
_STRING = re.compile(rb"\x80[\x02-\x05](?:\x95.{8})?(?:X.{4}|\x8c.|\x8d.{8})\[", re.DOTALL)


class Damaged(Exception):
    """The text is not tests in the publisher's form; the message says in what way."""


class _OnlyText(pickle.Unpickler):
    """Refuses whatever would need a class or a function."""

    def find_class(self, module: str, name: str) -> Any:
        raise Damaged(f"its pickle wants {module}.{name}, and only a string is taken")

    def persistent_load(self, pid: Any) -> Any:
        raise Damaged("its pickle wants an object from elsewhere, and only a string is taken")


def tests_of(public: str, private: str) -> List[Dict[str, str]]:
    """The tests of a problem, the public ones first: {"input", "output"} each.

    Raises:
        Damaged: either text is not in the publisher's form.
    """
    return [
        {"input": test["input"], "output": test["output"]}
        for text in (public, private_text(private))
        for test in _listed(text)
    ]


def private_text(private: str) -> str:
    """The JSON text of the private tests.

    Raises:
        Damaged: it is not in the publisher's form.
    """
    if private.lstrip()[:1] == "[":
        return private
    try:
        packed = zlib.decompress(base64.b64decode(private, validate=True))
        text = _OnlyText(io.BytesIO(packed)).load()
    except (binascii.Error, ValueError, zlib.error) as error:
        raise Damaged(f"it is not base64 of zlib ({error})") from None
    except Damaged:
        raise
    except Exception as error:  # a damaged pickle may make the unpickler raise anything
        raise Damaged(f"its pickle is damaged ({type(error).__name__})") from None
    if type(text) is not str:
        raise Damaged(f"its pickle is of a {type(text).__name__}, and only a string is taken")
    return text


def head(start: str) -> str:
    """The first characters of the JSON text, from the first 4096 characters of `private`.

    Raises:
        Damaged: what begins so is not in the publisher's form.
    """
    if start.lstrip()[:1] == "[":
        return start
    try:
        some = start[: len(start) // 4 * 4]
        opened = zlib.decompressobj().decompress(base64.b64decode(some, validate=True), HEAD_BYTES)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise Damaged(f"it is not base64 of zlib ({error})") from None
    begun = _STRING.match(opened)
    if begun is None:
        raise Damaged("its pickle does not begin with a string of JSON, and nothing else is taken")
    return opened[begun.end() - 1 :].decode("utf-8", "replace")


def _listed(text: str) -> List[Dict[str, str]]:
    try:
        tests = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"it is not JSON ({error})") from None
    wanted = isinstance(tests, list) and all(
        isinstance(test, dict)
        and isinstance(test.get("input"), str)
        and isinstance(test.get("output"), str)
        for test in tests
    )
    if not wanted:
        raise Damaged('it is not a list of {"input", "output"}, both strings')
    found: List[Dict[str, str]] = tests
    return found
