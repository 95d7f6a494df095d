"""Whether a model can be asked what a command asks, before its weights are loaded."""

from __future__ import annotations

from collections.abc import Sequence

from opencodeeval.backends.adapter_files import find_adapter
from opencodeeval.backends.adapters import variants
from opencodeeval.backends.models import find_model
from opencodeeval.backends.options import BackendOptions
from opencodeeval.backends.rendering import load_tokenizer, render
from opencodeeval.backends.thinking import require_marks
from opencodeeval.core.types import OVERRIDES
from opencodeeval.runs.asking import prompt_of
from opencodeeval.runs.jobs import Job


def check_askable(model: str, options: BackendOptions, jobs: Sequence[Job]) -> None:
    """Render the first prompt of each job that changes what its protocol asks.

    Raises:
        UsageError: a base model cannot be asked so.
        BackendError: the chat template does not take it, or the model has no marks of reasoning
            for a thinking budget; or the model is not there.
    """
    changing = [job for job in jobs if job.sampling.changed(OVERRIDES) and job.benchmark.tasks]
    if not changing:
        return
    source = find_model(model, options.revision, options.tokenizer)
    name = options.tokenizer or options.engine_args.get("tokenizer")
    tokenizer = load_tokenizer(source, name, options.trust_remote_code)
    adapters = [find_adapter(each) for each in dict.fromkeys(options.lora)]
    for variant in variants(tokenizer, adapters, options.model_type, model):
        for job in changing:
            task = job.benchmark.tasks[0]
            prompt = prompt_of(job.benchmark, task, job.sampling, variant.model_type)
            if job.sampling.thinking_budget:
                require_marks(variant.tokenizer)
            render(variant.tokenizer, prompt, job.sampling)
