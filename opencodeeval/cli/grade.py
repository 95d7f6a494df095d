"""Grade samples that another tool has drawn.

FILE is of EvalPlus (also a folder), human-eval, BigCodeBench, LiveCodeBench or
OpenCodeEval; which of them is seen from its content, and said.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from opencodeeval.cli.options import (
    add_benchmark_options,
    add_output_options,
    add_sandbox_options,
    check_common,
    load,
    logger,
    parse_ks,
    protocols,
    resolve_ks,
)
from opencodeeval.core.errors import UsageError
from opencodeeval.runs.formats import TOOLS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `grade`."""
    parser.add_argument("samples", type=Path, metavar="FILE", help="samples to be graded")
    parser.add_argument("--bench", required=True, help="the benchmark they belong to")
    parser.add_argument(
        "--format", choices=list(TOOLS), help="whose file FILE is (default: by its content)"
    )
    parser.add_argument("--model", help="whose samples these are (default: the file's name)")
    parser.add_argument(
        "--source", metavar="TEXT", help="where the samples come from, for the record"
    )
    parser.add_argument("--k", help="k of pass@k, as a comma list (default: 1, 10, 100 up to n)")
    add_benchmark_options(parser)
    add_sandbox_options(parser)
    add_output_options(parser)


def execute(options: argparse.Namespace) -> int:
    """Read the samples and run them through the same pipeline as a model's."""
    check_common(options)
    if not options.samples.exists():
        raise UsageError(f"{options.samples} does not exist: name a file or folder of samples")
    asked_ks = parse_ks(options.k)
    return _grade(options, asked_ks)


def _grade(options: argparse.Namespace, asked_ks: list[int] | None) -> int:
    from collections import Counter

    from opencodeeval.backends.samples import SamplesBackend
    from opencodeeval.cli.jobs import Job
    from opencodeeval.cli.session import evaluate
    from opencodeeval.core.types import Sampling
    from opencodeeval.runs.formats.reading import known_tasks, read_samples, sample_format

    benchmarks = [
        load(options.bench, options, protocol) for protocol in protocols(options.protocol)
    ]
    found = sample_format(options.samples, options.format)
    model = options.model or model_name(options.samples)
    identity = {"model": model, "samples_sha256": content_digest(options.samples)}
    if options.source:
        identity["samples_source"] = options.source
    jobs: list[Job] = []
    backends: dict[str, SamplesBackend] = {}
    # Protocols may choose among a benchmark's tasks; a file that serves several has all of theirs.
    known = frozenset().union(*map(known_tasks, benchmarks))
    for benchmark in benchmarks:
        completions = read_samples(options.samples, benchmark, expected=found, elsewhere=known)
        counts = Counter(completion.task_id for completion in completions)
        if not jobs:
            logger(options)(
                f"{options.samples.name}: {found.title}, {len(completions)} samples of "
                f"{len(counts)} tasks"
            )
        ks = resolve_ks(asked_ks, min(counts.values()))
        jobs.append(Job(benchmark, Sampling(n=max(counts.values())), ks, counts))
        answers = any(completion.form == "answer" for completion in completions)
        # What a file holds may depend on the task, so each protocol has read it for itself.
        backends[benchmark.protocol] = SamplesBackend(
            completions, identity, "chat" if answers else "base"
        )
    return evaluate(model, jobs, lambda job: backends[job.benchmark.protocol], options)


def model_name(samples: Path) -> str:
    """The name of a samples file without its endings (.jsonl, .gz)."""
    name = samples.resolve().name
    for ending in (".gz", ".jsonl", ".json"):
        name = name.removesuffix(ending)
    return name


def content_digest(samples: Path) -> str:
    """SHA-256 of a file, or of all files below a folder with their names.

    Raises:
        UsageError: it cannot be read.
    """
    import hashlib

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
