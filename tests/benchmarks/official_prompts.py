"""What a publisher's own code makes of a task, for the tests to compare with."""

from __future__ import annotations

from opencodeeval.core.types import Task


class _Joined:
    """A tokenizer whose chat template shows where one turn ends and the next begins."""

    chat_template = "any"

    def apply_chat_template(self, turns: list[dict[str, str]], tokenize: bool) -> str:
        return "|".join(turn["content"] for turn in turns)


def evalplus_chat(task: Task) -> str:
    """EvalPlus's chat prompt: the user's turn, "|", and the start of the answer."""
    from evalplus.provider.utility import make_raw_chat_prompt

    prompt: str = make_raw_chat_prompt(
        task.prompt.strip() + "\n",
        "Please provide a self-contained Python script that solves the following problem in a "
        "markdown code block:",
        "Below is a Python script with a self-contained function that solves the problem and "
        "passes corresponding tests:",
        _Joined(),
    )
    return prompt
