"""The options of a run as values, for Python and for the command line."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from opencodeeval.core.errors import UsageError
from opencodeeval.core.types import SETTINGS, Sampling

if TYPE_CHECKING:
    from opencodeeval.benchmarks.card_benchmark import CardBenchmark
    from opencodeeval.execution.base import Sandbox
    from opencodeeval.runs.presets import Preset
    from opencodeeval.stats.metrics import Metric

RESULTS = Path("results")
# Those of OpenAI's interface; each model and server knows some of them.
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
EFFORTS: tuple[str, ...] = get_args(Effort)
ProgressKind = Literal["auto", "bars", "lines", "none"]


@dataclass(frozen=True)
class Selection:
    """Which tasks of a benchmark, from where, under which protocols.

    `protocols`: empty means the benchmark's default. `data_dir`: a folder to take
    data sets from, instead of downloading them. `limit`: only the first `limit`
    tasks. Dates are texts ("2024-06-30"): tasks released from `start_date` to
    `end_date`; `cutoff` is the day up to which the model's training data reach.
    `from_run`: the run folder that livecodebench_repair repairs. `time_limit`: seconds for
    the tests of a program instead of the protocol's, which makes a protocol of its own
    (docs/sampling.md). `shard` "3/8" is the third of eight parts of the run (docs/scale.md).
    """

    protocols: Sequence[str] = ()
    data_dir: Path | None = None
    limit: int | None = None
    start_date: str | None = None
    end_date: str | None = None
    cutoff: str | None = None
    from_run: Path | None = None
    time_limit: float | None = None
    shard: str | None = None

    def load(self, spec: str) -> list[CardBenchmark]:
        """The benchmark under each of the protocols.

        Raises:
            UsageError: there is no such benchmark, version or protocol, or a limit is none.
            DataError: the data are not available, or damaged.
        """
        from opencodeeval.benchmarks.windows import parse_window
        from opencodeeval.runs.finished import load_benchmark

        if self.limit is not None and self.limit < 1:
            raise UsageError(f"limit must be at least 1, got {self.limit}")
        window = parse_window(self.start_date, self.end_date, self.cutoff)
        named: Sequence[str | None] = list(dict.fromkeys(self.protocols)) or [None]
        loaded = [
            load_benchmark(spec, protocol, self.data_dir, self.limit, window, self.from_run)
            for protocol in named
        ]
        if self.time_limit is not None:
            loaded = [each.with_time_limit(self.time_limit) for each in loaded]
        if self.shard is None:
            return loaded
        if self.from_run is not None:
            raise UsageError("a repair cannot be divided: leave --shard or --from-run out")
        from opencodeeval.runs.shards import parse_shard, shard_of

        return [shard_of(each, parse_shard(self.shard)) for each in loaded]


@dataclass(frozen=True)
class SamplingOptions:
    """Changes to a benchmark's own sampling; None keeps the publisher's value.

    `n` samples per task; `temperature` 0 is greedy; `ks` are the k of pass@k
    (default: 1, and 10 and 100 where n allows), `metrics` the names of further metrics
    such as "pass^4" (docs/statistics.md). docs/sampling.md describes the other fields.
    `prompt_template` is the text of a template, not a file's name.

    `generation_config` "model" reads the model's generation_config.json; a mapping
    has its values by the names of the fields here. `preset` names a preset, or a TOML
    file with one; "auto" takes the one for the model (docs/presets.md).

    Prompts that do not fit the model's context fail; where more than one in twenty do not,
    the run is refused without `allow_long_prompts`.
    """

    n: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    ks: Sequence[int] | None = None
    metrics: Sequence[str] = ()
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    ignore_eos: bool | None = None
    stop: Sequence[str] = ()
    system_prompt: str | None = None
    chat_template_args: Mapping[str, Any] = field(default_factory=dict)
    reasoning_effort: Effort | None = None
    prompt_prefix: str | None = None
    prompt_suffix: str | None = None
    prompt_template: str | None = None
    generation_config: Literal["model"] | Mapping[str, float] | None = None
    preset: str | Preset | None = None
    thinking_budget: int | None = None
    allow_long_prompts: bool = False

    def applied(self, default: Sampling) -> Sampling:
        """The sampling of a benchmark whose own is `default`.

        Temperature 0 without a number of samples means one sample per task.

        Raises:
            UsageError: values that cannot be sampled with.
        """
        if self.generation_config == "model":
            raise UsageError(
                "the model's generation_config.json has not been read: call `evaluate`, or pass "
                "its values as a mapping"
            )
        preset, presets = self._of_the_preset()
        names = ("n", "temperature", "top_p", "max_tokens", "seed", *SETTINGS)
        own = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        if self.chat_template_args:
            published = presets.get("chat_template_args", {})
            own["chat_template_args"] = {**published, **self.chat_template_args}
        if self.reasoning_effort:
            own["reasoning_effort"] = self.reasoning_effort
        models = {
            name: value for name, value in (self.generation_config or {}).items() if name not in own
        }
        presets = {name: value for name, value in presets.items() if name not in own}
        wanted = {**models, **presets, **own}
        if "n" not in wanted and wanted.get("temperature") == 0:
            wanted["n"] = 1
        sampling = replace(
            default,
            **wanted,
            stop=(self.stop,) if isinstance(self.stop, str) else tuple(self.stop),
            system_prompt=self.system_prompt or "",
            prompt_prefix=self.prompt_prefix or "",
            prompt_suffix=self.prompt_suffix or "",
            prompt_template=self.prompt_template or "",
            thinking_budget=self.thinking_budget or 0,
            from_generation_config=tuple(sorted(models)),
            preset=preset,
            from_preset=tuple(sorted(presets)),
        )
        _check(sampling)
        if self.thinking_budget is not None:
            _check_budget(self.thinking_budget, sampling.max_tokens)
        return sampling

    def _of_the_preset(self) -> tuple[str, dict[str, Any]]:
        """The preset's name, and what it sets."""
        if self.preset is None:
            return "", {}
        if isinstance(self.preset, str):
            raise UsageError(
                f"the preset {self.preset!r} has not been read: call `evaluate`, or pass what "
                "opencodeeval.runs.presets.find_preset returns"
            )
        if self.generation_config is not None:
            raise UsageError(
                "a preset and the model's generation_config.json both say how to sample: leave "
                "out one of --preset and --generation-config"
            )
        return self.preset.name, self.preset.values()

    def resolved_ks(self, n: int) -> list[int]:
        """The k to report for n samples per task, ascending.

        Raises:
            UsageError: a k below 1 or above n.
        """
        if self.ks is None:
            return [1, *(k for k in (10, 100) if k <= n)]
        ks = sorted(set(self.ks))
        if not ks or ks[0] < 1:
            raise UsageError(f"k of pass@k must be at least 1, got {list(self.ks)}")
        if ks[-1] > n:
            raise UsageError(
                f"pass@{ks[-1]} needs at least {ks[-1]} samples per task, and there are {n}: "
                f"use n = {ks[-1]} or a smaller k"
            )
        return ks

    def metrics_of(self, benchmark: CardBenchmark, n: int) -> list[Metric]:
        """The metrics to report for n samples per task of a benchmark, pass@k first.

        Raises:
            UsageError: there is no such metric, or it cannot be computed.
        """
        from opencodeeval.stats.metrics import (
            CONSISTENCY,
            in_order,
            parse_metrics,
            pass_at,
            too_few,
        )

        further = parse_metrics(self.metrics)
        for metric in further:
            if metric == CONSISTENCY and not benchmark.has_answers:
                raise UsageError(
                    f"consistency needs answers to agree on, and {benchmark.name} has programs: "
                    "leave it out, or see docs/statistics.md for the benchmarks that have answers"
                )
            if n < metric.samples:
                raise too_few(metric, n)
        return in_order([*pass_at(*self.resolved_ks(n)), *further])


def _check(sampling: Sampling) -> None:
    if sampling.n < 1:
        raise UsageError(f"n (samples per task) must be at least 1, got {sampling.n}")
    if not (math.isfinite(sampling.temperature) and sampling.temperature >= 0):
        raise UsageError(f"temperature must be 0 (greedy) or above, got {sampling.temperature}")
    if not 0 < sampling.top_p <= 1:
        raise UsageError(f"top-p must be above 0 and at most 1, got {sampling.top_p}")
    if sampling.max_tokens < 1:
        raise UsageError(f"max-tokens must be at least 1, got {sampling.max_tokens}")
    if sampling.n > 1 and sampling.temperature == 0:
        raise UsageError(
            f"n = {sampling.n} at temperature 0: greedy decoding gives the same sample "
            f"{sampling.n} times, so use n = 1 or a temperature above 0"
        )
    for name, holds, bounds in (
        ("top_k", sampling.top_k >= 0, "0 (all tokens) or above"),
        ("min_p", 0 <= sampling.min_p <= 1, "between 0 and 1"),
        ("repetition_penalty", 0 < sampling.repetition_penalty < math.inf, "above 0"),
        ("presence_penalty", -2 <= sampling.presence_penalty <= 2, "between -2 and 2"),
        ("frequency_penalty", -2 <= sampling.frequency_penalty <= 2, "between -2 and 2"),
    ):
        if not holds:
            raise UsageError(f"{SETTINGS[name]} must be {bounds}, got {getattr(sampling, name)}")
    _check_question(sampling)


def _check_budget(budget: int, max_tokens: int) -> None:
    if budget < 1:
        raise UsageError(f"the thinking budget must be at least 1 token, got {budget}")
    if budget >= max_tokens:
        raise UsageError(
            f"a thinking budget of {budget} tokens leaves nothing of max-tokens {max_tokens} for "
            "the answer: lower it, or raise --max-tokens"
        )


# What is said to every chat template by other means.
_RESERVED = frozenset(
    {"add_generation_prompt", "chat_template", "continue_final_message", "conversation"}
    | {"messages", "tokenize"}
)


def _check_question(sampling: Sampling) -> None:
    if "" in sampling.stop:
        raise UsageError("a stop string is empty: it would end every answer at once")
    arguments, effort = sampling.chat_template_args, sampling.reasoning_effort
    try:
        json.dumps(dict(arguments))
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"chat-template arguments must be JSON values, such as texts and numbers: {error}"
        ) from None
    reserved = sorted(_RESERVED & arguments.keys())
    if reserved:
        raise UsageError(
            f"the chat-template argument {reserved[0]!r} is set by opencodeeval itself"
        )
    if effort not in ("", *EFFORTS):
        raise UsageError(f"reasoning effort must be {', '.join(EFFORTS)}, got {effort!r}")
    if effort and "reasoning_effort" in arguments:
        raise UsageError("reasoning_effort is given as a chat-template argument too: drop one")


@dataclass(frozen=True)
class SandboxOptions:
    """Where programs run: `kind` "auto" is Docker if an engine responds, else the local jail.

    Other kinds are "docker", "local" and jails from other packages.

    `slots`: programs at once (default: the usable cores). `image` and `runtime`
    (e.g. "runsc") are for Docker only.
    """

    kind: str = "auto"
    slots: int | None = None
    image: str | None = None
    runtime: str | None = None

    def open(self, environment: str, log: Callable[[str], None]) -> Sandbox:
        """A sandbox with the packages of an environment ("" for Python and NumPy alone).

        Raises:
            UsageError: no such sandbox, or fewer slots than one.
            SandboxError: the sandbox is not available on this machine.
        """
        from opencodeeval.execution import open_sandbox

        return open_sandbox(self.kind, self.slots, log, self.image, self.runtime, environment)


@dataclass(frozen=True)
class Output:
    """Where results go, and how progress is shown (`none`: no progress and no log lines)."""

    folder: Path = RESULTS
    progress: ProgressKind = "auto"

    def log(self, message: str) -> None:
        """Write a line to stderr."""
        if self.progress != "none":
            from opencodeeval.runs.progress import remark

            remark(message)
