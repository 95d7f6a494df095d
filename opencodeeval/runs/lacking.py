"""What the answers of a run had to do without, kept in its folder for a later leg's record.

The backend of the leg that makes the record may not know: it may have nothing left to ask, or
give answers that were stored before. Some learn what a server refuses only when they ask.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from opencodeeval.backends.capabilities import LACKS
from opencodeeval.core.errors import StoreError
from opencodeeval.core.journal import write_atomically

NAME = "lacks.json"


def remember(folder: Path, names: Iterable[str]) -> None:
    """Add what answers that are about to be stored do without, as keys of LACKS.

    Raises:
        StoreError: the file is damaged, or cannot be written.
    """
    before = remembered(folder)
    now = both(before, names)
    if now != before:
        write_atomically(folder / NAME, {"lacks": now})


def remembered(folder: Path) -> tuple[str, ...]:
    """What the answers of this run folder do without.

    Raises:
        StoreError: the file is damaged.
    """
    path = folder / NAME
    if not path.exists():
        return ()
    try:
        return both((), json.loads(path.read_bytes())["lacks"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{path} cannot be read ({error!r}): delete it, and the record will not say what its "
            "answers were got without"
        ) from error


def both(one: Iterable[str], other: Iterable[str]) -> tuple[str, ...]:
    """All names of the two, in the order of LACKS."""
    names = {*one, *other}
    return tuple(name for name in LACKS if name in names)
