"""Rows of cells as aligned plain text or as a Markdown table."""

from __future__ import annotations

from collections.abc import Collection, Sequence

WIDTH = 80


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


def fitted(
    header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str] = (), lead: int = 1
) -> str:
    """As `aligned`, in at most 80 columns if possible.

    A wide table has the first `lead` cells of a row in a line of their own, once for all
    rows that have the same, and the others below it.
    """
    whole = aligned(header, rows, right)
    if max(map(len, whole.split("\n"))) <= WIDTH:
        return whole
    first, *others = aligned(header[lead:], [row[lead:] for row in rows], right).split("\n")
    lines = [", ".join(header[:lead]), f"  {first}"]
    before: Sequence[str] = ()
    for row, line in zip(rows, others, strict=True):
        if row[:lead] != before:
            before = row[:lead]
            lines.append(", ".join(filter(None, before)))
        lines.append(f"  {line}")
    return "\n".join(lines)


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str]) -> str:
    """A Markdown table; cells are escaped."""
    rules = ["---:" if name in right else "---" for name in header]
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in (header, *rows)]
    lines = [escaped[0], rules, *escaped[1:]]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
