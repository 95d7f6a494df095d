"""What engines said of themselves when they were opened, so that a finished run needs none.

Which run a command is depends on the engine: its versions, its settings as resolved, the
weights. When a model has been loaded, what it said is kept in the user's cache under a
digest of all that this follows from. The next such command finds its run by it, and
loads the model only if the run lacks an answer.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

import opencodeeval
from opencodeeval.backends import BackendOptions
from opencodeeval.backends.adapter_files import find_adapter
from opencodeeval.backends.base import Backend, Request
from opencodeeval.backends.capabilities import Capabilities
from opencodeeval.backends.models import find_model, tokenizer_digest, weight_digest
from opencodeeval.backends.stored import StoredCompletions
from opencodeeval.backends.vllm_drafts import describe_draft, find_draft
from opencodeeval.core.errors import BackendError, OpenCodeEvalError
from opencodeeval.core.folders import cache_folder
from opencodeeval.core.journal import write_atomically
from opencodeeval.core.machine import hardware, usable_cores
from opencodeeval.core.types import Completion, ModelType, SampleId, Sampling, digest
from opencodeeval.records.reading import RUNS
from opencodeeval.runs.jobs import Job
from opencodeeval.runs.recording import configuration, without_secrets
from opencodeeval.runs.store import read_completions, run_id

# Backends that load a model, which takes minutes; the others say what they are at once.
LOADING = frozenset({"vllm", "transformers"})
_PACKAGES = ("vllm", "torch", "transformers", "tokenizers", "peft", "accelerate")
# Settings of engines and devices that are read from the environment.
_VARIABLES = ("VLLM_", "CUDA_", "NVIDIA_", "HIP_", "ROCR_", "PYTORCH_", "TORCH_")


@dataclass
class KnownEngine:
    """A backend that is not open: what it is, and no answers."""

    stored_identity: Mapping[str, Any]
    model_type: ModelType
    capabilities: Capabilities

    def identity(self) -> Mapping[str, Any]:
        """What the engine said of itself when it was open."""
        return self.stored_identity

    def generate(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> AsyncIterator[Completion]:
        """Refuse: the caller has seen that nothing is to be generated."""
        if requests:
            raise BackendError(
                "answers that were in the run folder are gone: give the same command again"
            )
        nothing = StoredCompletions({}, self.stored_identity, self.model_type)
        return nothing.generate(requests, sampling)

    async def close(self) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class _Kept:
    """A line of the cache: the digest or commit of the weights, and the engine with them."""

    weights: str
    engine: KnownEngine


class Engines:
    """What is known of the engines that one command would open."""

    def __init__(self, name: str, model: str, options: BackendOptions) -> None:
        """`name` is the backend's. Nothing is read until an engine is looked for."""
        self._model, self._options = model, options
        folder = Path(model).expanduser()
        spelt = str(folder.resolve()) if folder.is_dir() else model
        # What was known of a tokenizer on the hub may not hold for what it is now.
        tokenizer = Path(options.tokenizer).expanduser() if options.tokenizer else None
        known = name in LOADING and (tokenizer is None or tokenizer.is_dir())
        self._named = [name, spelt] if known else []

    def remember(self, adapter: str, backend: Backend) -> None:
        """Keep what an open engine says of itself, if the cache can be written."""
        identity = without_secrets(backend.identity())
        weights = identity.get("revision") or identity.get("weights_digest")
        if self._named and weights:
            engine = KnownEngine(identity, backend.model_type, backend.capabilities)
            with suppress(OpenCodeEvalError, OSError):
                write_atomically(self._path(adapter), msgspec.to_builtins(_Kept(weights, engine)))

    def of_finished(self, output: Path, jobs: Sequence[Job]) -> dict[str, KnownEngine]:
        """Adapter -> engine, if the runs of all jobs are finished; else nothing."""
        kept = {adapter: self._kept(adapter) for adapter in {job.adapter for job in jobs}}
        known = {adapter: each for adapter, each in kept.items() if each is not None}
        if len(known) < len(kept):
            return {}
        if not all(finished(output, job, known[job.adapter].engine) for job in jobs):
            return {}
        # Last, as it reads the weights: they may have been written anew.
        if {each.weights for each in known.values()} != {self._weights()}:
            return {}
        return {adapter: each.engine for adapter, each in known.items()}

    def _kept(self, adapter: str) -> _Kept | None:
        if not self._named:
            return None
        try:
            return msgspec.convert(json.loads(self._path(adapter).read_bytes()), _Kept)
        except (OSError, ValueError, OpenCodeEvalError):
            return None

    def _weights(self) -> str | None:
        """The commit or the digest of the model's files now; None if there is no such model."""
        try:
            source = find_model(self._model, self._options.revision, self._options.tokenizer)
            return source.commit or weight_digest(source.folder or Path(self._model))
        except (OpenCodeEvalError, OSError):
            return None

    def _path(self, adapter: str) -> Path:
        name = digest([*self._named, adapter, _surroundings(self._options)])
        return cache_folder("engines") / f"{name}.json"


def finished(output: Path, job: Job, engine: KnownEngine) -> bool:
    """Whether the job's run has its record, and the answers to all its questions."""
    try:
        name = run_id(configuration(job.benchmark, engine, job.sampling))
        if not any(output.glob(f"*/*--{name}.json")):
            return False
        answered = read_completions(output / RUNS / name)
    except OpenCodeEvalError:
        return False
    return all(
        SampleId(task.task_id, sample_id) in answered
        for task in job.benchmark.tasks
        for sample_id in range(job.sampling.n)
    )


def _surroundings(options: BackendOptions) -> list[Any]:
    """All that an engine's identity follows from, but for the model and its weights."""
    said = asdict(options)
    return [
        [find_adapter(each).digest for each in options.lora],
        describe_draft(find_draft(options.engine_args)),
        [tokenizer_digest(Path(options.tokenizer).expanduser())] if options.tokenizer else [],
        {key: said[key] for key in said if key not in ("api_key_env", "request_timeout_s")},
        [_version(each) for each in _PACKAGES],
        [opencodeeval.__version__, _sources()],
        [hardware(), usable_cores()],
        {key: os.environ[key] for key in sorted(os.environ) if key.startswith(_VARIABLES)},
    ]


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _sources() -> str:
    """A digest of the code that says what an engine is."""
    content = hashlib.sha256()
    for path in sorted((Path(opencodeeval.__file__).parent / "backends").glob("*.py")):
        content.update(path.read_bytes())
    return content.hexdigest()
