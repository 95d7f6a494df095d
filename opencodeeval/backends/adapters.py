"""LoRA adapters beside a loaded model: checked against their base, and what prompts they get."""

from __future__ import annotations

import copy
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from opencodeeval.backends.adapter_files import (
    MERGE,
    TEMPLATE,
    TOKENIZER_CONFIG,
    Adapter,
    read_object,
    weights_of,
)
from opencodeeval.backends.models import ADAPTER_CONFIG, ModelSource, read_config
from opencodeeval.backends.rendering import about_template, model_type_of
from opencodeeval.core.errors import BackendError, UsageError
from opencodeeval.core.types import ModelType

_PREFIX = "base_model.model."
_A, _B = ".lora_A.weight", ".lora_B.weight"

WantedType = Literal["auto", "base", "chat"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Variant:
    """A loaded model as it is, or with one of its adapters, which has the `number` 1 or above.

    `end_ids` are the tokens that end an answer for the adapter and not for its base.
    """

    tokenizer: Any
    model_type: ModelType
    adapter: Adapter | None = None
    number: int = 0
    end_ids: tuple[int, ...] = ()

    def identity(self) -> dict[str, Any]:
        """What of a backend's identity depends on the variant."""
        own = {"lora": self.adapter.identity()} if self.adapter else {}
        about = about_template(self.tokenizer, self.model_type)
        return {"model_type": self.model_type, **about, **own}


def variants(
    tokenizer: Any, adapters: Sequence[Adapter], wanted: WantedType, model: str
) -> list[Variant]:
    """The model with each of the adapters; without adapters, the model as it is.

    Raises:
        BackendError: there is no chat template for a chat model, or no token for a template.
    """
    if not adapters:
        return [Variant(tokenizer, model_type_of(tokenizer, wanted, model))]
    found = []
    for number, adapter in enumerate(adapters, start=1):
        own = _adapted_tokenizer(adapter, tokenizer)
        end = () if own.eos_token_id == tokenizer.eos_token_id else (own.eos_token_id,)
        model_type = model_type_of(own, wanted, f"{model} with {adapter.name}")
        found.append(Variant(own, model_type, adapter, number, end))
    return found


def variant_of(offered: Sequence[Variant], name: str) -> Variant:
    """The variant with the adapter called `name`.

    Raises:
        UsageError: there is none.
    """
    for each in offered:
        if each.adapter and each.adapter.name == name:
            return each
    raise UsageError(f"the backend was opened without the adapter {name}: name it in `lora`")


def check_base(adapter: Adapter, source: ModelSource, trust_remote_code: bool = False) -> None:
    """See that an adapter's matrices fit a model, by the model's config alone.

    Shapes decide. A base of another name is only a warning, as one model has many names.

    Raises:
        BackendError: the adapter is one of another model, or its file is damaged.
    """
    shapes = _shapes_of_adapter(adapter)
    layers = _layers_of(source, trust_remote_code)
    reason = misfit(shapes, layers, _adapts_all_layers(adapter)) if layers else ""
    if reason:
        trained = f", and says it was trained on {adapter.base}" if adapter.base else ""
        raise BackendError(
            f"the adapter {adapter.name} does not fit {source.name}: {reason}{trained}: "
            "give the model that it was trained on as --model"
        )
    if adapter.base and not _is_named(adapter.base, source):
        _log.warning(
            "opencodeeval: the adapter %s was trained on %s according to its %s: "
            "see that %s has the same weights",
            adapter.name,
            adapter.base,
            ADAPTER_CONFIG,
            source.name,
        )


def misfit(
    adapted: Mapping[str, tuple[int, int]],
    layers: Mapping[str, Iterable[tuple[int, int]]],
    all_layers: bool = False,
) -> str:
    """Why matrices of an adapter cannot be those of a model, or "".

    Both map a module's name, from the number of its layer on ("0.self_attn.q_proj"), to
    (inputs, outputs); of a model several modules may have the same name. `all_layers` says
    that the adapter changes each kind of module in all layers of its base.
    """
    kinds = {_without_number(name) for name in layers}
    unknown = {name for name in adapted if _without_number(name) not in kinds}
    if adapted and len(unknown) == len(adapted) and not any("experts" in name for name in unknown):
        return f"the model has no module {min(unknown)}"
    for name, shape in sorted(adapted.items()):
        if name in layers and shape not in set(layers[name]):
            own = " by ".join(str(size) for size in next(iter(layers[name])))
            return f"{name} is {' by '.join(str(size) for size in shape)}, in the model {own}"
        if name not in layers and name not in unknown:
            return f"the model has no module {name}"
    adapted_kinds = {_without_number(name) for name in adapted}
    lacking = {
        name
        for name in layers
        if all_layers and name not in adapted and _without_number(name) in adapted_kinds
    }
    return f"it has no weights for the model's {min(lacking)}" if lacking else ""


def _adapts_all_layers(adapter: Adapter) -> bool:
    """Whether its config names kinds of modules ("q_proj"), and leaves none of their layers out."""
    config = adapter.config
    targets = config.get("target_modules")
    left_out = config.get("layers_to_transform") or config.get("exclude_modules")
    return isinstance(targets, list) and not left_out and not any("." in name for name in targets)


def _adapted_tokenizer(adapter: Adapter, tokenizer: Any) -> Any:
    """A copy of the base's tokenizer with the chat template and end token of an adapter's folder.

    Raises:
        BackendError: the template needs a token that the base's tokenizer lacks.
    """
    path = adapter.folder / TOKENIZER_CONFIG
    settings = read_object(path) if path.is_file() else {}
    written = adapter.folder / TEMPLATE
    template = written.read_text("utf-8") if written.is_file() else settings.get("chat_template")
    own = copy.deepcopy(tokenizer)
    known = own.get_vocab()
    if isinstance(template, str) and template:
        added = (settings.get("added_tokens_decoder") or {}).values()
        lacking = sorted(
            each["content"]
            for each in added
            if each["content"] in template and each["content"] not in known
        )
        if lacking:
            raise BackendError(
                f"the chat template of the adapter {adapter.name} has the token {lacking[0]}, "
                f"which the tokenizer of its base lacks: {MERGE}"
            )
        own.chat_template = template
    end = settings.get("eos_token")
    end = end.get("content") if isinstance(end, Mapping) else end
    if end in known:
        own.eos_token = end
    return own


def _shapes_of_adapter(adapter: Adapter) -> dict[str, tuple[int, int]]:
    """Module -> (inputs, outputs), of modules with both matrices."""
    path = weights_of(adapter.folder)
    assert path is not None  # find_adapter saw to it
    try:
        shapes = _tensor_shapes(path)
    except Exception as error:  # safetensors and pickle have errors of their own
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise BackendError(
            f"{path} cannot be read ({reason}): was the adapter saved completely?"
        ) from error
    return {
        _from_number(name.removesuffix(_A)): (shape[1], shapes[name.removesuffix(_A) + _B][0])
        for name, shape in shapes.items()
        if name.endswith(_A) and name.removesuffix(_A) + _B in shapes
    }


def _tensor_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    if path.suffix == ".safetensors":
        from safetensors import safe_open

        with safe_open(path, framework="numpy") as file:
            names = list(file.keys())
            return {name: tuple(file.get_slice(name).get_shape()) for name in names}
    import torch

    tensors = torch.load(path, map_location="cpu", weights_only=True)
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def _layers_of(source: ModelSource, trust_remote_code: bool) -> dict[str, set[tuple[int, int]]]:
    """Module -> (inputs, outputs) of a model's linear layers; empty if transformers cannot tell."""
    import torch
    from transformers import AutoModelForCausalLM

    try:
        config = read_config(source, trust_remote_code)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=trust_remote_code)
    except Exception:  # a model of vLLM's own, say: the engine has the last word
        return {}
    found: dict[str, set[tuple[int, int]]] = {}
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear):
            shape = (module.in_features, module.out_features)
            found.setdefault(_from_number(name), set()).add(shape)
    return found


def _from_number(name: str) -> str:
    """A module's name from the number of its layer on; what is before differs with versions."""
    numbered = re.search(r"(?:^|\.)(\d+\..*)$", name)
    return numbered[1] if numbered else name.removeprefix(_PREFIX)


def _without_number(name: str) -> str:
    return re.sub(r"^\d+\.", "", name)


def _is_named(base: str, source: ModelSource) -> bool:
    """Whether a base's name may be that of a model: a path or hub id with the same last part."""
    folder = Path(source.name).expanduser()
    if folder.is_dir() and Path(base).expanduser().resolve() == folder.resolve():
        return True
    parts = folder.resolve().parts if folder.is_dir() else tuple(source.name.split("/"))
    # The hub's cache has folders like models--Qwen--Qwen2.5-Coder-7B.
    names = {part.rpartition("--")[2].casefold() for part in parts}
    return base.rstrip("/").rpartition("/")[2].casefold() in names
