"""Two harnesses' answers to the same tasks, compared text by text. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """One answer: the text that the model saw, what it wrote, and what of it would run."""

    prompt: str
    text: str
    program: str


@dataclass(frozen=True)
class Difference:
    """A task with other answers: `what` ("prompt", "text" or "program") differs first.

    `at` is the first character that does; the texts are those around it, or the ends.
    """

    task_id: str
    what: str
    at: int
    ours: str
    theirs: str


@dataclass(frozen=True)
class Agreement:
    """How many of `tasks` have the same prompts, texts and programs; the others one by one."""

    tasks: int
    prompts: int
    texts: int
    programs: int
    differences: Sequence[Difference]


def compare(ours: Mapping[str, Answer], theirs: Mapping[str, Answer]) -> Agreement:
    """Compare the answers to all tasks, in our order.

    Raises:
        ValueError: one of the two lacks a task of the other.
    """
    lacking = sorted(ours.keys() ^ theirs.keys())
    if lacking:
        raise ValueError(f"only one of the two has answered {', '.join(lacking[:5])}")
    pairs = [(task_id, answer, theirs[task_id]) for task_id, answer in ours.items()]
    return Agreement(
        tasks=len(pairs),
        prompts=sum(a.prompt == b.prompt for _, a, b in pairs),
        texts=sum(a.text == b.text for _, a, b in pairs),
        programs=sum(a.program == b.program for _, a, b in pairs),
        differences=[
            difference for task_id, a, b in pairs if (difference := _difference(task_id, a, b))
        ],
    )


def _difference(task_id: str, ours: Answer, theirs: Answer) -> Difference | None:
    for what in ("prompt", "text", "program"):
        a, b = getattr(ours, what), getattr(theirs, what)
        if a != b:
            at = parting(a, b)
            return Difference(task_id, what, at, _around(a, at), _around(b, at))
    return None


def parting(ours: Sequence[object], theirs: Sequence[object]) -> int:
    """The index of the first element that differs; the length of the shorter if it has none."""
    for at, (a, b) in enumerate(zip(ours, theirs, strict=False)):
        if a != b:
            return at
    return min(len(ours), len(theirs))


def _around(text: str, at: int) -> str:
    return text[max(0, at - 20) : at + 30]


@dataclass(frozen=True)
class Choice:
    """The next token at a place in an answer: the two likeliest, and how far apart they are.

    `margin` is the difference of their logits; `tokens` are those two, the likelier first.
    """

    tokens: tuple[int, int]
    margin: float


def stopped(ours: str, theirs: str, stops: Sequence[str]) -> str:
    """The stop string of ours that ended our text, where theirs goes on with it; else ""."""
    rest = theirs[len(ours) :] if theirs.startswith(ours) else ""
    return next((stop for stop in stops if rest.startswith(stop)), "")


def explained(choice: Choice, ours: int | None, theirs: int | None, most: float) -> bool:
    """Whether rounding explains that one went on with `ours` and the other with `theirs`.

    So it does where these are the two likeliest tokens and nearly as likely. None stands
    for the end of an answer, of which the token is not known.
    """
    wanted = {token for token in (ours, theirs) if token is not None}
    return choice.margin <= most and wanted <= set(choice.tokens)
