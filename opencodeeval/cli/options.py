"""Options that several commands share, and what follows from them."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from opencodeeval.core.errors import UsageError
from opencodeeval.core.types import Sampling

if TYPE_CHECKING:
    from opencodeeval.benchmarks.card_benchmark import CardBenchmark

OUTPUT = Path("results")


def comma_list(text: str) -> list[str]:
    """`a,b` as a list; empty parts are dropped."""
    return [part.strip() for part in text.split(",") if part.strip()]


def add_benchmark_options(parser: argparse.ArgumentParser) -> None:
    """--protocol, --data, --limit, --start-date, --end-date, --cutoff, --from-run."""
    group = parser.add_argument_group("benchmark")
    group.add_argument(
        "--protocol",
        help="how to prompt and grade (default: the benchmark's own); several as a comma list, "
        "where samples are scored",
    )
    group.add_argument("--data", type=Path, metavar="DIR", help="take data sets from this folder")
    group.add_argument("--limit", type=int, metavar="N", help="only the first N tasks")
    group.add_argument("--start-date", metavar="DATE", help="only tasks released from this day on")
    group.add_argument("--end-date", metavar="DATE", help="only tasks released up to this day")
    group.add_argument(
        "--from-run", type=Path, metavar="RUN", help="livecodebench_repair: the run to be repaired"
    )
    group.add_argument(
        "--cutoff",
        metavar="DATE",
        help="the day up to which the model's training data reach: scores before and after it",
    )


def load(spec: str, options: argparse.Namespace, protocol: str | None) -> CardBenchmark:
    """The benchmark that a command is asked for with these options, under one protocol.

    Raises:
        UsageError: there is no such benchmark, version, protocol or limit.
        DataError: the data are not to be had, or damaged.
    """
    from opencodeeval.benchmarks.registry import load_benchmark
    from opencodeeval.benchmarks.windows import parse_window

    window = parse_window(options.start_date, options.end_date, options.cutoff)
    return load_benchmark(spec, protocol, options.data, options.limit, window, options.from_run)


def protocols(text: str | None) -> list[str | None]:
    """The protocols of `--protocol a,b`, each once; [None] stands for a benchmark's own.

    Raises:
        UsageError: none is named.
    """
    if text is None:
        return [None]
    named: list[str | None] = list(dict.fromkeys(comma_list(text)))
    if not named:
        raise UsageError("--protocol names none: leave it out, or see `opencodeeval benchmarks`")
    return named


def add_sandbox_options(parser: argparse.ArgumentParser) -> None:
    """--sandbox, --slots, --image, --runtime."""
    group = parser.add_argument_group("sandbox")
    group.add_argument(
        "--sandbox",
        choices=("auto", "docker", "local"),
        default="auto",
        help="jail of the programs (default: docker where an engine answers, else local)",
    )
    group.add_argument("--slots", type=int, metavar="N", help="programs at once (default: cores)")
    group.add_argument("--image", metavar="NAME", help="sandbox image (docker)")
    group.add_argument("--runtime", metavar="NAME", help="container runtime, e.g. runsc (docker)")


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """--output, --json, --quiet, --progress."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "--output", type=Path, default=OUTPUT, metavar="DIR", help="results (default: ./results)"
    )
    group.add_argument("--json", action="store_true", help="one JSON object on stdout")
    group.add_argument("--quiet", action="store_true", help="no progress on stderr")
    group.add_argument(
        "--progress",
        choices=("auto", "bars", "lines"),
        default="auto",
        help="how to show progress (default: bars on a terminal, else a line now and then)",
    )


def check_common(options: argparse.Namespace) -> None:
    """What can be refused before anything is loaded.

    Raises:
        UsageError: --limit or --slots below 1.
    """
    if options.limit is not None and options.limit < 1:
        raise UsageError(f"--limit {options.limit}: at least one task is needed")
    if options.slots is not None and options.slots < 1:
        raise UsageError(f"--slots {options.slots}: at least one slot is needed")


def resolve_sampling(
    default: Sampling,
    n: int | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    max_tokens: int | None = None,
    seed: int | None = None,
) -> Sampling:
    """A benchmark's own sampling, changed by what was asked for.

    Asking for temperature 0 without a number of samples means one sample.

    Raises:
        UsageError: values that cannot be sampled with.
    """
    if n is None:
        n = 1 if temperature == 0 else default.n
    sampling = Sampling(
        n=n,
        temperature=default.temperature if temperature is None else temperature,
        top_p=default.top_p if top_p is None else top_p,
        max_tokens=default.max_tokens if max_tokens is None else max_tokens,
        seed=default.seed if seed is None else seed,
    )
    if sampling.n < 1:
        raise UsageError(f"--n {sampling.n}: at least one sample a task is needed")
    if not (math.isfinite(sampling.temperature) and sampling.temperature >= 0):
        raise UsageError(f"--temperature {sampling.temperature}: it is 0 (greedy) or above")
    if not 0 < sampling.top_p <= 1:
        raise UsageError(f"--top-p {sampling.top_p}: it is above 0 and at most 1")
    if sampling.max_tokens < 1:
        raise UsageError(f"--max-tokens {sampling.max_tokens}: at least one token is needed")
    if sampling.n > 1 and sampling.temperature == 0:
        raise UsageError(
            f"--n {sampling.n} at temperature 0: greedy decoding gives the same sample "
            f"{sampling.n} times, so use --n 1 or a --temperature above 0"
        )
    return sampling


def parse_ks(text: str | None) -> list[int] | None:
    """The numbers of `--k 1,10`, ascending.

    Raises:
        UsageError: not positive whole numbers.
    """
    if text is None:
        return None
    parts = comma_list(text)
    if not parts or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise UsageError(f"--k {text}: it is a comma list of positive whole numbers, like 1,10")
    return sorted({int(part) for part in parts})


def resolve_ks(asked: Sequence[int] | None, n: int) -> list[int]:
    """The k to report for n samples a task.

    Raises:
        UsageError: a k above n.
    """
    if asked is None:
        return [1, *(k for k in (10, 100) if k <= n)]
    if asked[-1] > n:
        raise UsageError(
            f"--k {asked[-1]} needs at least {asked[-1]} samples a task, and there are {n}: "
            f"use --n {asked[-1]} or a smaller --k"
        )
    return list(asked)


def logger(options: argparse.Namespace) -> Callable[[str], None]:
    """Where remarks go: stderr, or nowhere with --quiet."""

    def log(message: str) -> None:
        if options.quiet:
            return
        from tqdm import tqdm

        # Above the bars, where there are any.
        tqdm.write(f"opencodeeval: {message}", file=sys.stderr)

    return log
