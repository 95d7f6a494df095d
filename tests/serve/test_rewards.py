"""The reward functions of docs/examples, each with the package that it is for.

TRL comes with the tests. verl and verifiers are there where .ci/rewards.sh has put them, or in the
folder that OPENCODEEVAL_REWARDS names.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core.errors import UsageError
from tests.support.serving import ROOT, Server

STARTER = {task.task_id: task for task in load_benchmark("starter").tasks}
RIGHT = STARTER["starter/0"].reference
HALF = "def count_rises(values):\n    return 2 if values and values[0] == 3 else 0\n"
ANSWERS = [
    ["starter/0", f"Here is the function:\n```python\n{RIGHT}```"],
    ["starter/0", f"```python\n{HALF}```"],
    ["starter/0", "I cannot."],
    ["starter/99", RIGHT],
]
# The example's first steps, in which the mean reward rises from 0.5 to 0.7.
SHORT = ["--steps", "12"]
FOLDER = Path(os.environ.get("OPENCODEEVAL_REWARDS", ROOT / "build" / "peers" / "rewards"))


def lines(command: list[str], **environment: str) -> list[dict[str, Any]]:
    """The JSON that a script prints, a line each."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", **environment},
        capture_output=True,
        text=True,
        timeout=220,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.fixture
def reward(server: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[float]]:
    monkeypatch.setenv("OPENCODEEVAL_SERVE", server.url)
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "examples"))
    found: Callable[..., list[float]] = importlib.import_module("reward_trl").share_of_tests
    return found


def test_trl_rewards_are_shares_in_order(reward: Callable[..., list[float]]) -> None:
    texts = [answer for _, answer in ANSWERS[:3]]
    asked = {"bench": ["starter"] * 3, "task_id": ["starter/0"] * 3, "log_metric": print}
    found = reward(texts, **asked)
    assert (found[0], found[2]) == (1.0, 0.0)
    assert 0 < found[1] < 1
    # As TRL has the answers of a chat.
    chats = [[{"role": "assistant", "content": text}] for text in texts]
    assert reward(chats, **asked) == found


def test_trl_without_a_verdict_there_is_no_reward(reward: Callable[..., list[float]]) -> None:
    with pytest.raises(UsageError, match="has no task 'starter/99'"):
        reward([RIGHT, RIGHT], bench=["starter"] * 2, task_id=["starter/0", "starter/99"])


def test_grpo_with_trl_raises_the_mean_reward(server: Server, tmp_path: Path) -> None:
    pytest.importorskip("trl")
    done = subprocess.run(
        [sys.executable, "docs/examples/grpo_with_trl.py", "--output", str(tmp_path), *SHORT],
        cwd=ROOT,
        env={**os.environ, "OPENCODEEVAL_SERVE": server.url, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=230,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"^step \d+: mean reward \d", done.stdout, re.M)) == int(SHORT[1])
    first, last = map(float, re.findall(r"\d\.\d+", done.stdout.splitlines()[-1]))
    # Without learning it is as likely to fall as to rise, and seldom by so much.
    assert last - first > 0.1


def test_verl_s_reward_manager_calls_our_function(server: Server) -> None:
    packages = FOLDER / "verl"
    if not packages.is_dir():
        pytest.skip("verl is not there: .ci/rewards.sh installs it")
    path = os.pathsep.join([str(ROOT), str(packages)])
    command = [sys.executable, "tests/serve/verl_rewards.py", server.url]
    tokenizer = "tests/checkpoints/starter-tiny-chat/step-0300"
    found = lines([*command, tokenizer, json.dumps(ANSWERS)], PYTHONPATH=path)
    scores = [each["reward_score"] for each in found[:3]]
    assert (scores[0], scores[2]) == (1.0, 0.0)
    assert 0 < scores[1] < 1
    assert found[0]["reward_extra_info"]["acc"] == 1.0
    assert found[3] == {"raised": "UsageError"}
    statuses = ["success", "wrong_answer", "success", "runtime_error"]
    assert found[4] == {"score": 0.5, "statuses": statuses}


def test_verifiers_scores_with_our_task_set(server: Server) -> None:
    python = FOLDER / "verifiers" / "bin" / "python"
    if not python.exists():
        pytest.skip("verifiers is not there: .ci/rewards.sh installs it")
    command = [str(python), "tests/serve/verifiers_rewards.py", server.url, json.dumps(ANSWERS)]
    found = lines(command, PYTHONPATH=str(ROOT))
    shares = [each["rewards"]["share_of_tests"] for each in found]
    assert (shares[0], shares[2]) == (1.0, 0.0)
    assert 0 < shares[1] < 1
    # No verdict: the rollout has an error in the place of a reward.
    assert (shares[3], found[3]["raised"]) == (None, "TaskError")
