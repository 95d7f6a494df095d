"""Evaluating each new checkpoint of a training run, once it is fully written.

OUTPUT/watch/<id>.jsonl has one line per evaluated checkpoint, with the paths of its
records: a killed watch continues when it is started again, and so does the run that
was interrupted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
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
    """The result of one checkpoint.

    `files` is the state of its files, `records` the paths of its records,
    `answer` the gate's answer over all benchmarks (None without a gate) and `answers` that of
    each record by its path, `gate` that gate's identity, `problem` the reason if there is no
    result.
    """

    name: str
    step: int | None
    files: str
    records: tuple[str, ...]
    answer: str | None = None
    why: str = ""
    problem: str = ""
    gate: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Gate:
    """The baseline's records, and the policy for checkpoints."""

    baseline: Sequence[StoredRecord]
    policy: Policy

    @property
    def identity(self) -> str:
        """A digest of everything that its answers depend on."""
        baseline = [each.record.digest for each in self.baseline]
        # What is stored of an answer is in it: earlier versions kept no answer of each record.
        return digest([baseline, asdict(self.policy), "answers"])


class Failed(Exception):
    """An evaluation gave no records; the text is one line."""


# Returns the paths of the records that the checkpoint's evaluation wrote.
Evaluate = Callable[[Checkpoint], Sequence[Path]]


class State:
    """The journal of one watch, open for this process alone."""

    def __init__(self, output: Path, what: Mapping[str, Any]) -> None:
        """`what` is everything that the evaluation of a checkpoint depends on.

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
        """Store the result of a checkpoint."""
        self._journal.append(result)
        self.done[result.name] = result

    def covers(self, checkpoint: Checkpoint, files: str) -> bool:
        """Whether this state of the checkpoint has its records, or failed in this process."""
        found = self.done.get(checkpoint.name)
        if found is None or found.files != files:
            return False
        return bool(found.problem) or all(Path(path).is_file() for path in found.records)

    def close(self) -> None:
        """Close the journal and release its lock; every line is already in the file."""
        self._journal.close()
        self._lock.release()

    def ask_again(self, gate: Gate | None) -> None:
        """Compute this gate's answer for each checkpoint with another gate's answer or none.

        An answer depends on margin, alpha, scope and policy; the records stay the same.
        """
        wanted = gate.identity if gate else ""
        for each in list(self.done.values()):
            if each.records and each.gate != wanted:
                self.add(replace(each, **_gated(each.records, gate)))

    def forget_failures(self) -> None:
        """Try failed checkpoints again: the watch may have restarted on another machine."""
        self.done = {name: each for name, each in self.done.items() if not each.problem}


class Settling:
    """Finds checkpoints that are complete and unchanged for `settle_s` seconds."""

    def __init__(self, settle_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._settle_s = settle_s
        self._clock = clock
        self._since: dict[str, tuple[str, float]] = {}

    def state(self, checkpoint: Checkpoint) -> tuple[str, str | None]:
        """The identity of its files, and why it is not ready (None: it is).

        Modification times prove nothing, as a copy may keep the original's: two
        looks, `settle_s` apart, must see the same.
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
    """When to look for checkpoints, and in which order to evaluate them.

    A checkpoint counts as written when it has not changed for `settle_s` seconds. The
    folder is checked every `poll_s` seconds; with `once`, until all existing checkpoints
    are evaluated. With `every`, only steps that are multiples of it are evaluated, and
    checkpoints without a step.
    """

    order: Order = "newest"
    settle_s: float = 10.0
    poll_s: float = 5.0
    once: bool = False
    every: int = 1

    def wants(self, checkpoint: Checkpoint) -> bool:
        """Whether the checkpoint is to be evaluated."""
        return checkpoint.step is None or checkpoint.step % self.every == 0


def watch(
    folder: Path,
    evaluate: Evaluate,
    state: State,
    gate: Gate | None,
    looking: Looking,
    log: Callable[[str], None] = print,
) -> Iterator[Evaluated]:
    """Yields each checkpoint's result when it is ready.

    The folder is checked again between two evaluations, so with `looking.order`
    "newest" a checkpoint that has just arrived comes first.

    Raises:
        StoreError: the folder or the journal cannot be used.
    """
    settle_s, poll_s, once = looking.settle_s, looking.poll_s, looking.once
    settling = Settling(settle_s)
    logged: dict[str, str] = {}
    first, deadline = True, time.monotonic() + settle_s + poll_s
    while True:
        ready, waiting = _look(folder, state, settling, looking)
        for name, reason in waiting.items():
            if logged.get(name) != reason:
                log(f"{name} waits: {reason}")
                logged[name] = reason
        if ready:
            checkpoint, files = ready[-1 if looking.order == "newest" else 0]
            log(f"{checkpoint.name}: evaluating")
            result = _evaluated(checkpoint, files, evaluate, gate)
            state.add(result)
            yield result
            continue
        # With `once`, a checkpoint that has not settled in two looks is skipped.
        if once and not first and (not waiting or time.monotonic() > deadline):
            return
        first = False
        time.sleep(min(poll_s, settle_s + 0.05) if once else poll_s)


def exit_status(results: Iterable[Evaluated]) -> int:
    """The exit status of a whole watch.

    10 if any checkpoint regressed, else 1 if any could not be evaluated, else 11 if the
    gate is inconclusive for any, else 0.
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
    folder: Path, state: State, settling: Settling, looking: Looking
) -> tuple[list[tuple[Checkpoint, str]], dict[str, str]]:
    """The checkpoints to evaluate, the lowest step first, and why the others must wait."""
    ready, waiting = [], {}
    for checkpoint in filter(looking.wants, find_checkpoints(folder)):
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
    return replace(Evaluated(checkpoint.name, checkpoint.step, files, paths), **_gated(paths, gate))


def _gated(paths: Sequence[str], gate: Gate | None) -> dict[str, Any]:
    """What the gate says of the records: the fields of Evaluated that it decides."""
    if gate is None:
        return {"answer": None, "why": "", "answers": {}, "gate": ""}
    try:
        records = [read_record(Path(path)) for path in paths]
        named = {record.path: path for record, path in zip(records, paths, strict=True)}
        pairs = pair_up(gate.baseline, records)
        decision = decide(pairs, gate.policy)
    except OpenCodeEvalError as error:
        # The scores are valid, and the curve shows them; only the gate has no answer.
        answer = str(Answer.INCONCLUSIVE)
        return {"answer": answer, "why": str(error), "answers": {}, "gate": gate.identity}
    # One finding for each pair, in their order; the mean of several comes last.
    answers = {
        named[pair.candidate.path]: str(finding.answer)
        for pair, finding in zip(pairs, decision.findings, strict=False)
    }
    return {
        "answer": str(decision.answer),
        "why": decision.why,
        "answers": answers,
        "gate": gate.identity,
    }
