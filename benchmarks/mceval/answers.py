"""The code of an answer, as a program that the published tests go on from.

The fenced block that has the function; without the answer's own main, tests and prints; behind
what the prompt has before the function, with the prompt's signature where types decide what
the tests may call; and left open where the tests close it. The publisher's own expressions,
one routine a language, do the same; where they and these differ is in quirks.toml.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from opencodeeval.core.types import Task

from .languages import Answers, Language

_OPENING, _FENCE = re.compile(r"```[^\n`]*\n"), "```"
_FLAGS = re.MULTILINE | re.DOTALL


def completed(text: str, task: Task, language: Language) -> tuple[str, str]:
    """The program of an answer, without the tests, and how it was found."""
    rules = language.answers
    code_block, found = block(text, task.entry_point, rules.documents)
    before = _before(task, rules)
    code = code_block if rules.within else _not_repeated(code_block, before)
    code = _without(code, task.entry_point, rules)
    place = _definition(code, task, rules)
    if place is None:
        return (task.prompt + language.between + code, found) if code.strip() else ("", "none")
    if rules.signed:
        signature = str(task.fields["signature"]).strip().rstrip("{").rstrip()
        code = code[: place.start()] + signature + " " + code[place.end() :]
        place = re.compile(re.escape(signature)).search(code) or place
    if rules.within:
        code, outside = _members(code, place.start(), rules)
        kept = re.findall(rules.imports, outside, _FLAGS) if rules.imports else []
        before = "".join(f"{line}\n" for line in kept) + before
        code += re.sub(rules.imports, "", outside, flags=_FLAGS) if rules.imports else ""
    elif rules.imports:
        before, code = _merged(before, code, str(task.fields["test"]), rules)
    if rules.once:
        code = _once(code, place.start(), before)
    for word, end in rules.ends.items():
        if word in before and word not in code_block:
            code = f"{code.rstrip()}\n{end}"
    return f"{before}{code.rstrip()}\n{rules.tail}", found


def block(text: str, entry: str, documents: str = "") -> tuple[str, str]:
    """The fenced block with the function, else the first; all of the text without one.

    A fence in a text between two `documents` is an example in a comment, and ends no block.
    """
    blocks = list(_blocks(text, documents))
    if not blocks:
        return text, "unfenced"
    name = re.compile(rf"(?<![\w-]){re.escape(entry)}(?![\w-])")
    return next((block for block in blocks if name.search(block)), blocks[0]), "fence"


def _blocks(text: str, documents: str) -> Iterator[str]:
    at = 0
    while opening := _OPENING.search(text, at):
        start = opening.end()
        at = _fence(text, start)
        while documents and at < len(text) and text.count(documents, start, at) % 2:
            at = _fence(text, at + len(_FENCE))
        yield text[start:at]
        at += len(_FENCE)


def _fence(text: str, at: int) -> int:
    """The place of the next fence; the text's end without one."""
    place = text.find(_FENCE, at)
    return len(text) if place < 0 else place


def _without(code: str, entry: str, rules: Answers) -> str:
    """The code without what is the answer's own test of it."""
    if rules.cuts and (place := re.search(rules.cuts, code, _FLAGS)):
        code = code[: place.start()]
    for header in rules.mains:
        while place := re.search(header, code, _FLAGS):
            code = code[: place.start()] + code[_closed(code, place.end()) :]
    for each in rules.drops:
        code = re.sub(each.replace("NAME", re.escape(entry)), "", code, flags=_FLAGS)
    return code


def _closed(code: str, at: int) -> int:
    """The place behind the brace that closes the one that opens at or behind here."""
    depth, at = 0, max(0, code.find("{", at - 1))
    for place in range(at, len(code)):
        depth += (code[place] == "{") - (code[place] == "}")
        if depth == 0:
            return place + 1
    return len(code)


def _definition(code: str, task: Task, rules: Answers) -> re.Match[str] | None:
    return re.search(rules.defines.replace("NAME", re.escape(task.entry_point)), code, _FLAGS)


def _before(task: Task, rules: Answers) -> str:
    """What the prompt has before the function."""
    signature = task.prompt.rfind(str(task.fields["signature"]).strip())
    place = None if rules.signed or rules.within else _definition(task.prompt, task, rules)
    return task.prompt[: max(0, place.start() if place else signature)]


def _not_repeated(block: str, before: str) -> str:
    """An answer without those first lines that are what the prompt has before the function."""
    known = [line.strip() for line in before.split("\n") if line.strip()]
    lines = block.split("\n")
    for at, line in enumerate(lines):
        if not known:
            return "\n".join(lines[at:])
        if line.strip() and line.strip() != known.pop(0):
            break
    return block


def _once(code: str, at: int, before: str) -> str:
    """The code without those lines before the function that the prompt has too."""
    known = {line.strip() for line in before.split("\n")}
    lines = code[:at].split("\n")
    kept = [line for line in lines[:-1] if line.strip() not in known]
    return "\n".join([*kept, lines[-1] + code[at:]])


def _members(code: str, at: int, rules: Answers) -> tuple[str, str]:
    """What stands within the class that has this place, and what stands outside of it."""
    for opening in re.finditer(rules.within, code, _FLAGS):
        end = _closed(code, opening.end())
        if opening.start() <= at < end:
            inside = code[opening.end() : end - 1 if code[end - 1 : end] == "}" else end]
            return inside, code[: opening.start()] + code[end:]
    return code, ""


def _merged(before: str, code: str, tests: str, rules: Answers) -> tuple[str, str]:
    """Go: the packages that prompt and answer import, of which one that is not used is an error."""
    named = re.findall(r'"([\w./-]+)"', " ".join(re.findall(rules.imports, before + code, _FLAGS)))
    before = re.sub(rules.imports, "", before, flags=_FLAGS)
    code = re.sub(rules.imports, "", code, flags=_FLAGS)
    used = [
        name
        for name in dict.fromkeys(named)
        if re.search(rf"\b{re.escape(name.rpartition('/')[2])}\.", code + tests)
    ]
    lines = "".join(f'\t"{name}"\n' for name in used)
    first, _, rest = before.partition("\n")
    return f"{first}\n\nimport (\n{lines})\n{rest}", code
