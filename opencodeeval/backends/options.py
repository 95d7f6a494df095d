"""How a backend is opened: its options, and the free-form arguments of the engine."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from opencodeeval.core.errors import UsageError
from opencodeeval.core.suggest import nearest

# These name the weights of the record; a second way to say them would let the
# record name other weights than those that ran.
_RESERVED = {"model": "--model", "revision": "--revision"}


@dataclass(frozen=True)
class BackendOptions:
    """What the user may say about the engine.

    `revision` is a branch, tag or commit of a hub model. `max_model_len` is in
    tokens, prompt and answer together; None leaves it to the engine.
    `model_type` "auto" takes a model with a chat template for a chat model.
    `engine_args` go to the engine as they are and win over the fields above.
    `lora` are LoRA adapters, folders or hub ids ("owner/name@revision"), for backends that
    take adapters.

    `name` is what the model is called in the record, instead of its folder or id. `tokenizer`
    is a folder or hub id of a tokenizer to use instead of the model's own.

    For servers: their URLs, the environment variable with the key (by default
    OPENAI_API_KEY, where it is set), seconds that one request may take, requests at
    once on each server at most, and samples of a task that one request asks for at most
    (None: what is known to be right for the server, which is 1 for most).

    For transformers: a device ("cuda:1", "cpu") or how accelerate spreads the model
    ("auto"), by default the GPU if there is one; and answers written at once at most.
    """

    revision: str | None = None
    trust_remote_code: bool = False
    dtype: str = "auto"
    tensor_parallel_size: int = 1
    max_model_len: int | None = None
    model_type: Literal["auto", "base", "chat"] = "auto"
    engine_args: Mapping[str, Any] = field(default_factory=dict)
    lora: tuple[str, ...] = ()
    base_urls: tuple[str, ...] = ()
    api_key_env: str | None = None
    request_timeout_s: float = 600.0
    max_concurrency: int = 64
    samples_per_request: int | None = None
    device_map: str | None = None
    batch_size: int = 16
    name: str = ""
    tokenizer: str | None = None

    def label(self) -> dict[str, str]:
        """What a backend's identity has of the name that the user chose."""
        return {"name": self.name} if self.name else {}


def parse_engine_args(pairs: Iterable[str], backend: str = "vllm") -> dict[str, Any]:
    """Read "key=value" pairs into arguments of a backend's engine.

    Values are JSON where they parse as JSON, else strings; "-" and "_" in keys
    are the same. Keys for vLLM are checked against the one that is installed.

    Raises:
        UsageError: a pair without "=", or a key that vLLM does not know.
    """
    parsed: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        key = key.strip().lstrip("-").replace("-", "_")
        if not equals or not key:
            raise UsageError(
                f"the engine argument {pair!r} is not of the form key=value "
                "(for example gpu_memory_utilization=0.8)"
            )
        if key in _RESERVED:
            raise UsageError(f"the engine argument {key!r} is given with {_RESERVED[key]}")
        parsed[key] = _value(text)
    if parsed and backend == "vllm" and importlib.util.find_spec("vllm") is not None:
        _check_names(parsed)
    return parsed


def parse_chat_template_args(pairs: Iterable[str]) -> dict[str, Any]:
    """Read "key=value" pairs into arguments of a model's chat template; values as above.

    Raises:
        UsageError: a pair without "=".
    """
    parsed: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key.strip():
            raise UsageError(
                f"--chat-template-arg {pair!r} is not of the form key=value "
                "(for example enable_thinking=false)"
            )
        parsed[key.strip()] = _value(text)
    return parsed


def _value(text: str) -> Any:
    # Python's spelling of booleans is what users of vLLM's Python API type.
    spelled = {"True": True, "False": False, "None": None}
    if text in spelled:
        return spelled[text]
    try:
        return json.loads(text)
    except ValueError:
        return text


def _check_names(arguments: Iterable[str]) -> None:
    from opencodeeval.backends.vllm_engine import engine_argument_names

    known = engine_argument_names()
    for name in arguments:
        if name in known:
            continue
        near = nearest(name, known)
        hint = f": did you mean {near!r}?" if near else ""
        raise UsageError(f"the installed vLLM has no engine argument {name!r}{hint or '.'}")
