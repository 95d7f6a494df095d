"""Answers in channels: messages whose heads say whether they are reasoning or the answer."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """How a family of models writes its messages.

    `head` begins a message and has its channel as a group; `answer` is the channel of the
    answer. `ends` may stand after a message. `closing` ends a message and begins the answer.
    `begins` are what the text of such a model begins with.
    """

    head: re.Pattern[str]
    answer: str
    ends: tuple[str, ...]
    closing: str
    begins: tuple[str, ...]


GPT_OSS = Family(
    re.compile(r"<\|channel\|>(\w+)[^\n]*?<\|message\|>"),
    "final",
    ("<|end|>", "<|return|>", "<|call|>", "<|start|>assistant"),
    "<|end|><|start|>assistant<|channel|>final<|message|>",
    ("<|channel|>", "<|start|>assistant<|channel|>"),
)
INKLING = Family(
    re.compile(r"<\|content_(thinking|text|invoke_tool_json|invoke_tool_text|tool_error)\|>"),
    "text",
    ("<|end_message|>", "<|message_model|>", "<|content_model_end_sampling|>"),
    "<|end_message|><|message_model|><|content_text|>",
    ("<|content_", "<|message_model|><|content_"),
)
MUSE_GLIMMER = Family(
    re.compile(r"to=([^\s<]{1,100})<\|message\|>"),
    "user",
    ("<|eom|>", "<|eot|>", "<|start|>assistant"),
    "<|eom|><|start|>assistant to=user<|message|>",
    ("to=", "<|start|>assistant to="),
)
FAMILIES = (GPT_OSS, INKLING, MUSE_GLIMMER)
# Some of these are special tokens, which a tokenizer may leave out of the text.
CHANNEL_MARKS = ("<|channel|>", "<|message|>", "<|content_thinking|>", "<|eom|>")
# What the vocabulary or the chat template of such a model has.
KNOWN_BY = ("<|channel|>", "<|content_thinking|>", "to=self")

# A prompt that ends with a longer head is none that a chat template writes.
_LONGEST_HEAD = 200
_BARE_FINAL = "assistantfinal"
# "analysisWe need", but neither the assignment `analysisResult = 1` nor the word alone.
_BARE_ANALYSIS = re.compile(r"\s*analysis(?=[A-Z][\w'\u2019]*[\s,.:;!?](?!\s*[=\[(]))")


def begun(prompt: str) -> str:
    """The head of reasoning that ends a prompt, so that the answer begins inside it, or ""."""
    tail = prompt[-_LONGEST_HEAD:]
    for family in FAMILIES:
        heads = [head for head in family.head.finditer(tail) if head.end() == len(tail)]
        if heads and heads[-1][1] != family.answer:
            return heads[-1][0]
    return ""


def opened(text: str) -> tuple[bool, int, str] | None:
    """Of a text that begins with a message: whether that is open reasoning, where its words
    begin, and what would end it and begin the answer.
    """
    for family in FAMILIES:
        head = family.head.match(text, _start(text, family))
        if head:
            ended = head[1] == family.answer or any(
                end in text[head.end() :] for end in family.ends
            )
            return not ended, head.end(), family.closing
    return None


def may_begin(text: str) -> bool:
    """Whether more of a text may make it one that begins with a message."""
    found = text.lstrip()
    for family in FAMILIES:
        if family.head.match(text, _start(text, family)):
            continue
        if any(each.startswith(found) for each in family.begins):
            return True
        if found.startswith(family.begins) and len(found) < _LONGEST_HEAD:
            return True
    return False


def messages(text: str) -> tuple[list[str], list[str]] | None:
    """The answers and the reasoning of a text in channels; None of any other text.

    gpt-oss leaves words where the tokenizer has left out its special tokens.
    """
    for family in FAMILIES:
        start = _start(text, family)
        if family.head.match(text, start):
            return _messages(text, start, family)
    if text.lstrip().startswith(("<|channel|>", "<|start|>assistant")):
        return [], []  # it was cut off in the head
    bare = re.match(r"\s*analysis", text)
    if bare is None:
        return None
    reasoning, final_mark, answer = text[bare.end() :].partition(_BARE_FINAL)
    if final_mark:
        return [answer], [reasoning]
    return ([], [reasoning]) if _BARE_ANALYSIS.match(text) else None


def _start(text: str, family: Family) -> int:
    """Where the first head of a family would be."""
    at = len(text) - len(text.lstrip())
    for mark in family.ends:
        if text.startswith(mark, at):
            at += len(mark)
            return at + len(text[at:]) - len(text[at:].lstrip())
    return at


def _messages(text: str, start: int, family: Family) -> tuple[list[str], list[str]]:
    heads = list(family.head.finditer(text, start))
    ends = [*(head.start() for head in heads), len(text)][1:]
    answers: list[str] = []
    others: list[str] = []
    for head, end in zip(heads, ends, strict=True):
        body = _without_end(text[head.end() : end], family.ends)
        (answers if head[1] == family.answer else others).append(body)
    return answers, others


def _without_end(body: str, ends: tuple[str, ...]) -> str:
    end = len(body)
    while True:
        last = end
        while last and body[last - 1].isspace():
            last -= 1
        mark = next((each for each in ends if body.endswith(each, 0, last)), None)
        if mark is None:
            return body[:end]
        end = last - len(mark)
