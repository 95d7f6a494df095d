"""How programs are compiled and run: what tasks of the kind "program" are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.benchmarks.data.rows import Row
from opencodeeval.core.errors import DataError

# What the statement behind the last test prints.
PROOF = "@@PROOF@@"
# What a run need not have done unless its language says so.
PASSES: dict[str, Any] = {"stdout_only_proof": False, "stderr_empty": False, "lacks": {}}


class Grading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one publisher compiles and runs a program, and when it passes.

    `rounds` are commands, of which each round's last runs the tests; `run_environ` is the
    whole environment of that one. `passes` is as in the kind "program"
    (sandbox/guest/README.md), `limits` are in seconds, and `flags` has more arguments of a
    round's first command in tasks with a text in their names.
    """

    rounds: tuple[tuple[str, ...], ...]
    passes: dict[str, Any]
    limits: dict[str, float]
    run_environ: dict[str, str] = {}
    flags: dict[str, str] = {}


def check_texts(row: Row, fields: Iterable[str]) -> None:
    """Check that these fields of a row are texts.

    Raises:
        DataError: one is missing or empty.
    """
    for field in fields:
        if not isinstance(row.get(field), str) or not row[field].strip():
            raise DataError(f"its field {field} is missing or empty: fetch the data again")


def rounds(name: str, grading: Grading) -> list[list[dict[str, Any]]]:
    """The commands of each round for a task of this name; the last of each runs the tests."""
    more = [flags for text, flags in grading.flags.items() if text in name]
    found = []
    for commands in grading.rounds:
        split = [command.split() for command in commands]
        split[0] += [flag for flags in more for flag in flags.split()]
        steps: list[dict[str, Any]] = [
            {"command": command, "limit": "compile_s"} for command in split[:-1]
        ]
        last = {"command": split[-1], "limit": "run_s"}
        environ = {"environ": dict(grading.run_environ)} if grading.run_environ else {}
        found.append([*steps, {**last, **environ}])
    return found


def limits_of(steps: list[list[dict[str, Any]]], limits: Mapping[str, Any]) -> dict[str, Any]:
    """The limits with the seconds that all commands of a sample may take together."""
    return {**limits, "total_s": sum(limits[step["limit"]] for each in steps for step in each)}


class ProgramBenchmark(CardBenchmark):
    """A benchmark whose tasks are of the kind "program"; some may be of another kind."""

    def describe(self) -> Mapping[str, Any]:
        """What a record stores of the benchmark, with the language of its programs."""
        tests = self.tasks[0].tests
        more = {"language": tests.get("language", ""), "limits": dict(tests["limits"])}
        return {**super().describe(), **more}

    def with_time_limit(self, seconds: float) -> CardBenchmark:
        """The same benchmark with another limit for the run of a program; compiling keeps its own.

        Raises:
            UsageError: the limit is not above 0.
        """
        limited = super().with_time_limit(seconds)
        tasks = []
        for task in limited.tasks:
            if task.tests["kind"] == "program":
                limits = {**task.tests["limits"], "run_s": limited.time_limit}
                limits = limits_of(task.tests["rounds"], limits)
                task = replace(task, tests={**task.tests, "limits": limits})
            elif task.tests["kind"] == "output":
                only = {"run_s": limited.time_limit, "total_s": limited.time_limit}
                limits = {**task.tests["limits"], **only}
                task = replace(task, tests={**task.tests, "limits": limits})
            tasks.append(task)
        card = limited.protocol_card
        card = replace(card, limits={**card.limits, "run_s": limited.time_limit})
        return replace(limited, tasks=tasks, protocol_card=card)
