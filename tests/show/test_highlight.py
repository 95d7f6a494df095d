"""Syntax colours as data: they cover the program, whatever it is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opencodeeval.benchmarks.cards import read_card
from opencodeeval.show.highlight import LONGEST, token_runs

LANGUAGES = [each.name for each in read_card("multipl_e_humaneval").versions]


def pieces(code: str, language: str = "") -> list[tuple[str, str]]:
    """The program cut as a browser cuts it, in UTF-16 code units."""
    units = code.encode("utf-16-le", "surrogatepass")
    cut, at = [], 0
    for letter, length in re.findall(r"([a-z])(\d+)", token_runs(code, language)):
        piece = units[2 * at : 2 * (at + int(length))]
        cut.append((letter, piece.decode("utf-16-le", "surrogatepass")))
        at += int(length)
    assert 2 * at == len(units)
    return cut


def test_a_program_in_its_colours() -> None:
    code = '@cache\ndef area(r):\n    """Of a disc."""\n    return 3.14 * r  # about\n'
    coloured = [piece for piece in pieces(code) if piece[0] != "x"]
    assert coloured == [
        ("d", "@cache"),
        ("k", "def"),
        ("f", "area"),
        ("c", '"""Of a disc."""'),
        ("k", "return"),
        ("n", "3.14"),
        ("c", "# about"),
    ]


def test_characters_beyond_the_basic_plane_count_as_a_browser_counts_them() -> None:
    assert ("s", '"\U0001d54f"') in pieces('x = "\U0001d54f"  # \U0001d54f\n')
    assert pieces("\ud800 = 1")


@given(st.text(st.characters()))
def test_every_text_is_covered_exactly(code: str) -> None:
    assert "".join(text for _, text in pieces(code)) == code


def test_names_that_are_built_in_are_told_in_any_alphabet() -> None:
    assert ("b", "len") in pieces("x = len('\u00e9')\n")
    assert ("b", "len") not in pieces("x = y.len\nlength(x)\n")


def test_a_broken_program_has_the_colours_of_what_can_be_read() -> None:
    coloured = pieces("def f(:\n  return 'a\nclass A: pass\n")
    assert ("k", "def") in coloured
    assert ("f", "f") in coloured


def test_windows_line_ends_and_blank_lines_stay() -> None:
    code = "\n\nx = 1\r\n\r\ny = 2\n\n"
    assert "".join(text for _, text in pieces(code)) == code


def test_what_nobody_reads_has_no_colours() -> None:
    assert token_runs("x = 1\n" * LONGEST) == ""


def test_a_program_in_another_language_has_that_language_s_colours() -> None:
    coloured = pieces('// Twice.\nlong twice(long x) {\n  return 2 * x + f("a");\n}\n', "cpp")
    assert ("c", "// Twice.\n") in coloured
    assert ("k", "return") in coloured
    assert ("f", "twice") in coloured
    assert ("n", "2") in coloured
    assert ("s", '"a"') in coloured


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_of_a_benchmark_has_colours(language: str) -> None:
    # A string is one in all of them, a comment is not.
    code = f'{"<?php" if language == "php" else ""}\n\nf("\U0001d54f", 12)\r\n\r\n'
    cut = pieces(code, language)
    assert "".join(text for _, text in cut) == code
    assert {"s", "n"} & {letter for letter, _ in cut}


def test_a_program_in_an_unknown_language_is_plain() -> None:
    assert pieces("f(1)\n", "no-such-language") == [("x", "f(1)\n")]
    assert token_runs("", "no-such-language") == ""
