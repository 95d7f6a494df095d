"""What to change when vLLM fails, by what its message says."""

from __future__ import annotations

import re
from typing import NamedTuple

_MORE_GPUS = "--tensor-parallel-size with more GPUs"
_FEWER = "--engine-arg max_num_seqs=64 (fewer answers at once)"
_LARGER_SHARE = "--engine-arg gpu_memory_utilization=0.95"


class _Kind(NamedTuple):
    """A kind of failure: a pattern that its message has, and what helps."""

    pattern: str
    change: str


_DRAFT = "in --engine-arg speculative_config"
# The first that applies counts. The texts are those of vLLM 0.32 and PyTorch 2.13.
_KINDS = (
    _Kind(
        "less than desired (GPU|CPU) memory utilization",
        "end what else uses this memory, or use a smaller --engine-arg gpu_memory_utilization=0.5",
    ),
    _Kind(
        "on kv cache allocation is less than requested",
        "set VLLM_CPU_KVCACHE_SPACE to fewer GiB, or end what else uses this memory",
    ),
    _Kind(
        "larger than the available KV cache memory|even a single token",
        f"use a smaller --max-model-len, {_LARGER_SHARE}, {_MORE_GPUS}, or without a GPU set "
        "VLLM_CPU_KVCACHE_SPACE to more GiB",
    ),
    _Kind(
        "No available memory for the cache blocks",
        f"the model leaves no memory for its cache, so use {_LARGER_SHARE}, {_MORE_GPUS}, "
        "or a quantized checkpoint",
    ),
    _Kind(
        "out of memory occurred when warming up",
        f"use {_FEWER}, or --engine-arg gpu_memory_utilization=0.8",
    ),
    _Kind(
        "out of memory|OutOfMemory|for want of memory|annot allocate memory",
        f"use {_MORE_GPUS}, a quantized checkpoint, --dtype bfloat16, a smaller --max-model-len, "
        f"or {_FEWER}",
    ),
    _Kind(
        "max_model_len .*greater than the derived",
        "use a --max-model-len of at most what the model's config has, or leave it out",
    ),
    _Kind(
        "same vocabulary size",
        f"name a draft model with the model's own tokenizer {_DRAFT}",
    ),
    _Kind(
        "speculative model was provided",
        f'add "num_speculative_tokens": 5 {_DRAFT}',
    ),
    _Kind(
        "must be divisible by tensor parallel size",
        "use a --tensor-parallel-size that divides this number",
    ),
    _Kind(
        "Not enough allowed NUMA nodes",
        "set VLLM_CPU_OMP_THREADS_BIND=nobind, or use a smaller --tensor-parallel-size",
    ),
    _Kind(
        "is not supported for quantization method",
        "name one of these with --dtype",
    ),
    _Kind(
        "Cannot find the config file for",
        "leave out --engine-arg quantization, or name a checkpoint that is quantized in this way",
    ),
    _Kind(
        r"_OpNamespace.* has no attribute|_C::\w+\(\) expected at most",
        "this vLLM lacks an operation for this processor, most likely one of the model's "
        "quantization: use --backend transformers, or another checkpoint",
    ),
    _Kind(
        "larger than the number of available GPUs",
        "use a smaller --tensor-parallel-size",
    ),
)
# Where vLLM's own advice begins, which names arguments of its Python interface.
_OWN_ADVICE = re.compile(
    r"\. (Try|Please|Decrease|Using models with|To (resolve|allow)|On the CPU backend|If this"
    r"|See https)\b.*"
)


def with_advice(reason: str) -> str:
    """A message of vLLM, and what to change, as options of this program, if that is known."""
    for kind in _KINDS:
        if re.search(kind.pattern, reason):
            return f"{_OWN_ADVICE.sub('', reason).rstrip('.')}: {kind.change}"
    return reason
