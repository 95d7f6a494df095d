"""Train a tiny chat model with GRPO on a CPU; the rewards come from `opencodeeval serve`.

    opencodeeval serve --bench starter --slots 2
    OPENCODEEVAL_SERVE=http://127.0.0.1:8321 python docs/examples/grpo_with_trl.py

The model has half learnt some of the starter's functions, so that a part of its answers is right.
Prints the mean reward of each step, and ends with status 1 if it has not risen.
"""

import argparse
import sys
from pathlib import Path

from datasets import Dataset
from reward_trl import share_of_tests
from transformers import TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from opencodeeval.benchmarks.registry import load_benchmark

MODEL = "tests/checkpoints/starter-tiny-chat/step-0124"
TASKS = ("starter/10",)
# To each prompt in a step.
ANSWERS = 32


def rows(names: tuple[str, ...]) -> list[dict[str, object]]:
    """The prompts of these tasks, with what the reward function needs."""
    benchmark = load_benchmark("starter")
    tasks = {task.task_id: task for task in benchmark.tasks}
    found = []
    for name in names:
        prompt = benchmark.prompt(tasks[name], "chat")
        messages = [{"role": each.role, "content": each.content} for each in prompt.messages]
        found.append({"prompt": messages, "bench": "starter", "task_id": name})
    return found


class Rewards(TrainerCallback):
    """Keeps the mean reward of each step, and prints it."""

    def __init__(self) -> None:
        self.means: list[float] = []

    def on_log(self, arguments, state, control, logs=None, **_):
        """Take one step's metrics."""
        if logs and "reward" in logs:
            self.means.append(float(logs["reward"]))
            print(f"step {state.global_step}: mean reward {self.means[-1]:.3f}", flush=True)


def main() -> int:
    """Train; the exit status is 1 if the last steps have no higher mean reward than the first."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--output", type=Path, default=Path("build/grpo"))
    options = parser.parse_args()
    rewards = Rewards()
    settings = GRPOConfig(
        output_dir=str(options.output),
        max_steps=options.steps,
        per_device_train_batch_size=ANSWERS * len(TASKS),
        num_generations=ANSWERS,
        max_completion_length=80,
        temperature=0.6,
        learning_rate=1e-4,
        lr_scheduler_type="constant",
        beta=0.0,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        seed=1,
        disable_tqdm=True,
        log_level="error",
        model_init_kwargs={"dtype": "float32"},
    )
    trainer = GRPOTrainer(
        model=MODEL,
        reward_funcs=share_of_tests,
        args=settings,
        train_dataset=Dataset.from_list(rows(TASKS)),
        callbacks=[rewards],
    )
    trainer.train()
    part = max(1, len(rewards.means) // 4)
    first, last = (sum(means) / part for means in (rewards.means[:part], rewards.means[-part:]))
    print(f"mean reward of the first {part} steps {first:.3f}, of the last {last:.3f}")
    return 0 if last > first else 1


if __name__ == "__main__":
    sys.exit(main())
