"""The code of an answer, as a program that the published tests go on from."""

from __future__ import annotations

from opencodeeval.core.types import Task

from .languages import Language


def completed(text: str, task: Task, language: Language) -> tuple[str, str]:
    return text, "x"
