"""Presets: how a family of models is prompted and sampled by its publisher, as data.

The shipped ones are in `presets/*.toml`, each with its sources; a user may name a file of
the same form. A preset is used only if it is asked for, and the user's own values win.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from opencodeeval.core.errors import DataError, UsageError
from opencodeeval.core.paths import presets_dir
from opencodeeval.core.suggest import unknown
from opencodeeval.core.text import validation_words
from opencodeeval.core.toml import read_toml
from opencodeeval.core.types import SETTINGS, ModelType

if TYPE_CHECKING:
    from opencodeeval.backends.base import Backend
    from opencodeeval.backends.options import BackendOptions
    from opencodeeval.runs.options import SamplingOptions

AUTO = "auto"
_WORDS = {
    "temperature": "temperature",
    "top_p": "top-p",
    **SETTINGS,
    "max_tokens": "max-tokens",
    "chat_template_args": "chat-template arguments",
    "reasoning_effort": "reasoning effort",
}


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a preset's file."""


class Published(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sampling that the publisher recommends; None where it says nothing."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    max_tokens: int | None = None


class Thinking(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The argument of the chat template that switches thinking, and its default."""

    argument: str
    default: bool


class FillInTheMiddle(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The special tokens before what is known, before what follows, and before the answer."""

    prefix: str
    suffix: str
    middle: str


class Preset(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of a family of models.

    `models` are patterns (`*`, `[0-9]`) of the last part of a hub id or folder, in lower
    case. `prompt` says how the models are prompted; `context` is their number of tokens,
    prompt and answer together. `sources` are where all of it is published. `sampling`,
    `chat_template_args` and `reasoning_effort` are set by the preset, as `prompt` is;
    the rest is for people.
    """

    name: str
    models: tuple[str, ...]
    prompt: ModelType
    sources: tuple[str, ...]
    context: int | None = None
    sampling: Published = Published()
    chat_template_args: Mapping[str, Any] = {}
    reasoning_effort: str = ""
    thinking: Thinking | None = None
    fim: FillInTheMiddle | None = None
    quirks: tuple[str, ...] = ()

    def values(self) -> dict[str, Any]:
        """What it sets, by the names of the fields of Sampling."""
        found = {
            **msgspec.structs.asdict(self.sampling),
            "chat_template_args": dict(self.chat_template_args) or None,
            "reasoning_effort": self.reasoning_effort or None,
        }
        return {name: value for name, value in found.items() if value is not None}

    def serves(self, model: str) -> str:
        """The longest of its patterns that fits a hub id or the path of a folder, or ""."""
        name = Path(model).name.lower()
        fitting = (each for each in self.models if fnmatchcase(name, each))
        return max(fitting, key=len, default="")


class _File(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    preset: tuple[Preset, ...]


@cache
def presets() -> dict[str, Preset]:
    """Name -> preset, of all that are shipped, in alphabetical order."""
    found = [each for path in presets_dir().glob("*.toml") for each in _read(path)]
    return {each.name: each for each in sorted(found, key=lambda each: each.name)}


def _read(path: Path) -> tuple[Preset, ...]:
    try:
        table = read_toml(path)
        return msgspec.convert(table, _File).preset
    except OSError as error:
        raise UsageError(f"the preset file {path} cannot be read ({error.strerror})") from None
    except msgspec.ValidationError as error:
        raise DataError(f"{path}: {validation_words(error)}") from error
    except ValueError as error:
        raise DataError(f"{path} is not TOML: {error}") from error


def find_preset(name: str) -> Preset:
    """The preset of a name, or of a TOML file that has one.

    Raises:
        UsageError: there is none, or the file cannot be read.
        DataError: the file is not as it has to be.
    """
    if name.endswith(".toml"):
        own = _read(Path(name).expanduser())
        if len(own) != 1:
            raise DataError(f"{name} has {len(own)} presets: keep one")
        return own[0]
    if name in presets():
        return presets()[name]
    raise UsageError(f"{unknown('there is no preset', name, presets())}, or a TOML file")


def preset_of(model: str) -> Preset:
    """The preset whose pattern fits a model's hub id or folder best.

    Raises:
        UsageError: none does.
    """
    best = max(presets().values(), key=lambda each: len(each.serves(model)))
    if not best.serves(model):
        raise UsageError(
            f"no preset serves {model}: leave out --preset, or name one (`opencodeeval presets`)"
        )
    return best


def with_preset(
    sampling: SamplingOptions,
    model: str | Path | Backend,
    options: BackendOptions,
    log: Callable[[str], None],
) -> tuple[SamplingOptions, BackendOptions]:
    """Both with what the preset sets, if `sampling` names one; what it sets is logged.

    The user's own values win. A backend that is open already keeps its model type.

    Raises:
        UsageError: there is no such preset, or a backend is open for models of another type.
        DataError: as `find_preset`.
    """
    preset = sampling.preset
    if preset is None:
        return sampling, options
    opened = not isinstance(model, (str, Path))
    if isinstance(preset, str):
        name = str(model.identity()["model"] if opened else model)  # type: ignore[union-attr]
        preset = preset_of(name) if preset == AUTO else find_preset(preset)
        log(f"preset {preset.name}: {_said(preset, sampling, options)}")
    if opened and model.model_type != preset.prompt:  # type: ignore[union-attr]
        raise UsageError(
            f"the preset {preset.name} is for {preset.prompt} models, and the backend is open for "
            "another type: leave out the preset, or open the backend with model_type="
            f"{preset.prompt!r}"
        )
    if options.model_type == AUTO:
        options = replace(options, model_type=preset.prompt)
    return replace(sampling, preset=preset), options


def _said(preset: Preset, sampling: SamplingOptions, options: BackendOptions) -> str:
    """What a preset sets, in words."""
    parts = [f"{preset.prompt} prompts"] if options.model_type == AUTO else []
    for name, value in preset.values().items():
        # The user's chat-template arguments are added to the preset's.
        if getattr(sampling, name) is None or name == "chat_template_args":
            parts.append(f"{_WORDS[name]} {value}")
    return ", ".join(parts) or "every value is the user's own"
