"""The sampling that a model's publisher recommends: its generation_config.json."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from opencodeeval.backends.base import Backend
from opencodeeval.backends.models import GENERATION_CONFIG, find_model, generation_config
from opencodeeval.backends.options import BackendOptions
from opencodeeval.core.errors import UsageError
from opencodeeval.core.types import SETTINGS
from opencodeeval.runs.options import SamplingOptions

TAKEN = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")


def with_model_values(
    sampling: SamplingOptions,
    model: str | Path | Backend,
    options: BackendOptions,
    log: Callable[[str], None],
) -> SamplingOptions:
    """`sampling` with the values of the model's generation_config.json, if it asks for these.

    The user's own values win. What was taken is logged.

    Raises:
        UsageError: the model's files are not known here, or a value is not a number.
        BackendError: there is no such model or file.
    """
    if sampling.generation_config != "model":
        return sampling
    if not isinstance(model, (str, Path)) or options.base_urls:
        raise UsageError(
            "the model's generation_config.json can be read from a model folder or the hub only: "
            "leave out --generation-config, and give its values as options"
        )
    values = taken(generation_config(find_model(str(model), options.revision, options.tokenizer)))
    kept = {name: value for name, value in values.items() if getattr(sampling, name) is None}
    words = {"temperature": "temperature", "top_p": "top-p", **SETTINGS}
    shown = ", ".join(f"{words[name]} {value}" for name, value in kept.items())
    log(f"sampling from the {GENERATION_CONFIG} of {model}: {shown or 'no value'}")
    return replace(sampling, generation_config=kept)


def taken(content: Mapping[str, Any]) -> dict[str, float]:
    """The values of a generation_config.json that decide how is sampled (pure).

    With `do_sample` false, transformers decodes greedily whatever the temperature.

    Raises:
        UsageError: a value is not a number.
    """
    found: dict[str, float] = {}
    for name in TAKEN:
        value = content.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise UsageError(
                f"{name} in the model's {GENERATION_CONFIG} is {value!r}, which is not a number: "
                "correct it, or leave out --generation-config"
            )
        found[name] = int(value) if name == "top_k" else float(value)
    if content.get("do_sample") is False:
        penalty = found.get("repetition_penalty")
        return {"temperature": 0.0, **({"repetition_penalty": penalty} if penalty else {})}
    return found
