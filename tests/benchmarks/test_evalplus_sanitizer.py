"""The sanitizer gives what EvalPlus 0.3.1's gives, in bounded time."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opencodeeval.benchmarks.data.rows import read_jsonl
from opencodeeval.benchmarks.extraction.evalplus_sanitize import longest_window, sanitize
from opencodeeval.core import syntax
from opencodeeval.core.syntax import hopeless, parse, viable_end

CODE = [
    "def f(x):",
    "    return x",
    "    return g(x)",
    "  return 2",
    "async def g():",
    "    await f()",
]
CODE += [
    "@dec",
    "class A:",
    "    x = 1",
    "    def m(self): return 2",
    "import os",
    "from a import b",
]
CODE += ["from __future__ import annotations", "x = 1", "a, b = 1, 2", "a: int = 3", "a: int"]
CODE += ["def h(): yield 1", "return 5", "yield", "global x", "lambda: 0", "f = g = 2", "x += 1"]
OPEN = ["x = (1,", "y = [", "]", ")", "}", "{", "'''", '"""', "    '''doc", 'x = """', '"""doc"""']
OPEN += ["x = f'{a", "f'''{", "}'''", "x = 1; \\", "\\", "x = 1 \\", "+ 2", "f'abc \\", "'abc \\"]
OPEN += ["def'", "# c \\", "x[", "x.", "x:", "f = lambda x: (", "if True: \\"]
BLOCKS = ["if x:", "    pass", "else:", "    y = 2", "elif z:", "try:", "except E:", "finally:"]
BLOCKS += ["for i in range(3):", "while 1:", "with a as b:", "match x:", "    case 1:", "try: pass"]
BLANK = ["", "", " ", "\t", "\x0c", "\u3000", "x = 1\r", "a\rb", "\tpass", "  \tpass", "# comment"]
PROSE = ["Here is the code", "It's a test", "```python", "```", "print('hi')", "1. item", "- item"]
PROSE += ["x;y", "x; y;", "$", "?", "`a`", "é = 1", "0777", "1_", "!", "a <> b", "...", "foo(a b)"]
PROSE += ["print 'x'", "(a b", "x = = 2", "def f(:", "class", "f(**a, *b)", "* x"]
LINES = CODE + OPEN + BLOCKS + BLANK + PROSE

any_lines = st.lists(st.sampled_from(LINES), min_size=1, max_size=14)
# Few different lines, so that longer runs hang together.
few_lines = st.lists(st.sampled_from(LINES), min_size=2, max_size=6).flatmap(
    lambda pool: st.lists(st.sampled_from(pool), min_size=1, max_size=14)
)
texts = st.one_of(any_lines, few_lines, st.lists(st.sampled_from(CODE + BLANK), min_size=1)).map(
    lambda lines: "\n".join(lines[:14])
)
entry_points = st.sampled_from([None, "", "f", "g", "A", "x"])
thorough = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(autouse=True)
def _quiet_parser() -> Iterator[None]:
    """The original lets the parser warn about invalid escapes in what it tries."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def original(code: str, entry_point: str | None) -> str:
    from evalplus.sanitize import sanitize as evalplus_sanitize

    result: str = evalplus_sanitize(code, entry_point)
    return result


@thorough
@given(texts, entry_points)
def test_the_result_is_evalplus_s(text: str, entry_point: str | None) -> None:
    assert sanitize(text, entry_point) == original(text, entry_point)


@thorough
@given(texts)
def test_the_longest_window_is_evalplus_s(text: str) -> None:
    from evalplus.sanitize import code_extract

    assert longest_window(text) == code_extract(text)


@thorough
@given(any_lines, any_lines)
def test_nothing_that_follows_hopeless_lines_makes_them_python(
    lines: list[str], more: list[str]
) -> None:
    assert not hopeless(lines) or parse("\n".join([*lines, *more])) is None


@thorough
@given(any_lines, any_lines)
def test_nor_where_the_parser_does_not_tell_the_end_of_the_text(
    lines: list[str], more: list[str]
) -> None:
    """The first releases of Python 3.10 have no "incomplete input"."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(syntax, "_INCOMPLETE", 0)
        assert not hopeless(lines) or parse("\n".join([*lines, *more])) is None


@thorough
@given(few_lines)
def test_no_window_beyond_the_viable_end_is_python(lines: list[str]) -> None:
    end = viable_end(lines, 0, len(lines) - 1)
    beyond = range(end + 1, len(lines))
    assert [k for k in beyond if parse("\n".join(lines[: k + 1])) is not None] == []


def test_prose_is_hopeless_at_its_first_line() -> None:
    prose = ["Here is how it works:", "first we don't know.", "x = 1"]
    assert viable_end(prose, 0, 2) == -1


@pytest.mark.shared
def test_the_result_is_evalplus_s_on_outputs_of_models(shared_data: Path) -> None:
    humaneval = read_jsonl(shared_data / "humaneval/HumanEval.jsonl.gz")
    tasks = {row["task_id"]: row for row in humaneval}
    verdicts = shared_data / "verdicts"
    programs = read_jsonl(
        verdicts / "qwen2.5-coder-1.5b-base/evalplus/humaneval/generated.jsonl.gz"
    )
    dialogues = read_jsonl(verdicts / "wizardcoder-15b/humaneval_results.jsonl.gz")[:40]
    texts = [(row["task_id"], row["completion"]) for row in programs]
    texts += [(task_id, tasks[task_id]["prompt"] + text) for task_id, text in texts[:40]]
    texts += [(row["task_id"], row["all_code"]) for row in dialogues]
    for task_id, text in texts:
        entry_point = tasks[task_id]["entry_point"]
        assert sanitize(text, entry_point) == original(text, entry_point), task_id


@pytest.mark.shared
def test_all_canonical_solutions_are_kept(shared_data: Path) -> None:
    for row in read_jsonl(shared_data / "humaneval_plus/v0.1.10/HumanEvalPlus.jsonl.gz"):
        code = row["prompt"].strip() + "\n" + row["canonical_solution"]
        kept = sanitize(code, row["entry_point"])
        assert kept == original(code, row["entry_point"])
        assert f"def {row['entry_point']}(" in kept


FUNCTION = "\n".join(["def f(x):", *(f"    y{i} = x + {i}" for i in range(28)), "    return x"])
PROSE_TEXT = "\n".join(f"Here's remark {i}, which isn't code (not at all)." for i in range(400))
STATEMENTS = "\n".join(f"v{i} = f({i}) + [{i}, 'a'][0]" for i in range(400))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (f"{PROSE_TEXT}\n{FUNCTION}", 30),
        (f"{FUNCTION}\n{PROSE_TEXT}", 30),
        (STATEMENTS, 400),
        (f"{STATEMENTS}\nand so on\n{STATEMENTS}", 400),
        ("\n".join(["@repeated"] * 200), 1),
    ],
    ids=["prose-code", "code-prose", "code", "code-prose-code", "repetition"],
)
def test_long_answers_take_less_than_a_second(text: str, lines: int) -> None:
    """EvalPlus's own search takes seconds to minutes for each of these."""
    start = time.process_time()
    window = longest_window(text)
    assert time.process_time() - start < 1.0
    assert len(window.split("\n")) == lines


@pytest.mark.parametrize(
    "damage", ["\x00", "\ud800", "(" * 300, "-" * 5000 + "1", "x" + ".a" * 20000], ids=range(5)
)
def test_what_crashes_evalplus_is_text_that_is_not_code(damage: str) -> None:
    code = "def f():\n    return 1"
    assert sanitize(f"{damage}\n{code}\n", "f") in (code, f"{damage}\n{code}")


def test_a_lone_surrogate_gives_a_program_that_can_be_written() -> None:
    assert sanitize("\ud800", "f").encode() == b"?"


def test_a_single_line_is_found_only_as_the_first() -> None:
    assert longest_window("def f(): return 1\noops oops") == "def f(): return 1"
    assert longest_window("oops oops\ndef f(): return 1") == "oops oops"


def test_of_equal_windows_the_first_wins() -> None:
    assert longest_window("a = 1\nb = 2\noops oops\nc = 3\nd = 4") == "a = 1\nb = 2"


def test_imports_move_to_the_top() -> None:
    assert sanitize("def f():\n    return 1\nimport os", "f") == "import os\ndef f():\n    return 1"


def test_decorated_functions_are_dropped() -> None:
    code = "@cache\ndef g(x):\n    return x\ndef f(x):\n    return g(x)"
    assert sanitize(code, "f") == "def f(x):\n    return g(x)"


def test_future_imports_are_dropped() -> None:
    code = "from __future__ import annotations\ndef f():\n    return 1"
    assert sanitize(code, "f") == "def f():\n    return 1"


def test_constants_of_a_tuple_assignment_are_dropped() -> None:
    code = "LOW, HIGH = 1, 2\ndef f():\n    return LOW"
    assert sanitize(code, "f") == "def f():\n    return LOW"


def test_module_level_statements_are_dropped() -> None:
    code = "import sys\nsys.setrecursionlimit(99)\ndef f():\n    return 1"
    assert sanitize(code, "f") == "import sys\ndef f():\n    return 1"


def test_functions_without_return_are_dropped() -> None:
    code = "def log(x):\n    print(x)\ndef f(x):\n    log(x)\n    return x"
    assert sanitize(code, "f") == "def f(x):\n    log(x)\n    return x"


def test_the_first_definition_of_a_name_wins() -> None:
    assert sanitize("def f():\n    return 1\ndef f():\n    return 2", "f") == (
        "def f():\n    return 1"
    )


def test_what_the_entry_point_does_not_use_is_dropped() -> None:
    code = "def g():\n    return 2\ndef h():\n    return 3\ndef f():\n    return g()"
    assert sanitize(code, "f") == "def g():\n    return 2\ndef f():\n    return g()"


def test_without_anything_to_keep_the_window_stays_as_it_is() -> None:
    code = "@cache\ndef f():\n    yield 1"
    assert sanitize(f"{code}\noops oops", "f") == code


def test_reasoning_is_not_removed() -> None:
    text = "<think>\ndef f():\n    return 0\n</think>\ndef f():\n    return 1"
    assert sanitize(text, "f") == "def f():\n    return 0"
