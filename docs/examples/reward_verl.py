"""A reward function for verl: the share of a task's tests that pass.

    reward.custom_reward_function.path=docs/examples/reward_verl.py
    reward.custom_reward_function.name=share_of_tests
    +reward.custom_reward_function.reward_kwargs.url=http://127.0.0.1:8321

Of each row `data_source` is the benchmark and `reward_model.ground_truth` the task's id.
"""

from opencodeeval.serve.client import AsyncGraderClient


async def share_of_tests(data_source, solution_str, ground_truth, *, url, token=None, **_):
    """A reward from 0 to 1. Where there is no verdict it raises, for a 0 would teach something."""
    task = {"bench": data_source, "task_id": ground_truth}
    async with AsyncGraderClient(url, token) as grader:
        found = await grader.grade(**task, answer=solution_str, tell=["share"])
    return {"score": found.share, "acc": float(found.passed)}
