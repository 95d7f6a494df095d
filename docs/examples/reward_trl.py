"""A reward function for TRL's GRPOTrainer: the share of a task's tests that pass.

Each row of the data set has `bench` and `task_id` beside its prompt. OPENCODEEVAL_SERVE is the
address of `opencodeeval serve`, OPENCODEEVAL_TOKEN perhaps its token.
"""

import os

from opencodeeval.serve.client import GraderClient


def share_of_tests(completions, bench, task_id, **_):
    """Rewards from 0 to 1. Where there is no verdict it raises, for a 0 would teach something."""
    texts = [each if isinstance(each, str) else each[-1]["content"] for each in completions]
    asked = [
        {"bench": name, "task_id": task, "answer": text, "tell": ["share"]}
        for name, task, text in zip(bench, task_id, texts, strict=True)
    ]
    url, token = os.environ["OPENCODEEVAL_SERVE"], os.environ.get("OPENCODEEVAL_TOKEN")
    with GraderClient(url, token) as grader:
        found = dict(grader.grade_many(asked))
    return [found[index].share for index in range(len(asked))]
