"""Names as people type them: in any case, with - for _, or misspelt."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def spelled(wanted: str, names: Iterable[str]) -> str | None:
    """The one name that `wanted` is, or None.

    If it is none to the letter, case, "-" for "_" and "+" for "_plus" make no difference:
    "HumanEval+" is humaneval_plus.
    """
    known = list(names)
    if wanted in known:
        return wanted
    same = [name for name in known if _plain(name) == _plain(wanted)]
    return same[0] if len(same) == 1 else None


def nearest(wanted: str, names: Iterable[str]) -> str | None:
    """The name that is most like `wanted`, or None; spelling counts as in `spelled`."""
    plain = {_plain(name): name for name in names}
    found = get_close_matches(_plain(wanted), plain, n=1)
    return plain[found[0]] if found else None


def unknown(missing: str, wanted: str, names: Iterable[str]) -> str:
    """The error for a name that does not exist; `missing` begins it ("there is no command")."""
    known = list(names)
    near = nearest(wanted, known)
    hint = f"did you mean {near}? Available: " if near else "available: "
    return f"{missing} {wanted!r}; {hint}{', '.join(known)}"


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").replace("+", "_plus")
