"""What a model makes of the place where two answers part."""

from __future__ import annotations

from typing import Any

from tests.peers.comparison import Answer, Choice, parting


class Logits:
    """A model folder in transformers, in float32, one answer at a time."""

    def __init__(self, folder: str) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self._torch = torch
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self._model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)

    def where_they_part(
        self, ours: Answer, theirs: Answer
    ) -> tuple[Choice, int | None, int | None, int]:
        """The choice of the next token there, the token of each, and how many came before.

        A token is None where the answer has ended. Tokens are those of the whole text,
        which are what a model writes but for rare exceptions.
        """
        a, b = (self._tokens(each.text) for each in (ours, theirs))
        at = parting(a, b)
        choice = self._choice([*self._tokenizer(ours.prompt)["input_ids"], *a[:at]])
        first, second = (tokens[at] if at < len(tokens) else None for tokens in (a, b))
        return choice, first, second, at

    def text(self, token: int | None) -> str:
        """A token as text."""
        return "the end" if token is None else repr(self._tokenizer.decode([token]))

    def _tokens(self, text: str) -> list[int]:
        found: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return found

    def _choice(self, tokens: list[int]) -> Choice:
        with self._torch.inference_mode():
            scores = self._model(self._torch.tensor([tokens])).logits[0, -1]
        values, ids = scores.topk(2)
        first, second = ids.tolist()
        return Choice((first, second), float(values[0] - values[1]))
