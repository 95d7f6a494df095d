"""Rows of cells as aligned plain text or as a Markdown table."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tabulate import tabulate


def aligned(
    header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str] = ()
) -> str:
    """Columns two spaces apart; those whose heading is in `right` end flush."""
    return _table(header, rows, right, "plain")


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str]) -> str:
    """A Markdown table; cells are escaped."""
    rules = ["---:" if name in right else "---" for name in header]
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in (header, *rows)]
    lines = [escaped[0], rules, *escaped[1:]]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _table(
    header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str], form: str
) -> str:
    sides = ["right" if name in right else "left" for name in header]
    text = tabulate(
        rows,
        headers=header,
        tablefmt=form,
        colalign=sides,
        disable_numparse=True,
        preserve_whitespace=True,
    )
    return "\n".join(line.rstrip() for line in text.splitlines())
