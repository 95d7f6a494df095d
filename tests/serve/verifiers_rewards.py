"""Run by tests/serve/test_rewards.py with verifiers: its own scoring calls our reward.

    python tests/serve/verifiers_rewards.py URL ANSWERS

ANSWERS is JSON: pairs of a task's id and an answer. Prints the rewards of each rollout.
"""

from __future__ import annotations

import asyncio
import json
import sys

sys.path.insert(0, "docs/examples")

import verifiers.v1 as vf
from environment_verifiers import GradedConfig, GradedTaskset

url, answers = sys.argv[1:]
tasks = {task.data.task_id: task for task in GradedTaskset(GradedConfig(url=url))}


async def main() -> None:
    for task_id, answer in json.loads(answers):
        known = tasks.get(task_id) or tasks["starter/0"].with_data(task_id=task_id)
        trace = vf.Trace(
            task=vf.TraceTask(type=type(known).__name__, data=known.data),
            agent=vf.AgentInfo(config=vf.AgentConfig()),
            nodes=[
                vf.MessageNode(message=vf.UserMessage(content=known.data.prompt)),
                vf.MessageNode(parent=0, message=vf.AssistantMessage(content=answer), sampled=True),
            ],
        )
        raised = None
        try:
            await known.score(trace)
        except vf.TaskError as error:
            raised = type(error).__name__
        rewards = {name: each and each.value for name, each in trace.rewards.items()}
        print(json.dumps({"rewards": rewards, "raised": raised}))


asyncio.run(main())
