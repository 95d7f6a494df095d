"""A budget of thinking tokens: when the reasoning of an answer is cut, and what closes it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from opencodeeval.backends.rendering import Rendered
from opencodeeval.core import reasoning
from opencodeeval.core.errors import BackendError
from opencodeeval.core.reasoning_marks import known_marks, names_marks

_NEVER = sys.maxsize


@dataclass(frozen=True)
class Cut:
    """Where reasoning is cut: after `kept` tokens, whose text is `text`, comes `closing`.

    `thinking` of the tokens that are kept are reasoning; the others are the opening mark.
    """

    kept: int
    thinking: int
    text: str
    closing: str
    closing_ids: tuple[int, ...]


class ThinkingBudget:
    """Watches one answer token by token, and says when its reasoning is to be cut.

    Only reasoning at the start of an answer counts, opened by the model or by the prompt. It
    is cut once; what comes after it is the answer's.
    """

    def __init__(
        self, tokenizer: Any, prompt: Rendered, tokens: int, room: int, special: bool
    ) -> None:
        """A budget of `tokens` for an answer of at most `room` tokens.

        `special`: special tokens are part of the text, as those that mark reasoning must be.
        """
        self._tokenizer = tokenizer
        self._prompt = prompt.text
        self._tokens = tokens
        self._room = room
        self._special = special
        self._next = tokens

    def cut(self, token_ids: Sequence[int]) -> Cut | None:
        """Whether reasoning is open and has had its tokens, after these of the answer."""
        while self._next <= len(token_ids):
            kept = self._next
            text = self._text(token_ids[:kept])
            found = reasoning.opened(text, self._prompt)
            if found is None:
                # A mark may be whole only with the next token.
                undecided = reasoning.may_open(text)
                self._next = kept + 1 if undecided else _NEVER
                continue
            begins, closing = found
            marks = self._tokens_before(token_ids, begins)
            if kept - marks < self._tokens:
                self._next = marks + self._tokens
                continue
            self._next = _NEVER
            closing_ids = tuple(self._tokenizer(closing, add_special_tokens=False)["input_ids"])
            if kept + len(closing_ids) >= self._room:
                return None
            return Cut(kept, kept - marks, text, closing, closing_ids)
        return None

    def _tokens_before(self, token_ids: Sequence[int], begins: int) -> int:
        """How many tokens the first `begins` characters have."""
        return next(
            count
            for count in range(len(token_ids) + 1)
            if len(self._text(token_ids[:count])) >= begins
        )

    def _text(self, token_ids: Sequence[int]) -> str:
        text = self._tokenizer.decode(
            token_ids, skip_special_tokens=not self._special, clean_up_tokenization_spaces=False
        )
        # Bytes that are no whole character yet.
        return str(text).rstrip("\N{REPLACEMENT CHARACTER}")


def require_marks(tokenizer: Any) -> None:
    """See that the model's marks of reasoning are known.

    Raises:
        BackendError: neither its tokens nor its chat template have any.
    """
    template = tokenizer.get_chat_template() if tokenizer.chat_template else ""
    if not known_marks(tokenizer.get_vocab()) and not names_marks(template):
        raise BackendError(
            "--thinking-budget needs marks around the reasoning, such as <think>, and this model's "
            "tokenizer and chat template have none that are known: leave it out, or see "
            "docs/reasoning.md"
        )
