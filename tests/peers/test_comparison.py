"""How the answers of two harnesses are compared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.peers.comparison import Answer, Choice, Difference, compare, explained, parting, stopped

ONE = Answer("def f():\n", "    return 1\n", "def f():\n    return 1\n")


def test_the_same_answers_agree() -> None:
    found = compare({"a": ONE, "b": ONE}, {"b": ONE, "a": ONE})
    assert (found.tasks, found.prompts, found.texts, found.programs) == (2, 2, 2, 2)
    assert found.differences == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        # Another prompt is the cause of whatever else differs.
        (
            {"prompt": "def f():", "text": "x"},
            Difference("b", "prompt", 8, "def f():\n", "def f():"),
        ),
        (
            {"text": "    return 2\n"},
            Difference("b", "text", 11, "    return 1\n", "    return 2\n"),
        ),
        # An answer that goes on where the other has ended.
        ({"text": "    "}, Difference("b", "text", 4, "    return 1\n", "    ")),
        ({"program": ""}, Difference("b", "program", 0, ONE.program, "")),
    ],
)
def test_what_differs_first_is_named(change: dict[str, str], expected: Difference) -> None:
    other = replace(ONE, **change)
    found = compare({"a": ONE, "b": ONE}, {"a": ONE, "b": other})
    assert found.differences == [expected]
    assert found.prompts == 2 - ("prompt" in change)
    assert found.texts == 2 - ("text" in change)
    assert found.programs == 2 - ("program" in change)


def test_only_the_surroundings_of_a_difference_are_shown() -> None:
    ours = replace(ONE, text="a" * 100 + "b" * 100)
    theirs = replace(ONE, text="a" * 100 + "c" * 100)
    (found,) = compare({"t": ours}, {"t": theirs}).differences
    assert (found.at, found.ours, found.theirs) == (100, "a" * 20 + "b" * 30, "a" * 20 + "c" * 30)


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [("x = 1", "x = 1\n```\n", "\n```"), ("x = 1", "x = 2", ""), ("x = 1", "x = 1\ny", "")],
)
def test_a_stop_string_of_ours_may_have_ended_the_answer(
    ours: str, theirs: str, expected: str
) -> None:
    assert stopped(ours, theirs, ["\ndef", "\n```"]) == expected


def test_both_have_to_answer_the_same_tasks() -> None:
    with pytest.raises(ValueError, match="only one of the two has answered b"):
        compare({"a": ONE}, {"a": ONE, "b": ONE})


@pytest.mark.parametrize(
    ("ours", "theirs", "at"), [([1, 2], [1, 2], 2), ([1, 2], [1, 3], 1), ([], [1], 0)]
)
def test_where_two_sequences_part(ours: list[int], theirs: list[int], at: int) -> None:
    assert parting(ours, theirs) == parting(theirs, ours) == at


@pytest.mark.parametrize(
    ("margin", "ours", "theirs", "expected"),
    [
        (1e-4, 5, 7, True),
        (1e-4, 7, 5, True),
        (1e-4, 5, None, True),  # the other has ended
        (1e-2, 5, 7, False),  # rounding does not move logits so far
        (1e-4, 5, 9, False),  # another token than the two likeliest
    ],
)
def test_rounding_decides_between_the_two_likeliest_tokens_only(
    margin: float, ours: int | None, theirs: int | None, expected: bool
) -> None:
    assert explained(Choice((5, 7), margin), ours, theirs, most=1e-3) is expected
