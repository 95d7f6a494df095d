"""Turns a file of samples into jobs, one per protocol, each with a backend that returns them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from opencodeeval.backends.base import Backend
from opencodeeval.backends.samples import SamplesBackend
from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.core.errors import UsageError
from opencodeeval.core.types import Sampling
from opencodeeval.runs.formats.markdown import remark
from opencodeeval.runs.formats.reading import known_tasks, read_samples, sample_format
from opencodeeval.runs.jobs import Job
from opencodeeval.runs.options import SamplingOptions


@dataclass(frozen=True)
class SampleSource:
    """What the caller knows about a file of samples; None: find it from the file.

    `format` is the tool that wrote it ("evalplus", "human-eval", ...), `model` the
    model's name, `origin` where the samples come from, for the record; `ks` and
    `metrics` as in SamplingOptions.
    """

    format: str | None = None
    model: str | None = None
    origin: str | None = None
    ks: Sequence[int] | None = None
    metrics: Sequence[str] = ()


@dataclass(frozen=True)
class GivenJobs:
    """The jobs of a file, and the backends by protocol."""

    model: str
    jobs: Sequence[Job]
    backends: Mapping[str, SamplesBackend]

    def backend_of(self, job: Job) -> Backend:
        """The backend of one of the jobs."""
        return self.backends[job.benchmark.protocol]


def read_jobs(
    samples: Path,
    benchmarks: Sequence[CardBenchmark],
    source: SampleSource,
    log: Callable[[str], None],
) -> GivenJobs:
    """The samples as jobs, one per benchmark (the same one, under several protocols).

    Raises:
        UsageError: the file cannot be read, or a k is above the number of samples.
        DataError: it is damaged, or lacks or repeats a sample.
    """
    found = sample_format(samples, source.format)
    model = source.model or model_name(samples)
    identity = {"model": model, "samples_sha256": content_digest(samples)}
    if source.origin:
        identity["samples_source"] = source.origin
    jobs: list[Job] = []
    backends: dict[str, SamplesBackend] = {}
    # A protocol may use only some of a benchmark's tasks; the file has those of all protocols.
    known = frozenset().union(*map(known_tasks, benchmarks))
    for benchmark in benchmarks:
        completions = read_samples(samples, benchmark, expected=found, elsewhere=known)
        counts = Counter(completion.task_id for completion in completions)
        if not jobs:
            log(f"{samples.name}: {found.title}, {len(completions)} samples of {len(counts)} tasks")
            if said := remark(completions):
                log(said)
        wanted = SamplingOptions(ks=source.ks, metrics=source.metrics)
        metrics = wanted.metrics_of(benchmark, min(counts.values()))
        jobs.append(Job(benchmark, Sampling(n=max(counts.values())), metrics, counts))
        answers = any(completion.form == "answer" for completion in completions)
        # The file's content may depend on the task, so each protocol reads it separately.
        backends[benchmark.protocol] = SamplesBackend(
            completions, identity, "chat" if answers else "base"
        )
    return GivenJobs(model, jobs, backends)


def model_name(samples: Path) -> str:
    """The name of a samples file without its endings (.jsonl, .gz)."""
    name = samples.resolve().name
    for ending in (".gz", ".jsonl", ".json"):
        name = name.removesuffix(ending)
    return name


def content_digest(samples: Path) -> str:
    """SHA-256 (hex) of a file, or of all files below a folder with their names.

    Raises:
        UsageError: it cannot be read.
    """
    total = hashlib.sha256()
    try:
        if samples.is_file():
            with samples.open("rb") as file:
                while chunk := file.read(1 << 20):
                    total.update(chunk)
            return total.hexdigest()
        for path in sorted(samples.rglob("*")):
            if path.is_file():
                inner = hashlib.sha256(path.read_bytes()).hexdigest()
                total.update(f"{path.relative_to(samples)}\0{inner}\n".encode())
    except OSError as error:
        raise UsageError(f"{samples} cannot be read ({error.strerror})") from error
    return total.hexdigest()
