"""What samples cost, from a price list."""

from __future__ import annotations

from pathlib import Path

import pytest

from opencodeeval.core.errors import UsageError
from opencodeeval.records.schema import Totals
from opencodeeval.runs.prices import read_prices

LIST = """
currency = "EUR"
[models."some/model"]
input = 0.5
output = 2
[models.other]
input = 1
output = 1
"""


def test_the_cost_is_that_of_prompts_and_of_answers(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(LIST)
    prices = read_prices(path, "some/model")
    totals = Totals(samples=3, prompt_tokens=2_000_000, completion_tokens=500_000)
    assert prices.cost(totals) == {"value": 2.0, "currency": "EUR"}
    # A server that counts no tokens.
    assert prices.cost(Totals(samples=3)) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LIST, r'lacks third: add a table \[models."third"\]'),
        ("models = 3", "models: must be"),
        ("[models.third]\ninput = 1", "output"),
        ("[models.third]\ninput = -1\noutput = 1", "below 0"),
        ("[models.third]\ninput = 1\noutput = 1\ncached = 1", "cached"),
        ("=", "is not TOML"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_in_words(
    text: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        read_prices(path, "third")
    with pytest.raises(UsageError, match="cannot be read"):
        read_prices(tmp_path / "nowhere.toml", "third")
