"""Describes a tool's files: how to recognise its sample lines, and what to write for a run.

A format is a module beside this one that ends with `FORMAT = Format(...)`, or that of another
distribution with an entry point of the group `opencodeeval.formats`. A kind of line is data:
the fields that identify it, and the field of the sample. Reading a row is a pure function
of the row and its kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from opencodeeval.core.errors import DataError, UsageError
from opencodeeval.core.extensions import Seam

if TYPE_CHECKING:
    from opencodeeval.core.types import Task
    from opencodeeval.runs.finished import FinishedRun

Form = Literal["answer", "completion", "program"]
# The field of a row that has only a place in a list: 0 is the benchmark's first task.
PLACE = "place"


@dataclass(frozen=True)
class Kind:
    """Rows of one shape.

    A row that has all of `fields` can be of this kind. `text` is the field of the
    sample, or with `many` of the list of all samples of the task, each of which is an object
    with the text in its field `inner` if that is set; `form` is the sample's form, as in
    `Completion`. `number` is the field that numbers the samples
    of a task, if the tool writes one. A task may be named by only the number in its id.
    `also` is a second field of the id, after a slash. `cut` removes what the tool has
    added after a program. `read` makes a row with these fields of the tool's own row.
    """

    title: str
    fields: tuple[str, ...]
    text: str
    form: Form
    task: str = "task_id"
    many: bool = False
    inner: str = ""
    number: str = ""
    also: str = ""
    cut: Callable[[str, Task], str] | None = None
    read: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None


def not_written(run: FinishedRun) -> Mapping[str, Iterable[str]]:
    """The files of a tool whose files are only read.

    Raises:
        UsageError: always.
    """
    raise UsageError("files of this tool are read and not written: choose another --format")


@dataclass(frozen=True)
class Format:
    """The files of one tool, whose name for people is `title`.

    `kinds` are the shapes of its sample lines. `files(run)` gives the files that the tool
    would have written for a run: path below the output folder -> content, which is ASCII: one
    text, or pieces that are made while they are written, so that a large run is never in memory
    as a whole. It raises UsageError if the tool cannot represent the run, or if its files are
    only read. If several formats match a file, the one with the lowest `rank` is used.
    `benchmarks` names benchmarks that the tool supports, besides those whose cards name the
    format. `prepends` means that the tool puts its own lines before a program. Of a tool that
    writes one JSON object to a file, `objects` gives the rows of such an object, or None if it
    is not the tool's; `folder` has the patterns of such files where a run has many in one
    folder: the first that matches. `archives` reads files of other kinds, by their ending.
    """

    title: str
    kinds: tuple[Kind, ...]
    files: Callable[[FinishedRun], Mapping[str, Iterable[str]]] = not_written
    rank: int = 100
    benchmarks: frozenset[str] = frozenset()
    prepends: bool = False
    objects: Callable[[Mapping[str, Any]], Sequence[Mapping[str, Any]] | None] | None = None
    folder: tuple[str, ...] = ()
    archives: Mapping[str, Callable[[Path], Sequence[Mapping[str, Any]]]] = field(
        default_factory=dict
    )


FORMATS = Seam("format", "opencodeeval.runs.formats", "FORMAT", Format)


def by_rank() -> list[Format]:
    """All formats, in the order in which a file is matched against them.

    Raises:
        ExtensionError: a format of another distribution cannot be used.
    """
    return sorted(FORMATS.load_all().values(), key=lambda each: each.rank)


class Draft(NamedTuple):
    """One sample as in its file: `number` is None if the tool writes none."""

    task_id: str | int
    number: int | None
    text: str


def kind_of(row: Mapping[str, Any], kinds: Sequence[Kind]) -> Kind | None:
    """The matching kind with the most fields; of several, the first."""
    fitting = [kind for kind in kinds if all(field in row for field in kind.fields)]
    return max(fitting, key=lambda kind: len(kind.fields), default=None)


def drafts(row: Mapping[str, Any], kind: Kind, where: str) -> list[Draft]:
    """The samples of a row, which is of this kind.

    Raises:
        DataError: a field is not what the tool writes; begins with `where`.
    """
    if kind.read:
        try:
            row = kind.read(row)
        except DataError as error:
            raise DataError(f"{where} {error}") from error
    task_id, texts = _task_id(row, kind, where), row[kind.text]
    number = row.get(kind.number) if kind.number else None
    if number is not None and (not _is_whole(number) or number < 0):
        raise DataError(f'{where}: "{kind.number}" is {number!r}, not a number from 0')
    if not kind.many:
        if not isinstance(texts, str):
            raise DataError(f"{where}: the sample is not a string: write one line per sample")
        return [Draft(task_id, number, texts)]
    if kind.inner and isinstance(texts, list):
        texts = [each.get(kind.inner) if isinstance(each, dict) else None for each in texts]
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        what = f'objects with "{kind.inner}"' if kind.inner else "strings"
        raise DataError(f'{where}: "{kind.text}" is not a list of {what}')
    return [Draft(task_id, place, text) for place, text in enumerate(texts)]


def _task_id(row: Mapping[str, Any], kind: Kind, where: str) -> str | int:
    found: object = row.get(kind.task)
    if kind.also and isinstance(found, (str, int)):
        found = f"{found}/{row.get(kind.also)}"
    if isinstance(found, str) or _is_whole(found):
        return found  # type: ignore[return-value]
    raise DataError(f'{where} has no "{kind.task}" that is a string or a whole number')


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
