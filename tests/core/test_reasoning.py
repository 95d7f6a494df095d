"""Reasoning is separated from the answer as the parsers of inference servers do it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opencodeeval.core.reasoning import Parts, may_open, opened, parts_of, separate, unfinished
from opencodeeval.core.reasoning_marks import (
    MARKS,
    SENTENCES,
    SPECIAL_WRAPPERS,
    WRAPPERS,
    known_marks,
)
from opencodeeval.core.types import Completion

DRAFT = "```python\ndef f(x):\n    return 0\n```"
RIGHT = "```python\ndef f(x):\n    return 1\n```"
GENERATION = "<|im_start|>user\nWrite f.<|im_end|>\n<|im_start|>assistant\n"
OPENED = f"{GENERATION}<think>\n"
CLOSED = f"{GENERATION}<think>\n\n</think>\n\n"
CHANNELS = "<|channel|>analysis<|message|>"
FINAL = "<|end|><|start|>assistant<|channel|>final<|message|>"


def cut(reasoning: str) -> Parts:
    return Parts("", reasoning, ended=False)


@pytest.mark.parametrize(("opening", "closing"), MARKS)
def test_every_family_has_marks_around_its_reasoning(opening: str, closing: str) -> None:
    for start in ("", "\n\n", "\ufeff "):
        text = f"{start}{opening}\nTry:\n{DRAFT}\n{closing}\n\n{RIGHT}"
        assert separate(text) == Parts(f"\n\n{RIGHT}", f"Try:\n{DRAFT}")
        assert separate(f"{start}{opening}\nTry:\n{DRAFT}") == cut(f"Try:\n{DRAFT}")
    # A template's generation prompt may have opened it.
    for prompt in (f"user: f\nassistant: {opening}", f"{opening}\n"):
        assert separate(f"Try.{closing}{RIGHT}", prompt) == Parts(RIGHT, "Try.")
        assert separate(f"Try:\n{RIGHT}", prompt) == cut(f"Try:\n{RIGHT}")
    # Where the prompt is not known, as behind a server.
    assert separate(f"Try.{closing}{RIGHT}") == Parts(RIGHT, "Try.")


@pytest.mark.parametrize(("opening", "closing"), SENTENCES)
def test_sentences_in_place_of_marks(opening: str, closing: str) -> None:
    assert separate(f"{opening} Try:\n{DRAFT}\n{closing}\n{RIGHT}") == Parts(
        f"\n{RIGHT}", f"Try:\n{DRAFT}"
    )
    assert separate(f"{opening}\n{DRAFT}") == cut(DRAFT)
    assert separate(f"Try.\n{closing}{RIGHT}", f"assistant: {opening}\n") == Parts(RIGHT, "Try.")
    assert separate(DRAFT, f"assistant: {opening}\n") == cut(DRAFT)


def test_granite_may_end_with_the_other_sentence() -> None:
    text = f"Here's my thought process: Hm. Here is my response:\n{RIGHT}"
    assert separate(text) == Parts(f"\n{RIGHT}", "Hm.")


@pytest.mark.parametrize(
    ("text", "prompt", "parts"),
    [
        # Qwen3 without thinking: in the answer, or in the prompt.
        (f"<think>\n\n</think>\n\n{RIGHT}", GENERATION, Parts(f"\n\n{RIGHT}")),
        (RIGHT, CLOSED, Parts(RIGHT)),
        (f"{RIGHT}\n</think>", CLOSED, Parts(f"{RIGHT}\n</think>")),
        # DeepSeek-R1-0528 writes the mark although its prompt has it.
        (f"<think>\nTry.\n</think>\n{RIGHT}", OPENED, Parts(f"\n{RIGHT}", "Try.")),
        # Without an opening mark all before the closing one is reasoning, also a draft.
        (f"{DRAFT}\nNo.\n</think>\n{RIGHT}", "", Parts(f"\n{RIGHT}", f"{DRAFT}\nNo.")),
        (f"{DRAFT}</think>{RIGHT}", "", Parts(RIGHT, DRAFT)),
        (f"{DRAFT}\n</think>", GENERATION, Parts("", DRAFT)),
        # A draft whose block was never closed.
        (f"```python\ndef f(\n</think>\n{RIGHT}", "", Parts(f"\n{RIGHT}", "```python\ndef f(")),
        (f"```js\nlet f = (\n</think>\n{RIGHT}", "", Parts(f"\n{RIGHT}", "```js\nlet f = (")),
        ("```\nf(\n</think>\n```\ng()\n```", "", Parts("\n```\ng()\n```", "```\nf(")),
        # The mark named in the reasoning does not end it.
        (f"<think>Say '</think>'.</think>{RIGHT}", "", Parts(RIGHT, "Say '</think>'.")),
        (f"<think>Say `</think>`.</think>{RIGHT}", "", Parts(RIGHT, "Say `</think>`.")),
        (f"<think>{DRAFT}</think>{RIGHT}", "", Parts(RIGHT, DRAFT)),
        (f"<think>return 'a'</think>{RIGHT}", "", Parts(RIGHT, "return 'a'")),
        # Another family's mark does not end it either.
        (f"<think>Hm.</thinking>{RIGHT}", "", cut(f"Hm.</thinking>{RIGHT}")),
        # Prose before the reasoning.
        (f"Sure. <think>Hm.</think>\n{RIGHT}", "", Parts(f"\n{RIGHT}", "Sure. <think>Hm.")),
        (f"Sure. <think>Hm.\n{DRAFT}", "", cut(f"Hm.\n{DRAFT}")),
        (f"Hm.\n<think>\n{DRAFT}", "", cut(DRAFT)),
        (f"Sure.<think>Hm.\n{DRAFT}", "", cut(f"Hm.\n{DRAFT}")),
        (f"Let me see <think>\nHm.\n{DRAFT}", "", cut(f"Hm.\n{DRAFT}")),
    ],
)
def test_think_marks(text: str, prompt: str, parts: Parts) -> None:
    assert separate(text, prompt) == parts


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (f"<think>a</think>\n<think>b</think>{RIGHT}", Parts(RIGHT, "a\n\nb")),
        (f"<think>a</think>{DRAFT}\n<think>b</think>{RIGHT}", Parts(RIGHT, "a\n\nb")),
        (f"a</think>{DRAFT}\n<think>b</think>{RIGHT}", Parts(RIGHT, "a\n\nb")),
        (f"<think>a</think>\n<think>b {DRAFT}", cut(f"a\n\nb {DRAFT}")),
        # What follows a whole answer, and is not followed by another.
        (f"<think>a</think>{RIGHT}\n<think>b", Parts(f"{RIGHT}\n<think>b", "a")),
        (f"<think>a</think>{RIGHT}\n<think>b</think>", Parts(f"{RIGHT}\n<think>b</think>", "a")),
    ],
)
def test_several_rounds(text: str, parts: Parts) -> None:
    assert separate(text) == parts


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (f"{CHANNELS}Try:\n{DRAFT}{FINAL}{RIGHT}<|return|>", Parts(RIGHT, f"Try:\n{DRAFT}")),
        (f"{CHANNELS}Try.{FINAL}{RIGHT}", Parts(RIGHT, "Try.")),
        (f"<|channel|>final<|message|>{RIGHT}<|return|>", Parts(RIGHT)),
        (f"{CHANNELS}Try.{FINAL}END = '<|end|>'", Parts("END = '<|end|>'", "Try.")),
        (f"{CHANNELS}Try:\n{DRAFT}", cut(f"Try:\n{DRAFT}")),
        (
            f"{CHANNELS}Try.<|end|><|start|>assistant<|channel|>",
            cut("Try.<|end|><|start|>assistant<|channel|>"),
        ),
        # What is left without the special tokens.
        (f"analysisWe try:\n{DRAFT}assistantfinal{RIGHT}", Parts(RIGHT, f"We try:\n{DRAFT}")),
        (f"analysisWe try:\n{DRAFT}", cut(f"We try:\n{DRAFT}")),
    ],
)
def test_channels(text: str, parts: Parts) -> None:
    assert separate(text) == parts


THINKING, TEXT = "<|content_thinking|>", "<|end_message|><|message_model|><|content_text|>"
SELF, USER = "to=self<|message|>", "<|eom|><|start|>assistant to=user<|message|>"


@pytest.mark.parametrize(
    ("head", "final", "end"),
    [(CHANNELS, FINAL, "<|return|>"), (THINKING, TEXT, "<|end_message|>"), (SELF, USER, "<|eot|>")],
    ids=["gpt-oss", "inkling", "muse-glimmer"],
)
def test_families_with_channels(head: str, final: str, end: str) -> None:
    for begun, prompt in ((head, GENERATION), (f" {head}", ""), ("", f"{GENERATION}{head}")):
        text = f"{begun}Try:\n{DRAFT}"
        assert separate(text, prompt) == cut(f"Try:\n{DRAFT}")
        assert separate(f"{text}{final}{RIGHT}{end}", prompt) == Parts(RIGHT, f"Try:\n{DRAFT}")
        # Where a budget of thinking tokens would cut it.
        assert opened(text, prompt) == (len(begun), final)
        assert opened(f"{text}{final}{RIGHT}", prompt) is None
    again = f"{head}a{final}{DRAFT}{end}{head}b{final}{RIGHT}"
    assert separate(again) == Parts(f"{DRAFT}\n{RIGHT}", "a\n\nb")
    # An answer alone, after a prompt that has ended the reasoning.
    assert separate(f"{final.partition('>')[2]}{RIGHT}{end}") == Parts(RIGHT)
    assert all(may_open(head[:end]) for end in range(len(head)))


def test_marks_with_a_suffix_of_the_checkpoint() -> None:
    for start in ("", "\n"):
        text = f"{start}<think:6124c78e>Try:\n{DRAFT}"
        assert separate(text) == cut(f"Try:\n{DRAFT}")
        assert separate(f"{text}</think:6124c78e>{RIGHT}") == Parts(RIGHT, f"Try:\n{DRAFT}")
    prompt = f"{GENERATION}<think:6124c78e>"
    assert separate(f"{DRAFT}</think:6124c78e>{RIGHT}", prompt) == Parts(RIGHT, DRAFT)
    assert separate(DRAFT, prompt) == cut(DRAFT)
    assert opened(DRAFT, prompt) == (0, "</think:6124c78e>")
    assert separate(f"{DRAFT}</think:6124c78e>{RIGHT}") == Parts(RIGHT, DRAFT)
    assert separate(RIGHT, f"{prompt}</think:6124c78e>") == Parts(RIGHT)
    assert known_marks(["<think:6124c78e>", "</think:6124c78e>", "think:", "a"]) == [
        *("<think:6124c78e>", "</think:6124c78e>")
    ]


PLAIN = "def f(x):\n    return 1\n"


@pytest.mark.parametrize(("opening", "closing"), WRAPPERS)
def test_marks_around_the_answer_are_taken_off(opening: str, closing: str) -> None:
    for ending in ("", closing, f"{closing}\n<|close|>message<|sep|>"):
        wrapped = f"{opening}{PLAIN}{ending}"
        assert separate(f"<think>Hm.</think>\n{wrapped}") == Parts(PLAIN, "Hm.")
        assert separate(f"<think></think>{wrapped}").answer == PLAIN
        assert separate(wrapped, CLOSED).answer == PLAIN
        special = (opening, closing) in SPECIAL_WRAPPERS
        assert separate(wrapped).answer == (PLAIN if special else wrapped)
        assert parts_of(Completion("t", 0, wrapped, reasoning="Hm.")) == Parts(PLAIN, "Hm.")
    inside = f"{PLAIN}# {opening}{closing}\n"
    assert separate(f"<think>Hm.</think>{inside}").answer == inside


SPLITTING = "def f(x):\n    return x.split('</think>')[1]"
IN_A_STRING = 'def f():\n    return """\n<think>\n</think>\n"""'
COMMENT = "def f(x):\n    # what follows </think> counts\n    return x"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Sorry.",
        RIGHT,
        *(f"Here it is:\n```python\n{code}\n```\n" for code in (SPLITTING, IN_A_STRING, COMMENT)),
        *(f"```\n{code}" for code in (SPLITTING, COMMENT)),
        *(SPLITTING, IN_A_STRING, COMMENT),
        f"Split at `</think>`, so:\n{RIGHT}",
        f'Split at "</think>", so:\n{RIGHT}',
        f"Between `<think>` and `</think>`:\n{RIGHT}",
        f"Remove the <think> tag:\n{RIGHT}",
        f"This cuts at <think>\n{RIGHT}",
        f"I wrote it. Here is my thought process:\n{RIGHT}",
        f"Here is my response:\n{RIGHT}",
        f"{RIGHT}\nThis works.\n<think>\nfor all x",
        # Alone on its line, in a closed block of another language.
        *(
            f"Here it is:\n```{language}\n{code}\n```\n{after}"
            for language, code in (
                ("js", "const text = `\n</think>\n`;"),
                ("cpp", 'auto text = R"(\n</think>\n)";'),
                ("bash", "cat <<END\n</think>\nEND"),
            )
            for after in ("", "It works.\n", f"Or:\n{RIGHT}")
        ),
        f"```js\n// the </think> of an answer\nlet s = '</think>'\n```\n{RIGHT}",
        f"I'm thinking about it. A thought: analysis is all.\n{RIGHT}",
        "analysis = 1\nprint(analysis)",
        "analysisResult = 1\nprint(analysisResult)",
        "analysis of the problem\n" + RIGHT,
        "final = 1",
    ],
)
def test_an_ordinary_answer_stays_as_it_is(text: str) -> None:
    for prompt in ("", GENERATION, CLOSED, f"{GENERATION}Between <think> and </think>:"):
        assert separate(text, prompt) == Parts(text)


def test_reasoning_that_a_server_sends_apart() -> None:
    sent = Completion("t", 0, RIGHT, reasoning="Try.", thinking_tokens=2)
    assert parts_of(sent) == Parts(RIGHT, "Try.")
    assert parts_of(Completion("t", 0, "\n", reasoning="Try.")) == Parts("\n", "Try.", ended=False)
    # Some servers count the tokens of reasoning that they do not show.
    assert not parts_of(Completion("t", 0, "", thinking_tokens=9)).ended
    assert parts_of(Completion("t", 0, RIGHT, thinking_tokens=9)) == Parts(RIGHT)
    assert parts_of(Completion("t", 0, "")).ended
    assert not parts_of(Completion("t", 0, RIGHT, prompt=OPENED)).ended
    refused = Completion("t", 0, "", prompt=OPENED, finish_reason="prompt_too_long")
    assert parts_of(refused).ended


def test_what_ended_the_reasoning_is_told() -> None:
    assert unfinished("length") == "the answer was cut off inside its reasoning"
    assert unfinished("stop") == "the answer ended inside its reasoning"


PIECES = [part for pair in (*MARKS, *WRAPPERS) for part in pair] + [
    *(
        CHANNELS,
        FINAL,
        THINKING,
        TEXT,
        SELF,
        USER,
        "<think:a>",
        "</think:a>",
        "analysisWe ",
        "assistantfinal",
        "```",
        "```python\n",
        "`",
        "'",
        '"',
        "\n",
    ),
    *("x = 1\n", "It's ", "<think>", "</think>", "\ufeff", "\ud800", "\x00"),
]
texts = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=20).map("".join)


@given(texts, st.sampled_from(["", GENERATION, OPENED, CLOSED]))
def test_any_text_gives_an_answer_of_its_own(text: str, prompt: str) -> None:
    parts = separate(text, prompt)
    assert parts.answer == "" if not parts.ended else True
    for line in parts.answer.split("\n"):
        assert line in text


UNITS = [
    *("<think>", "</think>", "<think></think>", "<think>\n", "</think>\n", "x\n<think></think>\n"),
    *("```\n</think> x\n", "```\n<think>\n</think>\n```\n", "`</think>`", ". ", " \n", "\t"),
    *(FINAL, "<|channel|>", "<|end|>", "analysis", "<|start|>assistant"),
    *(THINKING, "<|content_", "to=self", SELF, "<think:", "</think:a>", "<answer>", "</answer>"),
]


@pytest.mark.parametrize("start", ["", "<think>a</think>b\n", CHANNELS], ids=["", "think", "gpt"])
@pytest.mark.parametrize("unit", UNITS)
def test_four_times_the_text_takes_about_four_times_as_long(unit: str, start: str) -> None:
    """A quadratic search would take sixteen times as long."""

    def seconds(length: int) -> float:
        text = start + unit * (length // len(unit))
        began = time.process_time()
        separate(text)
        return time.process_time() - began

    seconds(1_000)
    short = min(seconds(10_000) for _ in range(2))
    assert min(seconds(40_000) for _ in range(2)) < 9 * short + 0.02
