"""The marks that models put around their reasoning and their answers, and who writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from opencodeeval.core.channels import CHANNEL_MARKS, KNOWN_BY

# Opening and closing marks, and a model family that writes them.
MARKS = (
    ("<think>", "</think>"),  # DeepSeek-R1, QwQ, Qwen3, GLM-4.5, Kimi K2, MiniMax-M2, Nemotron
    ("<thinking>", "</thinking>"),  # models that a system prompt teaches to reason
    ("[THINK]", "[/THINK]"),  # Magistral
    ("<seed:think>", "</seed:think>"),  # Seed-OSS
    ("<mm:think>", "</mm:think>"),  # MiniMax-M3
    ("◁think▷", "◁/think▷"),  # Kimi-VL
    ("<|START_THINKING|>", "<|END_THINKING|>"),  # Command A Reasoning
    ("<|channel>", "<channel|>"),  # Gemma 4
    ("<|begin_of_thought|>", "<|end_of_thought|>"),  # Sky-T1, OpenThinker
    ("<thought>", "</thought>"),  # Gemini, behind servers with the OpenAI interface
    ("<reasoning>", "</reasoning>"),  # models trained with rewards for this format
    ("<REASONING>", "</REASONING>"),
    ("<start_working_out>", "<end_working_out>"),
    ("<scratchpad>", "</scratchpad>"),
    ("<longcat_think>", "</longcat_think>"),  # LongCat
    ("<unused94>", "<unused95>"),  # MedGemma
    ("[unused16]", "[unused17]"),  # openPangu
    ("<|plamo:begin_think:plamo|>", "<|plamo:end_think:plamo|>"),  # PLaMo 3
    ("<|open|>think<|sep|>", "<|close|>think<|sep|>"),  # Kimi K3
    ("<ifm|think>", "</ifm|think>"),  # K2 Horizon, by effort
    ("<ifm|think_fast>", "</ifm|think_fast>"),
    ("<ifm|think_faster>", "</ifm|think_faster>"),
)
# Granite 3.2 ends with either, however it began.
GRANITE_CLOSINGS = ("Here is my response:", "Here's my response:")
# Sentences in their place. Others write them too, so they count only at the start of the text,
# or at the end of the prompt.
SENTENCES = (
    ("Here is my thought process:", GRANITE_CLOSINGS[0]),
    ("Here's my thought process:", GRANITE_CLOSINGS[1]),
    ("Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]"),  # Apriel
)
# Marks around the answer of some families. Special tokens are such marks wherever an answer
# begins with them; the others only after reasoning.
SPECIAL_WRAPPERS = (
    ("<|START_RESPONSE|>", "<|END_RESPONSE|>"),  # Command A Reasoning
    ("<|open|>response<|sep|>", "<|close|>response<|sep|>"),  # Kimi K3
    ("<|begin_of_solution|>", "<|end_of_solution|>"),  # Sky-T1, OpenThinker
)
WRAPPERS = (
    *SPECIAL_WRAPPERS,
    ("<answer>", "</answer>"),  # Hunyuan A13B, models trained with rewards for this format
    ("<response>", "</response>"),  # ERNIE 4.5
    ("<SOLUTION>", "</SOLUTION>"),  # beside <start_working_out>
)

# Hunyuan 3 and later have <think:SUFFIX>, with a suffix for each checkpoint.
SUFFIXED = r"think:[\w.-]{1,40}>"
_SUFFIXED = re.compile(f"</?{SUFFIXED}")


def names_marks(template: str) -> bool:
    """Whether a chat template has marks of reasoning."""
    openings = (*(opening for opening, _ in MARKS), *KNOWN_BY)
    return any(mark in template for mark in openings) or bool(_SUFFIXED.search(template))


def known_marks(vocabulary: Iterable[str]) -> list[str]:
    """Those tokens that mark reasoning, of channels too."""
    known = {*(mark for pair in MARKS for mark in pair), *CHANNEL_MARKS}
    return [
        token
        for token in vocabulary
        if token in known or ("think:" in token and _SUFFIXED.fullmatch(token))
    ]
