"""The baseline of a gate: one record for each benchmark in each data version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from opencodeeval.core.errors import UsageError
from opencodeeval.records.reading import StoredRecord


@dataclass(frozen=True)
class Baseline:
    """Records by benchmark and data version ("humaneval_plus@v0.1.10")."""

    records: Mapping[str, StoredRecord]

    @classmethod
    def of(cls, records: Iterable[StoredRecord]) -> Baseline:
        """The baseline of these records.

        Raises:
            UsageError: two records are of the same data.
        """
        found: dict[str, StoredRecord] = {}
        for record in records:
            other = found.setdefault(record.spec, record)
            if other is not record:
                raise UsageError(
                    f"the baseline has two records of {record.spec} ({other.path} and "
                    f"{record.path}): name one of them, a pattern that only one matches, or "
                    "--baseline-model NAME"
                )
        return cls(found)

    def record_of(self, benchmark: str, data_version: str) -> StoredRecord:
        """The record of a benchmark in a data version.

        Raises:
            UsageError: there is none.
        """
        found = self.records.get(f"{benchmark}@{data_version}")
        if found is None:
            raise UsageError(
                f"the baseline has no record of {benchmark}@{data_version}: name a baseline that "
                "has one, or leave the benchmark out"
            )
        return found
