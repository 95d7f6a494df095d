"""Separates a model's reasoning from its answer, as the parsers of inference servers do.

The rules, in order:

1. Reasoning that a server has sent apart: the text is the answer.
2. Channels (core/channels.py), as gpt-oss has: the answer is what stands in the channel "final".
3. An opening mark at the start of the text, or at the end of the prompt (some chat templates
   write it): the reasoning ends at the first closing mark of the same kind. Several rounds
   may follow each other; the text after the last one counts.
4. A closing mark without an opening one: everything before the first is reasoning, as in the
   parsers of DeepSeek-R1 and Qwen3. They see tokens, this sees text, so a mark that belongs to
   a program does not count: one beside a quote, or inside a block of code that is Python, is
   closed, or has more on the mark's line, or in a text that is Python as a whole. None counts
   after a prompt that ends in closed reasoning (`<think></think>`).
5. An opening mark in the prose before the first block of code that is never closed.
   It begins a line or follows a sentence, or reasoning follows it directly.

Reasoning that never ends leaves no answer. Marks that a family puts around its answer are
taken off.
"""

from __future__ import annotations

import re
import sys
import textwrap
from bisect import bisect, bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from opencodeeval.core import channels
from opencodeeval.core.reasoning_marks import (
    GRANITE_CLOSINGS,
    MARKS,
    SENTENCES,
    SPECIAL_WRAPPERS,
    SUFFIXED,
    WRAPPERS,
)
from opencodeeval.core.syntax import parse
from opencodeeval.core.types import Completion, ModelType

_Span = tuple[int, int]
_CLOSING = dict(MARKS + SENTENCES)
_ALL_MARKS = tuple(mark for pair in MARKS for mark in pair)
_ANY_OPENING = "|".join([*(re.escape(opening) for opening, _ in MARKS), f"<{SUFFIXED}"])
_ANY_CLOSING = "|".join([*(re.escape(closing) for _, closing in MARKS), f"</{SUFFIXED}"])
_LEADING = re.compile(rf"[\s\ufeff]*({'|'.join(map(re.escape, _CLOSING))}|<{SUFFIXED})")
_AT_THE_END = re.compile(rf"({'|'.join(map(re.escape, _CLOSING))}|<{SUFFIXED})\Z")
_CLOSED = re.compile(rf"(?:{'|'.join(map(re.escape, _CLOSING.values()))}|</{SUFFIXED})\Z")
_LONGEST = 60
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
        answer = _unwrapped(completion.text, WRAPPERS)
        return Parts(answer, completion.reasoning, ended)
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
    before = prompt.rstrip()
    found = _channels(text, before)
    if found is not None:
        return found
    found = _separate(text, before)
    after_reasoning = found.answer != text or _CLOSED.search(before, len(before) - _LONGEST)
    wrappers = WRAPPERS if after_reasoning else SPECIAL_WRAPPERS
    return replace(found, answer=_unwrapped(found.answer, wrappers))


def _separate(text: str, before: str) -> Parts:
    """The same of a text without channels."""
    start, closing = _leading(text, before)
    if closing:
        closing = _as_written(text, start, closing)
        return _rounds(text, start, _first_closing(text, start, closing), closing)
    # Most answers have no mark at all, which is seen in a tenth of the time.
    if not any(mark in text for mark in _ALL_MARKS) and "think:" not in text:
        return Parts(text)
    stray = None if _CLOSED.search(before, len(before) - _LONGEST) else _stray_closing(text)
    if stray:
        return _rounds(text, 0, stray.start(), stray[0])
    opening = _FREE_OPENING.search(text)
    if opening and not _FENCE.search(text, 0, opening.start(1)) and parse(text) is None:
        return Parts("", text[opening.end() :].strip(), ended=False)
    return Parts(text)


def opened(text: str, prompt: str = "") -> tuple[int, str] | None:
    """Of a text that is in its leading reasoning: where that begins, and what would close it."""
    head = channels.begun(prompt.rstrip())
    channel = channels.opened(head + text)
    if channel:
        is_open, begins, closing = channel
        return (max(0, begins - len(head)), closing) if is_open else None
    start, closing = _leading(text, prompt.rstrip())
    if not closing or _first_closing(text, start, _as_written(text, start, closing)) is not None:
        return None
    return start, closing


def may_open(text: str) -> bool:
    """Whether more of a text may make it one that begins with an opening mark."""
    begun = text.lstrip()
    if channels.may_begin(text) or re.fullmatch(r"<think:[\w.-]{0,40}", begun):
        return True
    return any(mark.startswith(begun) for mark in _CLOSING)


def _leading(text: str, before: str) -> tuple[int, str]:
    """Where reasoning at the start of a text begins, and its closing mark; "" if there is none."""
    leading = _LEADING.match(text)
    if leading:
        return leading.end(), _closing_of(leading[1])
    at_the_end = _AT_THE_END.search(before, len(before) - _LONGEST)
    return 0, _closing_of(at_the_end[1]) if at_the_end else ""


def _closing_of(opening: str) -> str:
    return _CLOSING.get(opening) or opening.replace("<", "</", 1)


def _as_written(text: str, start: int, closing: str) -> str:
    """The closing mark that comes first, of those that a family writes for this one."""
    of_granite = GRANITE_CLOSINGS if closing in GRANITE_CLOSINGS else ()
    written = [each for each in of_granite if text.find(each, start) >= 0]
    return min(written, key=lambda each: text.find(each, start), default=closing)


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
        closing = _closing_of(opening[1])
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
    fences: list[re.Match[str]] = []
    programs: dict[_Span, bool] = {}
    for mark in _FREE_CLOSING.finditer(text):
        if blocks is None:
            if parse(text) is not None:
                return None
            blocks, fences = list(_blocks(text, 0)), list(_FENCE.finditer(text))
        block = _around(blocks, mark.start())
        if block is None:
            return mark
        if not _alone_on_its_line(text, mark):
            continue
        if block not in programs:
            python = parse(textwrap.dedent(text[slice(*block)])) is not None
            programs[block] = python or _is_closed(fences, block)
        if not programs[block]:
            return mark
    return None


def _is_closed(fences: Sequence[re.Match[str]], block: _Span) -> bool:
    """Whether a fence alone closes a block, and all blocks after it are closed too.

    If a draft breaks off at the mark, the next fence opens the answer's block instead.
    """
    place = bisect_left(fences, block[1], key=lambda fence: fence.start())
    return (len(fences) - place) % 2 == 1 and not fences[place].group().strip().strip("`~")


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


def _channels(text: str, prompt: str) -> Parts | None:
    """The parts of a text in channels, with or without the special tokens."""
    found = channels.messages(channels.begun(prompt) + text)
    if found is None:
        return None
    answers, reasoning = found
    return Parts("\n".join(answers), _joined(reasoning), ended=bool(answers))


def _unwrapped(answer: str, wrappers: Sequence[tuple[str, str]]) -> str:
    """The answer without the marks that some families put around it."""
    begun = answer.lstrip()
    for opening, closing in wrappers:
        if begun.startswith(opening):
            end = begun.rfind(closing)
            return begun[len(opening) : end if end >= 0 else None]
    return answer
