"""The index of a run folder: where each sample's lines are, and what decides without their texts.

index.sqlite is made from the files of lines, which stay the truth, and may be deleted at any
time. For each file it has how many bytes of it are in the index, with their checksum. A file
that has grown since (a process was killed between a line and the index) is read from there
on; a file whose beginning has changed is read again as a whole. An index that is damaged or
of another version is made anew. Where it cannot be written, as on a full disk, a temporary
one takes its place, so that the index never ends a run.
"""

from __future__ import annotations

import sqlite3
import weakref
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from opencodeeval.core.errors import StoreError
from opencodeeval.core.lines import LineFile, checksum
from opencodeeval.core.types import SampleId
from opencodeeval.runs.databases import NAME, connect, create, temporary, unpacked, usable

# Changes after which they are written to the disk; after a kill, as many lines are read again.
BATCH = 5000
FILES = ("seen", "completions", "programs", "verdicts")


class Mark:
    """How much of a file is in the index: bytes, lines, and the checksum of these bytes."""

    def __init__(self, size: int = 0, lines: int = 0, crc: int = 0) -> None:
        self.bytes, self.lines, self.crc = size, lines, crc

    def add(self, line: bytes) -> None:
        """One line more."""
        self.bytes += len(line)
        self.lines += 1
        self.crc = zlib.crc32(line, self.crc)


class Index:
    """The index of some files of one folder, to be brought up to date when it is open.

    `scan(name, start, lines)` gives the entries of a file's lines from an offset on,
    each with the line; `lines` is how many lines come before.
    """

    def __init__(
        self,
        folder: Path,
        files: Mapping[str, LineFile],
        scan: Callable[[str, int, int], Iterator[tuple[bytes, tuple[Any, ...]]]],
        *,
        writes: bool,
        packed: LineFile | None = None,
    ) -> None:
        """Open it, on the disk only if this process `writes`.

        `packed` is the index of a packed folder.
        """
        self.path = folder / NAME
        self._files = files
        # The caller has this index, and both are let go of together: no circle.
        self._scan = weakref.WeakMethod(scan)
        self._changes = 0
        self._names: dict[str, int] = {}
        self._texts: dict[int, str] = {}
        self._made_anew = False
        if writes:
            self._database = self._opened_for_writing()
        else:
            self._database = self._opened_for_reading(packed)
        self.marks: dict[str, Mark] = {}

    def bring_up_to_date(self) -> None:
        """Read what the index lacks of each file.

        Raises:
            StoreError: a file is damaged, or there is no room for a temporary index either.
        """
        try:
            self.marks = _marks(self._database)
            for name in self._files:
                self._mend(name)
        except sqlite3.Error:
            self._make_anew()

    def _opened_for_writing(self) -> sqlite3.Connection:
        for _ in range(2):
            database = None
            try:
                database = connect(str(self.path))
                if usable(database):
                    return database
            except sqlite3.Error:
                pass
            if database is not None:
                database.close()
            for name in (NAME, f"{NAME}-journal"):
                with suppress(OSError):
                    self.path.with_name(name).unlink(missing_ok=True)
            create(self.path)
        return temporary()

    def _opened_for_reading(self, packed: LineFile | None) -> sqlite3.Connection:
        try:
            if packed:
                database = unpacked(packed)
            elif self.path.exists():
                database = connect(f"{self.path.resolve().as_uri()}?mode=ro")
            else:
                return temporary()
            if usable(database):
                marks = _marks(database)
                ends = ((file.size, marks.get(name)) for name, file in self._files.items())
                if all(mark is not None and mark.bytes == size for size, mark in ends):
                    return database
                # Another process writes it, or it was killed: what is missing goes into a copy.
                copy = sqlite3.connect("", isolation_level=None, check_same_thread=False)
                database.backup(copy)
                return copy
        except (sqlite3.Error, StoreError, OSError):
            pass
        return temporary()

    def _mend(self, name: str) -> None:
        """Read what the index lacks of a file, or all of it if its beginning has changed."""
        file = self._files[name]
        mark = self.marks.setdefault(name, Mark())
        if mark.bytes > file.size or mark.crc != checksum(file, mark.bytes):
            self._change(f"DELETE FROM {name}", ())
            mark = self.marks[name] = Mark()
        scan = self._scan()
        assert scan is not None
        for line, entry in scan(name, mark.bytes, mark.lines):
            self._add(name, line, entry)

    def add(self, name: str, line: bytes, entry: Callable[[], Sequence[Any]]) -> None:
        """Note a line that has just been written behind all others of its file.

        Raises:
            StoreError: there is no room for a temporary index either.
        """
        try:
            self._add(name, line, entry())
        except sqlite3.Error:
            # The file has the line already, so it is read from there.
            self._make_anew()

    def _add(self, name: str, line: bytes, entry: Sequence[Any]) -> None:
        places = ",".join("?" * len(entry))
        self._change(f"INSERT OR REPLACE INTO {name} VALUES({places})", entry)
        self.marks[name].add(line)
        if self._changes >= BATCH:
            self.commit()

    def _change(self, statement: str, values: Sequence[Any]) -> None:
        if not self._changes:
            self._database.execute("BEGIN")
        self._database.execute(statement, values)
        self._changes += 1

    def commit(self) -> None:
        """Write all changes so far, with how far the index reaches in each file."""
        if self._changes:
            rows = [(name, mark.bytes, mark.lines, mark.crc) for name, mark in self.marks.items()]
            self._database.executemany("INSERT OR REPLACE INTO files VALUES(?,?,?,?)", rows)
            try:
                self._database.execute("COMMIT")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise
                # Somebody reads just now: they are written with the next changes.
                self._changes = 1
            else:
                self._changes = 0

    def close(self) -> None:
        """Write what can be written, and close; further calls do nothing."""
        with suppress(sqlite3.Error):
            self.commit()
        self.__del__()

    def __del__(self) -> None:
        with suppress(sqlite3.Error, AttributeError):
            self._database.close()

    def name(self, text: str) -> int:
        """The number that stands for a text which many lines have."""
        found = self._names.get(text)
        if found is None:
            rows = self._database.execute("SELECT id FROM names WHERE text=?", (text,)).fetchall()
            if rows:
                found = rows[0][0]
            else:
                self._change("INSERT INTO names(text) VALUES(?)", (text,))
                found = self._database.execute("SELECT last_insert_rowid()").fetchone()[0]
            if len(self._names) > 10_000:
                self._names.clear()
            self._names[text] = int(found)
        return int(found)

    def text(self, number: int) -> str:
        """The text that a number stands for (`name`)."""
        found = self._texts.get(number)
        if found is None:
            row = self.row("SELECT text FROM names WHERE id=?", (number,))
            found = self._texts[number] = "" if row is None else str(row[0])
        return found

    def rows(self, query: str, values: Sequence[Any] = ()) -> Iterable[tuple[Any, ...]]:
        """The rows of a query; what it has found may be changed only when all are taken.

        Raises:
            StoreError: the index is damaged, and cannot be made anew.
        """
        try:
            return self._database.execute(query, values)
        except sqlite3.Error:
            self._make_anew()
            return self._database.execute(query, values)

    def row(self, query: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """The first row of a query, if there is one."""
        return next(iter(self.rows(query, values)), None)

    def _make_anew(self) -> None:
        """Go on with a temporary index, made from the files."""
        with suppress(sqlite3.Error):
            self._database.close()
        failed = self._made_anew
        self._made_anew = True
        self._changes, self._names, self._texts, self.marks = 0, {}, {}, {}
        try:
            self._database = temporary()
            for name in self._files:
                self._mend(name)
        except sqlite3.Error:
            failed = True
        if failed:
            raise StoreError(
                f"the index of {self.path.parent} cannot be kept: make room in the folder of "
                "temporary files (TMPDIR), and give the same command again"
            )


def sample_of(row: Sequence[Any]) -> SampleId:
    """The sample that a row begins with."""
    return SampleId(row[0], row[1])


def _marks(database: sqlite3.Connection) -> dict[str, Mark]:
    rows = database.execute("SELECT name, bytes, lines, crc FROM files")
    return {name: Mark(*rest) for name, *rest in rows}
