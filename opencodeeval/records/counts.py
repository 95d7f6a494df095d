"""Samples and correct samples of a record, in the unit that statistics are made of.

That unit is the cluster: tasks of one cluster (the samples of one problem that are
to be repaired) are not independent of each other, so they count as one. A task
without a cluster is one of its own.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

from opencodeeval.core.errors import UsageError
from opencodeeval.records.schema import TaskRow
from opencodeeval.stats.metrics import CONSISTENCY, PASS_AT_1, Metric
from opencodeeval.stats.pass_at_k import Count


def cluster_of(task_id: str, row: TaskRow) -> str:
    """The name of a task's cluster."""
    return row.cluster or task_id


def cluster_counts(
    tasks: Mapping[str, TaskRow], suite: str, without: Container[str] = ()
) -> dict[str, Count]:
    """Cluster -> samples and correct samples under one suite, in the order of the tasks.

    Tasks that are in `without` are left out.
    """
    found: dict[str, Count] = {}
    for task_id, row in tasks.items():
        if task_id in without:
            continue
        cluster = row.cluster or task_id
        before = found.get(cluster)
        n, c = row.n, row.c[suite]
        found[cluster] = Count(n + before.n, c + before.c) if before else Count(n, c)
    return found


def counts_for(
    tasks: Mapping[str, TaskRow],
    suite: str,
    without: Container[str] = (),
    metric: Metric = PASS_AT_1,
) -> dict[str, Count]:
    """Cluster -> what a metric is computed from: pairs of samples for consistency, else samples.

    Raises:
        UsageError: the tasks lack what the metric needs.
    """
    if metric == CONSISTENCY:
        return agreement_counts(tasks, without)
    return cluster_counts(tasks, suite, without)


def agreement_counts(
    tasks: Mapping[str, TaskRow], without: Container[str] = ()
) -> dict[str, Count]:
    """Cluster -> pairs of samples of one task, and how many of the pairs give the same answer.

    A task of which one sample counts has no pair.

    Raises:
        UsageError: a task with several samples has no answers.
    """
    found: dict[str, Count] = {}
    for task_id, row in tasks.items():
        if task_id in without:
            continue
        if not row.answers and row.n > 1:
            raise UsageError(
                f"consistency needs the answers of several samples per task, and {task_id} has "
                "none: run a benchmark with answers to agree on (such as cruxeval_output) with "
                "--n 2 or more"
            )
        cluster = cluster_of(task_id, row)
        pairs, agreeing = found.get(cluster, Count(0, 0))
        same = sum(size * (size - 1) // 2 for size in row.answers)
        found[cluster] = Count(pairs + row.n * (row.n - 1) // 2, agreeing + same)
    return found
