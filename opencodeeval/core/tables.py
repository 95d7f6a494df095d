"""Rows of cells as aligned plain text or as a Markdown table."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def aligned(
    header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str] = ()
) -> str:
    """Columns two spaces apart; those whose heading is in `right` end flush."""
    from tabulate import tabulate

    text = tabulate(
        # As a row among rows: tabulate gives headers more room than they need.
        [header, *rows],
        tablefmt="plain",
        colalign=["right" if name in right else "left" for name in header],
        disable_numparse=True,
        preserve_whitespace=True,
    )
    # Not splitlines: a cell may hold what that takes for the end of a line.
    return "\n".join(line.rstrip(" ") for line in text.split("\n"))


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str]) -> str:
    """A Markdown table; cells are escaped."""
    rules = ["---:" if name in right else "---" for name in header]
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in (header, *rows)]
    lines = [escaped[0], rules, *escaped[1:]]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
