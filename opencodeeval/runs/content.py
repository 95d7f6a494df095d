"""What a run folder holds, read line by line where it is asked for.

Nothing but the index (runs/index.py) is kept: of a run with 228,000 samples, all texts
together are gigabytes. Only what was read last stays in memory.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from opencodeeval.core.errors import StoreError
from opencodeeval.core.journal import parser
from opencodeeval.core.lines import LineFile, PlainFile, lines_from
from opencodeeval.core.reasoning import parts_of
from opencodeeval.core.types import Completion, Grade, Program, SampleId, digest
from opencodeeval.runs.databases import NAME, short
from opencodeeval.runs.index import FILES, Index, sample_of
from opencodeeval.runs.packed import open_packed
from opencodeeval.runs.rows import (
    SEEN,
    CompletionRow,
    ExecutionKey,
    ProgramRow,
    SeenRow,
    VerdictRow,
)

KINDS: Mapping[str, type[Any]] = {
    "seen": SeenRow,
    "completions": CompletionRow,
    "programs": ProgramRow,
    "verdicts": VerdictRow,
}
# Texts that the model saw, and completions, which are kept as they were read or written last.
KEPT = 512

V = TypeVar("V")


def completion_digest(completion: Completion) -> str:
    """The digests of a program's source."""
    apart = [completion.reasoning, completion.thinking_tokens]
    return digest(
        [completion.form, completion.finish_reason, completion.text, *(apart if any(apart) else [])]
    )


def execution_digest(key: ExecutionKey) -> bytes:
    """The execution as the index has it."""
    return short("\0".join(key))


class Content:
    """The files of a run folder and their index, for reading.

    Opened by the process that writes them (`writes`), it is told of each line by `wrote`.
    """

    def __init__(self, folder: Path, names: Sequence[str] = FILES, *, writes: bool = False) -> None:
        """Open some of the files of a folder, and bring their index up to date.

        Raises:
            StoreError: a file cannot be read, or is damaged.
        """
        self.folder = folder
        self._files: dict[str, LineFile] = {}
        for name in names:
            path = folder / f"{name}.jsonl"
            file = open_packed(path)
            # Folders of earlier versions have the texts in completions.jsonl.
            if file is not None or path.name != SEEN or path.exists():
                self._files[name] = file or PlainFile(path)
        self._parsers = {
            name: parser(folder / f"{name}.jsonl", KINDS[name]) for name in self._files
        }
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._recent: OrderedDict[SampleId, Completion] = OrderedDict()
        packed = open_packed(folder / NAME)
        self.index = Index(folder, self._files, self._entries, writes=writes, packed=packed)
        try:
            self.index.bring_up_to_date()
            if "completions" in self._files:
                self._check_texts()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the files and the index."""
        self.index.close()
        for file in self._files.values():
            file.close()

    def wrote(self, name: str, at: int, line: bytes, row: Any) -> None:
        """Take a line that was just written into the index."""
        self.index.add(name, line, lambda: self._entry(name, (at, line, row), 0))

    def remember(self, completion: Completion) -> None:
        """Keep a completion for those who ask for it next."""
        where = SampleId(completion.task_id, completion.sample_id)
        self._recent[where] = completion
        self._recent.move_to_end(where)
        if len(self._recent) > KEPT:
            self._recent.popitem(last=False)

    def recent(self, where: SampleId) -> Completion | None:
        """The completion of a sample, if it was written lately."""
        return self._recent.get(where)

    def completion(self, where: SampleId, at: int, size: int) -> Completion:
        """The completion of a sample, whose line is there."""
        row: CompletionRow = self.line("completions", where, at, size)
        return row.completion(_Texts(self))

    def line(self, name: str, where: SampleId, at: int, size: int) -> Any:
        """The line of a sample.

        Raises:
            StoreError: another line is there, or the file cannot be read.
        """
        path = self.folder / f"{name}.jsonl"
        content = self._files[name].read(at, size)
        try:
            row = self._parsers[name](content, 0)
        except StoreError:
            row = None
        if row is None or (row.task_id, row.sample_id) != where:
            raise StoreError(
                f"{path} was changed while it was being read: give the same command again"
            )
        return row

    def text(self, wanted: str) -> str:
        """The text that a model saw, by its digest.

        Raises:
            KeyError: it is not there.
        """
        found = self._texts.get(wanted)
        if found is None:
            place = self.index.row("SELECT at, size FROM seen WHERE digest=?", (short(wanted),))
            if place is None or "seen" not in self._files:
                raise KeyError(wanted)
            row: SeenRow = self._parsers["seen"](self._files["seen"].read(*place), 0)
            found = self._texts[wanted] = row.text
            if len(self._texts) > KEPT:
                self._texts.popitem(last=False)
        return found

    def has_text(self, wanted: str) -> bool:
        """Whether the text of this digest is there."""
        try:
            self.text(wanted)
        except KeyError:
            return False
        return True

    def _check_texts(self) -> None:
        known = "NOT IN (SELECT digest FROM seen)" if "seen" in self._files else "IS NOT NULL"
        row = self.index.row(
            "SELECT task_id, sample_id, at, size FROM completions "
            f"WHERE seen IS NOT NULL AND seen {known} LIMIT 1"
        )
        if row is not None:
            lacking = self.line("completions", sample_of(row), *row[2:]).seen
            raise StoreError(
                f"{self.folder / SEEN} lacks a text of completions.jsonl (digest {lacking[:12]}): "
                f"restore that file, or delete {self.folder} to start afresh"
            )

    def _entries(
        self, name: str, start: int, lines: int
    ) -> Iterator[tuple[bytes, tuple[Any, ...]]]:
        for number, (at, line) in enumerate(lines_from(self._files[name], start), lines + 1):
            row = self._parsers[name](line, number)
            yield line, self._entry(name, (at, line, row), number)

    def _entry(self, name: str, written: tuple[int, bytes, Any], number: int) -> tuple[Any, ...]:
        at, line, row = written
        place = (at, len(line))
        match row:
            case SeenRow():
                return (short(row.digest), *place)
            case CompletionRow():
                return (row.task_id, row.sample_id, *place, *self._answer(row))
            case ProgramRow():
                code = bytes.fromhex(digest(row.code))
                source = short(row.completion), self.index.name(row.extraction), code
                return (row.task_id, row.sample_id, *place, *source, not row.code.strip())
            case _:
                assert isinstance(row, VerdictRow)
                line_number = number or self.index.marks[name].lines + 1
                outcome = self.index.name(json.dumps(outcome_of(row)))
                key = execution_digest(row.key)
                return (row.task_id, row.sample_id, *place, line_number, key, outcome)

    def _answer(self, row: CompletionRow) -> tuple[Any, ...]:
        """The columns of a completion from `digest` on."""
        seen = None if row.seen is msgspec.UNSET else short(row.seen)
        # A text that is missing is told of when all are read.
        completion = row.completion(_Texts(self, lenient=True))
        thought = 0
        if completion.form == "answer":
            parts = parts_of(completion)
            if parts.reasoning or completion.thinking_tokens or not parts.ended:
                thought = 1 if parts.ended else 2
        return (
            short(completion_digest(completion)),
            seen,
            completion.finish_reason,
            completion.prompt_tokens,
            completion.completion_tokens,
            thought,
            completion.thinking_tokens,
            completion.thinking_cut,
        )


class _Texts(Mapping[str, str]):
    """The texts that the model saw, by digest."""

    def __init__(self, content: Content, lenient: bool = False) -> None:
        self._content, self._lenient = content, lenient

    def __getitem__(self, wanted: str) -> str:
        try:
            return self._content.text(wanted)
        except KeyError:
            if self._lenient:
                return ""
            raise

    def __iter__(self) -> Iterator[str]:
        raise TypeError("texts are looked up, not listed")

    def __len__(self) -> int:
        raise TypeError("texts are looked up, not counted")


class Stored(Mapping[SampleId, V], Generic[V]):
    """Something of each sample, read from its line where it is asked for.

    `read` makes it of the sample and of where its line is. They come in the order of the
    lines. `condition` leaves lines out.
    """

    def __init__(
        self,
        content: Content,
        table: str,
        read: Callable[[SampleId, int, int], V],
        condition: Callable[[], str] = lambda: "1",
    ) -> None:
        self._content, self._table, self._read = content, table, read
        self._condition = condition

    def _select(self, columns: str, rest: str = "", *values: Any) -> Iterable[tuple[Any, ...]]:
        query = f"SELECT {columns} FROM {self._table} WHERE {self._condition()} {rest}"
        return self._content.index.rows(query, values)

    def __getitem__(self, where: SampleId) -> V:
        for at, size in self._select("at, size", "AND task_id=? AND sample_id=?", *where):
            return self._read(where, at, size)
        raise KeyError(where)

    def __contains__(self, where: object) -> bool:
        if not (isinstance(where, tuple) and len(where) == 2):
            return False
        return any(self._select("1", "AND task_id=? AND sample_id=?", *where))

    def __iter__(self) -> Iterator[SampleId]:
        # Sorted before the first is given, so that lines may be added meanwhile.
        for row in self._select("task_id, sample_id", "ORDER BY at"):
            yield sample_of(row)

    def __len__(self) -> int:
        return int(next(iter(self._select("count(*)")))[0])


def completions(content: Content) -> Stored[Completion]:
    """Sample -> completion."""
    return Stored(content, "completions", content.completion)


def programs(content: Content) -> Stored[Program]:
    """Sample -> program."""

    def program(where: SampleId, at: int, size: int) -> Program:
        row: ProgramRow = content.line("programs", where, at, size)
        return row.program

    return Stored(content, "programs", program)


def extractions(content: Content) -> Stored[str]:
    """Sample -> digest of the code that extracted its program."""
    table = "(SELECT task_id, sample_id, at, extraction AS size FROM programs)"
    return Stored(content, table, lambda _where, _at, number: content.index.text(number))


def verdict_rows(content: Content) -> Stored[VerdictRow]:
    """Sample -> line of its verdicts."""
    return Stored(content, "verdicts", partial(content.line, "verdicts"))


def grades(content: Content) -> Stored[Grade]:
    """Sample -> grade."""

    def grade(where: SampleId, at: int, size: int) -> Grade:
        row: VerdictRow = content.line("verdicts", where, at, size)
        return row.grade

    return Stored(content, "verdicts", grade)


def outcome_of(row: VerdictRow) -> list[list[Any]]:
    """Verdict and `apart` of each suite: all that most records need of a grade."""
    return [
        [name, verdict.value, row.suites[name].apart is True]
        for name, verdict in row.verdicts.items()
    ]
