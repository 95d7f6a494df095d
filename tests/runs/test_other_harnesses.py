"""Files of samples that other harnesses have really written are graded as what they hold.

The harness runs here, with a model that gives known answers; its Python is the one that
.ci/viewers.sh makes, or that OPENCODEEVAL_VIEWERS_PYTHON names.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core.errors import DataError
from opencodeeval.runs.formats.reading import read_samples, sample_format
from opencodeeval.runs.grader import Grader

# What the model answers: so long that Inspect stores texts of this length apart where it does.
ANSWER = "Here it is.\n```python\n" + "# One of many lines.\n" * 40 + "x = {}\n```\n"

INSPECT = """
import json, sys
from inspect_ai import Task, eval, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.solver import generate

folder, form, ids, answers = sys.argv[1], sys.argv[2], *map(json.loads, sys.argv[3:])

# With the numbers of tokens, so that it loads no tokenizer to count them.
outputs = []
for answer in answers:
    outputs.append(ModelOutput.from_content("mockllm/model", answer))
    outputs[-1].usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)

@task
def mine():
    return Task(
        dataset=MemoryDataset([Sample(id=each, input="Write it.") for each in ids]),
        solver=generate(),
    )

eval(
    mine(), model=get_model("mockllm/model", custom_outputs=outputs), epochs=2, max_samples=1,
    log_dir=folder, log_format=form, display="none", fail_on_error=False,
)
"""


def inspect_log(python: Path, folder: Path, form: str, ids: list[str], answers: list[str]) -> Path:
    done = subprocess.run(
        [python, "-c", INSPECT, folder, form, json.dumps(ids), json.dumps(answers)],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/tmp")},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (log,) = folder.glob(f"*.{form}")
    return log


@pytest.mark.parametrize("form", ["eval", "json"])
def test_logs_of_inspect(form: str, viewers: Path, tmp_path: Path) -> None:
    benchmark: Any = load_benchmark("starter", limit=3)
    ids = [task.task_id for task in benchmark.tasks]
    answers = [ANSWER.format(number) for number in range(6)]
    log = inspect_log(viewers, tmp_path, form, ids, answers)
    assert sample_format(log).title == "inspect logs"
    samples = read_samples(log, benchmark)
    assert {(each.task_id, each.form) for each in samples} == {(each, "answer") for each in ids}
    assert sorted(each.text for each in samples) == answers
    assert {each.sample_id for each in samples} == {0, 1}


@pytest.mark.parametrize("form", ["eval", "json"])
def test_a_sample_that_failed_there_is_not_taken_for_a_wrong_answer(
    form: str, viewers: Path, tmp_path: Path
) -> None:
    benchmark: Any = load_benchmark("starter", limit=3)
    ids = [task.task_id for task in benchmark.tasks]
    # The model has no answer left for the last sample.
    log = inspect_log(viewers, tmp_path, form, ids, ["x = 1"] * 5)
    with pytest.raises(DataError, match=r"failed and has no answer .*inspect eval-retry"):
        read_samples(log, benchmark)


LM_EVAL = """
import json, sys
from types import SimpleNamespace
import datasets, evaluate

rows, task, solution, folder = json.loads(sys.argv[1]), *sys.argv[2:]

# Nothing is asked of the network: neither the rows, nor the metric, which only counts.
rows = datasets.Dataset.from_list(rows)
splits = dict.fromkeys(("train", "test", "validation", "prompt"), rows)
datasets.load_dataset = lambda *_, **__: datasets.DatasetDict(splits)
evaluate.load = lambda name: SimpleNamespace(compute=lambda **_: [{"pass@1": 0.0}])

import lm_eval
from lm_eval.api.model import LM
from lm_eval.loggers import EvaluationTracker

class Known(LM):
    tokenizer_name = "known"

    def loglikelihood(self, requests, **_):
        raise NotImplementedError

    loglikelihood_rolling = loglikelihood

    def generate_until(self, requests, disable_tqdm=False):
        return [each.doc[solution] for each in requests]

    def apply_chat_template(self, history, add_generation_prompt=True):
        return "".join(each["content"] for each in history)

    def chat_template(self, *_):
        return ""

results = lm_eval.simple_evaluate(
    model=Known(), tasks=[task], log_samples=True, confirm_run_unsafe_code=True,
    apply_chat_template=task.endswith("instruct"),
)
tracker = EvaluationTracker(output_path=folder)
tracker.general_config_tracker.model_name_sanitized = "known"
samples = results.pop("samples")
tracker.save_results_aggregated(results=results, samples=samples)
tracker.save_results_samples(task_name=task, samples=samples[task])
"""


@pytest.fixture
def lm_eval(repo_root: Path) -> Path:
    named = os.environ.get("OPENCODEEVAL_LM_EVAL_PYTHON")
    python = Path(named) if named else repo_root / "build/peers/lm-eval/bin/python"
    if not python.exists():
        pytest.skip(f"no lm-evaluation-harness at {python}: docs/agreement.md says how to have it")
    return python


@pytest.mark.shared
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("task", "name", "file", "solution"),
    [
        ("humaneval", "humaneval", "humaneval/HumanEval.jsonl.gz", "canonical_solution"),
        ("humaneval_instruct", "humaneval", "humaneval/HumanEval.jsonl.gz", "canonical_solution"),
        ("mbpp", "mbpp", "mbpp/mbpp.jsonl.gz", "code"),
    ],
)
def test_samples_of_lm_evaluation_harness(
    task: str, name: str, file: str, solution: str, lm_eval: Path, shared_data: Path, tmp_path: Path
) -> None:
    benchmark: Any = load_benchmark(name, data_dir=shared_data, limit=4)
    numbers = {task.task_id.rpartition("/")[2] for task in benchmark.tasks}
    rows = [
        row
        for row in map(json.loads, gzip.decompress((shared_data / file).read_bytes()).splitlines())
        if str(row["task_id"]).rpartition("/")[2] in numbers
    ]
    done = subprocess.run(
        [lm_eval, "-c", LM_EVAL, json.dumps(rows), task, solution, tmp_path],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "OMP_NUM_THREADS": "1"},
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (path,) = tmp_path.rglob("samples_*.jsonl")
    assert sample_format(path).title == "lm-evaluation-harness samples"
    samples = read_samples(path, benchmark)
    assert [(each.task_id, each.form) for each in samples] == [
        (task.task_id, "program") for task in benchmark.tasks
    ]

    async def passed() -> list[bool]:
        async with Grader(benchmark, sandbox="local") as grader:
            graded = [await grader.grade(each.task_id, each.text) for each in samples]
            return [each.passed for each in graded]

    assert asyncio.run(passed()) == [True] * 4
