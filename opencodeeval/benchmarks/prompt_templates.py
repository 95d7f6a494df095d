"""What prompt templates may name, and templates that a user brings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from opencodeeval.core.types import Task

if TYPE_CHECKING:
    from jinja2 import Environment


def template_variables(task: Task) -> dict[str, Any]:
    """What a prompt template may name: the fields of the publisher's row, and `prompt`."""
    return {**task.fields, "prompt": task.prompt}


def fill_in(template: str, variables: Mapping[str, Any]) -> str:
    """The text of a user's template, read as `render` reads a family's.

    It runs in Jinja's sandbox, as it may come from somebody else's record.

    Raises:
        jinja2.TemplateError: it is no template, or names an unknown variable.
    """
    return _sandboxed().from_string(template).render(variables)


def names_variables(template: str) -> bool:
    """Whether a template differs from task to task.

    Raises:
        jinja2.TemplateError: it is no template.
    """
    from jinja2 import meta

    return bool(meta.find_undeclared_variables(_sandboxed().parse(template)))


@cache
def _sandboxed() -> Environment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(keep_trailing_newline=True, undefined=StrictUndefined)
