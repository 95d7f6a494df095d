"""From what a model wrote to a program: where it is cut, and what stands before it.

In the order of the publisher's evaluation; quirks.toml says what of it moves scores.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .languages import Language

_MAIN = "fn main()"
_EMPTY_MAIN = "public class Main {\n    }"
# What Go programs get imported if they use it.
_GO_PACKAGES = (
    "math",
    "strings",
    "fmt",
    "strconv",
    "time",
    "bytes",
    "regexp",
    "sort",
    "math/rand",
    "crypto/md5",
)


def cut(text: str, name: str, language: Language) -> str:
    """A completion up to the end of the function that the prompt has begun."""
    for each in language.stop:
        text = text.partition(each)[0]
    if not language.braces:
        lines = text.split("\n")
        kept = next(
            (at for at, line in enumerate(lines) if line.strip() and line[0] not in " \t"),
            len(lines),
        )
        return "\n".join(lines[:kept])
    depth = language.braces
    for at, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return text[: at + 1]
    return _closed(text, name)


def _closed(text: str, name: str) -> str:
    """A completion whose braces do not close, up to its last one."""
    if name == "java":
        before, main, _ = text.partition("public static void main")
        text = f"{before}}}" if main else text
    if "}" in text:
        text = text[: text.rindex("}") + 1]
    if name == "java" and text.count("{") - 1 == text.count("}"):
        text += "\n}"
    return text


def assembled(code: str, name: str, language: Language, row: Mapping[str, Any]) -> str:
    """A function with what its tests need before it; a program that has that stays as it is."""
    if name == "go":
        return _go(code, row)
    if name == "rust":
        return _rust(code, row)
    if name == "java":
        return code.replace(_EMPTY_MAIN, "").strip()
    header = "\n".join(language.header)
    if header and code.startswith(header):
        return code
    if name == "cpp":
        code = code.partition("int main")[0]
    return f"{header}\n{code}".strip() if header else code


def _go(code: str, row: Mapping[str, Any]) -> str:
    setup = f"{row['test_setup']}\n"
    if code.startswith("package main\n"):
        return code
    for line in setup.split("\n"):
        named = line.replace("import", "").replace("(", "").replace(")", "").strip()
        if named.startswith('"') and named in code:
            setup = setup.replace(named, "")
    whole = f"{setup}{code}\n\n{row['test']}"
    used = [name for name in _GO_PACKAGES if f'"{name}"' not in whole and _uses(whole, name)]
    lines = "\n".join(f'    "{name.rpartition("/")[2]}"' for name in used)
    imports = f"import (\n{lines}\n)\n" if used else ""
    return setup + imports + code.replace("package main", "")


def _uses(code: str, package: str) -> bool:
    mark = f"{package.rpartition('/')[2]}."
    return any(mark in line and not line.strip().startswith("//") for line in code.split("\n"))


def _rust(code: str, row: Mapping[str, Any]) -> str:
    before = "" if _MAIN in code else f"{_MAIN}{{}}\n"
    for line in map(str.strip, row["declaration"].split("\n")):
        there = line in code or (line.startswith("fn") and line.partition("(")[0] in code)
        before += "" if there else f"{line}\n"
    return before + _MAIN.join(code.split(_MAIN)[:2])
