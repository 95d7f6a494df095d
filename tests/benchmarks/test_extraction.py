"""Code is found in answers of every shape, and prose is not taken for code."""

from __future__ import annotations

import gc
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opencodeeval.benchmarks.extraction.answers import NOTHING, Extraction, Found, extract
from opencodeeval.benchmarks.extraction.marks import AROUND, ENDS
from opencodeeval.core.syntax import parse

F = "def f(x):\n    return x + 1"
OLDER = "def f(x):\n    return 0"
BROKEN = "def f(x:\n    return 0"


def fenced(code: str, label: str = "python", fence: str = "```") -> str:
    return f"{fence}{label}\n{code}\n{fence}"


@pytest.mark.parametrize(
    "answer",
    [
        fenced(F),
        f"Sure!\n\n{fenced(F)}\n\nIt isn't hard.",
        fenced(F, "py"),
        fenced(F, "Python3"),
        fenced(F, "{.python}"),
        fenced(F, "python title=a.py"),
        fenced(F, ""),
        fenced(F, "", "~~~"),
        fenced(F, fence="````"),
        fenced(F).replace("\n", "\r\n"),
        "\ufeff" + fenced(F),
        f"Here it is: {fenced(F)}",
        "1. Write\n   ```python\n   def f(x):\n       return x + 1\n   ```",
        f"{F}\n```\nThis is the rest of an answer that was begun for the model.",
    ],
)
def test_one_closed_fence(answer: str) -> None:
    assert extract(answer, "f") == Extraction(F, Found.FENCE)


@pytest.mark.parametrize(
    "answer",
    [
        f"{fenced(OLDER)}\nBetter:\n{fenced(F)}",
        f"{fenced(F)}\nUse it:\n{fenced('print(f(1))')}",
        f"{fenced('pip install numpy', 'bash')}\n{fenced(F)}\nOutput:\n{fenced('2', '')}",
        f"{fenced(F)}\nBroken:\n{fenced(BROKEN)}",
        f"{fenced(F)}\nIn C:\n{fenced('int f(int x) {}', 'c')}",
        f"{fenced(F)}\nAnd now in full:\n```python\ndef f(x):\n    return x +",
    ],
    ids=[
        "last",
        "usage-after",
        "shell-before",
        "broken-after",
        "other-language",
        "truncated-after",
    ],
)
def test_of_several_blocks_the_last_sound_definition_wins(answer: str) -> None:
    assert extract(answer, "f") == Extraction(F, Found.FENCE)


def test_without_an_entry_point_the_last_python_block_wins() -> None:
    answer = (
        f"Input:\n{fenced('3', '')}\n{fenced('print(1)')}\n{fenced('print(2)')}\n{fenced('2', '')}"
    )
    assert extract(answer) == Extraction("print(2)", Found.FENCE)


def test_a_block_that_is_only_the_body_is_taken_where_nothing_defines_the_name() -> None:
    assert extract(fenced("    return x + 1"), "f") == Extraction("    return x + 1", Found.FENCE)


@pytest.mark.parametrize("indent", ["", "    "])
def test_a_fence_inside_a_string_does_not_end_the_block(indent: str) -> None:
    example = f"{indent}```\n{indent}f(1)\n{indent}```"
    code = f'def f(x):\n    """Add.\n\n{example}\n    """\n    return x + 1'
    assert extract(f"{fenced(code)}\nDone.\n{fenced('f(1)')}", "f") == Extraction(code, Found.FENCE)


def test_a_fence_that_is_never_closed_reaches_to_the_end() -> None:
    assert extract(f"Sure:\n```python\n{F}\n", "f") == Extraction(F + "\n", Found.OPEN_FENCE)


@pytest.mark.parametrize(
    "answer",
    [
        F,
        f"{F}\n\nThis isn't code any more.",
        f"Here's the function:\n\n{F}\n\nThat's all.",
        f"import is the word to start with.\n{F}",
    ],
)
def test_code_without_a_fence(answer: str) -> None:
    extraction = extract(answer, "f")
    assert (extraction.code.strip(), extraction.found) == (F, Found.UNFENCED)


def test_a_body_without_a_fence() -> None:
    extraction = extract("    y = x\n    return y\n\nThat's it, isn't it?", "f")
    assert extraction == Extraction("    y = x\n    return y\n", Found.UNFENCED)


def test_a_program_without_a_fence() -> None:
    assert extract("n = int(input())\nprint(n)") == Extraction(
        "n = int(input())\nprint(n)", Found.UNFENCED
    )


@pytest.mark.parametrize(
    "answer", ["", " \n\n", "\ufeff", "Sorry", "I can't do that.", "42", "```python\n```", "```"]
)
def test_no_code(answer: str) -> None:
    assert extract(answer, "f") == NOTHING


TAILS = [
    *(
        "",
        ".",
        "\u200b",
        "\u00a0",
        "**",
        "</answer>",
        "<|endoftext|>",
        "<|im_end|>",
        " [INST] next",
    ),
    *("[DONE]", " That is all.", " (done)", "</s>", "</code>", "python", "`", "|", "\u3002"),
]
QUOTING = (
    'def f(x):\n    """As in\n    ```python\n    f(1)\n    ```\n    """\n'
    "    end = '<|im_end|> ``` [DONE] </answer>'  # ``` <|im_end|>\n    return x + 1"
)


@pytest.mark.parametrize("code", [F, QUOTING], ids=["plain", "quoting"])
@pytest.mark.parametrize("tail", TAILS)
def test_a_fence_ends_the_block_whatever_follows_on_its_line(tail: str, code: str) -> None:
    for before in ("", "Sure:\n", "**", "<answer>", "[BEGIN]\n", "<|im_start|>assistant\n"):
        for after in ("", "\nBye.", f"\nUse:\n{fenced('print(f(1))')}"):
            for end in ("\n", "\n  ", "\n\u200b", "") if tail != "`" else ("\n",):
                answer = f"{before}```python\n{code}{end}```{tail}{after}"
                assert extract(answer, "f") == Extraction(code, Found.FENCE)
    assert extract(f"~~~\n{code}\n~~~{tail}", "f") == Extraction(code, Found.FENCE)
    assert extract(f"{code}\n```{tail}\nThe rest.", "f").code == code


@pytest.mark.parametrize("code", [F, QUOTING], ids=["plain", "quoting"])
@pytest.mark.parametrize("token", ENDS)
def test_what_follows_an_end_token_is_no_part_of_the_answer(token: str, code: str) -> None:
    for before in ("", "Here it is:\n", "Here it is:\n```python\n"):
        for end in ("\n", "", " "):
            for after in ("", f"user\nAgain\n{fenced(OLDER)}", f"\n{OLDER}"):
                answer = f"{before}{code}{end}{token}{after}"
                assert extract(answer, "f").code.strip() == code
    for end in ("\n", "", " "):
        answer = f"{fenced(code)}{end}{token}\nuser\n{fenced(OLDER)}"
        assert extract(answer, "f") == Extraction(code, Found.FENCE)


@pytest.mark.parametrize("code", [F, QUOTING], ids=["plain", "quoting"])
@pytest.mark.parametrize(("opening", "closing"), AROUND)
def test_tags_around_an_answer(opening: str, closing: str, code: str) -> None:
    for before in ("", "Here:\n", "Here it is. "):
        for begin in ("", "\n", " "):
            for end in ("", "\n", " "):
                for answer in (
                    f"{before}{opening}{begin}{code}{end}{closing}\nDone it.",
                    f"{before}{opening}{begin}{fenced(code)}{end}{closing}\nDone it.",
                    f"{before}{fenced(f'{opening}{begin}{code}{end}{closing}')}",
                ):
                    assert extract(answer, "f").code.strip() == code


@pytest.mark.parametrize(
    "answer",
    [
        # Square brackets are an index where the program has the name.
        f"DONE = 0\n{F}[DONE]\n",
        f"from states import DONE\n{F}[DONE]\n",
        # A token that prose names ends nothing.
        f"Stop at `<|im_end|>`, or at the <eos> token:\n{fenced(F)}",
        f"{fenced(OLDER)}\nThe <eos> token:\n{fenced(F)}",
    ],
)
def test_marks_that_belong_to_the_answer(answer: str) -> None:
    expected = F if "```" in answer else answer
    assert extract(answer, "f").code == expected


def test_a_block_that_was_not_closed_ends_where_the_next_begins() -> None:
    answer = f"```python\n{F}\n```python\nprint(f(1))\n```"
    assert extract(answer, "f") == Extraction(F, Found.FENCE)


@pytest.mark.parametrize("end", ["\n`", "\n``", "``", "\n``\n"])
def test_an_answer_that_ends_inside_its_closing_fence(end: str) -> None:
    extraction = extract(f"```python\n{F}{end}", "f")
    assert (extraction.code.rstrip(), extraction.found) == (F, Found.OPEN_FENCE)


CODE_PARTS = [
    "def f(x):\n",
    "    return x\n",
    "x = (",
    "f(1)",
    '"""',
    "'",
    "    ",
    "\t",
    "\n",
    "\r\n",
]
MARKS = [
    "```",
    "```python\n",
    "~~~\n",
    "`",
    "<think>",
    "</think>",
    "It's ",
    "\ufeff",
    "\x00",
    "\ud800",
    "<|im_end|>",
    "[DONE]",
    "[BEGIN]\n",
    "<answer>",
    "</answer>",
]
words = st.sampled_from(CODE_PARTS + MARKS)
pieces = st.lists(st.one_of(words, st.text(max_size=5)), max_size=25).map("".join)
prose = st.text(st.sampled_from("abcdef ,.'\n"), max_size=80)
programs = st.lists(
    st.sampled_from(["    y = '```'\n", "    x += 1\n", "\n", '    """doc"""\n', "    # don't\n"]),
    max_size=8,
).map(lambda body: "def f(x):\n" + "".join(body) + "    return x")


@settings(max_examples=300, deadline=None)
@given(pieces, st.sampled_from([None, "f"]))
def test_any_answer_gives_code_of_its_own_lines_or_nothing(
    answer: str, entry_point: str | None
) -> None:
    extraction = extract(answer, entry_point)
    assert (extraction.found is Found.NONE) == (extraction.code == "")
    assert "\r" not in extraction.code
    assert "\ufeff" not in extraction.code
    plain = answer.replace("\ufeff", "").replace("\r\n", "\n").replace("\r", "\n")
    lines = [line.strip() for line in plain.split("\n")]
    for line in extraction.code.split("\n"):
        assert any(line.strip() in own for own in lines)


@settings(max_examples=200, deadline=None)
@given(prose, programs, prose)
def test_a_program_between_prose_comes_back_as_it_was(before: str, code: str, after: str) -> None:
    answer = f"{before}\n{fenced(code)}\n{after}"
    assert parse(code) is not None
    assert extract(answer, "f") == Extraction(code, Found.FENCE)


SHAPES = {
    "prose": "I don't know what it's about (really).\n",
    "blocks": "```python\nx = (\n```\n",
    "bare fences": "```\n",
    "backticks": "`",
    "code": "def f():\n    return 1\n",
    "false starts": "x = 1 oops\n",
    "brackets": "(",
    "reasoning": "<think>",
    "blank": "\n",
    "quotes": '"""\n',
    "tokens": "x = 1<|im_end|>\n",
    "indexes": "[DONE]\n",
    "fences behind code": "x = 1```\n",
    "fences in comments": "x = 1  # ```\n",
    "open blocks": "```python\nx = 1\n",
    "tags": "<answer>\n",
}


@pytest.mark.parametrize("unit", SHAPES.values(), ids=SHAPES.keys())
def test_four_times_the_text_takes_about_four_times_as_long(unit: str) -> None:
    """A quadratic search would take sixteen times as long."""

    def once(text: str) -> float:
        start = time.process_time()
        extract(text, "f")
        return time.process_time() - start

    def seconds(length: int) -> float:
        # The least is the search's own; what runs beside it only adds to the others.
        return min(once(unit * (length // len(unit))) for _ in range(3))

    # A collection would look at all that other tests have left.
    gc.disable()
    try:
        # Too little to be told from noise counts as the noise.
        assert seconds(40_000) < 10 * max(seconds(10_000), 0.02)
    finally:
        gc.enable()


def test_a_megabyte_is_searched_in_seconds() -> None:
    start = time.process_time()
    extract(SHAPES["prose"] * 25_000 + fenced(F), "f")
    assert time.process_time() - start < 5
