"""Progress of a run: two bars on a terminal or in a notebook, else a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from itertools import count
from typing import Any

from opencodeeval.runs.observers import GradedSample, Observer
from opencodeeval.runs.options import ProgressKind

LINE_EVERY_S = 10.0


def open_progress(kind: ProgressKind) -> Observer:
    """The observer that shows progress; "auto" draws bars if the output supports them."""
    if kind == "none":
        return Observer()
    if kind == "bars" or (kind == "auto" and (sys.stderr.isatty() or in_notebook())):
        return Bars()
    return Lines()


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    shell = sys.modules.get("ipykernel.zmqshell")
    interactive = sys.modules.get("IPython")
    if shell is None or interactive is None:
        return False
    return isinstance(interactive.get_ipython(), shell.ZMQInteractiveShell)


def remark(message: str) -> None:
    """Write a line to stderr, above the bars if there are any."""
    from tqdm import tqdm

    tqdm.write(f"opencodeeval: {message}", file=sys.stderr)


class Bars(Observer):
    """Two bars a run, the second with the share of samples that passed so far."""

    def __init__(self, taken: set[int] | None = None) -> None:
        """`taken` has the pairs of lines that runs use at present."""
        self._taken = set() if taken is None else taken

    def for_run(self) -> Bars:
        """Bars of its own, below those of other runs."""
        return Bars(self._taken)

    def start(self, title: str, samples: int) -> None:
        """Draw both bars."""
        from tqdm.auto import tqdm

        def bar(step: str, position: int) -> Any:
            return tqdm(
                desc=f"{title} {step}",
                total=samples,
                position=2 * self._pair + position,
                file=sys.stderr,
                unit="sample",
                dynamic_ncols=True,
            )

        self._pair = next(pair for pair in count() if pair not in self._taken)
        self._taken.add(self._pair)
        self._generated, self._graded = bar("generated", 0), bar("graded", 1)
        self._passed = 0

    def generated(self) -> None:
        """Advance the first bar."""
        self._generated.update()

    def graded(self, sample: GradedSample) -> None:
        """Advance the second bar."""
        self._passed += sample.passed
        self._graded.update()
        self._graded.set_postfix_str(f"pass@1 {self._passed / self._graded.n:.1%}", refresh=False)

    def finish(self) -> None:
        """Leave both bars as they are."""
        self._graded.refresh()
        self._generated.close()
        self._graded.close()
        self._taken.discard(self._pair)


class Lines(Observer):
    """A line at most every ten seconds, and one at the end."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock

    def for_run(self) -> Lines:
        """Lines of its own."""
        return Lines(self._clock)

    def start(self, title: str, samples: int) -> None:
        """Start counting."""
        self._title, self._samples = title, samples
        self._n_generated = self._n_graded = self._passed = 0
        self._reported = False
        self._next = self._clock() + LINE_EVERY_S

    def generated(self) -> None:
        """Count, and say so if a line is due."""
        self._n_generated += 1
        self._tell_if_due()

    def graded(self, sample: GradedSample) -> None:
        """Count, and say so if a line is due."""
        self._n_graded += 1
        self._passed += sample.passed
        self._tell_if_due()

    def finish(self) -> None:
        """Print the final counts, unless the last line had them."""
        if not self._reported:
            self._tell()

    def _tell_if_due(self) -> None:
        self._reported = False
        if self._clock() >= self._next:
            self._tell()

    def _tell(self) -> None:
        self._reported = True
        self._next = self._clock() + LINE_EVERY_S
        score = f", pass@1 {self._passed / self._n_graded:.1%}" if self._n_graded else ""
        print(
            f"{self._title}: {self._n_generated}/{self._samples} generated, "
            f"{self._n_graded}/{self._samples} graded{score}",
            file=sys.stderr,
            flush=True,
        )
