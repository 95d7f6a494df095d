"""A real vLLM server on the CPU, started once for all that ask for the same."""

from __future__ import annotations

import atexit
import functools
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

CHECKPOINT = Path(__file__).parents[1] / "checkpoints" / "starter-tiny-chat" / "step-0300"


@functools.cache
def vllm_server(model: Path = CHECKPOINT, name: str = "tiny", context: int = 1024) -> str:
    """Its base URL; it serves the folder `model` under `name` with a context of so many tokens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ["no_proxy"] = "127.0.0.1"
    command = (
        f"-m vllm.entrypoints.openai.api_server --model {model} --served-model-name {name} "
        f"--dtype float32 --max-model-len {context} --enforce-eager --no-enable-chunked-prefill "
        f"--host 127.0.0.1 --port {port}"
    )
    server = subprocess.Popen(
        [sys.executable, *command.split()],
        env={
            **os.environ,
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "HF_HUB_OFFLINE": "1",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    atexit.register(server.wait, 30)
    atexit.register(server.terminate)
    # On a busy machine it takes minutes.
    end = time.monotonic() + 600
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=5).close()
            return f"http://127.0.0.1:{port}/v1"
        except OSError:
            time.sleep(0.3)
    raise AssertionError("the vLLM server did not start")
