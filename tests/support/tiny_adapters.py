"""LoRA adapters for tiny models, made on the spot, and the same changes merged by hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

MODULES = ("q_proj", "v_proj", "down_proj")


def save_tiny_adapter(
    folder: Path, base: Path, *, rank: int = 4, seed: int = 0, **changes: Any
) -> Path:
    """An adapter in PEFT's format that changes what `base`, a model in safetensors, answers.

    `changes` are fields of its adapter_config.json.
    """
    import torch
    from safetensors import safe_open
    from safetensors.torch import save_file

    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    with safe_open(base / "model.safetensors", framework="pt") as weights:
        for name in weights.keys():  # noqa: SIM118
            module = name.removesuffix(".weight")
            if not module.endswith(tuple(changes.get("target_modules", MODULES))):
                continue
            rows, columns = weights.get_slice(name).get_shape()
            for part, shape in (("A", (rank, columns)), ("B", (rows, rank))):
                drawn = torch.randn(shape, generator=generator) / 4
                tensors[f"base_model.model.{module}.lora_{part}.weight"] = drawn
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": str(base),
        "r": rank,
        "lora_alpha": 2 * rank,
        "target_modules": list(MODULES),
        **changes,
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def merge(base: Path, adapter: Path, folder: Path) -> Path:
    """A model folder whose weights are those of `base` with the adapter's changes."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(base, folder)
    config = json.loads((adapter / "adapter_config.json").read_text())
    weights = load_file(base / "model.safetensors")
    changes = load_file(adapter / "adapter_model.safetensors")
    for name, below in changes.items():
        if ".lora_A." not in name:
            continue
        above = changes[name.replace(".lora_A.", ".lora_B.")]
        whole = name.removeprefix("base_model.model.").replace(".lora_A.", ".")
        weights[whole] = weights[whole] + config["lora_alpha"] / config["r"] * above @ below
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder
