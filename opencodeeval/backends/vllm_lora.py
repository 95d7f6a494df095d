"""What vLLM has to be told about LoRA adapters, and which of them it refuses."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from opencodeeval.backends.adapter_files import Adapter
from opencodeeval.backends.lifeline import output_to
from opencodeeval.core.errors import BackendError, UsageError

# The runs of a command overlap at most in pairs: the end of one and the start of the next.
_MOST_AT_ONCE = 2
_INSTEAD = "merge it into its base (PEFT's merge_and_unload), or use --backend transformers"


def lora_arguments(adapters: Sequence[Adapter], given: Mapping[str, Any]) -> dict[str, Any]:
    """The engine arguments for these adapters; those that are `given` win.

    Raises:
        UsageError: what is given rules out adapters.
        BackendError: vLLM does not take one of them.
    """
    if not adapters:
        return {}
    if given.get("enable_lora") is False:
        raise UsageError("the engine argument enable_lora=false rules out --lora: drop one of them")
    wanted = {
        "enable_lora": True,
        "max_loras": min(len(adapters), _MOST_AT_ONCE),
        "max_lora_rank": _longest_rank(adapters),
    }
    found = {name: given.get(name, value) for name, value in wanted.items()}
    for adapter in adapters:
        _check(adapter, found["max_lora_rank"])
    return found


def _longest_rank(adapters: Sequence[Adapter]) -> int:
    """The lowest max_lora_rank of vLLM that has room for all adapters."""
    from vllm.config.lora import MaxLoRARanks

    ranks = sorted(get_args(MaxLoRARanks))
    largest = max(adapters, key=lambda each: each.rank)
    for rank in ranks:
        if rank >= largest.rank:
            return int(rank)
    raise BackendError(
        f"the adapter {largest.name} has rank {largest.rank}, and vLLM takes at most {ranks[-1]}: "
        f"{_INSTEAD}"
    )


def _check(adapter: Adapter, max_lora_rank: int) -> None:
    from vllm.config.lora import LoRAConfig
    from vllm.lora.peft_helper import PEFTHelper

    try:
        with open(os.devnull, "w") as nowhere, output_to(nowhere.fileno()):
            helper = PEFTHelper.from_dict(dict(adapter.config))
            helper.validate_legal(LoRAConfig(max_lora_rank=max_lora_rank))
    except Exception as error:  # ValueError, or whatever a wrong type in the file raises
        reason = str(error).strip().rstrip(".")
        raise BackendError(
            f"vLLM does not take the adapter {adapter.name} ({reason}): {_INSTEAD}"
        ) from error
