"""The options of `run` about sampling and prompts, and the values built from them."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from opencodeeval.cli.options import METRICS_HELP, parse_ks, parse_names
from opencodeeval.core.errors import UsageError
from opencodeeval.runs.options import EFFORTS, SamplingOptions

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}


def add_sampling_options(parser: argparse.ArgumentParser) -> None:
    """--n to --generation-config, and those that change what a protocol asks."""
    group = parser.add_argument_group(
        "sampling (`opencodeeval benchmarks NAME` shows the protocols' defaults)"
    )
    for name, kind, metavar, meaning in (
        ("--n", int, "N", "samples per task (most protocols: 1)"),
        ("--temperature", float, "T", "0 is greedy (most protocols: 0)"),
        ("--top-p", float, "P", "1 means all tokens"),
        ("--top-k", int, "N", "0 means all tokens (default)"),
        ("--min-p", float, "P", "0 means all tokens (default)"),
        ("--repetition-penalty", float, "R", "1 means none (default)"),
        ("--presence-penalty", float, "P", "from -2 to 2 (default: 0)"),
        ("--frequency-penalty", float, "P", "from -2 to 2 (default: 0)"),
    ):
        group.add_argument(name, type=kind, metavar=metavar, help=meaning)
    group.add_argument(
        "--max-tokens", type=int, metavar="N", help="longest completion, reasoning included"
    )
    group.add_argument(
        "--ignore-eos",
        action="store_true",
        default=None,
        help="go on after the end-of-text token, to --max-tokens or a stop string",
    )
    group.add_argument("--seed", type=int, metavar="N", help="of all sampling (default: 0)")
    group.add_argument(
        "--allow-long-prompts",
        action="store_true",
        help="score the model even if more than 5 %% of the prompts do not fit its context",
    )
    group.add_argument(
        "--generation-config",
        choices=("model",),
        help="take temperature, top-p, top-k, min-p and repetition penalty from the model's "
        "generation_config.json where no option sets them",
    )
    group.add_argument(
        "--preset",
        metavar="NAME|auto|none|FILE.toml",
        help="prompt and sample as the model's publisher does where no option says otherwise; "
        "auto: the preset for the model (`opencodeeval presets`, docs/presets.md)",
    )
    group.add_argument("--k", help="k of pass@k, as a comma list (default: 1, 10, 100 up to n)")
    group.add_argument("--metrics", metavar="NAMES", help=METRICS_HELP)
    _add_prompt_options(parser)


def _add_prompt_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "changes to the prompt (the score is then not the protocol's: docs/sampling.md)"
    )
    group.add_argument(
        "--system-prompt",
        metavar="TEXT|@FILE",
        help="replaces the protocol's system message, if it has one; chat models only",
    )
    group.add_argument(
        "--thinking-budget",
        type=int,
        metavar="N",
        help="after N tokens of reasoning, close it and ask for the answer, in what remains of "
        "--max-tokens; chat models in vllm and transformers (docs/reasoning.md)",
    )
    for place in ("prefix", "suffix"):
        group.add_argument(
            f"--prompt-{place}",
            metavar="TEXT",
            help=f"put {'before' if place == 'prefix' else 'after'} each task's prompt; "
            "escapes as in --stop",
        )
    group.add_argument(
        "--prompt-template",
        metavar="FILE",
        help="a Jinja template that replaces the protocol's: {{ prompt }} and the fields of the "
        "benchmark's rows",
    )
    group.add_argument(
        "--stop",
        action="append",
        default=[],
        metavar="TEXT",
        help="a stop string beside the protocol's; \\n, \\t, \\r and \\\\ are escapes; repeatable",
    )
    group.add_argument(
        "--chat-template-arg",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an argument of the chat template, such as enable_thinking=false; repeatable",
    )
    group.add_argument(
        "--reasoning-effort",
        choices=EFFORTS,
        help="an argument of the chat template; for servers, the request's field",
    )


def sampling_of(options: argparse.Namespace) -> SamplingOptions:
    """The sampling that the command's options describe.

    Raises:
        UsageError: an option's text cannot be read.
    """
    from opencodeeval.backends import parse_chat_template_args

    return SamplingOptions(
        n=options.n,
        temperature=options.temperature,
        top_p=options.top_p,
        max_tokens=options.max_tokens,
        seed=options.seed,
        ks=parse_ks(options.k),
        metrics=parse_names(options.metrics),
        top_k=options.top_k,
        min_p=options.min_p,
        repetition_penalty=options.repetition_penalty,
        presence_penalty=options.presence_penalty,
        frequency_penalty=options.frequency_penalty,
        ignore_eos=options.ignore_eos,
        stop=[parse_stop(text) for text in options.stop],
        system_prompt=read_system_prompt(options.system_prompt),
        chat_template_args=parse_chat_template_args(options.chat_template_arg),
        reasoning_effort=options.reasoning_effort,
        thinking_budget=options.thinking_budget,
        prompt_prefix=_unescaped("--prompt-prefix", options.prompt_prefix),
        prompt_suffix=_unescaped("--prompt-suffix", options.prompt_suffix),
        prompt_template=read_prompt_template(options.prompt_template),
        generation_config=options.generation_config,
        preset=_preset(options.preset),
        allow_long_prompts=options.allow_long_prompts,
    )


def _preset(name: str | None) -> str | None:
    """The preset's name, refused at once if there is none of that name."""
    from opencodeeval.runs.presets import AUTO, find_preset

    if name is None or name == "none":
        return None
    if name != AUTO:
        find_preset(name)
    return name


def parse_stop(text: str) -> str:
    r"""A stop string, with \n, \t, \r and \\ read as escapes.

    Raises:
        UsageError: it is empty, or has another escape.
    """
    if not text:
        raise UsageError("--stop is empty: it would end every answer at once")
    return str(_unescaped("--stop", text))


def _unescaped(option: str, text: str | None) -> str | None:
    if text is None:
        return None

    def plain(found: re.Match[str]) -> str:
        if found[1] not in _ESCAPES:
            raise UsageError(
                f"{option} {text}: {found[0]} is not an escape: write \\n, \\t, \\r, or \\\\ for a "
                "backslash"
            )
        return _ESCAPES[found[1]]

    return re.sub(r"\\(.?)", plain, text)


def read_prompt_template(file: str | None) -> str | None:
    """The text of a file, to the letter, as benchmarks' templates are read.

    Raises:
        UsageError: the file cannot be read, or is empty.
    """
    if file is None:
        return None
    text = _read_text(f"--prompt-template {file}", file)
    if not text:
        raise UsageError(f"--prompt-template {file} is empty: leave it out")
    return text


def read_system_prompt(text: str | None) -> str | None:
    """The text, or that of the file after "@" without the line break at its end.

    Raises:
        UsageError: the file cannot be read, or there is no text.
    """
    if text is None:
        return None
    source = text
    if text.startswith("@"):
        option = f"--system-prompt {source}"
        text = _read_text(option, text[1:], "name a text file after @").removesuffix("\n")
    if not text.strip():
        raise UsageError(f"--system-prompt {source!r} has no text: leave it out")
    return text


def _read_text(option: str, file: str, advice: str = "name a text file") -> str:
    try:
        return Path(file).expanduser().read_text("utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UsageError(f"{option} cannot be read ({reason}): {advice}") from None
