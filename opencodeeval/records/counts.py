"""Samples and correct samples of a record, in the unit that statistics are made of.

That unit is the cluster: tasks of one cluster (the samples of one problem that are
to be repaired) are not independent of each other, so they count as one. A task
without a cluster is one of its own.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

from opencodeeval.records.schema import TaskRow
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
        cluster = cluster_of(task_id, row)
        n, c = found.get(cluster, Count(0, 0))
        found[cluster] = Count(n + row.n, c + row.c[suite])
    return found
