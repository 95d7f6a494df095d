"""The tiny checkpoints: small, of rising skill, and usable by any engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.starter_plain import MAX_NEW_TOKENS, head, question, rows, solved

pytest.importorskip("torch")
pytest.importorskip("transformers")

CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"
HELD_OUT = {"starter/5", "starter/8", "starter/17", "starter/23"}
ROWS = rows()
TAUGHT = {row["task_id"] for row in ROWS} - HELD_OUT

both_kinds = pytest.mark.parametrize("kind", ["base", "chat"])


def steps(kind: str) -> list[Path]:
    return sorted((CHECKPOINTS / f"starter-tiny-{kind}").glob("step-*"))


def load_tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def load_model(folder: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


@both_kinds
def test_each_kind_has_three_checkpoints_of_less_than_1_5_mb(kind: str) -> None:
    assert len(steps(kind)) == 3
    for folder in steps(kind):
        assert sum(file.stat().st_size for file in folder.iterdir()) < 1_500_000


@both_kinds
@pytest.mark.parametrize(("stage", "low", "high"), [(0, 1, 6), (1, 7, 14)], ids=["early", "middle"])
def test_unfinished_checkpoints_solve_some(kind: str, stage: int, low: int, high: int) -> None:
    """A range, because kernels of another processor may tip a close token."""
    folder = steps(kind)[stage]
    passed = solved(load_model(folder), load_tokenizer(folder), kind)
    assert low <= len(passed) <= high
    assert set(passed) < TAUGHT


@both_kinds
def test_the_last_checkpoint_solves_what_it_was_taught_and_no_more(kind: str) -> None:
    folder = steps(kind)[-1]
    assert set(solved(load_model(folder), load_tokenizer(folder), kind)) == TAUGHT


@both_kinds
def test_every_prompt_and_answer_fit_the_context(kind: str) -> None:
    folder = steps(kind)[-1]
    tokenizer = load_tokenizer(folder)
    context = json.loads((folder / "config.json").read_text())["max_position_embeddings"]
    for row in ROWS:
        answer = tokenizer.encode(head(row) + row["canonical_solution"])
        assert len(tokenizer.encode(question(row, kind))) + MAX_NEW_TOKENS < context
        assert len(answer) < MAX_NEW_TOKENS


@both_kinds
def test_any_text_survives_the_tokenizer(kind: str) -> None:
    tokenizer = load_tokenizer(steps(kind)[-1])
    texts = [row["prompt"] + row["canonical_solution"] for row in ROWS]
    for text in [*texts, "\tnaïve 価格 = '🙂'\r\n\n   x  "]:
        ids = tokenizer.encode(text, add_special_tokens=False)
        assert tokenizer.decode(ids) == text


def test_only_the_chat_kind_has_a_chat_template() -> None:
    assert load_tokenizer(steps("base")[-1]).chat_template is None
    assert load_tokenizer(steps("chat")[-1]).chat_template


def test_base_text_gets_one_bos() -> None:
    tokenizer = load_tokenizer(steps("base")[-1])
    assert tokenizer.encode("x = 1").count(tokenizer.bos_token_id) == 1


def test_the_chat_template_opens_the_assistant_turn_on_request() -> None:
    tokenizer = load_tokenizer(steps("chat")[-1])
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": " Hi\n"}]
    closed = tokenizer.apply_chat_template(turns, tokenize=False)
    assert closed == "<|bos|><|system|>\nBe brief.<|eos|>\n<|user|>\n Hi\n<|eos|>\n"
    opened = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert opened == closed + "<|assistant|>\n"


def test_the_chat_template_continues_a_partial_answer() -> None:
    tokenizer = load_tokenizer(steps("chat")[-1])
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Here is the function:\n```python\n"},
    ]
    text = tokenizer.apply_chat_template(turns, tokenize=False, continue_final_message=True)
    assert text == "<|bos|><|user|>\nHi<|eos|>\n<|assistant|>\nHere is the function:\n```python\n"
