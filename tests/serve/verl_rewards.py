"""Run by tests/serve/test_rewards.py with verl: its own reward manager calls our function.

    python tests/serve/verl_rewards.py URL TOKENIZER ANSWERS

ANSWERS is JSON: pairs of a task's id and an answer. Prints what the manager gives for each, and
what verl's client of SandboxFusion makes of our /run_code.
"""

from __future__ import annotations

import asyncio
import json
import sys

import numpy as np
import torch
from omegaconf import OmegaConf
from transformers import AutoTokenizer
from verl import DataProto
from verl.trainer.ppo.reward import load_reward_manager
from verl.utils.reward_score.sandbox_fusion import compute_score

url, folder, answers = sys.argv[1:]
function = {
    "path": "docs/examples/reward_verl.py",
    "name": "share_of_tests",
    "reward_kwargs": {"url": url},
}
manager = {"source": "register", "name": "naive"}
config = OmegaConf.create(
    {"reward": {"custom_reward_function": function, "reward_manager": manager}}
)
tokenizer = AutoTokenizer.from_pretrained(folder)


def row(task_id: str, answer: str) -> DataProto:
    """A rollout as verl has it: a prompt of one token, then the answer's."""
    said = tokenizer(answer, return_tensors="pt", add_special_tokens=False)["input_ids"]
    mask = torch.ones(1, 1 + said.shape[1], dtype=torch.long)
    prompt = torch.zeros(1, 1, dtype=torch.long)
    return DataProto.from_dict(
        tensors={"prompts": prompt, "responses": said, "attention_mask": mask},
        non_tensors={
            "data_source": np.array(["starter"], dtype=object),
            "reward_model": np.array([{"ground_truth": task_id}], dtype=object),
            "extra_info": np.array([{}], dtype=object),
        },
    )


async def main() -> None:
    rewards = load_reward_manager(config, tokenizer)
    for task_id, answer in json.loads(answers):
        try:
            print(json.dumps(await rewards.run_single(row(task_id, answer))))
        except Exception as error:
            print(json.dumps({"raised": type(error).__name__}))


asyncio.run(main())
# verl's own client of SandboxFusion, with another address.
tests = {"inputs": ["1\n", "2\n", "0\n", "x\n"], "outputs": ["1\n", "2\n", "0\n", "0\n"]}
program = "```python\nn = int(input())\nprint(n if n != 2 else 7)\n```"
score, each = compute_score(f"{url}/run_code", None, 1024, program, tests, timeout=20)
print(json.dumps({"score": score, "statuses": [test["status"] for test in each]}))
