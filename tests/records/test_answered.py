"""Shares of answers that were cut off or hold no code, and what a reader is told of them."""

from __future__ import annotations

from typing import Any

import pytest

from opencodeeval.records.answered import advice, counts, lines
from opencodeeval.records.schema import Record, content_of
from tests.support.records import greedy, record, stored

NONE = greedy("0" * 20)


def made(reasons: dict[str, int], no_code: int = 0, **changes: Any) -> Record:
    content = record(NONE, changes={"totals": {"finish_reasons": reasons}, **changes})
    if no_code:
        content["verdicts"]["base"] = {"no_code": no_code, "wrong": 20 - no_code}
    return stored(content).record


def test_an_ordinary_record_has_two_shares_and_no_advice() -> None:
    ordinary = made({"stop": 19, "length": 1}, no_code=1)
    assert lines(ordinary) == ["answers: 5.0 % cut off at 512 tokens, 5.0 % without code"]
    assert counts(ordinary).cut_off_share == 0.05
    assert counts(ordinary).without_code_share == 0.05
    assert "reasoning" not in content_of(ordinary)


@pytest.mark.parametrize("reasons", [{}, {"sample": 20}, {"reference": 20}])
def test_of_samples_from_elsewhere_it_is_not_known_how_they_ended(reasons: dict[str, int]) -> None:
    assert counts(made(reasons)).cut_off_share is None
    assert lines(made(reasons)) == ["answers: 0.0 % without code"]
    of_a_file = made(reasons, no_code=2, reasoning={"answers": 5, "unfinished": 2})
    _, told, warning = lines(of_a_file)
    assert told == "reasoning: in 5 answers; 2 ended inside it"
    assert warning.startswith(
        "warning: 10.0 % of the answers ended inside their reasoning and have no code: they may "
    )


def test_many_answers_that_were_cut_off() -> None:
    assert advice(made({"stop": 18, "length": 2}, no_code=2)) == [
        "10.0 % of the answers were cut off at 512 tokens: raise --max-tokens"
    ]
    endless = made({"stop": 18, "length": 2}, sampling={"ignore_eos": True})
    (line,) = advice(endless)
    assert line.endswith("cut off at 512 tokens: with --ignore-eos an answer ends nowhere else")
    model = {"identity": {"backend": "vllm", "model": "m", "max_model_len": 600}}
    totals = {"finish_reasons": {"length": 20}, "prompt_tokens": 20 * 100}
    small = stored(record(NONE, changes={"totals": totals, "model": model})).record
    (line,) = advice(small)
    assert "raise --max-tokens and --max-model-len (the model's context here is 600" in line


def test_prompts_that_do_not_fit() -> None:
    assert lines(made({"stop": 18, "prompt_too_long": 2}))[0] == (
        "answers: 0.0 % cut off at 512 tokens, 2 prompts longer than the model's context, "
        "0.0 % without code"
    )


def test_many_answers_without_code_that_were_not_cut_off() -> None:
    assert advice(made({"stop": 20}, no_code=2)) == [
        "10.0 % of the answers hold no code: read some of them with `opencodeeval report`"
    ]
    reasoning = {"answers": 20, "unfinished": 2}
    (line,) = advice(made({"stop": 20}, no_code=2, reasoning=reasoning))
    assert line.startswith("10.0 % of the answers ended inside their reasoning without being cut")


def test_reasoning_is_told() -> None:
    assert lines(made({"stop": 20}, reasoning={"answers": 5, "tokens": 12, "counted": 2}))[1] == (
        "reasoning: in 5 answers, 6 tokens on average"
    )
    reasoning = {"answers": 5, "at_budget": 2, "unfinished": 1, "cut_off": 1}
    assert lines(made({"stop": 20}, reasoning=reasoning))[1] == (
        "reasoning: in 5 answers; 2 cut at the thinking budget; 1 ended inside it (1 of them cut "
        "off)"
    )
