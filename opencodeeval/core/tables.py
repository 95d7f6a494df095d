"""Rows of cells as aligned plain text or as a Markdown table."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str]) -> str:
    """Columns two spaces apart; those whose heading is in `right` end flush."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]

    def line(row: Sequence[str]) -> str:
        cells = [
            cell.rjust(width) if name in right else cell.ljust(width)
            for name, cell, width in zip(header, row, widths, strict=True)
        ]
        return "  ".join(cells).rstrip()

    return "\n".join(line(row) for row in (header, *rows))


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str]) -> str:
    """A Markdown table; cells are escaped."""
    rules = ["---:" if name in right else "---" for name in header]
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in (header, *rows)]
    lines = [escaped[0], rules, *escaped[1:]]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
