"""What a failure of vLLM says to change, on the texts of the installed vLLM."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import NamedTuple

import pytest

from opencodeeval.backends.vllm_advice import with_advice


class Case(NamedTuple):
    """A message, a part of it as it stands in vLLM's source, where, and what is said."""

    message: str
    part: str
    file: str
    said: str


MESSAGES = [
    Case(
        "Free memory on device cuda:0 (10.5/79.1 GiB) on startup is less than desired GPU memory "
        "utilization (0.92, 72.8 GiB). Decrease GPU memory utilization or reduce GPU memory used "
        "by other processes.",
        "is less than desired GPU memory utilization",
        "v1/worker/utils.py",
        "(0.92, 72.8 GiB): end what else uses this memory, or use a smaller --engine-arg gpu_mem",
    ),
    Case(
        "To serve at least one request with the model's max seq len (131072), (16.0 GiB KV cache "
        "is needed, which is larger than the available KV cache memory (9.1 GiB). Based on the "
        "available memory, the estimated maximum model length is 74000. Try increasing "
        "`gpu_memory_utilization` (which also controls CPU memory on the CPU backend).",
        "which is larger than the available KV cache",
        "v1/core/kv_cache_utils.py",
        "model length is 74000: use a smaller --max-model-len, --engine-arg gpu_memory_utilizatio",
    ),
    Case(
        "No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when "
        "initializing the engine.",
        "No available memory for the cache blocks",
        "v1/core/kv_cache_utils.py",
        "blocks: the model leaves no memory for its cache, so use --engine-arg gpu_memory_utiliz",
    ),
    Case(
        "CUDA out of memory occurred when warming up sampler with 1024 dummy requests. Please try "
        "lowering `max_num_seqs` or `gpu_memory_utilization` when initializing the engine.",
        "CUDA out of memory occurred when warming up sampler",
        "v1/worker/gpu_model_runner.py",
        "1024 dummy requests: use --engine-arg max_num_seqs=64 (fewer answers at once)",
    ),
    Case(
        "CUDA out of memory. Tried to allocate 1.50 GiB. GPU 0 has a total capacity of 79.11 GiB",
        "",
        "",
        "79.11 GiB: use --tensor-parallel-size with more GPUs, a quantized checkpoint",
    ),
    Case(
        "one of its workers was killed, perhaps for want of memory",
        "",
        "",
        "memory: use --tensor-parallel-size with more GPUs, a quantized checkpoint",
    ),
    Case(
        "User-specified max_model_len (4096) is greater than the derived max_model_len "
        "(max_position_embeddings=1024). To allow overriding this maximum, set the env var",
        "than the derived max_model_len",
        "config/model.py",
        "=1024): use a --max-model-len of at most what the model's config has",
    ),
    Case(
        "Total number of attention heads (9) must be divisible by tensor parallel size (2).",
        " must be divisible by tensor parallel size ",
        "config/model.py",
        "size (2): use a --tensor-parallel-size that divides this number",
    ),
    Case(
        "Not enough allowed NUMA nodes to bind threads of 2 local CPUWorkers. Allowed NUMA nodes "
        "are [0]. Please try to bind threads manually or decrease DP/TP/PP.",
        "Not enough allowed NUMA nodes to bind threads of ",
        "utils/ompmultiprocessing.py",
        "nodes are [0]: set VLLM_CPU_OMP_THREADS_BIND=nobind, or use a smaller --tensor-parallel-s",
    ),
    Case(
        "World size (4) is larger than the number of available GPUs (1) in this node. If this is "
        "intentional and you are using:",
        "is larger than the number of ",
        "config/parallel.py",
        "in this node: use a smaller --tensor-parallel-size",
    ),
    Case(
        "torch.float32 is not supported for quantization method fp8. Supported dtypes: "
        "[torch.bfloat16, torch.float16]",
        "is not supported for quantization ",
        "config/vllm.py",
        "[torch.bfloat16, torch.float16]: name one of these with --dtype",
    ),
    Case(
        "Cannot find the config file for awq",
        "Cannot find the config file for ",
        "model_executor/model_loader/weight_utils.py",
        "for awq: leave out --engine-arg quantization, or name a checkpoint that is quantized in",
    ),
    # PyTorch's words, for kernels that vLLM's build for this processor does not have.
    Case(
        "'_OpNamespace' '_C' object has no attribute 'cpu_gemm_wna16'",
        "",
        "",
        "'cpu_gemm_wna16': this vLLM lacks an operation for this processor, most likely one of the",
    ),
    Case(
        "_C::static_scaled_fp8_quant() expected at most 0 argument(s) but received 4 argument(s).",
        "",
        "",
        "4 argument(s): this vLLM lacks an operation for this processor",
    ),
    Case(
        "Target and draft model should have the same vocabulary size. Target model vocab_size="
        "1024. Draft model vocab_size=49152. Using models with different tokenizers can cause "
        "out-of-bounds errors during speculative decoding.",
        "Target and draft model should have the same vocabulary size. ",
        "config/speculative.py",
        "vocab_size=49152: name a draft model with the model's own tokenizer in --engine-arg spec",
    ),
    Case(
        "A speculative model was provided, but `num_speculative_tokens` was not provided",
        "`num_speculative_tokens` was not provided",
        "config/speculative.py",
        'not provided: add "num_speculative_tokens": 5 in --engine-arg speculative_config',
    ),
]


@pytest.mark.parametrize("case", MESSAGES)
def test_a_failure_says_what_to_change(case: Case) -> None:
    assert case.said in with_advice(case.message)
    vllm = importlib.util.find_spec("vllm")
    if case.file and vllm and vllm.origin:
        assert case.part in (Path(vllm.origin).parent / case.file).read_text("utf-8")


def test_what_no_option_helps_against_is_left_as_it_is() -> None:
    message = "Error while deserializing header: incomplete metadata. Try it again"
    assert with_advice(message) == message
