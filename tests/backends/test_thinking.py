"""When reasoning reaches its budget, token by token, without a model."""

from __future__ import annotations

from typing import Any

import pytest

from opencodeeval.backends.rendering import Rendered
from opencodeeval.backends.thinking import ThinkingBudget, require_marks
from opencodeeval.core.channels import GPT_OSS
from opencodeeval.core.errors import BackendError
from opencodeeval.core.reasoning import separate
from tests.support.tiny_models import TEMPLATE, tiny_tokenizer


def tokenizer_with(*marks: str, special: bool = False) -> Any:
    tokenizer = tiny_tokenizer()
    tokenizer.add_tokens([*marks], special_tokens=special)
    return tokenizer


def kept_until_cut(
    tokenizer: Any, text: str, tokens: int, prompt: str = "", room: int = 1000
) -> tuple[str, int, int] | None:
    """The text with the closing mark, the tokens kept, and those of reasoning."""
    special = bool(tokenizer.added_tokens_encoder)
    budget = ThinkingBudget(tokenizer, Rendered(prompt, ()), tokens, room, special)
    token_ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    for count in range(1, len(token_ids) + 1):
        cut = budget.cut(token_ids[:count])
        if cut:
            assert cut.kept == count
            assert tokenizer.decode(cut.closing_ids) == cut.closing
            return cut.text + cut.closing, cut.kept, cut.thinking
    return None


@pytest.mark.parametrize(("opening", "closing"), [("<think>", "</think>"), ("[THINK]", "[/THINK]")])
def test_open_reasoning_is_cut_after_its_tokens_however_it_was_opened(
    opening: str, closing: str
) -> None:
    tokenizer = tokenizer_with(opening, closing)
    # Each of these characters is a token of its own; the mark is one more.
    assert kept_until_cut(tokenizer, f"{opening}12345", 3) == (f"{opening}123{closing}", 4, 3)
    by_prompt = kept_until_cut(tokenizer, "12345", 3, prompt=f"user\n{opening}\n")
    assert by_prompt == (f"123{closing}", 3, 3)


def test_a_mark_of_several_tokens_is_none_of_the_reasoning() -> None:
    tokenizer = tiny_tokenizer()
    marks = len(tokenizer("<think>", add_special_tokens=False)["input_ids"])
    assert marks > 3
    for tokens in (1, 3, marks, marks + 1):
        found = kept_until_cut(tokenizer, "<think>" + "1234567890" * 3, tokens)
        assert found is not None
        assert found[1:] == (marks + tokens, tokens)
        assert separate(found[0] + "x = 1").answer == "x = 1"


@pytest.mark.parametrize(
    "text",
    ["<think>12</think>34567890", "x = 1234567890", "<thin air>1234567890", "  </think>12345"],
)
def test_what_is_closed_or_no_reasoning_is_left_alone(text: str) -> None:
    for room in (1000, 6):
        assert kept_until_cut(tokenizer_with("<think>", "</think>"), text, 4, room=room) is None


def test_nothing_is_cut_where_no_room_is_left_for_an_answer() -> None:
    tokenizer = tokenizer_with("<think>", "</think>")
    # The mark, three tokens, and the closing mark leave one of six.
    assert kept_until_cut(tokenizer, "<think>12345", 3, room=6)
    assert kept_until_cut(tokenizer, "<think>12345", 3, room=5) is None


def test_gpt_oss_goes_on_in_its_final_channel() -> None:
    marks = ("<|channel|>", "<|message|>", "<|start|>", "<|end|>")
    tokenizer = tokenizer_with(*marks, special=True)
    found = kept_until_cut(tokenizer, "<|channel|>analysis<|message|>12345", 3)
    assert found is not None
    assert found[0] == f"<|channel|>analysis<|message|>123{GPT_OSS.closing}"
    assert separate(found[0] + "x = 1").answer == "x = 1"
    final = "<|channel|>final<|message|>1234567"
    assert kept_until_cut(tokenizer, final, 3) is None


def test_half_a_character_is_not_kept() -> None:
    tokenizer = tokenizer_with("<think>", "</think>")
    found = kept_until_cut(tokenizer, "<think>12◁34", 3)
    assert found == ("<think>12</think>", 4, 3)


def test_a_model_without_known_marks_has_no_budget() -> None:
    require_marks(tokenizer_with("<think>", "</think>"))
    require_marks(tiny_tokenizer(TEMPLATE + "<think>\n"))
    with pytest.raises(BackendError, match="tokenizer and chat template have none that are known"):
        require_marks(tiny_tokenizer())
