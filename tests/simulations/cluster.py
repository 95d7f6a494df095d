"""Simulate a run on many GPUs and cores, and write what came out into docs/scale.md.

    python -m tests.simulations.cluster [--write]
    python -m tests.simulations.cluster --measure RUN_FOLDER --data DIR --driver-ms MS

The costs of grading are measured: costs.json has the seconds of every task's sample in a real
run, and what came on top of them; `--measure` makes it anew from a run folder. Tokens a second
of a GPU are given, not measured.
"""

from __future__ import annotations

import argparse
import heapq
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from opencodeeval.core import tables
from opencodeeval.core.types import SampleId
from opencodeeval.execution.pending import Pending
from opencodeeval.runs.finished import find_run, open_run
from opencodeeval.runs.pipeline import WAITING_A_SLOT, WAITING_PROGRAMS
from opencodeeval.runs.store import read_run
from tests.support.smollm2 import smollm2

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "docs" / "scale.md"
COSTS = HERE / "costs.json"

SAMPLES = 200
CHECKPOINTS = 100
# Loading a checkpoint, before its first token.
LOAD_S = 60.0
# Requests that an engine answers at a time (vLLM's default for a large GPU).
AT_ONCE = 256
# Forks, codec and cleaning for a sample in a warm slot (docs/speed.md, a trivial sample).
SAMPLE_S = 0.005
HEADER = (
    "GPUs",
    "cores",
    "tokens/s a GPU",
    "generation, min",
    "grading, min",
    "driver, min",
    "all, min",
    "÷ longest part",
    "limited by",
    "100 checkpoints, h",
)
CASES = tuple(
    (gpus, cores, rate)
    for gpus, cores in ((8, 64), (8, 1024), (64, 64), (64, 1024))
    for rate in (2_500, 10_000)
)


class Costs(NamedTuple):
    """What samples cost, in seconds of a slot or of the driver's processor.

    `samples_s` has the time of one sample's tests for each task, `tokens` the length of its
    answer. A slot takes `sample_s` more for each, and `task_s` where it did not run that task
    before. The driver takes `driver_s` for each.
    """

    samples_s: Sequence[float]
    tokens: Sequence[int]
    sample_s: float
    task_s: float
    driver_s: float


class Cluster(NamedTuple):
    """`gpus` that each write `rate` tokens a second, and `cores` for programs."""

    gpus: int
    cores: int
    rate: float


class Outcome(NamedTuple):
    """Seconds until the last verdict, and for how many of them each part was busy."""

    wall_s: float
    generation_s: float
    grading_s: float
    driver_s: float


def simulate(costs: Costs, cluster: Cluster, samples: int) -> Outcome:
    """One run with so many samples a task."""
    arrivals, last_token = _arrivals(costs, cluster, samples)
    handed, free = [], 0.0
    for when, task in arrivals:
        free = max(free, when) + costs.driver_s
        handed.append((free, task))
    wall, busy = _graded(handed, costs, cluster.cores)
    return Outcome(wall, last_token, busy / cluster.cores, len(handed) * costs.driver_s)


def expected_s(costs: Costs, cluster: Cluster, samples: int) -> dict[str, float]:
    """What each part would take if it never waited for another."""
    tasks = len(costs.samples_s)
    # A slot that runs a task's samples in a row begins once; so do the slots that help.
    begun = max(tasks, cluster.cores) * costs.task_s
    graded = samples * (sum(costs.samples_s) + tasks * costs.sample_s) + begun
    return {
        "generation": samples * sum(costs.tokens) / (cluster.gpus * cluster.rate),
        "grading": graded / cluster.cores,
        "driver": samples * tasks * costs.driver_s,
    }


def _arrivals(
    costs: Costs, cluster: Cluster, samples: int
) -> tuple[list[tuple[float, int]], float]:
    """When each sample is written, in order, and when the last is.

    A task's samples go to the engine with the fewest tokens to write. An engine begins the
    next one as soon as one of those that it writes is done.
    """
    queued = [(0.0, gpu) for gpu in range(cluster.gpus)]
    of_gpu: list[list[int]] = [[] for _ in queued]
    for task, tokens in enumerate(costs.tokens):
        load, gpu = heapq.heappop(queued)
        of_gpu[gpu].append(task)
        heapq.heappush(queued, (load + tokens * samples, gpu))
    found = []
    for tasks in of_gpu:
        places = [0.0] * min(AT_ONCE, max(1, len(tasks) * samples))
        speed = cluster.rate / len(places)
        for task in tasks:
            for _ in range(samples):
                done = heapq.heappop(places) + costs.tokens[task] / speed
                heapq.heappush(places, done)
                found.append((done, task))
    found.sort()
    return found, found[-1][0]


def _graded(handed: Sequence[tuple[float, int]], costs: Costs, slots: int) -> tuple[float, float]:
    """When the last verdict is there, and how long all slots were busy together.

    Which program a slot takes is decided by the code that decides it in a run.
    """
    waiting: Pending[int] = Pending(slots)
    count, most = 0, max(WAITING_PROGRAMS, WAITING_A_SLOT * slots)
    warm = [""] * slots
    idle = list(range(slots))
    running: list[tuple[float, int]] = []
    busy = last = 0.0
    place = 0
    while place < len(handed) or running:
        arrives = handed[place][0] if place < len(handed) and count < most else float("inf")
        if running and running[0][0] <= arrives:
            now, slot = heapq.heappop(running)
            last = max(last, now)
            idle.append(slot)
        else:
            now, task = handed[place]
            place += 1
            count += 1
            waiting.put(str(task), task)
        now = max(now, last)
        while waiting and idle:
            slot = idle.pop()
            task = waiting.take(slot, warm[slot])
            count -= 1
            took = costs.sample_s + costs.samples_s[task]
            took += costs.task_s * (warm[slot] != str(task))
            warm[slot] = str(task)
            busy += took
            heapq.heappush(running, (now + took, slot))
    return last, busy


def read_costs(path: Path = COSTS) -> Costs:
    """The measured costs."""
    content = json.loads(path.read_text("utf-8"))
    return Costs(**{name: content[name] for name in Costs._fields})


def measure(folder: Path, data: Path | None, driver_s: float, model: Path) -> dict[str, Any]:
    """The costs of a run that graded one sample a task, from its folder and its record.

    `model` has the tokenizer that counts the tokens of answers that were read from a file.
    """
    from transformers import AutoTokenizer

    stored, _ = find_run(folder)
    run = read_run(folder)
    tokenizer = AutoTokenizer.from_pretrained(model)
    seconds = {
        where: sum(suite.wall_s for suite in grade.suites.values())
        for where, grade in sorted(run.grades.items())
    }
    prompts = {task.task_id: task.prompt for task in open_run(folder, None, data).benchmark.tasks}

    def written(where: SampleId) -> int:
        """Tokens that the model wrote: its samples begin with the prompt, spaced otherwise."""
        text, prompt = run.completions[where].text, prompts[where.task_id]
        return max(1, len(tokenizer.encode(text)) - len(tokenizer.encode(prompt)))

    slots, wall_s = stored.record.sandbox["slots"], stored.record.timing.wall_s
    on_top = slots * wall_s - sum(seconds.values()) - SAMPLE_S * len(seconds)
    return {
        "source": f"{stored.benchmark}@{stored.data_version}, {len(seconds)} samples of "
        f"{stored.model}, {stored.record.sandbox['jail']}, {slots} slots, {wall_s:.0f} s",
        "sample_s": SAMPLE_S,
        "task_s": round(on_top / len(seconds), 4),
        "driver_s": driver_s,
        "samples_s": [round(each, 3) for each in seconds.values()],
        "tokens": [written(where) for where in seconds],
    }


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f}"


def table(costs: Costs, samples: int) -> str:
    """One row for each cluster, in Markdown."""
    rows = []
    for case in CASES:
        cluster = Cluster(*case)
        parts = expected_s(costs, cluster, samples)
        found = simulate(costs, cluster, samples)
        hours = CHECKPOINTS * (found.wall_s + LOAD_S) / 3600
        rows.append(
            [
                *(f"{each:,}" for each in (cluster.gpus, cluster.cores, cluster.rate)),
                *(_minutes(each) for each in parts.values()),
                _minutes(found.wall_s),
                f"{found.wall_s / max(parts.values()):.2f}",
                max(parts, key=lambda name: parts[name]),
                f"{hours:.0f}",
            ]
        )
    right = range(len(HEADER))
    return tables.markdown(HEADER, rows, [HEADER[each] for each in right if each != 8])


def main() -> None:
    """Simulate and print; write, or measure, if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="into docs/scale.md")
    parser.add_argument("--measure", type=Path, metavar="RUN_FOLDER", help="make costs.json anew")
    parser.add_argument("--data", type=Path, help="of --measure: the folder of data files")
    parser.add_argument("--driver-ms", type=float, help="of --measure: the driver's, a sample")
    options = parser.parse_args()
    if options.measure:
        costs = measure(options.measure, options.data, options.driver_ms / 1000, smollm2())
        COSTS.write_text(json.dumps(costs) + "\n", encoding="utf-8")
        return
    text = table(read_costs(), SAMPLES)
    print(text)
    if options.write:
        content = PAGE.read_text(encoding="utf-8")
        start = content.index("\n", content.index("<!-- cluster:")) + 1
        end = content.index("<!-- end -->", start)
        PAGE.write_text(f"{content[:start]}\n{text}\n\n{content[end:]}", encoding="utf-8")


if __name__ == "__main__":
    main()
