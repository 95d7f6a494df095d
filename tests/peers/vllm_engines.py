"""The same weights in vLLM, in process and behind its server, and in transformers.

    python -m tests.peers.vllm_engines [--limit 20] [--max-tokens 768]

SmolLM2-135M-Instruct answers the first tasks of HumanEval+ greedily, in float32, as a chat
model. For each pair of engines it prints how many texts are the same, and for every other text
the first token that differs, with the difference of the logits of the two likeliest tokens
there (tests/peers/same_weights.py).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import opencodeeval as oce
from opencodeeval.backends import BackendOptions
from opencodeeval.runs.store import read_run
from tests.bench.measures import shared_data
from tests.peers.comparison import Answer
from tests.peers.same_weights import explain
from tests.support.smollm2 import FOLDER, smollm2
from tests.support.vllm_server import vllm_server

BENCH = "humaneval_plus"
CONTEXT = 2048


def answers(
    model: str, backend: str, options: BackendOptions, asked: argparse.Namespace
) -> Mapping[str, Answer]:
    """What a backend answers to the first tasks, greedily."""
    with tempfile.TemporaryDirectory() as folder:
        (run,) = oce.evaluate(
            model,
            BENCH,
            selection=oce.Selection(data_dir=asked.data or shared_data(), limit=asked.limit),
            sampling=oce.SamplingOptions(max_tokens=asked.max_tokens),
            backend=backend,
            backend_options=options,
            sandbox="local",
            output=oce.Output(Path(folder), "none"),
        ).runs
        completions = read_run(run.run_folder).completions
    return {
        where.task_id: Answer(each.prompt, each.text, "") for where, each in completions.items()
    }


def main() -> None:
    """Print a line for each pair of engines, and why texts differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="a model folder (default: SmolLM2)")
    parser.add_argument("--data", type=Path, help="the folder of data files")
    parser.add_argument("--limit", type=int, default=20)
    parser.add_argument("--max-tokens", type=int, default=768)
    asked = parser.parse_args()
    model = (asked.model or smollm2()).resolve()
    here = BackendOptions(dtype="float32", max_model_len=CONTEXT)
    there = BackendOptions(base_urls=(vllm_server(model, FOLDER.name, CONTEXT),))
    found = {
        "vLLM's server": answers(FOLDER.name, "openai", there, asked),
        "vLLM in process": answers(str(model), "vllm", here, asked),
        "transformers": answers(str(model), "transformers", here, asked),
    }
    prompts = {task_id: each.prompt for task_id, each in found["transformers"].items()}
    # A server does not say what prompt it has made.
    found = {
        name: {task_id: replace(each, prompt=prompts[task_id]) for task_id, each in own.items()}
        for name, own in found.items()
    }
    names = list(found)
    for first, second in ((names[0], names[1]), (names[1], names[2]), (names[0], names[2])):
        one, other = found[first], found[second]
        same = sum(other[task_id].text == each.text for task_id, each in one.items())
        print(f"{first}, {second}: {same} of {len(one)} texts are the same", flush=True)
        explain(model, dict.fromkeys(one, ()), one, other)


if __name__ == "__main__":
    main()
