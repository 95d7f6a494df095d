"""Options that several commands share, and the values built from them."""

from __future__ import annotations

import argparse
import math
import re
import textwrap
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import NoReturn

from opencodeeval.core.errors import UsageError
from opencodeeval.core.suggest import nearest
from opencodeeval.runs.executors.options import ExecutorOptions
from opencodeeval.runs.options import RESULTS, Output, SandboxOptions, Selection


class Parser(argparse.ArgumentParser):
    """A parser that raises UsageError, and says what a misspelt option may mean."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see `{self.prog} --help`)")

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The options; a misspelt one is named before the required one that it was to be.

        Raises:
            UsageError: an option does not exist, is missing, or has an invalid value.
        """
        known = _options(self)
        for each in arguments:
            if each == "--":
                break
            name = each.partition("=")[0]
            if _OPTION.fullmatch(name) and name not in known:
                near = nearest(name, known)
                meant = f"; did you mean {near}?" if near else ""
                self.error(f"there is no option {name}{meant}")
        return self.parse_args(arguments)


def wrapped(text: str) -> str:
    """Paragraphs in lines of at most 80 columns; indented lines stay lines of their own."""
    lines: list[str] = []
    for paragraph in text.strip().split("\n\n"):
        for indented, part in groupby(paragraph.split("\n"), lambda line: line.startswith(" ")):
            for line in list(part) if indented else [" ".join(part)]:
                indent = " " * (len(line) - len(line.lstrip()) + 2) if indented else ""
                lines += textwrap.wrap(line, 80, subsequent_indent=indent, break_on_hyphens=False)
        lines.append("")
    return "\n".join(lines[:-1])


# Argparse takes nothing that looks so for the value of an option before it.
_OPTION = re.compile(r"--?[A-Za-z][\w-]*")


def _options(parser: argparse.ArgumentParser) -> set[str]:
    """The options of a parser and of those below it."""
    found: set[str] = set()
    for action in parser._actions:
        found.update(action.option_strings)
        if isinstance(action, argparse._SubParsersAction):
            found.update(*map(_options, action.choices.values()))
    return found


def comma_list(text: str) -> list[str]:
    """`a,b` as a list; empty parts are dropped."""
    return [part.strip() for part in text.split(",") if part.strip()]


def add_bench_option(parser: argparse.ArgumentParser) -> None:
    """--bench of the commands that take several benchmarks."""
    parser.add_argument(
        "--bench",
        action="append",
        default=[],
        metavar="BENCHMARKS",
        help="comma list of benchmarks and @groups (`opencodeeval benchmarks` lists them), "
        "folders, files of tasks; repeatable",
    )


def add_benchmark_options(parser: argparse.ArgumentParser) -> None:
    """--protocol, --data, --limit, the dates, --from-run, --time-limit."""
    group = parser.add_argument_group("benchmark")
    group.add_argument(
        "--protocol",
        help="how to prompt and grade (default: the benchmark's first, see `opencodeeval "
        "benchmarks NAME`); comma list: score under several protocols (`run` and `grade` only)",
    )
    group.add_argument("--data", type=Path, metavar="DIR", help="take data sets from this folder")
    group.add_argument("--limit", type=int, metavar="N", help="only the first N tasks")
    group.add_argument(
        "--shard",
        metavar="K/N",
        help="only part K of N of the tasks; `opencodeeval merge` makes one run of the parts",
    )
    group.add_argument("--start-date", metavar="DATE", help="only tasks released from this day on")
    group.add_argument("--end-date", metavar="DATE", help="only tasks released up to this day")
    group.add_argument(
        "--from-run",
        type=Path,
        metavar="RUN",
        help="(livecodebench_repair only) run folder whose failed samples to repair",
    )
    group.add_argument(
        "--cutoff",
        metavar="DATE",
        help="end of the model's training data: also shows scores before and after this day",
    )
    add_time_limit_option(group)


def add_time_limit_option(parser: argparse._ActionsContainer) -> None:
    """--time-limit."""
    parser.add_argument(
        "--time-limit",
        type=float,
        metavar="SECONDS",
        help="for the tests of a program (LiveCodeBench and stdin/stdout: for each test), instead "
        "of the protocol's; the score is then not the protocol's (docs/sampling.md)",
    )


def selection_of(options: argparse.Namespace) -> Selection:
    """The tasks that the command's options select.

    Raises:
        UsageError: --protocol names none.
    """
    return Selection(
        protocols=protocols(options.protocol),
        data_dir=options.data,
        limit=options.limit,
        shard=options.shard,
        start_date=options.start_date,
        end_date=options.end_date,
        cutoff=options.cutoff,
        from_run=options.from_run,
        time_limit=options.time_limit,
    )


def protocols(text: str | None) -> list[str]:
    """The protocols of `--protocol a,b`, each once; an empty list means the benchmark's default.

    Raises:
        UsageError: none is named.
    """
    if text is None:
        return []
    named = list(dict.fromkeys(comma_list(text)))
    if not named:
        raise UsageError("--protocol names none: leave it out, or see `opencodeeval benchmarks`")
    return named


def add_sandbox_options(parser: argparse.ArgumentParser) -> None:
    """--sandbox, --slots, --image, --runtime."""
    group = parser.add_argument_group("sandbox")
    group.add_argument(
        "--sandbox",
        metavar="JAIL",
        default="auto",
        help="docker, local, or a jail from another package (default: auto, which is docker "
        "if a Docker engine responds, else local)",
    )
    group.add_argument("--slots", type=int, metavar="N", help="programs at once (default: cores)")
    group.add_argument("--image", metavar="NAME", help="sandbox image (docker)")
    group.add_argument("--runtime", metavar="NAME", help="container runtime, e.g. runsc (docker)")


def add_executor_options(parser: argparse.ArgumentParser) -> None:
    """--executor, --executor-arg."""
    group = parser.add_argument_group("executor")
    group.add_argument(
        "--executor",
        metavar="NAME",
        default="local",
        help="where engines and slots are: local (this machine, the default), ray (a Ray "
        "cluster, docs/scale.md), or an executor from another package",
    )
    group.add_argument(
        "--executor-arg",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="ray: address=HOST:PORT, engines=N, wait=SECONDS; repeatable",
    )


def executor_of(options: argparse.Namespace) -> ExecutorOptions:
    """The executor that the command's options describe.

    Raises:
        UsageError: there is no such executor, or it does not take the arguments.
    """
    args = {}
    for pair in options.executor_arg:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise UsageError(
                f"--executor-arg {pair!r} is not of the form KEY=VALUE (for example engines=4)"
            )
        args[key.strip()] = value.strip()
    chosen = ExecutorOptions(options.executor, args)
    chosen.check()
    return chosen


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """--output, --json, --quiet, --progress."""
    group = parser.add_argument_group("output")
    add_folder_option(group)
    group.add_argument(
        "--json", action="store_true", help="one JSON object on stdout instead of the table"
    )
    group.add_argument("--quiet", action="store_true", help="no progress on stderr")
    group.add_argument(
        "--progress",
        choices=("auto", "bars", "lines"),
        default="auto",
        help="how to show progress (default: bars on a terminal, else a line now and then)",
    )


def add_folder_option(parser: argparse._ActionsContainer) -> None:
    """--output of the commands that write records."""
    parser.add_argument(
        "--output",
        type=Path,
        default=RESULTS,
        metavar="DIR",
        help="folder of results (default: ./results)",
    )


def add_tracker_run_options(parser: argparse._ActionsContainer) -> None:
    """--project, --tracker-run."""
    parser.add_argument(
        "--project",
        default="opencodeeval",
        metavar="NAME",
        help="the tracker's project or experiment (default: opencodeeval)",
    )
    parser.add_argument(
        "--tracker-run",
        metavar="RUN",
        help="log into this run of the tracker, such as the trainer's own, by step: an id, or "
        "ENTITY/PROJECT/ID in W&B (default: a run for each record)",
    )


def check_common(options: argparse.Namespace) -> None:
    """Check what can be checked before anything is loaded.

    Raises:
        UsageError: --limit or --slots below 1, or a --time-limit that is none.
    """
    if options.limit is not None and options.limit < 1:
        raise UsageError(f"--limit {options.limit}: at least one task is needed")
    if options.slots is not None and options.slots < 1:
        raise UsageError(f"--slots {options.slots}: at least one slot is needed")
    if options.time_limit is not None and not 0 < options.time_limit < math.inf:
        raise UsageError(f"--time-limit {options.time_limit:g}: must be above 0 seconds")


def parse_ks(text: str | None) -> list[int] | None:
    """The numbers of `--k 1,10`, ascending.

    Raises:
        UsageError: not positive whole numbers.
    """
    if text is None:
        return None
    parts = comma_list(text)
    if not parts or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise UsageError(f"--k {text}: must be a comma list of positive whole numbers, like 1,10")
    return sorted({int(part) for part in parts})


METRICS_HELP = (
    "further metrics, as a comma list: pass^4, g-pass@4_0.5, mg-pass@4, solved, consistency "
    "(docs/statistics.md)"
)


def add_metric_option(parser: argparse.ArgumentParser) -> None:
    """--metric of the commands that show records."""
    parser.add_argument(
        "--metric",
        action="append",
        default=[],
        metavar="NAME",
        help="also show this metric, such as pass^4, where there are samples enough; repeatable",
    )


def parse_names(text: str | None) -> list[str]:
    """The names of `--metrics pass^4,solved`.

    Raises:
        UsageError: none is named, or there is no such metric.
    """
    if text is None:
        return []
    from opencodeeval.stats.metrics import parse_metrics

    names = comma_list(text)
    if not names:
        raise UsageError("--metrics names none: leave it out, or name some, like pass^4,solved")
    return list(map(str, parse_metrics(names)))


def sandbox_of(options: argparse.Namespace) -> SandboxOptions:
    """The sandbox that the command's options describe.

    Raises:
        UsageError: there is no such jail.
    """
    if options.sandbox != "auto":
        from opencodeeval.execution.jails.base import JAILS

        JAILS.find(options.sandbox)
    return SandboxOptions(options.sandbox, options.slots, options.image, options.runtime)


def output_of(options: argparse.Namespace) -> Output:
    """Where results and progress go; --quiet turns progress off."""
    return Output(options.output, "none" if options.quiet else options.progress)


def logger(options: argparse.Namespace) -> Callable[[str], None]:
    """Writes log lines to stderr, or nowhere with --quiet."""
    return Output(progress="none" if options.quiet else "auto").log
