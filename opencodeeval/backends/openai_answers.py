"""Answers, lists and errors of the OpenAI interface, as ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from opencodeeval.backends.base import Request
from opencodeeval.core.types import Completion

_TOO_LONG = re.compile(
    r"context.{0,3}length|maximum.{0,20}(context|input length)|context.{0,3}window"
    r"|exceeds?.{0,30}context|max_model_len",
    re.IGNORECASE,
)
_TITLE = re.compile(r"<title>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_QUOTED = 300


class Garbled(Exception):
    """A server's answer is not what the interface promises."""


@dataclass(frozen=True)
class Answer:
    """Text, finish reason and token counts of one choice; `reasoning` was sent apart."""

    text: str
    reason: str
    prompt_tokens: int
    completion_tokens: int
    reasoning: str = ""
    thinking_tokens: int = 0


def read_answers(content: bytes) -> list[Answer]:
    """The choices of a chat completion or a completion, one or more.

    A server counts the tokens of all choices together. The first choice gets those of the
    prompt, and each a share of the others by the length of its text: sums are exact.

    Raises:
        Garbled: it is no such thing.
    """
    try:
        answer = json.loads(content)
        choices = [_choice(each) for each in answer["choices"]]
        usage = answer.get("usage") or {}
        details = usage.get("completion_tokens_details") or {}
        prompt, completion = (
            int(usage.get(f"{part}_tokens") or 0) for part in ("prompt", "completion")
        )
        # SGLang has, or had, the number one level above.
        thinking = int((details or usage).get("reasoning_tokens") or 0)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise Garbled("the answer is not a completion of the OpenAI interface") from error
    if not choices:
        raise Garbled("the answer has no text")
    lengths = [len(text) + len(reasoning) for text, _, reasoning in choices]
    written, thought = (_shares(total, lengths) for total in (completion, thinking))
    read = [prompt, *[0] * (len(choices) - 1)]
    return [
        Answer(text, reason, *counts, reasoning, thinking)
        for (text, reason, reasoning), counts, thinking in zip(
            choices, zip(read, written, strict=True), thought, strict=True
        )
    ]


def _choice(choice: Mapping[str, Any]) -> tuple[str, str, str]:
    """Text, finish reason and reasoning of one choice."""
    message = choice["message"] if "message" in choice else {"content": choice["text"]}
    content = message.get("content")
    text, thinking = _in_parts(content) if isinstance(content, list) else (content, "")
    if not isinstance(text, (str, type(None))):
        raise Garbled("the answer's text is not a string")
    reason = str(choice.get("finish_reason") or "stop")
    return text or "", reason, thinking or _reasoning(message)


def _in_parts(content: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Text and reasoning of a content that is a list of parts, as Mistral's service sends it."""
    text = "".join(each["text"] for each in content if each["type"] in ("text", "output_text"))
    thinking = [each["thinking"] for each in content if each["type"] == "thinking"]
    thoughts = [
        thought if isinstance(thought, str) else _joined(thought, "text") for thought in thinking
    ]
    return text, "\n\n".join(thought for thought in thoughts if thought)


def _joined(parts: Iterable[Mapping[str, Any]], *names: str) -> str:
    """The texts of parts, each under the first of the names that it has."""
    found = (next((part[name] for name in names if part.get(name)), "") for part in parts)
    return "".join(text for text in found if isinstance(text, str))


def _shares(total: int, weights: Sequence[int]) -> list[int]:
    """`total` in whole parts that are about as the weights are."""
    ends = [*accumulate(weights)] if sum(weights) else [*range(1, len(weights) + 1)]
    upto = [0, *(total * end // ends[-1] for end in ends)]
    return [after - before for before, after in pairwise(upto)]


def _reasoning(message: Mapping[str, Any]) -> str:
    """The reasoning that a server sends apart, under any of the names in use."""
    # The first is vLLM's and OpenRouter's; DeepSeek, SGLang, llama.cpp and older vLLM the second.
    for name in ("reasoning", "reasoning_content"):
        text = message.get(name)
        if isinstance(text, str) and text:
            return text
    # MiniMax's service has these alone, OpenRouter beside the first.
    return _joined(message.get("reasoning_details") or (), "text", "summary")


def completion(request: Request, answer: Answer) -> Completion:
    """The answer as a completion, ended at the first stop string, as an engine would have."""
    prompt = request.prompt
    found = [at for at in (answer.text.find(each) for each in prompt.stop) if at >= 0]
    cut = min(found, default=None)
    return Completion(
        task_id=prompt.task_id,
        sample_id=request.sample_id,
        text=answer.text[:cut],
        prompt="" if prompt.messages else prompt.text,
        finish_reason=answer.reason if cut is None else "stop",
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.completion_tokens,
        reasoning=answer.reasoning,
        thinking_tokens=answer.thinking_tokens,
    )


def is_too_long(status: int, message: str) -> bool:
    """Whether a refusal says that prompt and answer exceed the model's context."""
    return status in (400, 413, 422) and bool(_TOO_LONG.search(message))


def message_of(content: bytes, secret: str) -> str:
    """What an error's body says, in at most 300 characters, without the key."""
    text = content.decode("utf-8", "replace")
    try:
        found = json.loads(text)
    except ValueError:
        found = text
        if text.lstrip()[:1] == "<":
            title = _TITLE.search(text)
            found = f"a web page, {title[1].strip()}" if title else "a web page"
    # The interface's, and FastAPI's.
    for name in ("error", "message", "detail"):
        if isinstance(found, Mapping):
            found = found.get(name, found)
    said = " ".join(str(found).split())
    return (said.replace(secret, "***") if secret else said)[:_QUOTED]


def model_ids(content: bytes) -> dict[str, Mapping[str, Any]]:
    """The models of a `GET /models`, by id.

    Raises:
        Garbled: it is not such a list.
    """
    try:
        return {str(each["id"]): each for each in json.loads(content)["data"]}
    except (ValueError, LookupError, TypeError) as error:
        raise Garbled("the list of models is not that of the OpenAI interface") from error
