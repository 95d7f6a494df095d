"""README.md and docs/ name commands that exist and do what they say, in their order."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from opencodeeval.core.errors import UsageError
from tests.documented.commands import Stage, check, documented, everything, rule_of, rules


@pytest.mark.timeout(1800)
def test_every_command_is_right_and_those_that_can_run_here_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With OPENCODEEVAL_TEST_DOCS=all also those that load a model, which takes minutes."""
    monkeypatch.chdir(tmp_path)
    with_models = os.environ.get("OPENCODEEVAL_TEST_DOCS") == "all"
    done = list(everything(Stage(tmp_path), with_models))
    failed = [f"{each.page}: {each.text}: {problem}" for each, _, problem in done if problem]
    assert failed == []
    assert sum(bool(rule.run) for _, rule, _ in done) > 30


def test_every_rule_is_of_a_command_and_says_one_thing() -> None:
    known = rules()
    used = [rule_of(each.text, known) for each in documented()]
    assert [rule.pattern for rule in known if rule not in used] == []
    for rule in known:
        assert [bool(rule.run), rule.model, bool(rule.not_run)].count(True) == 1, rule.pattern
        re.compile(rule.pattern)


@pytest.mark.parametrize(
    "wrong",
    [
        "opencodeeval --modle M --bench humaneval",
        "opencodeeval --model M --bench humanevil",
        "opencodeeval --model M --bench humaneval_plus@v9",
        "opencodeeval --model M --bench humaneval --protocol evalplus",
        "opencodeeval wach CKPT_DIR --bench humaneval",
        "… --n many",
        "… --n 20 --metrics pass^4",
        "pip install '.[vlm]'",
        "make quikstart",
    ],
)
def test_a_wrong_command_would_be_found(wrong: str) -> None:
    with pytest.raises(UsageError):
        check(wrong)
