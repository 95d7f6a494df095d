"""The SQLite file of a run folder's index: its tables, how it is opened, and when it is of use."""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from opencodeeval.core import reasoning
from opencodeeval.core.lines import LineFile, blocks

NAME = "index.sqlite"
SCHEMA = 1
# How long to wait for another process that reads or writes the index, in seconds.
LOCKED_S = 0.5
_TABLES = """
CREATE TABLE about(version TEXT NOT NULL);
CREATE TABLE files(name TEXT PRIMARY KEY, bytes INT, lines INT, crc INT) WITHOUT ROWID;
CREATE TABLE names(id INTEGER PRIMARY KEY, text TEXT UNIQUE NOT NULL);
CREATE TABLE seen(digest BLOB PRIMARY KEY, at INT, size INT) WITHOUT ROWID;
CREATE TABLE completions(
    task_id TEXT, sample_id INT, at INT, size INT, digest BLOB, seen BLOB, finish TEXT,
    prompt_tokens INT, completion_tokens INT, thought INT, thinking_tokens INT, cut INT,
    PRIMARY KEY(task_id, sample_id)) WITHOUT ROWID;
CREATE TABLE programs(
    task_id TEXT, sample_id INT, at INT, size INT, source BLOB, extraction INT, code BLOB,
    empty INT, PRIMARY KEY(task_id, sample_id)) WITHOUT ROWID;
CREATE TABLE verdicts(
    task_id TEXT, sample_id INT, at INT, size INT, line INT, execution BLOB, outcome INT,
    PRIMARY KEY(task_id, sample_id)) WITHOUT ROWID;
CREATE INDEX executions ON verdicts(execution);
"""


def short(text: str) -> bytes:
    """A digest of 16 bytes: for an index, not for a key that others see."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


@cache
def _version() -> str:
    """What the entries depend on: their columns, and the code that finds reasoning."""
    source = Path(reasoning.__file__).read_text("utf-8")
    return f"{SCHEMA} {short(source).hex()}"


def connect(name: str) -> sqlite3.Connection:
    """Open a file, a URI (`file:...`), or a temporary database (the empty name)."""
    database = sqlite3.connect(
        name,
        timeout=LOCKED_S,
        isolation_level=None,
        check_same_thread=False,
        uri=name.startswith("file:"),
    )
    # A batch is held in memory, so that readers are kept out only while it is written.
    database.execute("PRAGMA cache_spill=OFF")
    return database


def usable(database: sqlite3.Connection) -> bool:
    """Whether a file is a whole index of this version; sqlite3.Error if it is none at all."""
    (version,) = database.execute("SELECT version FROM about").fetchone()
    (healthy,) = database.execute("PRAGMA quick_check(1)").fetchone()
    return bool(version == _version() and healthy == "ok")


def create(path: Path) -> None:
    """Make an empty index, if it can be written."""
    with suppress(sqlite3.Error):
        database = connect(str(path))
        try:
            _fill(database)
        finally:
            database.close()


def temporary() -> sqlite3.Connection:
    """An empty index in memory; what is large goes to the folder of temporary files."""
    database = connect("")
    _fill(database)
    return database


def _fill(database: sqlite3.Connection) -> None:
    # A run of a few samples has a small index, too.
    database.executescript(f"PRAGMA page_size=2048;BEGIN;{_TABLES}")
    database.execute("INSERT INTO about VALUES(?)", (_version(),))
    database.execute("COMMIT")


def unpacked(file: LineFile) -> sqlite3.Connection:
    """The index of a packed folder, for reading."""
    with tempfile.NamedTemporaryFile(suffix=f"-{NAME}") as copy:
        for block in blocks(file):
            copy.write(block)
        copy.flush()
        # The open database keeps the file, which has no name from then on.
        database = connect(f"{Path(copy.name).as_uri()}?mode=ro&immutable=1")
        database.execute("SELECT version FROM about").fetchone()
        return database
