"""A reward of verl from verdicts of the grader.

    opencodeeval serve --bench mbpp_plus &
    … custom_reward_function.path=reward_for_verl.py custom_reward_function.name=compute_score

Rows of the data set have the benchmark's name as `data_source` and the task's id as
`reward_model.ground_truth`.
"""

from __future__ import annotations

from typing import Any

from opencodeeval.serve.client import AsyncGraderClient

SERVER = "http://127.0.0.1:8321"


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: dict[str, Any] | None = None,
    server: str = SERVER,
    **_: Any,
) -> dict[str, Any]:
    """1 for an answer whose program passes its tests, else 0; with its verdict.

    Raises:
        NotGraded: there is no verdict, so there is no reward either.
    """
    async with AsyncGraderClient(server) as grader:
        found = await grader.grade(bench=data_source, task_id=ground_truth, answer=solution_str)
    return {"score": float(found.passed), "verdict": found.verdict}
