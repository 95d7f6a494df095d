"""The same weights behind llama.cpp's server and in transformers: how many texts are the same.

    python -m tests.peers.llama_cpp --python PYTHON [--limit 10] [--max-tokens 96]

PYTHON is an interpreter with llama-cpp-python[server]. The weights are SmolLM2-135M-Instruct's
in float32, and prompts are those of HumanEval, as a base model's and as a chat model's.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import opencodeeval as oce
from opencodeeval.backends import BackendOptions
from opencodeeval.core.types import SampleId
from opencodeeval.runs.store import read_run
from tests.bench.measures import shared_data
from tests.peers.float_gguf import float_gguf
from tests.support.smollm2 import FOLDER, smollm2

START_S = 120


@contextmanager
def served(python: str, weights: Path) -> Iterator[str]:
    """llama.cpp's server with these weights; yields its base URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/v1"
    command = [python, "-m", "llama_cpp.server", "--model", str(weights), "--n_ctx", "2048"]
    command += ["--model_alias", FOLDER.name, "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + START_S
        while server.poll() is None and time.monotonic() < end:
            try:
                urllib.request.urlopen(f"{url}/models", timeout=5).close()
                break
            except OSError:
                time.sleep(0.3)
        else:
            raise SystemExit("llama.cpp's server did not start: run its command to see why")
        yield url
    finally:
        server.terminate()
        server.wait()


def texts(
    model: str, backend: str, options: BackendOptions, limit: int, most: int
) -> dict[SampleId, str]:
    """What a backend answers to the first tasks of HumanEval, greedily."""
    with tempfile.TemporaryDirectory() as folder:
        (run,) = oce.evaluate(
            model,
            "humaneval",
            selection=oce.Selection(data_dir=shared_data(), limit=limit),
            sampling=oce.SamplingOptions(max_tokens=most),
            backend=backend,
            backend_options=options,
            sandbox="local",
            output=oce.Output(Path(folder), "none"),
        ).runs
        completions = read_run(run.run_folder).completions
        return {where: each.text for where, each in completions.items()}


def main() -> None:
    """Print a line for each kind of prompt, and every text that differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True)
    parser.add_argument("--limit", type=int, default=10)
    parser.add_argument("--max-tokens", type=int, default=96)
    asked = parser.parse_args()
    model, weights = smollm2(), FOLDER.with_name(f"{FOLDER.name}-float32.gguf")
    if not weights.exists():
        float_gguf(weights)
    kinds: tuple[Literal["base", "chat"], ...] = ("base", "chat")
    with served(asked.python, weights) as url:
        for kind in kinds:
            here: dict[str, Any] = {"dtype": "float32", "model_type": kind}
            there = BackendOptions(base_urls=(url,), model_type=kind)
            how = (asked.limit, asked.max_tokens)
            theirs = texts(FOLDER.name, "openai", there, *how)
            ours = texts(str(model), "transformers", BackendOptions(**here), *how)
            same = sum(ours[where] == text for where, text in theirs.items())
            print(f"{kind}: {same} of {len(theirs)} texts are the same", flush=True)
            for where, text in theirs.items():
                if text != ours[where]:
                    print(f"  {where.task_id}: llama.cpp {text!r}\n    ours {ours[where]!r}")


if __name__ == "__main__":
    main()
