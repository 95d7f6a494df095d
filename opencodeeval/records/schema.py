"""What a record is: the JSON that one run leaves, as typed values.

One run is one model on one benchmark in one data version under one protocol with
one way of sampling. A record holds all that tables, comparisons and gates need.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from opencodeeval.core.types import ModelType, digest
from opencodeeval.stats.pass_at_k import Estimate

SCHEMA = 2
ESTIMATOR = "unbiased pass@k; Wilson's interval at the effective sample size over clusters"
ESTIMATOR_VERSION = "1"

# Where samples came from: an engine or a server drew them, a file held them, or they are
# the benchmark's own solutions.
Origin = Literal["engine", "server", "file", "reference"]


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of a record; what is not known or does not apply is left out of the JSON."""


class Score(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """An estimate in [0, 1] with the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def estimate(self) -> Estimate:
        """The same as statistics have it."""
        return Estimate(self.value, self.low, self.high)


# Suite -> metric ("pass@10", "pass^4": stats/metrics.py) -> score.
Scores = Mapping[str, Mapping[str, Score]]


class Model(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """Which model, and where its samples came from.

    `name` is a hub id, or the last parts of a folder's path, and the same of an adapter
    after " + "; `identity` is what the backend says of itself and its weights, as it stands
    in the run's configuration.
    """

    name: str
    origin: Origin
    identity: Mapping[str, Any]

    @property
    def backend(self) -> str:
        """The backend's name; "samples" for files."""
        return str(self.identity.get("backend", ""))

    @property
    def revision(self) -> str:
        """The revision on the hub, or empty."""
        return str(self.identity.get("revision") or "")

    @property
    def weights(self) -> str:
        """What tells weights apart: their digest where it is known, else what was named."""
        base = str(self.identity.get("weights_digest") or self.identity["model"])
        return self.adapter_digest + base

    @property
    def adapter(self) -> str:
        """The LoRA adapter on the model, as the user named it, or empty."""
        return str(self.identity.get("lora", {}).get("adapter", ""))

    @property
    def adapter_digest(self) -> str:
        """The digest of that adapter's files, or empty."""
        return str(self.identity.get("lora", {}).get("digest", ""))


class Description(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """What a record says of a benchmark for readers: source, limits, window of dates, notes.

    `language` is that of its programs, by the name that Pygments has for it; empty for Python.
    `set` has the data versions that this one is among, where the benchmark is a set of them.
    """

    title: str = ""
    licence: str = ""
    homepage: str = ""
    data: Mapping[str, Any] = {}
    limits: Mapping[str, Any] = {}
    window: Mapping[str, str] = {}
    language: str = ""
    notes: tuple[str, ...] = ()
    set: tuple[str, ...] = ()


class Benchmark(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """Which tasks: `tasks` of the `tasks_in_version` of the data version were run.

    `tasks_in_version` is 0 where that is not known (records of schema 1).
    `integrity` counts the tasks by what a pass is worth.
    """

    name: str
    data_version: str
    data_digest: str
    suites: tuple[str, ...]
    headline: str
    tasks: int
    tasks_in_version: int = 0
    integrity: Mapping[str, int] = {}
    description: Description = Description()

    @property
    def whole(self) -> bool:
        """Whether all tasks of the data version were run, as far as that is known."""
        return self.tasks_in_version in (0, self.tasks)

    @property
    def part(self) -> bool:
        """Whether --limit or --shard left tasks out, so that the score is not the benchmark's.

        A window of dates is a choice of tasks that others can make too, and is not meant.
        """
        limited = not self.description.data.keys().isdisjoint(("limit", "shard"))
        return limited or not (self.whole or self.description.window)

    @property
    def shown_tasks(self) -> str:
        """The number of tasks; "5 of 164" if not all of the data version were run."""
        return str(self.tasks) if self.whole else f"{self.tasks} of {self.tasks_in_version}"


class Protocol(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """How was prompted, extracted and graded.

    If the user changed what is asked, `name` has a mark and `base` is the name without it.
    `time_limit` is the user's limit in seconds, None for the protocol's own.
    """

    name: str
    base: str = ""
    version: str
    prompt_digest: str
    time_limit: float | None = None


class Drawn(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """The sampling (core.types.Sampling); of samples from files only `n` per task is known."""

    n: int
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    ignore_eos: bool = False
    stop: tuple[str, ...] = ()
    system_prompt: str = ""
    chat_template_args: Mapping[str, Any] = {}
    reasoning_effort: str = ""
    from_generation_config: tuple[str, ...] = ()
    prompt_prefix: str = ""
    prompt_suffix: str = ""
    prompt_template: str = ""
    preset: str = ""
    from_preset: tuple[str, ...] = ()
    thinking_budget: int = 0

    def setting(self, name: str) -> Any:
        """The value of one of SETTINGS; None if it is not known."""
        return None if self.temperature is None else getattr(self, name)


class Harness(_Part, frozen=True, kw_only=True, omit_defaults=False):
    """This program; `modified` says that tracked files differed from `commit`."""

    version: str
    commit: str | None = None
    modified: bool = False


class Totals(_Part, frozen=True, kw_only=True, omit_defaults=False):
    """Sums over all samples."""

    samples: int
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish_reasons: Mapping[str, int] = {}


class Reasoning(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """How many answers have reasoning before them, or ended inside it (`unfinished`).

    `cut_off` of the unfinished ones reached the longest answer. `tokens` is the sum of the
    tokens of reasoning over those `counted` answers for which the number is known.
    `at_budget` answers had their reasoning cut at the budget.
    """

    answers: int
    unfinished: int = 0
    cut_off: int = 0
    tokens: int = 0
    counted: int = 0
    at_budget: int = 0


class Erratum(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """A task whose verdict depends on more than the program; `fails`: its own solution too."""

    task: str
    kind: str
    what: str
    fails: bool = False


class Sound(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """Scores over the tasks whose own solution passes in a jail; `without` are the others."""

    tasks: int
    without: tuple[str, ...]
    scores: Scores = msgspec.field(name="pass@k")


class TaskRow(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """One task: `n` samples count, `c` of them are correct by suite.

    `samples` is how many there are, where some do not count. Tasks of one
    `cluster` are not independent of each other; empty for a cluster of its own.
    `answers` is how many of several samples give each answer, the most frequent first,
    where a benchmark has answers to agree on; a sample without an answer counts alone.
    """

    n: int
    c: Mapping[str, int]
    verdicts: Mapping[str, Mapping[str, int]]
    samples: int = 0
    cluster: str = ""
    about: Mapping[str, str] = {}
    answers: tuple[int, ...] = ()

    @property
    def all_samples(self) -> int:
        """How many samples there are, counted or not."""
        return self.samples or self.n


class Timing(_Part, frozen=True, kw_only=True, omit_defaults=False):
    """When and how long; the only part in which a resumed run differs from an undisturbed one.

    `wall_s`, `generated` and `executed` are sums over all legs of a run that was continued,
    and `started` is when the first began (in records of earlier versions: of the last leg).
    """

    finished: str
    started: str = ""
    wall_s: float = 0.0
    generated: int = 0
    executed: int = 0
    resumed: bool = False


class Record(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """The whole record. `digest` is over all but `timing`, `executor` and itself.

    `errata` are those in force for these tasks when the record was made; None where
    that is not known (records of schema 1). `lacks` is what the backend could not do
    (backends/capabilities.py). `reasoning` is None where no answer has any,
    and in records from before it was counted. `breakdown` and `contamination` are as
    opencodeeval.records.breakdown makes them. `executor` is where a run was made that was not
    made by one process alone; it is empty for the others.
    """

    schema: int
    run_id: str
    model: Model
    model_type: ModelType
    benchmark: Benchmark
    protocol: Protocol
    sampling: Drawn
    sandbox: Mapping[str, Any]
    harness: Harness
    totals: Totals
    scores: Scores = msgspec.field(name="pass@k")
    verdicts: Mapping[str, Mapping[str, int]]
    tasks: Mapping[str, TaskRow]
    timing: Timing
    digest: str = ""
    hardware: Mapping[str, Any] = {}
    estimator: str = ESTIMATOR
    estimator_version: str = ESTIMATOR_VERSION
    errata: tuple[Erratum, ...] | None = None
    sound: Sound | None = None
    lacks: tuple[str, ...] = ()
    reasoning: Reasoning | None = None
    breakdown: Mapping[str, Any] = {}
    contamination: Mapping[str, Any] = {}
    regraded: Mapping[str, Any] = {}
    executor: Mapping[str, Any] = {}

    @property
    def unsound(self) -> frozenset[str]:
        """The tasks whose own solution fails in a jail."""
        return frozenset(self.sound.without if self.sound else ())


def content_of(record: Record) -> dict[str, Any]:
    """The record as JSON has it."""
    content: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(record))
    # An omitted default must not change what a later default means.
    content["estimator"] = record.estimator
    content["estimator_version"] = record.estimator_version
    return content


def sealed(record: Record) -> Record:
    """The record with the digest of what is in it."""
    return msgspec.structs.replace(record, digest=content_digest(content_of(record)))


def content_digest(content: Mapping[str, Any]) -> str:
    """Digest of a record's JSON: all but `timing`, `executor` and `digest` itself."""
    left_out = ("timing", "executor", "digest")
    kept = {name: part for name, part in content.items() if name not in left_out}
    return digest(kept)
