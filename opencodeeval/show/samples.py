"""The samples of a finished run as a page shows them: texts, verdicts, and kinds of error."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from opencodeeval.core.errors import StoreError
from opencodeeval.core.types import Completion, Grade, Program, SampleId, Verdict
from opencodeeval.records.reading import StoredRecord
from opencodeeval.runs.rows import PromptRow, overall, read_prompts
from opencodeeval.runs.store import read_run
from opencodeeval.show.highlight import token_runs

# Longest text on the page, in characters; the rest is in the run folder.
LONGEST = 50_000


class Samples:
    """The samples that a record counts, from its run folder.

    `verdicts` has those of each task in order; `kinds` the samples of each kind of error,
    as the task's place and the sample's number, the most frequent kind first.

    Raises:
        StoreError: what is stored is damaged, or samples are missing.
    """

    def __init__(self, record: StoredRecord, folder: Path) -> None:
        self._stored = read_run(folder)
        self._prompts = read_prompts(folder)
        self._language = record.record.benchmark.description.language
        self.verdicts: dict[str, list[str]] = {}
        kinds: dict[str, list[tuple[int, int]]] = {}
        for where in self._counted(record, folder):
            grade = self._stored.grades[where]
            of_task = self.verdicts.setdefault(where.task_id, [])
            if kind := kind_of_error(grade):
                kinds.setdefault(kind, []).append((len(self.verdicts) - 1, len(of_task)))
            of_task.append(_verdict(grade))
        self.kinds = dict(sorted(kinds.items(), key=lambda each: (-len(each[1]), each[0])))

    def _counted(self, record: StoredRecord, folder: Path) -> Iterator[SampleId]:
        for task_id, row in record.record.tasks.items():
            for sample_id in range(row.all_samples):
                where = SampleId(task_id, sample_id)
                if not (where in self._stored.grades and where in self._stored.programs):
                    raise StoreError(
                        f"{folder} lacks sample {sample_id} of {task_id}, which its record "
                        "counts: repeat the command of the run"
                    )
                yield where

    def prompt(self, task_id: str) -> str:
        """A task's prompt as text."""
        own = self._stored.completions[SampleId(task_id, 0)].prompt
        return _shortened(own or _text_of(self._prompts.get(task_id)))

    def texts(self, task_id: str) -> list[dict[str, Any]]:
        """All of a task's samples, each with its program, its coloured runs and its suites."""
        samples: list[dict[str, Any]] = []
        coloured: dict[str, str] = {}  # samples of one task are often the same program
        for sample_id in range(len(self.verdicts[task_id])):
            where = SampleId(task_id, sample_id)
            program, grade = self._stored.programs[where], self._stored.grades[where]
            code = _shortened(program.code)
            if code not in coloured:
                coloured[code] = token_runs(code, self._language)
            shown = _sample(self._stored.completions[where], program, grade)
            samples.append({**shown, "runs": coloured[code]})
        return samples


LETTERS = dict(zip(Verdict, "pwetmnfi", strict=True))


def short(verdicts: list[str]) -> str:
    """One letter per sample: an index of thousands stays small."""
    return "".join(LETTERS[Verdict(verdict)] for verdict in verdicts)


def _verdict(grade: Grade) -> str:
    return overall({name: suite.verdict for name, suite in grade.suites.items()}).value


# The name of an exception, wherever it stands in what a judge says of a verdict.
_EXCEPTION = re.compile(r"\b[A-Z]\w*(?:Error|Exception|Exit|Interrupt|StopIteration)\b")
_LONGEST_KIND = 48


def kind_of_error(grade: Grade) -> str:
    """What a sample failed by, for counting: an exception's name, or the verdict's detail.

    Numbers in a detail become N, so that "exit status 1" and "exit status 2" are one kind.
    Empty for samples that passed, or of which the verdict says all.
    """
    verdict = _verdict(grade)
    for suite in grade.suites.values():
        if suite.verdict.value == verdict != Verdict.PASSED.value and suite.detail:
            if found := _EXCEPTION.search(suite.detail):
                return found[0]
            first = suite.detail.strip().split("\n", 1)[0].split(":", 1)[0]
            return re.sub(r"\d+", "N", first)[:_LONGEST_KIND].strip()
    return ""


def _sample(completion: Completion, program: Program, grade: Grade) -> dict[str, Any]:
    code = _shortened(program.code)
    answer = _shortened(completion.text)
    return {
        "code": code,
        "found": program.found,
        "answer": None if answer == code else answer,
        "finish": completion.finish_reason,
        "tokens": completion.completion_tokens,
        "thinking": completion.thinking_tokens,
        "reasoning": _shortened(completion.reasoning),
        "suites": {
            name: {**_plain(asdict(suite)), "verdict": suite.verdict.value}
            for name, suite in grade.suites.items()
        },
        "stdout": _shortened(grade.stdout),
        "stderr": _shortened(grade.stderr),
    }


def _plain(suite: dict[str, Any]) -> dict[str, Any]:
    failure = suite["failure"]
    if failure is not None:
        texts = {
            name: _shortened(value if isinstance(value, str) else json.dumps(value))
            for name, value in failure.items()
            if value is not None
        }
        suite["failure"] = texts
    suite["detail"] = _shortened(suite["detail"])
    suite["tests"] = tests_shown(suite["tests_run"], suite["tests_total"])
    return suite


def tests_shown(run: int, total: int) -> str:
    """How many tests were run; a check that is one function (HumanEval's) does not count them."""
    if total:
        return f"{run} of {total}"
    return "not counted" if run else "none"


def _text_of(prompt: PromptRow | None) -> str:
    """A prompt as text: for a chat, the turns under their roles."""
    if prompt is None:
        return ""
    turns = [f"[{turn.role}]\n{turn.content}" for turn in prompt.messages]
    turns += [f"[assistant]\n{prompt.response_prefix}"] if prompt.response_prefix else []
    return "\n\n".join(turns) or prompt.text


def _shortened(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}\n[{len(text) - LONGEST} more characters are in the run folder]"
