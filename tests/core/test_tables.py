"""Tables for people: aligned text, and Markdown."""

from __future__ import annotations

from opencodeeval.core.tables import aligned, markdown

HEADER = ("name", "n", "what")
ROWS = [("a", "5", "x"), ("longer name", "164", "007"), ("b", "", "a\u2028b")]


def test_columns_are_two_spaces_apart_and_numbers_end_flush() -> None:
    assert aligned(HEADER, ROWS, {"n"}).split("\n") == [
        "name           n  what",
        "a              5  x",
        "longer name  164  007",
        "b                 a\u2028b",
    ]


def test_a_table_without_rows_is_its_header() -> None:
    assert aligned(HEADER, []) == "name  n  what"


def test_markdown_escapes_what_would_end_a_cell() -> None:
    assert markdown(("a", "b"), [("x|y", "1")], {"b"}) == "| a | b |\n| --- | ---: |\n| x\\|y | 1 |"
