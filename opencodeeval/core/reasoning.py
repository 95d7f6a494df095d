"""Separates a model's reasoning from its answer, as the parsers of inference servers do.

The rules, in order:

1. Reasoning that a server has sent apart: the text is the answer.
2. The channels of gpt-oss: the answer is what stands in the channel "final".
3. An opening mark at the start of the text, or at the end of the prompt (some chat templates
   write it): the reasoning ends at the first closing mark of the same kind. Several rounds
   may follow each other; the text after the last one counts.
4. A closing mark without an opening one: everything before the first is reasoning, as in the
   parsers of DeepSeek-R1 and Qwen3. They see tokens, this sees text, so a mark that belongs to
   a program does not count: one beside a quote, or inside a block of code that is Python
   or has more on the mark's line, or in a text that is Python as a whole. None counts
   after a prompt that ends in closed reasoning (`<think></think>`).
5. An opening mark in the prose before the first block of code that is never closed.
   It begins a line or follows a sentence, or reasoning follows it directly.

Reasoning that never ends leaves no answer.
"""

from __future__ import annotations

import re
import sys
import textwrap
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from opencodeeval.core.syntax import parse
from opencodeeval.core.types import Completion, ModelType

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
    ("<|open|>think<|sep|>", "<|close|>think<|sep|>"),  # Kimi K3
    ("<ifm|think>", "</ifm|think>"),  # K2 Horizon, by effort
    ("<ifm|think_fast>", "</ifm|think_fast>"),
    ("<ifm|think_faster>", "</ifm|think_faster>"),
)
# Sentences in their place. Others write them too, so they count only at the start of the text,
# or at the end of the prompt.
SENTENCES = (
    ("Here is my thought process:", "Here is my response:"),  # Granite 3.2
    ("Here's my thought process:", "Here's my response:"),
    ("Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]"),  # Apriel
)
# Special tokens of gpt-oss that a tokenizer may leave out of the text.
CHANNEL_MARKS = ("<|channel|>", "<|message|>")
# Ends a message of gpt-oss and begins its answer.
FINAL_CHANNEL = "<|end|><|start|>assistant<|channel|>final<|message|>"

_Span = tuple[int, int]
_CLOSING = dict(MARKS + SENTENCES)
_ALL_MARKS = tuple(mark for pair in MARKS for mark in pair)
_ANY_OPENING = "|".join(re.escape(opening) for opening, _ in MARKS)
_ANY_CLOSING = "|".join(re.escape(closing) for _, closing in MARKS)
_LEADING = re.compile(rf"[\s\ufeff]*({'|'.join(map(re.escape, _CLOSING))})")
_NEXT_ROUND = re.compile(rf"^[ \t]*({_ANY_OPENING})", re.MULTILINE)
_FREE_CLOSING = re.compile(rf"(?<![\"'])(?<!(?<!`)`)(?:{_ANY_CLOSING})(?![\"'])(?!`(?!`))")
# After a sentence; elsewhere only with the reasoning right behind it, as prose may name a mark.
_FREE_OPENING = re.compile(
    r"(?:^[ \t]*|[.!?:;,…]\s+"
    rf"|(?<![\"'`])(?=(?:{_ANY_OPENING})(?:[A-Za-z]|[ \t]*\n(?!\s*(?:```|~~~)))))"
    rf"({_ANY_OPENING})(?![\"'])(?!`(?!`))",
    re.MULTILINE,
)
_ANYTHING = re.compile(r"\S")
# On a line of its own, before a closing mark ("```</think>"), or at the end of a line of prose.
_FENCE = re.compile(
    rf"^[ \t]*(`{{3,}}|~{{3,}})(?!`)(?:[^`\n]*$|(?={_ANY_CLOSING}))|(?<!`)(`{{3}})(?!`)\w*[ \t]*$",
    re.MULTILINE,
)

_CHANNEL = re.compile(r"<\|channel\|>(\w+)[^\n]*?<\|message\|>")
_MESSAGE_ENDS = ("<|end|>", "<|return|>", "<|call|>", "<|start|>assistant")
_BARE_FINAL = "assistantfinal"
# "analysisWe need", but neither the assignment `analysisResult = 1` nor the word alone.
_BARE_ANALYSIS = re.compile(r"\s*analysis(?=[A-Z][\w'\u2019]*[\s,.:;!?](?!\s*[=\[(]))")


@dataclass(frozen=True)
class Parts:
    """A text without its reasoning; not `ended`: it ended inside its reasoning."""

    answer: str
    reasoning: str = ""
    ended: bool = True


def parts_of(completion: Completion) -> Parts:
    """The answer of a chat completion, and its reasoning where the text or the server has it."""
    if completion.finish_reason == "prompt_too_long":
        return Parts(completion.text)
    if completion.reasoning or (completion.thinking_tokens and not completion.text.strip()):
        ended = bool(completion.text.strip())
        return Parts(completion.text, completion.reasoning, ended)
    return separate(completion.text, completion.prompt)


def answer_of(completion: Completion, model_type: ModelType) -> str:
    """The completion's text without reasoning; only answers of chat models have any."""
    if completion.form != "answer" or model_type == "base":
        return completion.text
    return parts_of(completion).answer


def unfinished(finish_reason: str) -> str:
    """Why there is nothing to run, of an answer that ended inside its reasoning."""
    if finish_reason == "length":
        return "the answer was cut off inside its reasoning"
    return "the answer ended inside its reasoning"


def separate(text: str, prompt: str = "") -> Parts:
    """The answer in a text that follows `prompt` (as the model saw it, "" if unknown)."""
    found = _channels(text)
    if found is not None:
        return found
    before = prompt.rstrip()
    start, closing = _leading(text, before)
    if closing:
        return _rounds(text, start, _first_closing(text, start, closing), closing)
    # Most answers have no mark at all, which is seen in a tenth of the time.
    if not any(mark in text for mark in _ALL_MARKS):
        return Parts(text)
    stray = None if before.endswith(tuple(_CLOSING.values())) else _stray_closing(text)
    if stray:
        return _rounds(text, 0, stray.start(), stray[0])
    opening = _FREE_OPENING.search(text)
    if opening and not _FENCE.search(text, 0, opening.start(1)) and parse(text) is None:
        return Parts("", text[opening.end() :].strip(), ended=False)
    return Parts(text)


def opened(text: str, prompt: str = "") -> tuple[int, str] | None:
    """Of a text that is in its leading reasoning: where that begins, and what would close it."""
    channel = _CHANNEL.match(text)
    if channel:
        ended = channel[1] == "final" or any(end in text for end in _MESSAGE_ENDS)
        return None if ended else (channel.end(), FINAL_CHANNEL)
    start, closing = _leading(text, prompt.rstrip())
    if not closing or _first_closing(text, start, closing) is not None:
        return None
    return start, closing


def may_open(text: str) -> bool:
    """Whether more of a text may make it one that begins with an opening mark."""
    begun = text.lstrip()
    if begun.startswith(CHANNEL_MARKS[0]):
        return CHANNEL_MARKS[1] not in begun
    return any(mark.startswith(begun) for mark in (*_CLOSING, CHANNEL_MARKS[0]))


def _leading(text: str, before: str) -> tuple[int, str]:
    """Where reasoning at the start of a text begins, and its closing mark; "" if there is none."""
    leading = _LEADING.match(text)
    if leading:
        return leading.end(), _CLOSING[leading[1]]
    return 0, next((end for begin, end in _CLOSING.items() if before.endswith(begin)), "")


def _rounds(text: str, start: int, end: int | None, closing: str) -> Parts:
    """The parts of a text with reasoning between `start` and `end`, or one that never ends.

    A further round counts if it comes before any answer, or if another answer follows it.
    """
    found = [text[start:end]]
    if end is None:
        return Parts("", _joined(found), ended=False)
    at = end + len(closing)
    openings = _NEXT_ROUND.finditer(text, at)
    blocks: list[_Span] | None = None
    while True:
        leading = opening = _LEADING.match(text, at)
        if leading is None:
            blocks = list(_blocks(text, at)) if blocks is None else blocks
            later = (each for each in openings if each.start() >= at)
            opening = next((each for each in later if not _around(blocks, each.start())), None)
        if opening is None:
            return Parts(text[at:], _joined(found))
        closing = _CLOSING[opening[1]]
        end = _first_closing(text, opening.end(), closing)
        if leading is None and (end is None or not _ANYTHING.search(text, end + len(closing))):
            return Parts(text[at:], _joined(found))
        found.append(text[opening.end() : end])
        if end is None:
            return Parts("", _joined(found), ended=False)
        at = end + len(closing)


def _joined(found: Sequence[str]) -> str:
    return "\n\n".join(part.strip() for part in found if part.strip())


def _first_closing(text: str, start: int, closing: str) -> int | None:
    at = text.find(closing, start)
    while at >= 0:
        before, after = text[max(0, at - 1) : at], text[at + len(closing) : at + len(closing) + 1]
        # Reasoning may name the mark in quotes, and may end in a quote or in a block of code.
        quoted = before == after and before in ("'", '"', "`")
        if not quoted or text.endswith("``", 0, at):
            return at
        at = text.find(closing, at + 1)
    return None


def _stray_closing(text: str) -> re.Match[str] | None:
    """The first closing mark that is no part of a program."""
    blocks: list[_Span] | None = None
    python: dict[_Span, bool] = {}
    for mark in _FREE_CLOSING.finditer(text):
        if blocks is None:
            if parse(text) is not None:
                return None
            blocks = list(_blocks(text, 0))
        block = _around(blocks, mark.start())
        if block is None:
            return mark
        if not _alone_on_its_line(text, mark):
            continue
        if block not in python:
            python[block] = parse(textwrap.dedent(text[slice(*block)])) is not None
        if not python[block]:
            return mark
    return None


def _alone_on_its_line(text: str, mark: re.Match[str]) -> bool:
    start = text.rfind("\n", 0, mark.start()) + 1
    end = text.find("\n", mark.end())
    return not (text[start : mark.start()] + text[mark.end() : end if end >= 0 else None]).strip()


def _blocks(text: str, start: int) -> Iterator[_Span]:
    """The content of each fenced block in order; one that is never closed reaches to the end."""
    opened: tuple[int, str] | None = None
    for fence in _FENCE.finditer(text, start):
        mark = fence[1] or fence[2]
        if opened is None:
            opened = fence.end(), mark
        elif fence[1] and mark[0] == opened[1][0] and len(mark) >= len(opened[1]):
            yield opened[0], fence.start()
            opened = None
    if opened:
        yield opened[0], len(text)


def _around(blocks: Sequence[_Span], at: int) -> _Span | None:
    """The block that a place is in."""
    place = bisect(blocks, (at, sys.maxsize)) - 1
    return blocks[place] if place >= 0 and at < blocks[place][1] else None


def _channels(text: str) -> Parts | None:
    """The parts of a text in channels, with or without the special tokens."""
    if text.lstrip().startswith(("<|channel|>", "<|start|>assistant")):
        heads = list(_CHANNEL.finditer(text))
        ends = [*(head.start() for head in heads), len(text)][1:]
        messages = [
            (head[1], _without_end(text[head.end() : end]))
            for head, end in zip(heads, ends, strict=True)
        ]
        final = [body for channel, body in messages if channel == "final"]
        others = [body.strip() for channel, body in messages if channel != "final"]
        return Parts("\n".join(final), "\n\n".join(others), ended=bool(final))
    bare = re.match(r"\s*analysis", text)
    if bare is None:
        return None
    reasoning, final_mark, answer = text[bare.end() :].partition(_BARE_FINAL)
    if final_mark:
        return Parts(answer, reasoning.strip())
    return Parts("", reasoning.strip(), ended=False) if _BARE_ANALYSIS.match(text) else None


def _without_end(body: str) -> str:
    end = len(body)
    while True:
        last = end
        while last and body[last - 1].isspace():
            last -= 1
        mark = next((each for each in _MESSAGE_ENDS if body.endswith(each, 0, last)), None)
        if mark is None:
            return body[:end]
        end = last - len(mark)
