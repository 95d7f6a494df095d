"""McEval's tasks in each language, as its publisher asks and grades them.

benchmarks/mceval/quirks.toml lists what of it moves scores, languages.toml has what differs
between languages. AWK's commands are graded by what they print: commands.py.
"""

from __future__ import annotations

from typing import Any

from opencodeeval.benchmarks.adapter import Adapter
from opencodeeval.benchmarks.card_benchmark import as_program
from opencodeeval.benchmarks.cards import ProtocolCard
from opencodeeval.benchmarks.data.rows import Row
from opencodeeval.benchmarks.programs.grading import (
    PASSES,
    PROOF,
    ProgramBenchmark,
    check_texts,
    limits_of,
)
from opencodeeval.core.types import Completion, ModelType, Program, Style, Task

from . import commands
from .answers import completed
from .languages import Language, language_of
from .published_tests import FELL, HELD, control, proven

SECONDS = 15.0  # for each process, also a compiler's
TEXTS = ("task_id", "prompt", "canonical_solution", "test", "entry_point", "instruction")


def to_task(row: Row, protocol: ProtocolCard) -> Task:
    """A row of McEval as a task.

    Raises:
        DataError: a field is missing, or its language or its tests are of no known form.
    """
    if commands.is_command(str(row.get("task_id"))):
        return commands.to_task(row, protocol, SECONDS)
    check_texts(row, TEXTS)
    name, language = language_of(row["task_id"])
    return Task(
        task_id=row["task_id"],
        style=Style.PROGRAM,
        prompt=row["prompt"],
        entry_point=row["entry_point"].strip(),
        reference=language.front + row["prompt"] + language.between + row["canonical_solution"],
        tests=_tests(row, name, language, protocol),
        fields=row,
        in_process=True,
    )


def _tests(row: Row, name: str, language: Language, protocol: ProtocolCard) -> dict[str, Any]:
    sound = not protocol.options["traps"]
    passes = {
        "status": True,
        **PASSES,
        **language.passes,
        **(language.sound.passes if sound else {}),
    }
    if language.endless_passes and not sound:
        passes["endless"] = True
    commands = (language.sound.rounds if sound else ()) or language.rounds
    rounds = [_steps(each, row) for each in commands]
    limits = {"compile_s": SECONDS, "run_s": SECONDS, **protocol.limits}
    return {
        "kind": "program",
        "language": name,
        "file": language.file.replace("MODULE", str(row.get("module") or "")),
        "tests": _placed(proven(row["test"], language), language),
        "proof": PROOF,
        "joint": language.joint,
        "control": _control(row, language, sound),
        "rounds": rounds,
        "passes": passes,
        "limits": limits_of(rounds, limits),
        **({"tests_first": True} if language.tests_first else {}),
        **({"environ": dict(language.environ)} if language.environ else {}),
    }


def _placed(tests: str, language: Language) -> str:
    """The tests with what stands between them and the program."""
    return tests + language.between if language.tests_first else language.between + tests


def _control(row: Row, language: Language, sound: bool) -> dict[str, Any]:
    """The control run: see the kind "program", sandbox/guest/README.md."""
    untested = {*language.untested, *(() if sound else language.sound.tests)}
    if row["task_id"] in untested:
        unchanged = _placed(proven(row["test"], language), language)
        return {"tests": unchanged, "fell": "-", "times": 0}
    once = row["task_id"] in language.changing
    made = control(row["test"], language, row["entry_point"].strip(), once)
    found: dict[str, Any] = {
        "tests": _placed(made.tests, language),
        "fell": language.fell or FELL,
        "times": made.changed + made.negated + made.holding,
    }
    return {**found, "held": HELD} if HELD in made.tests else found


def _steps(commands: tuple[tuple[str, ...], ...], row: Row) -> list[dict[str, Any]]:
    """The commands of a round; the last runs the tests."""
    module = str(row.get("module") or "")
    steps: list[dict[str, Any]] = [
        {"command": [word.replace("MODULE", module) for word in command], "limit": "compile_s"}
        for command in commands
    ]
    steps[-1]["limit"] = "run_s"
    return steps


class McEval(ProgramBenchmark):
    """Functions in many languages, each judged by a test program of its own."""

    def program(self, task: Task, completion: Completion, model_type: ModelType) -> Program:
        """Extract and assemble the program of one completion (pure)."""
        if commands.is_command(task.task_id):
            return as_program(completion, *commands.command(completion, model_type))
        language = language_of(task.task_id)[1]
        text, found = completion.text, str(completion.form)
        if completion.form == "answer" and model_type == "chat":
            text, found = completed(text, task, language)
        elif completion.form != "program":
            text, found = task.prompt + language.between + text, "body"
        if text.strip() and not text.startswith(language.front):
            text = language.front + text
        return as_program(completion, text, found)

    def solution(self, task: Task, code: str) -> str:
        """The program without what is put before every one."""
        if commands.is_command(task.task_id):
            return code
        return code.removeprefix(language_of(task.task_id)[1].front)


ADAPTER = Adapter(to_task, McEval)
