"""The service: functions that the command line and the Python API call to score a model.

`evaluate` generates samples with a model, `grade` reads them from a file; both run
them through the same pipeline and return an `Evaluation`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import cast

from opencodeeval.backends import BACKENDS, BackendOptions, check_adapters
from opencodeeval.backends.base import AdaptedBackend, Backend
from opencodeeval.backends.carried import CarriedBackend
from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.benchmarks.registry import expanded
from opencodeeval.core.alive import alive
from opencodeeval.core.errors import UsageError
from opencodeeval.core.sizes import duration
from opencodeeval.records.naming import WITH_ADAPTER
from opencodeeval.runs.asking import check_template
from opencodeeval.runs.executors.base import Executor
from opencodeeval.runs.executors.options import ExecutorOptions
from opencodeeval.runs.generation_config import with_model_values
from opencodeeval.runs.jobs import Evaluation, Job
from opencodeeval.runs.observers import Observer
from opencodeeval.runs.opened import Engines
from opencodeeval.runs.options import RESULTS, Output, SamplingOptions, SandboxOptions, Selection
from opencodeeval.runs.presets import with_preset
from opencodeeval.runs.samples_file import SampleSource, read_jobs
from opencodeeval.runs.session import run_jobs


def evaluate(
    model: str | Path | Backend,
    benchmarks: str | CardBenchmark | Sequence[str | CardBenchmark],
    *,
    selection: Selection | None = None,
    sampling: SamplingOptions | None = None,
    backend: str = "vllm",
    backend_options: BackendOptions | None = None,
    sandbox: str | SandboxOptions = "auto",
    executor: str | ExecutorOptions = "local",
    output: str | Path | Output = RESULTS,
    observers: Sequence[Observer] = (),
) -> Evaluation:
    """Score a model on benchmarks: generate, execute, record.

    Args:
        model: a model folder, a model id on the hub, or an opened backend, which
            stays open.
        benchmarks: one or several of "humaneval", "humaneval_plus@v0.1.9",
            "file:tasks.jsonl", or what `load_benchmark` returns. The model is
            loaded once for all.
        selection: protocols, data folder, limit, dates.
        sampling: changes to each benchmark's own sampling.
        backend: "vllm", "transformers", "openai", "litellm", "reference" for the benchmark's own
            solutions, or the name of a backend from another package.
        backend_options: dtype, max_model_len and other options of the engine. With LoRA
            adapters (`lora`), the model is scored with each of them, and not without.
        sandbox: "auto", "docker", "local" or SandboxOptions.
        executor: where engines and slots are: "local", "ray" or ExecutorOptions.
        output: the folder of results, or an Output, which also says how progress
            is shown.
        observers: called at every step; may end a run early.

    Returns:
        One run per adapter, benchmark and protocol, in the given order. Repeating an
        interrupted call continues it.

    Raises:
        UsageError: the request cannot be carried out as written.
        DataError: a data set is missing or damaged.
        BackendError: the model or its engine cannot be used.
        SamplesFailed: a server failed on some samples; the other benchmarks are done.
        SandboxError: no sandbox is available, or it failed persistently.
        StoreError: the output cannot be written.
        Interrupted: SIGINT or SIGTERM came (main thread only).
    """
    out = _output(output)
    options = backend_options or BackendOptions()
    chosen, options = with_preset(sampling or SamplingOptions(), model, options, out.log)
    chosen = with_model_values(chosen, model, options, out.log)
    jobs = plan_jobs(benchmarks, selection or Selection(), chosen)
    if isinstance(model, (str, Path)):
        jobs = [replace(job, adapter=each) for each in options.lora or ("",) for job in jobs]
    name = _name_of(model, options)
    opened = _executor(executor, sandbox, out)
    backends = _Backends(model, backend, options, opened, out)
    backends.use_known(jobs)
    backends.check(jobs)
    return run_jobs(name, jobs, backends, opened, out, observers)


def grade(
    samples: str | Path,
    benchmark: str | CardBenchmark,
    *,
    selection: Selection | None = None,
    source: SampleSource | None = None,
    sandbox: str | SandboxOptions = "auto",
    executor: str | ExecutorOptions = "local",
    output: str | Path | Output = RESULTS,
    observers: Sequence[Observer] = (),
) -> Evaluation:
    """Grade samples from another tool.

    Args:
        samples: a file or folder of EvalPlus, human-eval, BigCodeBench,
            LiveCodeBench or OpenCodeEval.
        benchmark: the samples' benchmark.
        source: the file's format, the model's name, where the samples come from,
            the metrics; by default found from the file.
        selection: as in `evaluate`.
        sandbox: as in `evaluate`.
        executor: as in `evaluate`.
        output: as in `evaluate`.
        observers: as in `evaluate`.

    Raises:
        UsageError, SandboxError, StoreError: as `evaluate`.
        DataError: as `evaluate`; or the file is damaged, or lacks or repeats a sample.
    """
    out = _output(output)
    path = Path(samples)
    if not path.exists():
        raise UsageError(f"{path} does not exist: name a file or folder of samples")
    loaded = _load(benchmark, selection or Selection())
    given = read_jobs(path, loaded, source or SampleSource(), out.log)
    opened = _executor(executor, sandbox, out)
    return run_jobs(given.model, given.jobs, given.backend_of, opened, out, observers)


def plan_jobs(
    benchmarks: str | CardBenchmark | Sequence[str | CardBenchmark],
    selection: Selection,
    sampling: SamplingOptions,
) -> list[Job]:
    """The jobs of a request, checked, before anything is opened.

    Raises:
        UsageError, DataError: as `evaluate`.
    """
    named = [benchmarks] if isinstance(benchmarks, (str, CardBenchmark)) else list(benchmarks)
    if not named:
        raise UsageError("no benchmark is named: name at least one (see `opencodeeval benchmarks`)")
    jobs = []
    for each in _parts(named):
        for benchmark in _load(each, selection):
            drawn = sampling.applied(benchmark.default_sampling())
            check_template(benchmark, drawn)
            metrics = sampling.metrics_of(benchmark, drawn.n)
            long_ones = sampling.allow_long_prompts
            jobs.append(Job(benchmark, drawn, metrics, allow_long_prompts=long_ones))
    return jobs


def _parts(named: Sequence[str | CardBenchmark]) -> list[str | CardBenchmark]:
    """The benchmarks, with the parts of a set in place of its name."""
    found: list[str | CardBenchmark] = []
    for each in named:
        found += expanded([each]) if isinstance(each, str) else [each]
    return found


class _Backends:
    """Opens the jobs' backends; the model is loaded once for all of them."""

    def __init__(
        self,
        model: str | Path | Backend,
        name: str,
        options: BackendOptions,
        executor: Executor,
        output: Output,
    ) -> None:
        self._model = model
        self._name = name
        self._options = options
        self._executor = executor
        self._output = output
        self._opened: Backend | None = None
        self._adapted: dict[str, Backend] = {}
        self._known: Mapping[str, Backend] = {}
        self._engines: Engines | None = None
        # Before any sandbox is opened, to refuse a wrong name at once.
        self._asks_model = not isinstance(model, (str, Path)) or BACKENDS.load(name).asks_model
        if isinstance(model, (str, Path)):
            check_adapters(name, options)
            # What is known of an engine is known of this machine.
            if executor.in_this_process:
                self._engines = Engines(name, str(model), options)

    def use_known(self, jobs: Sequence[Job]) -> None:
        """Load no model if every run is finished, as far as that is known without it."""
        if self._engines is None:
            return
        self._known = self._engines.of_finished(self._output.folder, jobs)
        if self._known:
            self._output.log(f"all runs are finished, so {self._model} is not loaded")

    def check(self, jobs: Sequence[Job]) -> None:
        """Refuse what the model cannot be asked before it is loaded, which may take minutes."""
        if self._name in ("vllm", "transformers") and self._engines and not self._known:
            from opencodeeval.runs.askable import check_askable

            check_askable(str(self._model), self._options, jobs)

    def __call__(self, job: Job) -> Backend:
        if self._known:
            backend = self._known[job.adapter]
        else:
            backend = self._backend(job)
            if self._engines:
                self._engines.remember(job.adapter, backend)
        carried = job.benchmark.carried()
        return CarriedBackend(backend, carried) if carried else backend

    def _backend(self, job: Job) -> Backend:
        if not isinstance(self._model, (str, Path)):
            self._opened = self._opened or _KeptOpen(self._model)
            return self._opened
        # Stored answers belong to one benchmark: task ids are unique only within it.
        if not self._asks_model or self._opened is None:
            model, tasks = str(self._model), job.benchmark.tasks
            with self._loading():
                self._opened = self._executor.open_backend(self._name, model, self._options, tasks)
        return self._with_adapter(job.adapter) if job.adapter else self._opened

    @contextmanager
    def _loading(self) -> Iterator[None]:
        """Say what is loaded, how long it has taken so far, and how long it took."""
        if not self._asks_model:
            yield
            return
        what, begun = f"loading {self._model} into {self._name}", time.monotonic()
        self._output.log(what)
        shown = alive(what) if self._output.progress != "none" else nullcontext()
        with shown:
            yield
        self._output.log(f"loaded in {duration(time.monotonic() - begun)}")

    def _with_adapter(self, name: str) -> Backend:
        # One for all jobs of an adapter: jobs of one backend share their answers.
        if name not in self._adapted:
            self._adapted[name] = cast(AdaptedBackend, self._opened).with_adapter(name)
        return self._adapted[name]


class _KeptOpen:
    """A backend that the caller opened and will close."""

    def __init__(self, backend: Backend) -> None:
        self.model_type = backend.model_type
        self.capabilities = backend.capabilities
        self.identity = backend.identity
        self.generate = backend.generate

    async def close(self) -> None:
        """Do nothing."""


def _load(benchmark: str | CardBenchmark, selection: Selection) -> list[CardBenchmark]:
    if isinstance(benchmark, CardBenchmark):
        return [benchmark]
    return selection.load(benchmark)


def _name_of(model: str | Path | Backend, options: BackendOptions) -> str:
    if not isinstance(model, (str, Path)):
        return str(model.identity()["model"])
    # Of several adapters, each run is told with its own.
    return WITH_ADAPTER.join(
        [options.name or str(model), *(options.lora if len(options.lora) == 1 else ())]
    )


def _output(output: str | Path | Output) -> Output:
    found = output if isinstance(output, Output) else Output(Path(output))
    return replace(found, folder=Path(found.folder))


def _executor(
    executor: str | ExecutorOptions, sandbox: str | SandboxOptions, output: Output
) -> Executor:
    chosen = executor if isinstance(executor, ExecutorOptions) else ExecutorOptions(executor)
    slots = sandbox if isinstance(sandbox, SandboxOptions) else SandboxOptions(sandbox)
    return chosen.open(slots, output.log)
