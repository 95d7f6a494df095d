"""Train with TRL's GRPO on verdicts of the grader: a model learns to pass its tests.

    pip install trl 'opencodeeval[client]'
    opencodeeval serve --bench starter &
    python grpo_with_trl.py MODEL [STEPS] [OUTPUT]

Ends with the mean reward of each step. With a model of your own and another
benchmark this is all that changes: `BENCH` here and after `serve --bench`.
"""

from __future__ import annotations

import sys
from typing import Any

from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

from opencodeeval import load_benchmark
from opencodeeval.serve.client import GraderClient

BENCH = "starter"
SERVER = "http://127.0.0.1:8321"


def passed(completions: list[Any], task_id: list[str], **_: Any) -> list[float]:
    """TRL's reward function: 1 for an answer whose program passes its tests, else 0.

    It never returns a reward for an answer that was not graded: the client tries again,
    and raises if there is no verdict.
    """
    requests = [
        {"bench": BENCH, "task_id": task, "answer": turns[0]["content"]}
        for task, turns in zip(task_id, completions, strict=True)
    ]
    with GraderClient(SERVER) as grader:
        verdicts = dict(grader.grade_many(requests))
    return [float(verdicts[index].passed) for index in range(len(requests))]


def main(model: str, steps: int = 8, output: str = "grpo") -> list[float]:
    """Train, and return the mean reward of each step."""
    benchmark = load_benchmark(BENCH)
    rows = [
        {
            "task_id": task.task_id,
            "prompt": [{"role": "user", "content": benchmark.prompt(task, "chat").text}],
        }
        for task in benchmark.tasks
    ]
    trainer = GRPOTrainer(
        model,
        reward_funcs=passed,
        train_dataset=Dataset.from_list(rows),
        args=GRPOConfig(
            output,
            max_steps=steps,
            learning_rate=2e-4,
            per_device_train_batch_size=64,
            num_generations=8,
            max_completion_length=256,
            bf16=False,
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            seed=1,
        ),
    )
    trainer.train()
    return [entry["reward"] for entry in trainer.state.log_history if "reward" in entry]


if __name__ == "__main__":
    model, *more = sys.argv[1:]
    for number, reward in enumerate(main(model, *map(int, more[:1]), *more[1:]), 1):
        print(f"step {number}: mean reward {reward:.3f}")
