"""Who measured a score, as formats for collections of results ask it."""

from __future__ import annotations

from typing import NamedTuple

RELATIONSHIPS = ("first_party", "third_party", "collaborative", "other")


class Evaluator(NamedTuple):
    """An organization's name, and its relationship to the model: one of RELATIONSHIPS."""

    organization: str
    relationship: str
