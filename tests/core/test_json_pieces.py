"""JSON in pieces is the text that the standard library writes at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from opencodeeval.core.json_pieces import Keyed, Listed, json_pieces

ROW = {"text": "a\nb é \u2028", "nested": [1, [], {}, {"x": [None]}], "share": 0.5}


def whole(value: Any) -> Any:
    """The value without pieces."""
    if isinstance(value, Listed):
        return [whole(each) for each in value.values]
    if isinstance(value, Keyed):
        return {key: whole(each) for key, each in value.pairs}
    return value


@pytest.mark.parametrize("options", [{}, {"indent": 2}, {"indent": 1, "ensure_ascii": False}])
@pytest.mark.parametrize(
    "value",
    [
        ROW,
        Listed([]),
        Keyed([]),
        Listed([ROW, 1, "x"]),
        Keyed([("a\n", ROW), ("é", Listed([ROW, Keyed([("k", Listed([[], ROW]))])]))]),
        Listed([Listed([]), Keyed([]), Listed([Listed([1])])]),
    ],
)
def test_it_is_what_the_standard_library_writes(value: Any, options: dict[str, Any]) -> None:
    assert "".join(json_pieces(value, **options)) == json.dumps(whole(value), **options)


def test_a_value_is_taken_when_the_one_before_is_written() -> None:
    taken = []

    def values() -> Iterator[int]:
        for number in range(3):
            taken.append(number)
            yield number

    pieces = json_pieces(Keyed([("all", Listed(values()))]))
    for piece in pieces:
        if piece.endswith("0"):
            break
    assert taken == [0]


def test_what_cannot_be_json_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        "".join(json_pieces(Listed([float("nan")]), allow_nan=False))
    with pytest.raises(TypeError):
        "".join(json_pieces([Listed([])]))
