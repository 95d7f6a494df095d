"""What a run folder's index says without reading a text: counts, and samples that are done."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from opencodeeval.core.types import Grade, SampleId, SuiteResult, Verdict
from opencodeeval.records import schema
from opencodeeval.runs.content import execution_digest
from opencodeeval.runs.index import Index
from opencodeeval.runs.rows import ExecutionKey

Suites = dict[str, SuiteResult]


def totals(index: Index) -> schema.Totals:
    """The totals of a record."""
    row = index.row(
        "SELECT count(*), coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0) "
        "FROM completions"
    )
    assert row is not None
    reasons = index.rows("SELECT finish, count(*) FROM completions GROUP BY finish ORDER BY finish")
    return schema.Totals(
        samples=row[0],
        prompt_tokens=row[1],
        completion_tokens=row[2],
        finish_reasons=dict(tuple(each) for each in reasons),
    )


def reasoning(index: Index) -> schema.Reasoning | None:
    """What the completions of a chat model have of reasoning; None if none of them has any.

    `thought` is 1 for an answer with reasoning, 2 for one that ended inside it, 0 for others.
    """
    row = index.row(
        "SELECT count(*), coalesce(sum(thought = 2), 0), "
        "coalesce(sum(thought = 2 AND finish = 'length'), 0), "
        "coalesce(sum(thinking_tokens), 0), coalesce(sum(thinking_tokens > 0), 0), "
        "coalesce(sum(cut), 0) FROM completions WHERE thought > 0"
    )
    assert row is not None
    answers, unfinished, cut_off, tokens, counted, at_budget = row
    if not answers:
        return None
    return schema.Reasoning(
        answers=answers,
        unfinished=unfinished,
        cut_off=cut_off,
        tokens=tokens,
        counted=counted,
        at_budget=at_budget,
    )


def mean_lengths(index: Index) -> dict[str, float]:
    """Task id -> the mean length of its stored answers in tokens."""
    rows = index.rows("SELECT task_id, avg(completion_tokens) FROM completions GROUP BY task_id")
    return {row[0]: row[1] for row in rows}


def finished_by(index: Index, reason: str) -> int:
    """How many completions ended for this reason."""
    row = index.row("SELECT count(*) FROM completions WHERE finish = ?", (reason,))
    assert row is not None
    return int(row[0])


def graded(index: Index, task_id: str, condition: str) -> list[Grade]:
    """A task's grades by sample, without details and output."""
    rows = index.rows(
        "SELECT sample_id, text FROM verdicts JOIN names ON names.id = outcome "
        f"WHERE task_id = ? AND {condition} ORDER BY sample_id",
        (task_id,),
    )
    return [Grade(task_id, sample_id, suites_in(text)) for sample_id, text in rows]


class Done(NamedTuple):
    """A sample with nothing left to do, and the verdicts of its suites."""

    where: SampleId
    suites: Suites


def done(
    index: Index,
    keys: Sequence[ExecutionKey],
    extraction: str,
    suites: Sequence[str],
    condition: str,
) -> Iterator[Done]:
    """The samples of a task whose program and verdicts are those of their completion.

    The `keys` are the task's possible keys, without a program: one for each name of the
    sandbox. Of a sample without code, all `suites` have to say so.
    """
    task_id = keys[0].task_id
    rows = index.rows(
        "SELECT sample_id, code, empty, execution, text FROM completions "
        "JOIN programs USING(task_id, sample_id) JOIN verdicts USING(task_id, sample_id) "
        "JOIN names ON names.id = outcome "
        "WHERE task_id = ? AND source = digest "
        f"AND extraction = (SELECT id FROM names WHERE text = ?) AND {condition} "
        "ORDER BY sample_id",
        (task_id, extraction),
    )
    for sample_id, code, empty, execution, text in list(rows):
        possible = (key._replace(program=code.hex()) for key in keys)
        if execution not in map(execution_digest, possible):
            continue
        found = suites_in(text)
        without_code = (name in found and found[name].verdict is Verdict.NO_CODE for name in suites)
        if not empty or all(without_code):
            yield Done(SampleId(task_id, sample_id), found)


@lru_cache(maxsize=4096)
def suites_in(text: str) -> Suites:
    """The results of a grade as the index has them; shared, so not to be changed."""
    return {name: SuiteResult(Verdict(said), apart=apart) for name, said, apart in json.loads(text)}
