"""The page of one run: every sample with its program, its verdict and what it failed on."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from opencodeeval.core.errors import StoreError
from opencodeeval.core.types import Completion, Grade, Program, SampleId, Verdict
from opencodeeval.records import answered
from opencodeeval.records.reading import StoredRecord
from opencodeeval.records.schema import Score, Totals
from opencodeeval.runs.rows import PromptRow, overall, read_prompts
from opencodeeval.runs.store import StoredRun, read_run
from opencodeeval.show import pages
from opencodeeval.show.highlight import token_runs
from opencodeeval.show.month_chart import HEIGHT, WIDTH, months_of
from opencodeeval.show.ranking import decoding, shown_name
from opencodeeval.stats.metrics import Metric, estimate
from opencodeeval.stats.pass_at_k import Estimate

NAME = "report.html"
# Longest text on the page, in characters; the rest is in the run folder.
LONGEST = 50_000


def report(record: StoredRecord, folder: Path, metrics: Sequence[Metric] = ()) -> str:
    """The page, from a record and its run folder alone: no data set is needed.

    `metrics` are shown beside those of the record.

    Raises:
        UsageError: the record lacks the samples that a metric needs.
        StoreError: what is stored is damaged, or samples are missing.
    """
    stored = read_run(folder)
    prompts = read_prompts(folder)
    verdicts: dict[str, list[str]] = {}
    kinds: dict[str, list[tuple[int, int]]] = {}
    for where, grade in _graded(record, stored, folder):
        of_task = verdicts.setdefault(where.task_id, [])
        if kind := kind_of_error(grade):
            kinds.setdefault(kind, []).append((len(verdicts) - 1, len(of_task)))
        of_task.append(_verdict(grade))
    total = Counter(verdict for each in verdicts.values() for verdict in each)
    kinds = dict(sorted(kinds.items(), key=lambda each: (-len(each[1]), each[0])))
    index = {
        "suites": list(record.suites),
        "kinds": kinds,
        "tasks": [[task_id, _short(each)] for task_id, each in verdicts.items()],
        "letters": {_LETTERS[verdict]: verdict.value for verdict in Verdict},
    }
    return pages.render(
        "report.html.jinja",
        "report.js",
        record=record.record,
        scores={suite: _scores(record, suite, metrics) for suite in record.suites},
        sampling=record.content["sampling"],
        model=shown_name(record.model),
        decoding=decoding(record),
        total=[(v.value, total[v.value]) for v in Verdict if total[v.value]],
        samples=sum(total.values()),
        kinds=[(kind, len(each)) for kind, each in kinds.items()],
        answers=answered.lines(record.record),
        tokens=tokens_shown(record.record.totals),
        index=index,
        tasks=_tasks(verdicts, stored, prompts, record.record.benchmark.description.language),
        drawn_elsewhere=record.record.model.origin == "file",
        months=months_of(record.record),
        months_size=(WIDTH, HEIGHT),
    )


def _scores(
    record: StoredRecord, suite: str, metrics: Sequence[Metric]
) -> dict[str, Score | Estimate]:
    found: dict[str, Score | Estimate] = dict(record.record.scores[suite])
    for metric in metrics:
        counts = list(record.counts(suite, (), metric).values())
        found.setdefault(str(metric), estimate(counts, metric))
    return found


_LETTERS = dict(zip(Verdict, "pwetmnfi", strict=True))


def _short(verdicts: list[str]) -> str:
    """One letter per sample: an index of thousands stays small."""
    return "".join(_LETTERS[Verdict(verdict)] for verdict in verdicts)


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


def _graded(
    record: StoredRecord, stored: StoredRun, folder: Path
) -> Iterator[tuple[SampleId, Grade]]:
    for task_id, row in record.record.tasks.items():
        for sample_id in range(row.all_samples):
            where = SampleId(task_id, sample_id)
            if not (where in stored.grades and where in stored.programs):
                raise StoreError(
                    f"{folder} lacks sample {sample_id} of {task_id}, which its record counts: "
                    "repeat the command of the run"
                )
            yield where, stored.grades[where]


def _tasks(
    verdicts: Mapping[str, list[str]],
    stored: StoredRun,
    prompts: Mapping[str, PromptRow],
    language: str,
) -> Iterator[dict[str, Any]]:
    coloured: dict[str, str] = {}
    for task_id, each in verdicts.items():
        samples = []
        for sample_id in range(len(each)):
            where = SampleId(task_id, sample_id)
            program, grade = stored.programs[where], stored.grades[where]
            code = _shortened(program.code)
            if code not in coloured:
                coloured[code] = token_runs(code, language)
            samples.append(
                {**_sample(stored.completions[where], program, grade), "runs": coloured[code]}
            )
        prompt = stored.completions[SampleId(task_id, 0)].prompt
        yield {"prompt": _shortened(prompt or _text_of(prompts.get(task_id))), "samples": samples}


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


def tokens_shown(totals: Totals) -> str:
    """The numbers of tokens; samples from a file, and some servers, come without them."""
    read, written = totals.prompt_tokens, totals.completion_tokens
    return f"{read} read, {written} written" if read or written else "not counted"


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
