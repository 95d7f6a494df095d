"""What is committed below results/: it follows from itself, and gives nothing away."""

from __future__ import annotations

import json
import re
from pathlib import Path

from opencodeeval.cli import main as cli
from opencodeeval.show.reported import read_published


def test_the_committed_leaderboard_follows_from_the_committed_records(repo_root: Path) -> None:
    assert cli.main(["leaderboard", str(repo_root / "results"), "--check"]) == 0


def test_committed_records_hold_no_path_of_a_machine_and_no_text_of_a_data_set(
    repo_root: Path,
) -> None:
    paths = sorted(repo_root.glob("results/*/*--*.json"))
    assert paths
    for path in paths:
        text = path.read_text("ascii")
        assert not re.search(r'"(/|~|\.\./|[A-Za-z]:\\\\)', text), path
        content = json.loads(text)
        assert set(next(iter(content["tasks"].values()))) == {"c", "n", "verdicts"}


def test_the_committed_scores_of_others_can_be_read(repo_root: Path) -> None:
    assert read_published(repo_root / "results" / "published.json")
