"""The values that travel from benchmark to record, and nothing else.

Every step of the pipeline (prompt, completion, program, verdict) takes and
gives these frozen dataclasses; none of them refers back to an earlier step's
machinery, so each can be written to a file and read again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any, Literal, NamedTuple

ModelType = Literal["base", "chat"]


class Verdict(str, Enum):
    """What the judge observed of one sample under one test suite."""

    PASSED = "passed"
    WRONG = "wrong"
    ERROR = "error"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    NO_CODE = "no_code"
    FORGED = "forged"
    INFRA_ERROR = "infra_error"

    def __str__(self) -> str:
        return self.value


class Style(str, Enum):
    """How a task's program is exercised."""

    FUNCTION = "function"
    STDIO = "stdio"
    UNITTEST = "unittest"
    PROGRAM = "program"

    def __str__(self) -> str:
        return self.value


def digest(value: Any) -> str:
    """SHA-256 (hex) of a JSON-able value in canonical form."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Task:
    """One problem of a benchmark.

    `tests` is the specification that the judge inside the sandbox executes
    (see sandbox/guest/README.md for its kinds); it is plain JSON.
    `reference` is a complete program that passes all of it.
    `fields` holds the publisher's row, for prompt templates.
    Tests that are too large to be in it are parts (core/parts.py), of which it has the
    digests. `in_process` says that something the verdict rests on
    has to run in the sample's process, as unittest tasks always do. What its reference
    gives is `kept` between runs, unless the task is somebody else's.
    """

    task_id: str
    style: Style
    prompt: str
    entry_point: str
    reference: str
    tests: Mapping[str, Any]
    fields: Mapping[str, Any] = field(default_factory=dict)
    in_process: bool = False
    kept: bool = True

    @cached_property
    def tests_digest(self) -> str:
        return digest(self.tests)

    @property
    def integrity(self) -> str:
        """What a pass is worth (docs/sandbox.md).

        "forge-proof" where the verdict is made outside the sample's process,
        "hardened" where what decides must run in it. Of unittest tasks, only a run
        knows which can have their tests apart: see SuiteResult.
        """
        shared = self.in_process or self.style is Style.UNITTEST
        return "hardened" if shared else "forge-proof"


class SampleId(NamedTuple):
    """Which sample of which task."""

    task_id: str
    sample_id: int


@dataclass(frozen=True)
class Message:
    """One chat turn; `role` is "system", "user" or "assistant"."""

    role: str
    content: str


@dataclass(frozen=True)
class Prompt:
    """What the model is asked.

    A base-model prompt has `text` and no `messages`; a chat prompt has
    `messages`, and `response_prefix` is put at the start of the answer.
    `stop` strings end a completion and are not part of it.
    """

    task_id: str
    text: str = ""
    messages: tuple[Message, ...] = ()
    response_prefix: str = ""
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sampling:
    """How completions are drawn: `n` per task; temperature 0 is greedy.

    Defaults change nothing: `top_k` 0 means all tokens, `repetition_penalty` 1 and the
    other penalties 0 mean none. `stop` are strings beyond the protocol's,
    `chat_template_args` go to the chat template, `reasoning_effort` is a word that the model
    knows, such as "low". `thinking_budget` is the number of tokens after which reasoning is cut,
    0 for none. `prompt_prefix` and `prompt_suffix` stand before and after a task's prompt,
    `prompt_template` is the text of a template that replaces the protocol's.
    `from_generation_config` names the fields whose values are those of the
    model's generation_config.json, `from_preset` those whose values are the `preset`'s.
    """

    n: int = 1
    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 1024
    seed: int = 0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    ignore_eos: bool = False
    stop: tuple[str, ...] = ()
    system_prompt: str = ""
    chat_template_args: Mapping[str, Any] = field(default_factory=dict, hash=False)
    reasoning_effort: str = ""
    from_generation_config: tuple[str, ...] = ()
    prompt_prefix: str = ""
    prompt_suffix: str = ""
    prompt_template: str = ""
    preset: str = ""
    from_preset: tuple[str, ...] = ()
    thinking_budget: int = 0

    def changed(self, names: Iterable[str]) -> dict[str, Any]:
        """The fields among `names` that do not have their default."""
        found = {name: getattr(self, name) for name in names}
        return {name: value for name, value in found.items() if value != getattr(DEFAULT, name)}


DEFAULT = Sampling()
# Fields that draw other samples from the same prompt, and their words.
SETTINGS = {
    "top_k": "top-k",
    "min_p": "min-p",
    "repetition_penalty": "repetition penalty",
    "presence_penalty": "presence penalty",
    "frequency_penalty": "frequency penalty",
    "ignore_eos": "ignore-eos",
}
# Fields that change what a protocol asks, and their words: scores are not the protocol's then.
OVERRIDES = {
    "chat_template_args": "chat-template-arg",
    "prompt_prefix": "prompt-prefix",
    "prompt_suffix": "prompt-suffix",
    "prompt_template": "prompt-template",
    "reasoning_effort": "reasoning-effort",
    "stop": "stop",
    "system_prompt": "system-prompt",
    "thinking_budget": "thinking-budget",
}
# Fields that say where values come from; they change no sample.
ORIGINS = frozenset({"from_generation_config", "preset", "from_preset"})
# Fields that a run may have and no protocol's card.
OF_A_RUN = ORIGINS | OVERRIDES.keys()


@dataclass(frozen=True)
class Completion:
    """The raw text of one answer, with its reasoning where that is part of it.

    `prompt` is the exact text the model saw. `finish_reason` is the engine's
    ("stop", "length"), or "prompt_too_long" where nothing could be generated,
    or "reference"/"sample" where no model was asked. `form` says what the text
    is: an answer to be extracted from ("answer"), the continuation of the
    task's prompt ("completion"), or a complete program ("program").
    `reasoning` is what a server sends apart from the answer. `thinking_tokens` is how many
    of the `completion_tokens` are reasoning, 0 if none or if the number is not known;
    `thinking_cut` says that they reached the budget and were cut.
    """

    task_id: str
    sample_id: int
    text: str
    prompt: str = ""
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    form: Literal["answer", "completion", "program"] = "answer"
    reasoning: str = ""
    thinking_tokens: int = 0
    thinking_cut: bool = False


@dataclass(frozen=True)
class Program:
    """Code extracted and assembled from a completion; `found` says how.

    An empty `code` means that no code was found (verdict `no_code`); `found` is
    "none" then, or says why there is nothing to run.
    """

    task_id: str
    sample_id: int
    code: str
    found: str


@dataclass(frozen=True)
class SuiteResult:
    """One sample under one test suite.

    `tests_run`/`tests_total` count tests. `detail` is one short line;
    `failure` holds the first failing test as display text (`input`,
    `expected`, `got`) with its zero-based `index`. `wall_s` and `cpu_s` are
    seconds spent by the sample's own processes, `peak_mb` the most MiB of memory that one of
    them had at once, the interpreter and its libraries included. `apart` says that the tests
    of a unittest task ran in a process that the program never shared. `extra` is there where
    the task asks for more than a verdict (sandbox/guest/README.md: "every", and the kind
    "run"); no run folder keeps it.
    """

    verdict: Verdict
    detail: str = ""
    tests_run: int = 0
    tests_total: int = 0
    failure: Mapping[str, Any] | None = None
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_mb: float = 0.0
    apart: bool = False
    extra: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Grade:
    """All suites of one sample, and the tails of what it printed."""

    task_id: str
    sample_id: int
    suites: Mapping[str, SuiteResult]
    stdout: str = ""
    stderr: str = ""
