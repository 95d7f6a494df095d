"""What samples cost: a price list of the user's, and the token counts of records."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from opencodeeval.core.errors import UsageError
from opencodeeval.core.text import validation_words
from opencodeeval.core.toml import read_toml
from opencodeeval.records.schema import Totals

_A_PRICE = 1_000_000


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a million tokens of prompts (`input`) and of answers (`output`) cost.

    Reasoning counts as part of an answer.
    """

    input: float
    output: float

    def __post_init__(self) -> None:
        """Refuse prices below 0."""
        if self.input < 0 or self.output < 0:
            raise ValueError("a price is below 0")


class _List(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    models: dict[str, Price]
    currency: str = "USD"


class Prices(msgspec.Struct, frozen=True):
    """The price of one model, from a list."""

    price: Price
    currency: str

    def cost(self, totals: Totals) -> Mapping[str, Any] | None:
        """The cost of a run's samples; None if their tokens were not counted."""
        if totals.prompt_tokens + totals.completion_tokens == 0:
            return None
        value = self.price.input * totals.prompt_tokens + self.price.output * (
            totals.completion_tokens
        )
        return {"value": round(value / _A_PRICE, 6), "currency": self.currency}


def read_prices(path: Path, model: str) -> Prices:
    """The price of `model` in a TOML file.

    The file has a table `[models."NAME"]` with `input` and `output` for each model, in
    `currency` (by default "USD") for a million tokens.

    Raises:
        UsageError: the file cannot be read, is no price list, or lacks the model.
    """
    try:
        found = msgspec.convert(read_toml(path), _List)
    except OSError as error:
        raise UsageError(f"the price list {path} cannot be read ({error.strerror})") from None
    except msgspec.ValidationError as error:
        raise UsageError(f"the price list {path}: {validation_words(error)}") from None
    except ValueError as error:
        raise UsageError(f"the price list {path} is not TOML: {error}") from None
    if model not in found.models:
        raise UsageError(
            f'the price list {path} lacks {model}: add a table [models."{model}"] with input and '
            "output, the price of a million tokens each"
        )
    return Prices(found.models[model], found.currency)
