"""The commands by subject, and the short overview that `opencodeeval --help` prints.

To add a command, add a module and a row in GROUPS.
"""

from __future__ import annotations

from typing import NamedTuple


class Command(NamedTuple):
    """A command's module, its one-line description, and examples of its arguments."""

    module: str
    purpose: str
    examples: tuple[str, ...] = ()


def _command(name: str, purpose: str, *examples: str) -> Command:
    return Command(f"opencodeeval.cli.{name}", purpose, examples)


GROUPS = {
    "score": {
        "run": _command(
            "run",
            "score a model on benchmarks (the default command)",
            "--model infly/OpenCoder-8B-Instruct --bench humaneval",
            "--model M --bench humaneval,mbpp --n 20 --temperature 0.8",
            "--backend openai --base-url URL --model M --bench humaneval",
            "--backend reference --bench starter   # no model, no download",
        ),
        "grade": _command(
            "grade",
            "grade samples from another tool",
            "samples.jsonl --bench humaneval_plus",
        ),
        "merge": _command(
            "merge",
            "merge the shards of runs (`run --shard 3/8`) into whole runs",
            "shards --output results",
        ),
        "watch": _command(
            "watch",
            "evaluate each new checkpoint of a training run",
            "CKPT_DIR --bench humaneval --gate results/base -- --n 10",
        ),
        "serve": _command(
            "serve",
            "serve the grader over HTTP: programs in, verdicts out",
            "--bench mbpp_plus",
        ),
    },
    "look at results": {
        "show": _command(
            "show",
            "print the table of finished runs again; no model is loaded",
            "results",
            "results/runs/ID",
        ),
        "report": _command(
            "report",
            "build a page of a run: every sample and its verdict",
            "results/runs/ID",
        ),
        "leaderboard": _command(
            "leaderboard",
            "build the tables and the page of a folder of records",
            "results",
        ),
        "contamination": _command(
            "contamination",
            "show scores by month of release, before and after a date",
            "RECORD --cutoff 2024-06-30",
        ),
    },
    "compare and decide": {
        "compare": _command(
            "compare",
            "compare two models task by task, from their records",
            "results/humaneval/A.json results/humaneval/B.json",
        ),
        "gate": _command(
            "gate",
            "say whether a candidate got worse, with an exit status for CI",
            "--baseline results/a --candidate results/b --margin 0.02",
            "--baseline results/a --candidate results --candidate-model M",
        ),
    },
    "pass on": {
        "publish": _command(
            "publish",
            "write scores to a model card, a table or a tracker",
            "results --format csv",
            "RECORD --format wandb --tracker-run RUN --step 4000",
        ),
        "export": _command(
            "export",
            "write a finished run in another tool's files",
            "results/runs/ID --format evalplus",
        ),
    },
    "maintain": {
        "benchmarks": _command(
            "benchmarks",
            "list the benchmarks; or show one: protocols, defaults, versions",
            "",
            "humaneval",
        ),
        "presets": _command(
            "presets",
            "list the presets of models, or show what one sets",
            "qwen3",
        ),
        "data": _command(
            "data",
            "list, fetch or verify the data sets",
            "list",
            "fetch humaneval,mbpp --data DIR",
            "verify all --data DIR",
        ),
        "doctor": _command("doctor", "say what this machine has and what is missing"),
        "selfcheck": _command(
            "selfcheck",
            "run the reference solutions: which tasks can be passed here",
            "bigcodebench_hard --times 3",
        ),
        "regrade": _command(
            "regrade",
            "execute stored samples again, and list changed verdicts",
            "results/runs/ID",
        ),
        "pack": _command(
            "pack",
            "compress the folders of finished runs; every command reads them",
            "results",
            "results/runs/ID --unpack",
        ),
        "sandbox": _command("sandbox", "build, show or clean up the sandbox", "build"),
        "completion": _command(
            "completion",
            "print a shell script that completes commands and options",
            "bash",
        ),
    },
}
COMMANDS = {name: command for group in GROUPS.values() for name, command in group.items()}

_HEAD = """\
usage: opencodeeval --model MODEL --bench BENCHMARKS [options]
       opencodeeval COMMAND [options]

How often is the code that a model writes correct?

example:
  opencodeeval --model infly/OpenCoder-8B-Instruct --bench humaneval
  opencodeeval --backend reference --bench starter   # no model, no download
"""
_TAIL = """\
options of `run` that are used most (`opencodeeval run --help` lists all):
  --model MODEL        a model folder, or a model id on the hub
  --bench BENCHMARKS   comma list; `opencodeeval benchmarks` lists them
  --n, --temperature, --max-tokens
                       samples per task, 0 for greedy, longest completion
                       (`opencodeeval benchmarks NAME` shows the defaults)
  --limit N            only the first N tasks
  --data DIR           take data sets from this folder, without a network
  --output DIR         folder of results (default: ./results)
  --backend NAME       vllm (default), transformers, openai, litellm, reference

`opencodeeval COMMAND --help` shows a command's options.\
"""


def overview() -> str:
    """What `opencodeeval --help` prints: an example, the commands, the most used options."""
    width = max(map(len, COMMANDS))
    lines = [_HEAD]
    for title, group in GROUPS.items():
        lines.append(f"{title}:")
        lines += [f"  {name:<{width}}  {command.purpose}" for name, command in group.items()]
    return "\n".join([*lines, "", _TAIL])


def examples(name: str) -> str | None:
    """The end of a command's help, or None if there is nothing to show."""
    shown = COMMANDS[name].examples
    if not shown:
        return None
    typed = ["opencodeeval", *([] if name == "run" else [name])]
    return "\n".join(["examples:", *(f"  {' '.join([*typed, each]).strip()}" for each in shown)])
