"""A task set for verifiers: a benchmark's prompts, rewarded by the share of tests that pass."""

import verifiers.v1 as vf

from opencodeeval import load_benchmark
from opencodeeval.serve.client import AsyncGraderClient


class GradedData(vf.TaskData):
    """A prompt, with the task that its answers are graded against."""

    bench: str
    task_id: str
    url: str


class GradedTask(vf.Task[GradedData]):
    """Where there is no verdict the reward raises, and the rollout has an error in its place."""

    @vf.reward
    async def share_of_tests(self, trace: vf.Trace) -> float:
        """From 0 to 1."""
        task = {"bench": self.data.bench, "task_id": self.data.task_id}
        async with AsyncGraderClient(self.data.url) as grader:
            found = await grader.grade(**task, answer=trace.last_reply, tell=["share"])
        return found.share


class GradedConfig(vf.TasksetConfig):
    """The benchmark, and the address of the `opencodeeval serve` that serves it."""

    bench: str = "starter"
    url: str = "http://127.0.0.1:8321"


class GradedTaskset(vf.Taskset[GradedTask, GradedConfig]):
    """The tasks of a benchmark; `eval environment_verifiers` runs it from this folder."""

    def load(self):
        """One task for each prompt."""
        benchmark, config = load_benchmark(self.config.bench), self.config
        for task in benchmark.tasks:
            (message,) = benchmark.prompt(task, "chat").messages
            named = {"name": task.task_id, "task_id": task.task_id, "bench": config.bench}
            yield GradedTask(
                GradedData(prompt=message.content, url=config.url, **named), config.task
            )
