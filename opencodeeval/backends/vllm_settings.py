"""What vLLM's engine is given, and what a record says of it."""

from __future__ import annotations

from typing import Any

from opencodeeval.backends.models import ModelSource
from opencodeeval.backends.options import BackendOptions
from opencodeeval.core.machine import cpu_model, usable_cores


def engine_arguments(source: ModelSource, options: BackendOptions) -> dict[str, Any]:
    """The arguments of AsyncEngineArgs that follow from the options; the user's own win."""
    arguments: dict[str, Any] = {
        "model": str(source.folder or source.name),
        "trust_remote_code": options.trust_remote_code,
        "dtype": options.dtype,
        "tensor_parallel_size": options.tensor_parallel_size,
        "disable_log_stats": True,
    }
    if source.commit and not source.folder:
        arguments["revision"] = source.commit
        if "tokenizer" not in options.engine_args and not options.tokenizer:
            arguments["tokenizer_revision"] = source.commit
    if options.tokenizer:
        arguments["tokenizer"] = options.tokenizer
    if options.max_model_len is not None:
        arguments["max_model_len"] = options.max_model_len
    return {**arguments, **options.engine_args}


def describe(config: Any) -> dict[str, Any]:
    """Of a vllm_config, what a record stores: settings as resolved, versions, hardware."""
    import torch
    import transformers
    import vllm

    quantization = config.model_config.quantization
    return {
        "dtype": str(config.model_config.dtype).removeprefix("torch."),
        "tensor_parallel_size": config.parallel_config.tensor_parallel_size,
        "max_model_len": config.model_config.max_model_len,
        "max_num_seqs": config.scheduler_config.max_num_seqs,
        "enforce_eager": config.model_config.enforce_eager,
        **({"quantization": str(quantization)} if quantization else {}),
        "versions": {
            "vllm": vllm.__version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        "hardware": _hardware(config.parallel_config.world_size_across_dp),
    }


def _hardware(devices: int) -> dict[str, Any]:
    from vllm.platforms import current_platform

    if current_platform.is_cpu():
        return {"device": cpu_model(), "count": usable_cores()}
    return {"device": current_platform.get_device_name(0), "count": devices}
