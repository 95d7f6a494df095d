"""Fields of a request that a model does not take, as refusals of the OpenAI interface say.

OpenAI's models that reason take no stop strings and no temperature but 1, and have another name
for the longest answer. No list says which model takes what, but a refusal names the field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

# What the longest answer is called; newer models of OpenAI's own service take the second only.
LIMIT, NEW_LIMIT = "max_tokens", "max_completion_tokens"
# What a service takes these to be where a request has none.
_USUAL = {"temperature": 1.0, "top_p": 1.0}
# The text is cut at stop strings afterwards, and who refuses a seed promises nothing with one.
_DISPENSABLE = frozenset({"stop", "seed"})
_CODES = frozenset({"unsupported_parameter", "unsupported_value"})
# Proxies may pass on no more than the text; the second is LiteLLM's own.
_SAID = re.compile(r"(?:unsupported (?:parameter|value): ['\"]?|n't support )(\w+)", re.IGNORECASE)
_OPTIONS = {
    "temperature": "change --temperature",
    "top_p": "leave out --top-p",
    "presence_penalty": "leave out --presence-penalty",
    "frequency_penalty": "leave out --frequency-penalty",
    "reasoning_effort": "change or leave out --reasoning-effort",
    LIMIT: "lower --max-tokens",
    NEW_LIMIT: "lower --max-tokens",
}


class Fields:
    """The fields that requests to a model have, as far as its refusals have shown."""

    def __init__(self) -> None:
        self.limit = LIMIT
        self.left_out: set[str] = set()

    def of(self, body: Mapping[str, Any], longest: int) -> dict[str, Any]:
        """Those of a request for at most `longest` tokens."""
        kept = {name: body[name] for name in body if name not in (LIMIT, *self.left_out)}
        return {**kept, self.limit: longest}

    def learn(self, status: int, content: bytes, sent: Mapping[str, Any]) -> bool:
        """Whether what was refused can be asked for with other fields, which requests have now."""
        if status not in (400, 422):
            return False
        if LIMIT in sent and NEW_LIMIT in content.decode("utf-8", "replace"):
            self.limit = NEW_LIMIT
            return True
        name = _unsupported(content)
        # One that was not there would be refused again.
        if name not in sent or not (name in _DISPENSABLE or sent[name] == _USUAL.get(name)):
            return False
        self.left_out.add(name)
        return True


def advice(content: bytes, said: str) -> str:
    """What to change where a refusal is about a field that an option sets; else ""."""
    name = _error(content).get("param") or _unsupported(content) or _named(said)
    return _OPTIONS.get(str(name), "")


def _unsupported(content: bytes) -> str:
    """The field that a model does not take, or not with this value; else ""."""
    error = _error(content)
    if error.get("code") in _CODES:
        return str(error.get("param"))
    return _named(str(error.get("message")))


def _named(text: str) -> str:
    found = _SAID.search(text)
    return found[1] if found else ""


def _error(content: bytes) -> Mapping[str, Any]:
    """The error object of a refusal, empty where it has none."""
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    error = found.get("error", found) if isinstance(found, Mapping) else {}
    return error if isinstance(error, Mapping) else {}
