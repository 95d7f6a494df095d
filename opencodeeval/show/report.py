"""The page of one run: every sample with its program, its verdict and what it failed on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from opencodeeval.core.types import Verdict
from opencodeeval.records import answered
from opencodeeval.records.reading import StoredRecord
from opencodeeval.records.schema import Score, Totals
from opencodeeval.show import pages
from opencodeeval.show.month_chart import HEIGHT, WIDTH, months_of
from opencodeeval.show.ranking import decoding, shown_name
from opencodeeval.show.samples import LETTERS, Samples, short
from opencodeeval.stats.metrics import Metric, estimate
from opencodeeval.stats.pass_at_k import Estimate

NAME = "report.html"


def report(record: StoredRecord, folder: Path, metrics: Sequence[Metric] = ()) -> Iterator[str]:
    """The page, in pieces, from a record and its run folder alone: no data set is needed.

    `metrics` are shown beside those of the record.

    Raises:
        UsageError: the record lacks the samples that a metric needs.
        StoreError: what is stored is damaged, or samples are missing.
    """
    found = Samples(record, folder)
    total = Counter(verdict for each in found.verdicts.values() for verdict in each)
    index = {
        "suites": list(record.suites),
        "kinds": found.kinds,
        "tasks": [[task_id, short(each)] for task_id, each in found.verdicts.items()],
        "letters": {LETTERS[verdict]: verdict.value for verdict in Verdict},
    }
    return pages.render_pieces(
        "report.html.jinja",
        ("samples.js", "report.js"),
        record=record.record,
        scores={suite: _scores(record, suite, metrics) for suite in record.suites},
        sampling=record.content["sampling"],
        model=shown_name(record.model),
        decoding=decoding(record),
        total=[(v.value, total[v.value]) for v in Verdict if total[v.value]],
        samples=sum(total.values()),
        kinds=[(kind, len(each)) for kind, each in found.kinds.items()],
        answers=answered.lines(record.record),
        tokens=tokens_shown(record.record.totals),
        index=index,
        blocks=pages.packed(
            {"prompt": found.prompt(task_id), "samples": found.texts(task_id)}
            for task_id in found.verdicts
        ),
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


def tokens_shown(totals: Totals) -> str:
    """The numbers of tokens; samples from a file, and some servers, come without them."""
    read, written = totals.prompt_tokens, totals.completion_tokens
    return f"{read} read, {written} written" if read or written else "not counted"
