"""What trainers write that no engine can load, and how a model is made of it.

Each row: patterns of files below a folder, what they are, and what to do.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

_SHARDS = (
    (
        ("model_world_size_*_rank_*.pt", "*/model_world_size_*", "../model_world_size_*"),
        "verl's FSDP shards",
        "merge them with `python -m verl.model_merger merge`",
    ),
    (
        ("*_model_states.pt", "*/*_model_states.pt", "*_optim_states.pt", "*/*_optim_states.pt"),
        "DeepSpeed's ZeRO shards",
        "make the model with the zero_to_fp32.py beside them",
    ),
    (
        ("mp_rank_*/model_optim_rng.pt", "*/mp_rank_*/model_optim_rng.pt"),
        "Megatron's shards",
        "convert them to the format of transformers",
    ),
    (
        ("common.pt", "weights/common.pt", "*.nemo"),
        "a checkpoint of Megatron or NeMo",
        "export it to the format of transformers",
    ),
    (
        ("*.distcp", "*/*.distcp", "*/*/*.distcp"),
        "PyTorch's distributed shards (FSDP)",
        "merge them with `accelerate merge-weights`",
    ),
    (
        ("consolidated.*.pth",),
        "weights in Meta's own format",
        "convert them to the format of transformers",
    ),
    (
        ("pytorch_model_fsdp.bin",),
        "an FSDP state",
        "save the model with save_pretrained",
    ),
    (
        ("model.pt", "model/metadata.json", "model_and_optim/.metadata", "train/rank*.pt"),
        "a trainer's own checkpoint",
        "convert it to the format of transformers",
    ),
)
_DEEPEST = 5
_MOST_FOLDERS = 2000


def shards_in(folder: Path) -> str:
    """What of a trainer's is in a folder in place of a model, and what to do; "" if nothing is."""
    for patterns, what, do in _SHARDS:
        for pattern in patterns:
            where, name = (
                (folder.parent, pattern[3:]) if pattern.startswith("../") else (folder, pattern)
            )
            if next(where.glob(name), None) is not None:
                return f"{what}: {do}"
    return ""


def models_below(folder: Path, most: int = 3) -> list[Path]:
    """The first folders below this one, by name, that have a config.json."""
    return list(islice(_models_below(folder), most))


def _models_below(folder: Path) -> Iterator[Path]:
    depth = len(folder.parts)
    for path, inside, files in islice(os.walk(folder), _MOST_FOLDERS):
        here = Path(path)
        inside.sort()
        if "config.json" in files and here != folder:
            yield here
            inside.clear()
        elif len(here.parts) - depth >= _DEEPEST:
            inside.clear()
