"""List the presets, or show what one sets, for which models, and where that is published.

NAME is a preset, a model's hub id or folder, or a TOML file with a preset.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from opencodeeval.core.text import wrapped

if TYPE_CHECKING:
    from opencodeeval.runs.presets import Preset


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `presets`."""
    parser.add_argument(
        "preset", nargs="?", metavar="NAME", help="a preset, a model, or a TOML file"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def execute(options: argparse.Namespace) -> int:
    """Print one line a preset, or all of one."""
    from opencodeeval.runs.presets import find_preset, preset_of, presets

    if options.preset is None:
        shown = list(presets().values())
    elif "/" in options.preset and not options.preset.endswith(".toml"):
        shown = [preset_of(options.preset)]
    else:
        shown = [find_preset(options.preset)]
    if options.json:
        print(json.dumps({"presets": [_object(each) for each in shown]}))
    elif options.preset is None:
        width = max(len(each.name) for each in shown)
        for each in shown:
            line = f"{each.name:<{width}}  {each.prompt}{_settings(each)}"
            print(wrapped(line, " " * (width + 2)))
    else:
        print("\n".join(_lines(shown[0])))
    return 0


def _object(preset: Preset) -> dict[str, Any]:
    import msgspec

    return {**msgspec.to_builtins(preset), "sets": preset.values()}


def _settings(preset: Preset) -> str:
    return "".join(f", {name} {json.dumps(value)}" for name, value in preset.values().items())


def _lines(preset: Preset) -> list[str]:
    rows = [
        ("models", ", ".join(preset.models) or "none by itself: name it"),
        ("sets", f"{preset.prompt} prompts{_settings(preset)}"),
    ]
    if preset.context:
        rows.append(("context", f"{preset.context} tokens"))
    if preset.thinking:
        default = json.dumps(preset.thinking.default)
        rows.append(
            ("thinking", f"--chat-template-arg {preset.thinking.argument}=… (default {default})")
        )
    if preset.fim:
        rows.append(
            ("fim tokens", " ".join((preset.fim.prefix, preset.fim.suffix, preset.fim.middle)))
        )
    rows += [("known", each) for each in preset.quirks]
    rows += [("source", each) for each in preset.sources]
    width = max(len(name) for name, _ in rows)
    indent = " " * (width + 4)
    return [preset.name, *(wrapped(f"  {name:<{width}}  {text}", indent) for name, text in rows)]
