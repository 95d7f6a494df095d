"""The languages of `POST /run_code`: SandboxFusion's names, and how ours runs each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from opencodeeval.serve.messages import Ready


@dataclass(frozen=True)
class Language:
    """How a language's program is compiled, if it is, and run.

    `toolchain` is its name in an environment; Python needs none. Commands are argument lists,
    and run in the folder of `file`, the program's. `named` finds what the command takes for
    NAME in the program; it is "Main" where there is nothing.
    """

    toolchain: str
    file: str
    command: tuple[str, ...]
    compile: tuple[str, ...] = ()
    named: str = ""

    def command_for(self, code: str) -> list[str]:
        """The command that runs this program."""
        found = re.search(self.named, code, re.MULTILINE) if self.named else None
        name = found[1] if found else "Main"
        return [name if word == "NAME" else word for word in self.command]


PYTHON = "python"
# Go has no module to look for, and writes to no other place; testify lies there in some images.
_GO = ("env", "GO111MODULE=off", "GOCACHE=/tmp/.go-build", "GOPATH=/tmp/.go:/usr/share/gocode")
LANGUAGES: Mapping[str, Language] = {
    PYTHON: Language("", "solution.py", ()),
    "cpp": Language(
        "cpp", "main.cpp", ("./main",), ("g++", "-std=c++17", "main.cpp", "-o", "main")
    ),
    "java": Language("java", "Main.java", ("java", "-ea", "Main"), ("javac", "Main.java")),
    "nodejs": Language("js", "main.js", ("node", "main.js")),
    "typescript": Language(
        "ts", "main.ts", ("node", "main.js"), ("tsc", "--target", "esnext", "main.ts")
    ),
    "rust": Language("rs", "main.rs", ("./main",), ("rustc", "main.rs", "-o", "main")),
    "csharp": Language("cs", "main.cs", ("mono", "main.exe"), ("mcs", "main.cs", "-out:main.exe")),
    "php": Language("php", "main.php", ("php", "-f", "main.php")),
    "bash": Language("sh", "main.sh", ("bash", "main.sh")),
    "lua": Language("lua", "main.lua", ("lua5.4", "main.lua")),
    "perl": Language("pl", "main.pl", ("perl", "main.pl")),
    "R": Language("r", "main.R", ("Rscript", "main.R")),
    "ruby": Language("rb", "main.rb", ("ruby", "main.rb")),
    "racket": Language("rkt", "main.rkt", ("racket", "main.rkt")),
    "go": Language("go", "main.go", ("./main",), (*_GO, "go", "build", "-o", "main", "main.go")),
    "go_test": Language("go", "main_test.go", (*_GO, "go", "test", "main_test.go")),
    "D_ut": Language("d", "main.d", ("./main",), ("ldmd2", "-unittest", "-of=main", "main.d")),
    "julia": Language("jl", "main.jl", ("julia", "main.jl")),
    "scala": Language(
        "scala",
        "main.scala",
        ("scala", "NAME"),
        ("scalac", "main.scala"),
        named=r"^\s*(?:case\s+)?object\s+(\w+)",
    ),
    "kotlin_script": Language("kotlin", "main.kts", ("kotlinc", "-script", "main.kts")),
}
# The same language under the names that other environments have for it.
ALSO = {"rs": "rust"}


def offered(ready: Ready) -> dict[str, str]:
    """Each language that can be run, with the environment that has it."""
    found = {PYTHON: ""}
    for environment, sandbox in ready.sandboxes.items():
        there = sandbox.languages
        for name, language in LANGUAGES.items():
            if language.toolchain in there or ALSO.get(language.toolchain) in there:
                found.setdefault(name, environment)
    return found
