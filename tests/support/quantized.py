"""Quantized copies of checkpoints, by rounding, in the format of compressed-tensors."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any


def save_quantized(source: Path, folder: Path, scheme: str) -> Path:
    """Write the model of `source` with its linear layers quantized, as `folder`.

    `scheme` is a preset of compressed-tensors: W8A8, W8A16, W4A16.
    """
    import torch
    from compressed_tensors.compressors import ModelCompressor
    from compressed_tensors.quantization import (
        QuantizationConfig,
        apply_quantization_config,
        preset_name_to_scheme,
    )
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    layers = preset_name_to_scheme(scheme, ["Linear"])
    config = QuantizationConfig(config_groups={"all": layers}, ignore=["lm_head"])
    apply_quantization_config(model, config)
    for module in model.modules():
        if getattr(module, "quantization_scheme", None) is not None:
            _calibrate(module)
    compressor = ModelCompressor.from_pretrained_model(model)
    compressor.compress_model(model)
    model.save_pretrained(folder)
    compressor.update_config(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(source / name, folder)
    return folder


def _calibrate(module: Any) -> None:
    """Set the scales of a layer's weights by the largest of each group or channel."""
    from compressed_tensors.quantization import QuantizationStatus
    from compressed_tensors.quantization.utils import calculate_qparams

    weight, how = module.weight.data, module.quantization_scheme.weights
    groups = weight.reshape(weight.shape[0], -1, how.group_size or weight.shape[1])
    scale, zero = calculate_qparams(groups.amin(-1), groups.amax(-1), how)
    module.weight_scale.data.copy_(scale.reshape(module.weight_scale.shape))
    if hasattr(module, "weight_zero_point"):
        module.weight_zero_point.data.copy_(zero.reshape(module.weight_zero_point.shape))
    module.quantization_status = QuantizationStatus.FROZEN
