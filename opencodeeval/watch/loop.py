"""Evaluating each new checkpoint of a training run, once it is fully written.

What was done is in OUTPUT/watch/<id>.jsonl, one line a checkpoint, and in the
records that it names: a watch that was killed continues when it is started
again, and the run that it was in continues as any run does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from opencodeeval.core.errors import OpenCodeEvalError
from opencodeeval.core.journal import Journal, Lock, guarded
from opencodeeval.core.types import digest
from opencodeeval.decide.gate import EXIT_STATUS, Answer, Policy, decide
from opencodeeval.records.comparable import pair_up
from opencodeeval.records.reading import StoredRecord, read_record
from opencodeeval.watch.checkpoints import Checkpoint, find_checkpoints, identity, missing, snapshot

Order = Literal["newest", "oldest"]


@dataclass(frozen=True)
class Evaluated:
    """What became of one checkpoint.

    `files` is the state of its files, `records` the paths of its records,
    `answer` the gate's (None without a gate), `gate` the identity of that gate,
    `problem` why there is no result.
    """

    name: str
    step: int | None
    files: str
    records: tuple[str, ...]
    answer: str | None = None
    why: str = ""
    problem: str = ""
    gate: str = ""


@dataclass(frozen=True)
class Gate:
    """The baseline's records, and what is asked of a checkpoint."""

    baseline: Sequence[StoredRecord]
    policy: Policy

    @property
    def identity(self) -> str:
        """A digest of all that decides its answers."""
        return digest([[each.record.digest for each in self.baseline], asdict(self.policy)])


class Failed(Exception):
    """An evaluation gave no records; the text is one line."""


# Gives the paths of the records that the checkpoint's evaluation left.
Evaluate = Callable[[Checkpoint], Sequence[Path]]


class State:
    """The journal of one watch, open for this process alone."""

    def __init__(self, output: Path, what: Mapping[str, Any]) -> None:
        """`what` is everything that decides what a checkpoint is evaluated for.

        Raises:
            StoreError: it cannot be written, or another process has it open.
        """
        folder = output / "watch"
        guarded(folder, lambda: folder.mkdir(parents=True, exist_ok=True))
        name = digest(what)[:12]
        self._lock = Lock(folder / f"{name}.lock")
        self._journal = Journal(folder / f"{name}.jsonl", Evaluated)
        self.done = {row.name: row for row in self._journal.read()}

    def add(self, result: Evaluated) -> None:
        """Store what became of a checkpoint."""
        self._journal.append(result)
        self.done[result.name] = result

    def covers(self, checkpoint: Checkpoint, files: str) -> bool:
        """Whether this very state of a checkpoint has its records, or failed in this process."""
        found = self.done.get(checkpoint.name)
        if found is None or found.files != files:
            return False
        return bool(found.problem) or all(Path(path).is_file() for path in found.records)

    def close(self) -> None:
        """Give the journal back; every line added is already in its file."""
        self._journal.close()
        self._lock.release()

    def ask_again(self, gate: Gate | None) -> None:
        """Give every checkpoint the answer of this gate, where it has that of another or none.

        An answer belongs to the margin, alpha, scope and policy that it was asked under;
        the records that it follows from stay.
        """
        wanted = gate.identity if gate else ""
        for each in list(self.done.values()):
            if each.records and each.gate != wanted:
                answer, why = _gated([Path(path) for path in each.records], gate)
                self.add(replace(each, answer=answer, why=why, gate=wanted))

    def forget_failures(self) -> None:
        """Try again what failed before: a new start may find another machine."""
        self.done = {name: each for name, each in self.done.items() if not each.problem}


class Settling:
    """Tells which checkpoints have stopped changing: unchanged for `settle_s` and whole."""

    def __init__(self, settle_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._settle_s = settle_s
        self._clock = clock
        self._since: dict[str, tuple[str, float]] = {}

    def state(self, checkpoint: Checkpoint) -> tuple[str, str | None]:
        """The identity of its files, and why it is not ready (None: it is).

        Times of change prove nothing, as a copy may keep the original's: what
        counts is that two looks, `settle_s` apart, see the same.
        """
        files, now = identity(snapshot(checkpoint)), self._clock()
        seen, since = self._since.get(checkpoint.name, ("", now))
        if seen != files:
            since = now
        self._since[checkpoint.name] = files, since
        reason = missing(checkpoint)
        if reason is None and (seen != files or now - since < self._settle_s):
            reason = "it may still be changing"
        return files, reason


@dataclass(frozen=True)
class Looking:
    """How a folder is looked at.

    A checkpoint counts as written when it has not changed for `settle_s` seconds; the
    folder is looked at every `poll_s` seconds, or with `once` until what is there now
    was handled.
    """

    order: Order = "newest"
    settle_s: float = 10.0
    poll_s: float = 5.0
    once: bool = False


def watch(
    folder: Path,
    evaluate: Evaluate,
    state: State,
    gate: Gate | None,
    looking: Looking,
    log: Callable[[str], None] = print,
) -> Iterator[Evaluated]:
    """Each checkpoint's result as it comes in.

    Between two evaluations the folder is looked at again, so that with
    `looking.order` "newest" a checkpoint that has just arrived comes first.

    Raises:
        StoreError: the folder or the journal cannot be used.
    """
    settle_s, poll_s, once = looking.settle_s, looking.poll_s, looking.once
    settling = Settling(settle_s)
    told: dict[str, str] = {}
    first, deadline = True, time.monotonic() + settle_s + poll_s
    while True:
        ready, waiting = _look(folder, state, settling)
        for name, reason in waiting.items():
            if told.get(name) != reason:
                log(f"{name} waits: {reason}")
                told[name] = reason
        if ready:
            checkpoint, files = ready[-1 if looking.order == "newest" else 0]
            log(f"{checkpoint.name}: evaluating")
            result = _evaluated(checkpoint, files, evaluate, gate)
            state.add(result)
            yield result
            continue
        # Once: what has not settled in two looks is not there yet.
        if once and not first and (not waiting or time.monotonic() > deadline):
            return
        first = False
        time.sleep(min(poll_s, settle_s + 0.05) if once else poll_s)


def exit_status(results: Iterable[Evaluated]) -> int:
    """The status of a whole watch: the first that holds of regression, problem, inconclusive.

    10 where a checkpoint regressed, 1 where one could not be evaluated, 11 where the gate
    is inconclusive for one, else 0.
    """
    known = list(results)
    answers = {each.answer for each in known if not each.problem}
    if Answer.REGRESSION.value in answers:
        return EXIT_STATUS[Answer.REGRESSION]
    if any(each.problem for each in known):
        return 1
    inconclusive = Answer.INCONCLUSIVE.value in answers
    return EXIT_STATUS[Answer.INCONCLUSIVE] if inconclusive else 0


def _look(
    folder: Path, state: State, settling: Settling
) -> tuple[list[tuple[Checkpoint, str]], dict[str, str]]:
    """The checkpoints to be evaluated, the lowest step first, and why others are not."""
    ready, waiting = [], {}
    for checkpoint in find_checkpoints(folder):
        files, reason = settling.state(checkpoint)
        if state.covers(checkpoint, files):
            continue
        if reason is None:
            ready.append((checkpoint, files))
        else:
            waiting[checkpoint.name] = reason
    return ready, waiting


def _evaluated(
    checkpoint: Checkpoint, files: str, evaluate: Evaluate, gate: Gate | None
) -> Evaluated:
    try:
        paths = tuple(str(path) for path in evaluate(checkpoint))
    except Failed as error:
        return Evaluated(checkpoint.name, checkpoint.step, files, (), problem=str(error))
    answer, why = _gated([Path(path) for path in paths], gate)
    asked = gate.identity if gate else ""
    return Evaluated(checkpoint.name, checkpoint.step, files, paths, answer, why, gate=asked)


def _gated(paths: Sequence[Path], gate: Gate | None) -> tuple[str | None, str]:
    if gate is None:
        return None, ""
    try:
        records = [read_record(path) for path in paths]
        decision = decide(pair_up(gate.baseline, records), gate.policy)
    except OpenCodeEvalError as error:
        # The scores stand, and the curve shows them; only the gate cannot tell.
        return str(Answer.INCONCLUSIVE), str(error)
    return str(decision.answer), decision.why
