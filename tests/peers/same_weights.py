"""The same weights in another harness: how many of its answers are the same text as ours.

    python -m tests.peers.same_weights --peer evalplus --bench humaneval_plus --limit 10

Both answer the same tasks, greedily, in float32, with at most the same number of tokens.
Ours are written with transformers, as the peers' are. For every other text the first
token that differs is shown, with the difference of the logits of the two likeliest tokens
there: where that is tiny and they are the two, rounding has decided.

`--python` names the peer's interpreter (docs/agreement.md says how to make one). With
`--keep FOLDER`, answers are written there after every 64 tasks, and those that are there are
used again: a comparison that was interrupted continues.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from opencodeeval.backends import BackendOptions, open_backend
from opencodeeval.backends.base import Request
from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core.errors import OpenCodeEvalError
from opencodeeval.core.types import ModelType, Sampling, Task
from tests.bench.measures import shared_data
from tests.peers.comparison import Agreement, Answer, compare, explained, stopped
from tests.peers.logits import Logits
from tests.support.smollm2 import smollm2

SIDES = Path(__file__).parent
# SmolLM2's logits in float32 are within 1e-4 of those in float64, for each kernel here.
ROUNDING = 1e-3
# So many tasks are answered by one process where answers are kept.
PART = 64


@dataclass(frozen=True)
class Peer:
    """A published harness and the script that runs it.

    `tasks` has its tasks for base and for chat models, by our benchmark and the protocol
    that follows it; `attention` is the kernel that it takes. `tabs` says that it writes
    four spaces for a tab.
    """

    title: str
    side: str
    tasks: Mapping[tuple[str, str], tuple[str, str]]
    attention: str = "sdpa"
    tabs: bool = False


PEERS = {
    "evalplus": Peer(
        "evalplus 0.3.1",
        "evalplus_side.py",
        {
            ("humaneval_plus", "evalplus"): ("humaneval", "humaneval"),
            ("mbpp_plus", "evalplus"): ("mbpp", "mbpp"),
        },
        attention="eager",
        tabs=True,
    ),
    "lm-eval": Peer(
        "lm-evaluation-harness 0.4.13",
        "lm_eval_side.py",
        {
            ("humaneval", "lm-eval"): ("humaneval", "humaneval_instruct"),
            ("mbpp", "lm-eval"): ("mbpp", "mbpp_instruct"),
        },
    ),
    "bigcodebench": Peer(
        "bigcodebench 0.2.5",
        "bigcodebench_side.py",
        {
            ("bigcodebench_hard", "bigcodebench"): ("complete", "complete"),
            ("bigcodebench_hard", "bigcodebench-instruct"): ("instruct", "instruct"),
        },
        attention="eager",
        tabs=True,
    ),
}


def main() -> None:
    """Compare what is asked for, and print it."""
    options = arguments().parse_args()
    data = options.data or shared_data()
    if data is None:
        sys.exit("there is no folder of data files: name it with --data")
    peer = PEERS[options.peer]
    protocol = protocol_of(options, peer)
    folder = (options.model or smollm2()).resolve()
    benchmark = load_benchmark(options.bench, protocol, data, options.limit)
    own = benchmark.default_sampling()
    sampling = replace(own, max_tokens=options.max_tokens or own.max_tokens)
    reference = BackendOptions(
        dtype="float32",
        model_type=options.model_type,
        batch_size=options.batch_size,
        engine_args={"attn_implementation": peer.attention},
    )
    asked = _Asked(benchmark, sampling, options)
    ours = asked.answers("ours", lambda tasks: asyncio.run(asked.ours(tasks, folder, reference)))
    theirs = asked.answers(options.peer, lambda tasks: asked.theirs(tasks, peer, folder))
    if peer.tabs:
        ours = {key: replace(each, text=_untabbed(each.text)) for key, each in ours.items()}
    report(f"{peer.title}, {benchmark.name}, {benchmark.protocol}", compare(ours, theirs))
    explain(folder, asked.stops(_type_of(folder, options.model_type)), ours, theirs)


def protocol_of(options: argparse.Namespace, peer: Peer) -> str:
    """Our protocol that follows the peer."""
    known = [protocol for name, protocol in peer.tasks if name == options.bench]
    if not known:
        benches = ", ".join(dict.fromkeys(name for name, _ in peer.tasks))
        sys.exit(f"{options.peer} has no prompts of {options.bench} to compare: --bench {benches}")
    protocol: str = options.protocol or known[0]
    if protocol not in known:
        sys.exit(f"{protocol} does not follow {options.peer}: --protocol {', '.join(known)}")
    return protocol


def arguments() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--peer", required=True, choices=PEERS)
    add("--bench", required=True)
    add("--protocol", help="default: the first that follows the peer")
    add("--model", type=Path, help="a model folder (default: SmolLM2-135M-Instruct)")
    add("--model-type", default="auto", choices=("auto", "base", "chat"))
    add("--data", type=Path, help="the folder of data files")
    add("--limit", type=int, help="only the first tasks")
    add("--max-tokens", type=int)
    add("--batch-size", type=int, default=16, help="answers at once, where one may choose")
    add("--python", default=sys.executable, help="the peer's interpreter")
    add("--as-published", action="store_true", help="leave the peer's own mistakes in place")
    add("--keep", type=Path, help="a folder for answers; those that are there are used again")
    return parser


class _Asked:
    """The tasks, and who answers them."""

    def __init__(
        self, benchmark: CardBenchmark, sampling: Sampling, options: argparse.Namespace
    ) -> None:
        self._benchmark = benchmark
        self._sampling = sampling
        self._options = options

    def answers(
        self, who: str, ask: Callable[[Sequence[Task]], Mapping[str, Answer]]
    ) -> Mapping[str, Answer]:
        """Those kept from before, and those that are given now."""
        tasks = self._benchmark.tasks
        keep: Path | None = self._options.keep
        if keep is None:
            return ask(tasks)
        keep.mkdir(parents=True, exist_ok=True)
        benchmark, options = self._benchmark, self._options
        name = (
            f"{who}-{benchmark.name}-{benchmark.protocol}-{options.model_type}"
            f"-{self._sampling.max_tokens}{'-as-published' * options.as_published}"
        )
        found: dict[str, Answer] = {}
        for first in range(0, len(tasks), PART):
            part = tasks[first : first + PART]
            path = keep / f"{name}-{first}-{first + len(part)}.json"
            if not path.is_file():
                answered = {key: asdict(each) for key, each in ask(part).items()}
                unfinished = path.with_suffix(".unfinished")
                unfinished.write_text(json.dumps(answered))
                unfinished.rename(path)
            kept = json.loads(path.read_text())
            found |= {key: Answer(**each) for key, each in kept.items()}
        return found

    def stops(self, model_type: ModelType) -> Mapping[str, Sequence[str]]:
        """Where our answers end, by task."""
        prompts = [self._benchmark.prompt(task, model_type) for task in self._benchmark.tasks]
        return {prompt.task_id: prompt.stop for prompt in prompts}

    async def ours(
        self, asked: Sequence[Task], model: Path, options: BackendOptions
    ) -> Mapping[str, Answer]:
        """Our answers, written with transformers."""
        benchmark = self._benchmark
        opened = open_backend("transformers", str(model), options, asked)
        tasks = {task.task_id: task for task in asked}
        requests = [Request(benchmark.prompt(task, opened.model_type), 0) for task in asked]
        found = {}
        async for each in opened.generate(requests, self._sampling):
            program = benchmark.program(tasks[each.task_id], each, opened.model_type)
            solution = benchmark.solution(tasks[each.task_id], program.code)
            found[each.task_id] = Answer(each.prompt, each.text, solution)
        await opened.close()
        return {task_id: found[task_id] for task_id in tasks}

    def theirs(self, tasks: Sequence[Task], peer: Peer, folder: Path) -> Mapping[str, Answer]:
        """Answers of a peer, in a process of its own."""
        with tempfile.TemporaryDirectory() as scratch:
            rows, output = Path(scratch) / "rows.jsonl", Path(scratch) / "answers.jsonl"
            rows.write_text("".join(json.dumps(row) + "\n" for row in published(tasks)))
            options, benchmark = self._options, self._benchmark
            model_type = _type_of(folder, options.model_type)
            base, chat = peer.tasks[benchmark.name, benchmark.protocol]
            job = {
                "model": str(folder),
                "model_type": model_type,
                "task": base if model_type == "base" else chat,
                "rows": str(rows),
                "output": str(output),
                "batch_size": options.batch_size,
                "max_tokens": self._sampling.max_tokens,
                "as_published": options.as_published,
            }
            environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_ALLOW_CODE_EVAL": "1"}
            environment["XDG_CACHE_HOME"] = scratch
            command = [options.python, str(SIDES / peer.side), json.dumps(job)]
            try:
                subprocess.run(command, env=environment, stdout=sys.stderr, check=True)
            except OSError as error:
                sys.exit(f"{options.python} cannot be started ({error.strerror}): correct --python")
            except subprocess.CalledProcessError as error:
                sys.exit(
                    f"{peer.title} failed with status {error.returncode} (see above): it has to be "
                    "installed for the interpreter that --python names"
                )
            lines = [json.loads(line) for line in output.read_text().splitlines()]
        return {line.pop("task_id"): Answer(**line) for line in lines}


def published(tasks: Sequence[Task]) -> list[dict[str, Any]]:
    """The rows of the tasks as published, without what our benchmark has added."""
    rows = [dict(task.fields) for task in tasks]
    return [{key: row[key] for key in row if key != "shots"} for row in rows]


def _type_of(folder: Path, wanted: Literal["auto", "base", "chat"]) -> ModelType:
    templated = (folder / "chat_template.jinja").is_file()
    return wanted if wanted != "auto" else "chat" if templated else "base"


def _untabbed(text: str) -> str:
    return text.replace("\t", "    ")


def report(title: str, found: Agreement) -> None:
    """Print how many are the same."""
    print(
        f"{title}: of {found.tasks} tasks {found.prompts} have the same prompt, "
        f"{found.texts} the same text, {found.programs} the same program"
    )
    for each in found.differences:
        print(f"  {each.task_id}: the {each.what} differs at {each.at}")
        print(f"    ours   {each.ours!r}\n    theirs {each.theirs!r}")


def explain(
    folder: Path,
    stops: Mapping[str, Sequence[str]],
    ours: Mapping[str, Answer],
    theirs: Mapping[str, Answer],
) -> None:
    """Print why texts differ where the prompts are the same."""
    logits: Logits | None = None
    for task_id, answer in ours.items():
        other = theirs[task_id]
        if answer.prompt != other.prompt or answer.text == other.text:
            continue
        if stop := stopped(answer.text, other.text, stops[task_id]):
            print(f"  {task_id}: stop string: ours ends at {stop!r}, theirs goes on")
            continue
        logits = logits or Logits(str(folder))
        choice, a, b, at = logits.where_they_part(answer, other)
        cause = "rounding" if explained(choice, a, b, ROUNDING) else "NOT EXPLAINED"
        likeliest = " and ".join(map(logits.text, choice.tokens))
        print(
            f"  {task_id}: {cause}: token {at} is {logits.text(a)} here, {logits.text(b)} there; "
            f"the likeliest are {likeliest}, {choice.margin:.1e} apart"
        )


if __name__ == "__main__":
    try:
        main()
    except OpenCodeEvalError as error:
        sys.exit(str(error))
