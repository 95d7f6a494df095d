"""Samples that are said to be code and look like an answer in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable

from opencodeeval.core.syntax import parse
from opencodeeval.core.types import Completion

_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})", re.MULTILINE)


def looks_like_markdown(sample: Completion) -> bool:
    """Whether a sample that is graded as code has a line that begins with a fence.

    A fence may stand in a string of a program: a sample that is Python is none.
    """
    if sample.form == "answer" or not _FENCE.search(sample.text):
        return False
    head = "def head():\n" if sample.form == "completion" else ""
    return parse(head + sample.text) is None


def remark(samples: Iterable[Completion]) -> str:
    """What to say of samples in Markdown before they are graded as code; "" if there are none."""
    found = [looks_like_markdown(each) for each in samples]
    if not any(found):
        return ""
    return (
        f"{sum(found)} of {len(found)} samples look like Markdown (code between ``` lines) and are "
        "graded as programs, which they are not: to have the code extracted, write them as "
        '{"task_id": ..., "answer": ...} (see `opencodeeval grade --help`)'
    )
