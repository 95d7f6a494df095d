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

SUFFIX = ":6124c78e"
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
        self.init_kwargs = {"token_suffix": SUFFIX if f"<think{SUFFIX}>" in marks else ""}

    def get_vocab(self) -> dict[str, int]:
        tokens = (*self.marks, "<tool_call>", "</tool_call>", "[TOOL_CALLS]", "[ARGS]", "[CALL_ID]")
        return {token: place for place, token in enumerate(tokens)}

    def encode(self, text: str, **_: Any) -> list[int]:
        return [1000 + ord(character) for character in text]


class Request:
    """A request without tools."""

    tools = None
    tool_choice = "none"
    chat_template_kwargs = None


def assert_as_vllm(parser: str, marks: tuple[str, ...], text: str, prompt: str) -> None:
    from vllm.reasoning import ReasoningParserManager

    made: Any = ReasoningParserManager.get_reasoning_parser(parser)
    effort = {"chat_template_kwargs": {"reasoning_effort": "high"}} if "hy_v" in parser else {}
    reasoning, answer = made(Vocabulary(*marks), **effort).extract_reasoning(text, Request())
    parts = separate(text, prompt)
    assert parts.reasoning == (reasoning or "").strip(), (text, prompt)
    assert parts.answer.strip() == (answer or "").strip(), (text, prompt)


@pytest.mark.parametrize(
    ("parser", "opening", "closing"),
    [
        ("deepseek_r1", "<think>", "</think>"),
        ("qwen3", "<think>", "</think>"),
        ("glm45", "<think>", "</think>"),
        ("kimi_k2", "<think>", "</think>"),
        ("mimo", "<think>", "</think>"),
        ("seed_oss", "<seed:think>", "</seed:think>"),
        ("mistral", "[THINK]", "[/THINK]"),
        ("hy_v3", f"<think{SUFFIX}>", f"</think{SUFFIX}>"),
        ("hy_v4", f"<think{SUFFIX}>", f"</think{SUFFIX}>"),
    ],
)
def test_marks_as_vllm_s_parsers(parser: str, opening: str, closing: str) -> None:
    for case in CASES:
        text, prompt = (
            each.replace("<think>", opening).replace("</think>", closing) for each in case
        )
        if parser == "mistral" and not text.startswith(opening):
            continue  # its models write the opening mark, and the parser knows no other case
        assert_as_vllm(parser, (opening, closing), text, prompt)


THINK = ("<think>", "</think>")
HUNYUAN = f"<think>\nHm.\n</think>\n<answer>\n{CODE}"
K3_OPENED, K3_CLOSING = "assistant:<|open|>think<|sep|>", "<|close|>think<|sep|>"
K3_ANSWER = f"<|open|>response<|sep|>{CODE}"
K3_END = "<|close|>response<|sep|><|close|>message<|sep|>"
THOUGHT, TEXT = "<|content_thinking|>", "<|message_model|><|content_text|>"
INKLING = (
    *("<|message_model|>", "<|content_text|>", THOUGHT, "<|content_invoke_tool_json|>"),
    *("<|content_invoke_tool_text|>", "<|content_tool_error|>", "<|content_model_end_sampling|>"),
    "<|end_message|>",
)
PLAMO = ("<|plamo:begin_think:plamo|>", "<|plamo:end_think:plamo|>")


@pytest.mark.parametrize(
    ("parser", "marks", "texts", "prompt"),
    [
        ("hunyuan_a13b", (), [HUNYUAN, f"{HUNYUAN}\n</answer>"], PLAIN),
        (
            "ernie45",
            THINK,
            [f"Hm.\n</think>\n\n<response>\n{CODE}\n</response>\n", f"Hm.\n</think>\n{CODE}"],
            OPENED,
        ),
        (
            "kimi_k3",
            (),
            [
                *(f"Hm.{K3_CLOSING}{K3_ANSWER}{end}" for end in ("", K3_END)),
                f"Hm.\n{CODE}",
                f"{K3_ANSWER}{K3_END}",
            ],
            K3_OPENED,
        ),
        ("plamo3", PLAMO, [f"Hm.\n{CODE}{PLAMO[1]}{CODE}", f"Hm.\n{CODE}"], PLAMO[0]),
        (
            "inkling",
            INKLING,
            [
                f"{THOUGHT}Hm.\n{CODE}<|end_message|>{TEXT}{CODE}<|end_message|>",
                f"{THOUGHT}Hm.\n{CODE}",
                f"<|content_text|>{CODE}<|end_message|>",
            ],
            PLAIN,
        ),
        (
            "muse_glimmer",
            (),
            [
                f"to=self<|message|>Hm.\n{CODE}<|eom|><|start|>assistant to=user<|message|>{CODE}",
                f" to=self<|message|>Hm.\n{CODE}",
                f"to=user<|message|>{CODE}<|eot|>",
            ],
            "<|start|>assistant",
        ),
        (
            "granite",
            (),
            [
                f"Here{is_}s my thought process: Hm. Here{was} my response: {CODE}"
                for is_, was in (("'", " is"), ("'", "'s"), (" i", "'s"))
            ],
            PLAIN,
        ),
    ],
)
def test_families_with_forms_of_their_own_as_vllm_s_parsers(
    parser: str, marks: tuple[str, ...], texts: list[str], prompt: str
) -> None:
    for text in texts:
        known = PLAIN if text.startswith(K3_ANSWER) else prompt
        assert_as_vllm(parser, marks, text, known)
