"""Our separation of reasoning gives what vLLM's own parsers give, where both see the same text."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from opencodeeval.core.reasoning import separate

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]

CODE = "```python\ndef f(x):\n    return 1\n```"
OPENED, PLAIN = "assistant:\n<think>\n", "assistant:\n"
CASES = [
    (f"<think>\nHm.\n</think>\n\n{CODE}", PLAIN),
    (f"<think>\n\n</think>\n\n{CODE}", PLAIN),
    (f"Hm.\n{CODE}\n</think>\n\n{CODE}", OPENED),
    (f"Hm.</think>{CODE}", OPENED),
    (f"<think>Hm.</think>{CODE}", OPENED),
    (f"<think>\nHm.\n{CODE}", PLAIN),
    (f"Hm.\n{CODE}", OPENED),
    ("Hm.\n</think>", OPENED),
    (f"Hm.\n</think>\n{CODE}", PLAIN),
]


class Vocabulary:
    """As much of a tokenizer as these parsers need; the marks are tokens of their own."""

    def __init__(self, *marks: str) -> None:
        self.marks = marks

    def get_vocab(self) -> dict[str, int]:
        tokens = (*self.marks, "<tool_call>", "</tool_call>", "[TOOL_CALLS]", "[ARGS]", "[CALL_ID]")
        return {token: place for place, token in enumerate(tokens)}


@pytest.mark.parametrize(
    ("parser", "opening", "closing"),
    [
        ("deepseek_r1", "<think>", "</think>"),
        ("qwen3", "<think>", "</think>"),
        ("glm45", "<think>", "</think>"),
        ("kimi_k2", "<think>", "</think>"),
        ("seed_oss", "<seed:think>", "</seed:think>"),
        ("mistral", "[THINK]", "[/THINK]"),
    ],
)
def test_marks_as_vllm_s_parsers(parser: str, opening: str, closing: str) -> None:
    from vllm.reasoning import ReasoningParserManager

    made: Any = ReasoningParserManager.get_reasoning_parser(parser)
    for case in CASES:
        text, prompt = (
            each.replace("<think>", opening).replace("</think>", closing) for each in case
        )
        if parser == "mistral" and not text.startswith(opening):
            continue  # its models write the opening mark, and the parser knows no other case
        reasoning, answer = made(Vocabulary(opening, closing)).extract_reasoning(text, None)
        parts = separate(text, prompt)
        assert parts.reasoning == (reasoning or "").strip(), (text, prompt)
        assert parts.answer.strip() == (answer or "").strip(), (text, prompt)
