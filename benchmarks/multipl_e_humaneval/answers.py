"""The code of a chat model's answer, completed so that the published tests go on from it.

In the order of Qwen's evaluation of chat models: the first fenced block; the prompt or a
class around it where it lacks them; no main of its own; and where the tests close the
function or the class, nothing behind the line before that. Languages that Qwen leaves out
have the rules that are common to all.
"""

from __future__ import annotations

import re

from opencodeeval.core.types import Task

from .languages import Answers, language_of

_FENCE = "```"


def completed(text: str, task: Task) -> str:
    """The program of an answer, without the tests; empty where nothing of it is left."""
    rules = language_of(task.fields["language"]).answers
    block = first_block(text)
    code = block
    if not _number(task) & set(rules.spared):
        for old, new in rules.replaces.items():
            code = code.replace(old, new)
    for pattern, new in rules.renames.items():
        code = re.sub(_named(pattern, task), new, code, flags=re.MULTILINE)
    code = _with_added(_whole(code, task, rules), task, rules)
    if rules.wraps and rules.only and (place := _braced(code, rules.wraps)):
        code = "\n".join(code.split("\n")[slice(*place)])
    if rules.main and (place := _braced(code, rules.main)):
        every = code.split("\n")
        code = "\n".join(every[: place[0]] + every[place[1] :])
    code = _until_braces(code, rules)
    if not code.strip():
        return ""
    kept = [line for line in block.split("\n") if rules.keeps and line.startswith(rules.keeps)]
    lines = [*kept, *(line for line in rules.imports if not (rules.once and line in code))]
    before = "".join(f"{line}\n" for line in lines)
    start = "" if rules.begins in code else rules.begins
    return f"{start}{before}{code}"


def first_block(text: str) -> str:
    """The first fenced block, of whatever language; all of the text without one."""
    start = text.find(_FENCE)
    line_end = text.find("\n", start) if start >= 0 else -1
    end = text.find(_FENCE, line_end + 1) if line_end >= 0 else -1
    return text[line_end + 1 : end] if end >= 0 else text


def _number(task: Task) -> set[int]:
    """The task's number in HumanEval or MBPP, if it has one."""
    return {int(number) for number in re.findall(r"\A[A-Za-z]+_(\d+)", task.task_id)}


def _whole(code: str, task: Task, rules: Answers) -> str:
    """The code with the prompt before it if it lacks the function, in a class if it lacks that."""
    defines = _named(rules.defines, task)
    if defines and not re.search(defines, code, re.DOTALL):
        return task.prompt + rules.between + code
    if not rules.wraps or rules.wraps in code:
        return code
    code = f"{rules.wraps} {{\n{code}"
    return code + "}\n" * max(0, _open(code)) if rules.only else code


def _named(pattern: str, task: Task) -> str:
    """A pattern of the language with the function's name for NAME."""
    return pattern.replace("NAME", re.escape(task.entry_point))


def _with_added(code: str, task: Task, rules: Answers) -> str:
    """The code with the lines that it lacks, behind its head or else behind the prompt's."""
    added = [line for text, line in rules.adds.items() if text not in code]
    if not rules.headed or not code.strip():
        return code
    head = re.search(rules.headed, code, re.MULTILINE)
    if head is None:
        head = re.search(rules.headed, task.prompt, re.MULTILINE)
        return "\n".join([*([head[0]] if head else []), *added, code])
    return "\n".join([code[: head.end()], *added]) + code[head.end() :]


def _open(code: str) -> int:
    return code.count("{") - code.count("}")


def _braced(code: str, words: str) -> tuple[int, int] | None:
    """The lines from the first with these words to that where its braces close, end excluded."""
    lines = code.split("\n")
    start = next((at for at, line in enumerate(lines) if words in line), len(lines))
    depth, opened = 0, False
    for at in range(start, len(lines)):
        for character in lines[at]:
            depth += (character == "{") - (character == "}")
            opened = opened or character == "{"
            if opened and depth == 0:
                return start, at + 1
    return None


def _until_braces(code: str, rules: Answers) -> str:
    """The code before the closing braces that the tests have, each alone in its line."""
    count = rules.closed
    if rules.balanced:
        # As many as are closed of those that the tests close.
        count -= _open(code)
        if not 0 < count <= rules.closed:
            return code
    lines = code.split("\n")
    lone = [at for at, line in enumerate(lines) if line.strip() == "}"]
    if not count:
        return code
    return "\n".join(lines[: lone[-count:][0]]) if lone else ""
