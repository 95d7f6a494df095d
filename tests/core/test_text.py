"""Text for people: whatever an engine or a file says becomes one line."""

from __future__ import annotations

import pytest

from opencodeeval.core.errors import OpenCodeEvalError, SandboxError
from opencodeeval.core.text import one_line


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
