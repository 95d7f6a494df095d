"""Loading a model with transformers: where it goes, what is refused, what a record says of it."""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from opencodeeval.backends.adapter_files import Adapter
from opencodeeval.backends.models import ModelSource, read_config
from opencodeeval.backends.options import BackendOptions
from opencodeeval.core.errors import BackendError, UsageError
from opencodeeval.core.machine import cpu_model, usable_cores

_INSTALL = "pip install 'opencodeeval[transformers]'"
# What makes accelerate spread a model.
_SPREAD = ("auto", "balanced", "balanced_low_0", "sequential")
_LEVEL = "TRANSFORMERS_VERBOSITY"
# Models that fill gaps, or judge: transformers would load them as if they continued texts.
_OTHER_TASKS = ("ForMaskedLM", "Classification", "ForQuestionAnswering")
_LESS_MEMORY = (
    "use --dtype bfloat16, a quantized model, --device-map auto for several GPUs, or lower "
    "--max-tokens"
)


def load_model(source: ModelSource, options: BackendOptions) -> Any:
    """A model (transformers.PreTrainedModel) with its weights; may take minutes.

    Raises:
        UsageError: an option that does not exist here, or has no such value.
        BackendError: the model cannot be loaded.
    """
    require_torch()
    import torch
    from transformers import AutoModelForCausalLM

    arguments, device = _arguments(source, options)
    name = str(source.folder or source.name)
    with _quiet():
        _check_config(source, options.trust_remote_code)
        try:
            model, report = AutoModelForCausalLM.from_pretrained(
                name, output_loading_info=True, **arguments
            )
            if device:
                model.to(torch.device(device))
        except Exception as error:  # whatever its files and its code raise
            if is_out_of_memory(error):
                raise BackendError(
                    f"{source.name} does not fit into memory: {_LESS_MEMORY}"
                ) from error
            raise BackendError(
                f"transformers cannot load {source.name}: {first_line(error)}"
            ) from error
    missing = sorted(report["missing_keys"])
    if missing:
        more = f" and {len(missing) - 3} more" if missing[3:] else ""
        raise BackendError(
            f"the weights of {source.name} lack {', '.join(missing[:3])}{more}: "
            "is it a language model, and was all of it saved?"
        )
    return model.eval()


def require_torch() -> None:
    """Raise BackendError unless PyTorch is installed, without which transformers has no models."""
    if find_spec("torch") is None:
        raise BackendError(f"PyTorch is not installed: {_INSTALL}")


def require_peft(adapters: Sequence[Adapter]) -> None:
    """Raise BackendError if there are adapters, and PEFT is not installed."""
    if adapters and find_spec("peft") is None:
        raise BackendError(f"adapters need the package peft: {_INSTALL}")


def add_adapters(model: Any, adapters: Sequence[Adapter]) -> Callable[[int], object]:
    """Put adapters into a model, in place; returns what changes to one by its number from 1 on.

    They are not merged into the weights, which would round them, above all quantized ones.

    Raises:
        BackendError: PEFT does not take an adapter.
    """
    if not adapters:
        return lambda _: None
    from peft import PeftModel

    adapted: Any = None
    for number, adapter in enumerate(adapters, start=1):
        folder, name = str(adapter.folder), str(number)
        try:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                if adapted is None:
                    adapted = PeftModel.from_pretrained(model, folder, adapter_name=name)
                else:
                    adapted.load_adapter(folder, adapter_name=name)
        except Exception as error:  # whatever its files make PEFT raise
            raise BackendError(
                f"PEFT cannot load the adapter {adapter.name}: {first_line(error)}"
            ) from error
        if any("missing adapter keys" in str(each.message) for each in said):
            raise BackendError(
                f"the adapter {adapter.name} lacks weights for modules that its "
                "adapter_config.json names: was it trained on this model?"
            )
    adapted.eval()
    return lambda number: adapted.set_adapter(str(number))


def _arguments(source: ModelSource, options: BackendOptions) -> tuple[dict[str, Any], str]:
    """The arguments of from_pretrained, and the device to move the model to afterwards, or ""."""
    if options.tensor_parallel_size > 1:
        raise UsageError("--tensor-parallel-size is vLLM's: use --device-map auto for several GPUs")
    for name in ("load_in_8bit", "load_in_4bit"):
        if name in options.engine_args:
            raise UsageError(
                f"transformers has no argument {name}: use "
                f"--engine-arg 'quantization_config={{\"{name}\": true}}'"
            )
    arguments: dict[str, Any] = {
        "dtype": _dtype(options.dtype),
        "trust_remote_code": options.trust_remote_code,
        "local_files_only": source.folder is not None,
    }
    if source.commit and not source.folder:
        arguments["revision"] = source.commit
    device = ""
    if find_spec("accelerate") is not None:
        # Loads every weight to where it belongs, without a copy in the host's memory.
        arguments["device_map"] = device_map(options)
    elif device_map(options) in _SPREAD:
        raise BackendError(
            f"--device-map {options.device_map} needs the package accelerate: {_INSTALL}"
        )
    else:
        device = device_map(options)
    arguments.update(options.engine_args)
    return arguments, "" if "device_map" in arguments else device


def device_map(options: BackendOptions) -> str:
    """Where the model goes: a device, or how accelerate spreads it over several.

    Raises:
        UsageError: it is neither.
    """
    import torch

    wanted = options.device_map or ("cuda" if torch.cuda.is_available() else "cpu")
    if wanted not in _SPREAD:
        try:
            torch.device(wanted)
        except RuntimeError:
            raise UsageError(
                f"--device-map {wanted}: must be a device, like cpu or cuda:0, or one of "
                f"{', '.join(_SPREAD)}"
            ) from None
    return wanted


def _dtype(name: str) -> Any:
    import torch

    if name == "auto":
        return name
    found = getattr(torch, name, None)
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise UsageError(f"--dtype {name}: must be auto, bfloat16, float16 or float32")
    return found


def _check_config(source: ModelSource, trust_remote_code: bool) -> None:
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

    try:
        config = read_config(source, trust_remote_code)
    except Exception as error:  # whatever is wrong with the file, or its code raises
        if "trust_remote_code" in str(error) and not trust_remote_code:
            raise BackendError(
                f"{source.name} comes with code of its own: read it, and add --trust-remote-code"
            ) from error
        raise BackendError(
            f"transformers cannot read the config of {source.name}: {first_line(error)}"
        ) from error
    remote = "AutoModelForCausalLM" in (getattr(config, "auto_map", None) or {})
    known = type(config) in MODEL_FOR_CAUSAL_LM_MAPPING
    architectures = getattr(config, "architectures", None) or []
    other = architectures and all(each.endswith(_OTHER_TASKS) for each in architectures)
    if not (remote or known) or other:
        named = ", ".join(architectures) or config.model_type
        raise BackendError(
            f"{source.name} is no causal language model ({named}): "
            "give a model that AutoModelForCausalLM loads"
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars and warnings of transformers, unless the user set its level of logging."""
    from transformers.utils import logging

    if os.environ.get(_LEVEL):
        yield
        return
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def context_of(model: Any, wanted: int | None) -> int | None:
    """Tokens of prompt and answer together that a model takes; None where nothing limits them.

    Raises:
        BackendError: `wanted` is more than the model has.
    """
    config = model.config.get_text_config()
    names = ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length")
    found = (getattr(config, name, None) for name in names)
    own = next((each for each in found if isinstance(each, int) and each > 0), None)
    if wanted is not None and own is not None and wanted > own:
        raise BackendError(
            f"--max-model-len {wanted} is more than the {own} tokens of the model's config: "
            f"give at most {own}"
        )
    return own if wanted is None else wanted


def describe(model: Any, options: BackendOptions) -> Mapping[str, Any]:
    """What a record stores of a loaded model beside its name: settings, versions, hardware.

    The size of batches is not in it: it changes texts as any batch does, by rounding, and
    what is in a batch also depends on what an interrupted run had left, and on memory.
    """
    import torch
    import transformers

    asked = options.engine_args.get("device_map", None)
    quantization = _quantization(model)
    return {
        "dtype": str(model.dtype).removeprefix("torch."),
        **({"quantization": quantization} if quantization else {}),
        "attention": getattr(model.config, "_attn_implementation", None),
        "device_map": device_map(options) if asked is None else asked,
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "hardware": _hardware(model),
        "engine_args": dict(options.engine_args),
    }


def _quantization(model: Any) -> str:
    """The method that the model's weights are quantized with, as its config names it; else ""."""
    stored = getattr(model.config, "quantization_config", None)
    known = stored if isinstance(stored, dict) else vars(stored) if stored else {}
    method = known.get("quant_method", "")
    return str(getattr(method, "value", method))


def _hardware(model: Any) -> dict[str, Any]:
    import torch

    placed = getattr(model, "hf_device_map", None) or {"": model.device}
    # A GPU in a map may be a number only.
    named = {f"cuda:{each}" if isinstance(each, int) else str(each) for each in placed.values()}
    gpus = sorted(name for name in named if name.startswith("cuda"))
    if gpus:
        return {"device": torch.cuda.get_device_name(gpus[0]), "count": len(gpus)}
    return {"device": cpu_model(), "count": usable_cores()}


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the device, or the host, had too little memory."""
    import torch

    said = ("out of memory", "can't allocate memory", "ALLOC_FAILED")
    return isinstance(error, torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and any(each in str(error) for each in said)
    )


def out_of_memory(said: str) -> BackendError:
    """The refusal of a model for which memory is too small even for one answer at a time."""
    return BackendError(f"one answer at a time does not fit into memory ({said}): {_LESS_MEMORY}")


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its kind where it has none."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def end_ids(config: Any) -> frozenset[int]:
    """The tokens that end an answer according to a generation config or a tokenizer."""
    found = config.eos_token_id
    return frozenset(
        found if isinstance(found, (list, tuple)) else () if found is None else [found]
    )


def free_memory() -> None:
    """Give memory back that nothing refers to any more."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
