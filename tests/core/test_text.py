"""Text for people: whatever an engine or a file says becomes one line."""

from __future__ import annotations

import msgspec
import pytest

from opencodeeval.core.errors import OpenCodeEvalError, SandboxError
from opencodeeval.core.text import one_line, validation_words


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("one", "one"),
        ("two\nlines", "two lines"),
        ("Step 1\r\n ---> 2\n\n", "Step 1 ---> 2"),
        ("bell\x07 and null\x00", "bell and null"),
        ("\u2028separated\u2029", "separated"),
        ("  two  spaces  stay ", "two  spaces  stay"),
    ],
)
def test_foreign_text_is_one_line(text: str, line: str) -> None:
    assert one_line(text) == line


def test_every_expected_failure_is_one_line() -> None:
    error = SandboxError("the sandbox image could not be built: Step 1\nRUN false\n | code 1")
    assert isinstance(error, OpenCodeEvalError)
    assert str(error) == "the sandbox image could not be built: Step 1 RUN false | code 1"


class _Inner(msgspec.Struct, forbid_unknown_fields=True):
    count: int


class _Outer(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    share: float = 0.0
    inner: list[_Inner] = []
    maybe: int | None = None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "must be a table, not a list"),
        ({}, "the field name is missing"),
        ({"name": 1}, "name: must be text, not a whole number"),
        ({"name": "", "size": 1}, "there is no field size"),
        ({"name": "", "share": True}, "share: must be a number, not true or false"),
        ({"name": "", "maybe": "1"}, "maybe: must be a whole number or nothing, not text"),
        (
            {"name": "", "inner": [{"count": 1.5}]},
            "inner[0].count: must be a whole number, not a decimal number",
        ),
    ],
)
def test_a_value_of_another_type_is_told_in_plain_words(value: object, words: str) -> None:
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.convert(value, _Outer)
    assert validation_words(raised.value) == words
