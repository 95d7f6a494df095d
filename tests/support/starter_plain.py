"""The starter benchmark without the harness: prompts, greedy answers, grading.

What is here is written a second time on purpose. The tiny checkpoints are
trained on these prompts and the data are tested with this grading, so that a
fault in an adapter, a backend or the sandbox shows as a difference from it.
Programs run in plain subprocesses: never give it a program you would not run.

    python tests/support/starter_plain.py tests/checkpoints/*/step-*
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]

STARTER = Path(__file__).resolve().parents[2] / "benchmarks" / "starter"
MAX_NEW_TOKENS = 300
CALLS_FROM_STDIN = """
import json, sys
print(json.dumps([{entry_point}(*args) for args in json.load(sys.stdin)]))
"""
FENCED = re.compile(r"```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def rows() -> list[Row]:
    return [json.loads(line) for line in (STARTER / "tasks.jsonl").read_text().splitlines()]


def question(row: Row, kind: str) -> str:
    """The base prompt, or the chat prompt's only user message (`kind`: base, chat)."""
    from jinja2 import Environment, FileSystemLoader

    loader = FileSystemLoader(STARTER)
    environment = Environment(loader=loader, keep_trailing_newline=True, autoescape=False)
    style = "stdio" if row["style"] == "stdio" else "function"
    return environment.get_template(f"{kind}_{style}.jinja").render(prompt=row["prompt"])


def head(row: Row) -> str:
    """What a base model's continuation is put behind to make a program."""
    return "" if row["style"] == "stdio" else row["prompt"].strip() + "\n"


def assemble(row: Row, kind: str, answer: str) -> str:
    """The program in an answer; empty where a chat answer has no block."""
    if kind == "base":
        return head(row) + answer
    block = FENCED.search(answer)
    return block.group(1) if block else ""


def run(program: str, folder: Path, given: str = "") -> tuple[int, str]:
    """Exit status and standard output; a program that takes 20 s has status -1."""
    path = folder / "program.py"
    path.write_text(program)
    try:
        done = subprocess.run(
            [sys.executable, str(path)],
            input=given,
            capture_output=True,
            check=False,
            text=True,
            timeout=20,
            cwd=folder,
        )
    except subprocess.TimeoutExpired:
        return -1, ""
    return done.returncode, done.stdout


def close(got: Any, expected: Any, atol: float) -> bool:
    if isinstance(got, float) and isinstance(expected, float):
        return math.isclose(got, expected, rel_tol=0.0, abs_tol=atol)
    return type(got) is type(expected) and bool(got == expected)


def passes(row: Row, program: str, folder: Path) -> bool:
    """Whether a complete program solves the task; it runs in `folder`."""
    if row["style"] == "function":
        calls = CALLS_FROM_STDIN.format(entry_point=row["entry_point"])
        status, stdout = run(program + calls, folder, json.dumps(row["inputs"]))
        got = json.loads(stdout) if status == 0 else []
        pairs = zip(got, row["expected"], strict=False)
        atol = row.get("atol", 0.0)
        return len(got) == len(row["expected"]) and all(close(a, b, atol) for a, b in pairs)
    if row["style"] == "stdio":
        results = [(run(program, folder, test["input"]), test["output"]) for test in row["tests"]]
        return all(result == (0, output) for result, output in results)
    return run(f"{program}\n{row['test']}\nunittest.main()\n", folder)[0] == 0


def greedy_answers(model: Any, tokenizer: Any, kind: str, tasks: Sequence[Row]) -> list[str]:
    """One greedy answer a task, at most MAX_NEW_TOKENS long."""
    answers = []
    for row in tasks:
        text = question(row, kind)
        if kind == "chat":
            turns = [{"role": "user", "content": text}]
            text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        ids = tokenizer(text, add_special_tokens=kind == "base", return_tensors="pt")["input_ids"]
        out = model.generate(ids, max_new_tokens=MAX_NEW_TOKENS, do_sample=False)
        answers.append(tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True))
    return answers


def solved(model: Any, tokenizer: Any, kind: str) -> list[str]:
    """Ids of the tasks that a model's greedy answers solve."""
    tasks = rows()
    answers = greedy_answers(model, tokenizer, kind, tasks)
    with tempfile.TemporaryDirectory() as folder:
        return [
            row["task_id"]
            for row, answer in zip(tasks, answers, strict=True)
            if passes(row, assemble(row, kind, answer), Path(folder))
        ]


def main() -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(1)
    for folder in map(Path, sys.argv[1:]):
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        passed = solved(model, tokenizer, "chat" if tokenizer.chat_template else "base")
        print(f"{folder.parent.name}/{folder.name}: {len(passed)} {' '.join(passed)}")


if __name__ == "__main__":
    main()
