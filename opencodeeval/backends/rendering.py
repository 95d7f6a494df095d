"""From a Prompt to the text and tokens that a model sees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

from opencodeeval.backends.models import ModelSource
from opencodeeval.core.errors import BackendError
from opencodeeval.core.names import name_of_folder
from opencodeeval.core.reasoning import parts_of
from opencodeeval.core.reasoning_marks import known_marks
from opencodeeval.core.types import (
    DEFAULT,
    OVERRIDES,
    Completion,
    Message,
    ModelType,
    Prompt,
    Sampling,
    digest,
)

# Stands for the rest of the answer while the chat template is applied, as in
# EvalPlus (provider/utility.py: make_raw_chat_prompt).
_REST_OF_ANSWER = "-[[the-rest-of-the-answer]]-"
EFFORT = "reasoning_effort"
# What templates call for today's date, and the day that it gives here: otherwise the same
# run would ask other prompts tomorrow. Llama's templates have this day where they find none.
_TODAY = "strftime_now"
TEMPLATE_DATE = date(2024, 7, 26)
# Where the text of a system turn goes if the template has no such turn.
IN_USER_TURN = "before the first user turn"


@dataclass(frozen=True)
class Rendered:
    """A prompt as the model sees it."""

    text: str
    token_ids: tuple[int, ...]


def load_tokenizer(
    source: ModelSource, tokenizer: str | None = None, trust_remote_code: bool = False
) -> Any:
    """The model's tokenizer (transformers), or the one named `tokenizer` instead.

    Raises:
        BackendError: it cannot be loaded.
    """
    from transformers import AutoTokenizer

    own = {"revision": source.commit, "local_files_only": source.folder is not None}
    try:
        return AutoTokenizer.from_pretrained(
            tokenizer or str(source.folder or source.name),
            trust_remote_code=trust_remote_code,
            **({} if tokenizer else own),
        )
    except Exception as error:  # whatever its files make the parsers raise
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise BackendError(
            f"the tokenizer of {tokenizer or source.name} cannot be loaded: {reason}"
        ) from error


def about_tokenizer(named: str | None, tokenizer: Any) -> dict[str, Any]:
    """For a model's identity: the tokenizer that the user named instead of the model's own.

    The digest covers what prompts depend on: the vocabulary, special tokens and the chat template.
    """
    if not named:
        return {}
    folder = Path(named).expanduser()
    name = name_of_folder(folder) if folder.is_dir() else named
    special = {str(key): str(value) for key, value in tokenizer.special_tokens_map.items()}
    template = str(getattr(tokenizer, "chat_template", None))
    content = digest([sorted(tokenizer.get_vocab().items()), special, template])
    return {"tokenizer": {"name": name, "digest": content}}


def model_type_of(tokenizer: Any, wanted: Literal["auto", "base", "chat"], name: str) -> ModelType:
    """A model with a chat template is a chat model, unless the user says otherwise.

    Raises:
        BackendError: a chat model is wanted of a tokenizer without a template.
    """
    templated = bool(getattr(tokenizer, "chat_template", None))
    if wanted == "chat" and not templated:
        raise BackendError(
            f"{name} has no chat template, so it cannot be asked as a chat model: "
            "use --model-type base, or add chat_template.jinja to its folder"
        )
    if wanted == "auto":
        return "chat" if templated else "base"
    return wanted


def render(tokenizer: Any, prompt: Prompt, sampling: Sampling = DEFAULT) -> Rendered:
    """Apply the chat template where the prompt has messages, and tokenise.

    The template gets the sampling's chat-template arguments and reasoning effort.

    The tokenizer's own default decides about special tokens, as it does in
    the graders whose numbers are reproduced, but a template that has written
    the first of them itself gets no second one, and none ends the prompt. Where
    the template has no system role, its text goes before the first user turn.

    Raises:
        BackendError: the template refuses or drops the messages, or does not read an argument.
    """
    text = _chat_text(tokenizer, prompt, sampling) if prompt.messages else prompt.text
    bos = getattr(tokenizer, "bos_token", None)
    templated = bool(prompt.messages and bos and text.startswith(bos))
    token_ids = tokenizer(text, add_special_tokens=not templated)["input_ids"]
    return Rendered(text, tuple(_without_end(tokenizer, text, token_ids)))


def _without_end(tokenizer: Any, text: str, token_ids: Sequence[int]) -> Sequence[int]:
    """The tokens without an end that the tokenizer has put behind the text (`add_eos_token`).

    A model that sees the end of a text writes another, and no answer.
    """
    ends = getattr(tokenizer, "eos_token_id", None), getattr(tokenizer, "sep_token_id", None)
    if not token_ids or token_ids[-1] is None or token_ids[-1] not in ends:
        return token_ids
    own = tokenizer(text, add_special_tokens=False)["input_ids"]
    return token_ids[:-1] if not own or own[-1] != token_ids[-1] else token_ids


def _chat_text(tokenizer: Any, prompt: Prompt, sampling: Sampling) -> str:
    effort = {EFFORT: sampling.reasoning_effort} if sampling.reasoning_effort else {}
    arguments = {**sampling.chat_template_args, **effort}
    prefix = prompt.response_prefix
    try:
        text = _applied(tokenizer, prompt.messages, prefix, arguments)
    except Exception as error:  # templates raise what they like
        merged = _without_system_role(tokenizer, prompt.messages, prefix, arguments)
        if merged is None:
            raise BackendError(
                f"the model's chat template refuses the prompt of {prompt.task_id}: {error} "
                f"({_advice(prompt, sampling)})"
            ) from error
        text = merged
    else:
        if not _has_system(text, prompt.messages):
            merged = _without_system_role(tokenizer, prompt.messages, prefix, arguments)
            text = text if merged is None else merged
    if arguments:
        _check_read(tokenizer, arguments, sampling)
    if sampling.system_prompt.strip() not in text:
        raise BackendError(
            "the model's chat template drops the system prompt: leave out --system-prompt, or "
            "give the model a template that has it (chat_template.jinja in its folder)"
        )
    if not prefix:
        return text
    before, marker, _ = text.partition(_REST_OF_ANSWER)
    if not marker:
        raise BackendError(
            "the model's chat template drops the start of the answer: use --model-type base"
        )
    return before


def _applied(
    tokenizer: Any, messages: Sequence[Message], prefix: str, arguments: Mapping[str, Any]
) -> str:
    """The text of the chat; raises whatever the template raises."""
    fixed = {_TODAY: TEMPLATE_DATE.strftime} if _TODAY in _names_in_template(tokenizer) else {}
    turns = [{"role": each.role, "content": each.content} for each in messages]
    if prefix:
        turns.append({"role": "assistant", "content": f"{prefix}{_REST_OF_ANSWER}"})
    return str(
        tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=not prefix, **fixed, **arguments
        )
    )


def _has_system(text: str, messages: Sequence[Message]) -> bool:
    # Templates may strip a turn.
    return all(each.content.strip() in text for each in messages if each.role == "system")


def _without_system_role(
    tokenizer: Any, messages: Sequence[Message], prefix: str, arguments: Mapping[str, Any]
) -> str | None:
    """The text with what the system says before the first user turn; None if that fails too."""
    system = [each.content for each in messages if each.role == "system"]
    rest = [each for each in messages if each.role != "system"]
    if not system or not rest or rest[0].role != "user":
        return None
    opening = Message("user", "\n\n".join([*system, rest[0].content]))
    try:
        text = _applied(tokenizer, [opening, *rest[1:]], prefix, arguments)
    except Exception:  # the error of the first try says more
        return None
    return text if _has_system(text, messages) else None


def _lacks_system_role(tokenizer: Any) -> bool:
    """Whether the chat template refuses or drops a system turn, and takes the rest."""
    user = Message("user", "Hello.")
    system = Message("system", "-[[the-system-s-text]]-")
    try:
        if _has_system(_applied(tokenizer, [system, user], "", {}), [system]):
            return False
    except Exception:  # templates raise what they like
        pass
    return _without_system_role(tokenizer, [system, user], "", {}) is not None


def _check_read(tokenizer: Any, arguments: Iterable[str], sampling: Sampling) -> None:
    """Refuse arguments that the chat template does not read: it would ignore a misspelt name."""
    names = _names_in_template(tokenizer)
    for name in arguments:
        if name not in names:
            field = EFFORT if name == EFFORT else "chat_template_args"
            if field in sampling.from_preset:
                raise BackendError(
                    f"the model's chat template does not read {name!r}, which the preset "
                    f"{sampling.preset} sets: take a preset of this model, or none"
                )
            raise BackendError(
                f"the model's chat template does not read {name!r}: correct the name, or leave out "
                f"--{OVERRIDES[field]}"
            )


def _names_in_template(tokenizer: Any) -> frozenset[str]:
    try:
        return _names(str(tokenizer.get_chat_template()))
    except Exception:  # a template that cannot be read is told of when it is applied
        return frozenset()


@cache
def _names(template: str) -> frozenset[str]:
    from jinja2 import Environment

    return frozenset(value for _, kind, value in Environment().lex(template) if kind == "name")


def about_template(tokenizer: Any, model_type: ModelType) -> dict[str, str]:
    """For a model's identity: what of its chat template moves prompts.

    "template_date" if it writes the day's date, "system_role" if it has no such role.
    """
    if model_type == "base":
        return {}
    dated = _TODAY in _names_in_template(tokenizer)
    return {
        **({"template_date": TEMPLATE_DATE.isoformat()} if dated else {}),
        **({"system_role": IN_USER_TURN} if _lacks_system_role(tokenizer) else {}),
    }


def _advice(prompt: Prompt, sampling: Sampling) -> str:
    """What to change so that a chat template takes the prompt."""
    ways = ["use --model-type base"]
    if sampling.chat_template_args or sampling.reasoning_effort:
        ways = ["change the chat-template arguments"]
    if sampling.system_prompt:
        ways = ["leave out --system-prompt", *ways]
    elif any(each.role == "system" for each in prompt.messages):
        ways = ["the protocol has a system message: replace the chat template", *ways]
    return ", or ".join(dict.fromkeys(ways))


def stop_token_ids(tokenizer: Any, stop: tuple[str, ...]) -> list[int]:
    """Ids of those stop strings that are special tokens.

    Special tokens are left out of the text of an answer, where the engine
    looks for stop strings.
    """
    return _special(tokenizer, stop)


def marks_are_special(tokenizer: Any) -> bool:
    """Whether reasoning is marked by special tokens, which engines leave out of texts by default.

    So it is for gpt-oss, Magistral and Gemma 4; Qwen3 and DeepSeek-R1 have ordinary tokens.
    """
    return bool(_special(tokenizer, known_marks(tokenizer.get_vocab())))


def with_thinking_tokens(tokenizer: Any, completion: Completion) -> Completion:
    """The chat completion with the number of its tokens that are reasoning."""
    if completion.thinking_cut:
        return completion
    text = parts_of(completion).reasoning
    if not text:
        return completion
    count = len(tokenizer(text, add_special_tokens=False)["input_ids"])
    return replace(completion, thinking_tokens=min(count, completion.completion_tokens))


def _special(tokenizer: Any, texts: Iterable[str]) -> list[int]:
    """Ids of those texts that are special tokens."""
    found = []
    for each in texts:
        token_ids = tokenizer(each, add_special_tokens=False)["input_ids"]
        if len(token_ids) == 1 and not tokenizer.decode(token_ids, skip_special_tokens=True):
            found.append(token_ids[0])
    return found
