"""HumanEval and MBPP as lm-evaluation-harness 0.4.13 runs them.

Base models get its tasks `humaneval` and `mbpp`; chat models `humaneval_instruct` and
`mbpp_instruct`, with `--apply_chat_template`. The quirks.toml of either benchmark lists what
of it moves scores.
"""

from __future__ import annotations

from dataclasses import replace

from opencodeeval.benchmarks.card_benchmark import CardBenchmark, as_program
from opencodeeval.benchmarks.cards import prompt_sources, render
from opencodeeval.benchmarks.prompt_templates import template_variables
from opencodeeval.core.types import Completion, Message, ModelType, Program, Prompt, Task, digest

FENCE = "```"
DONE = "[DONE]"


class LmEval(CardBenchmark):
    """What the two benchmarks have in common."""

    def template(self, task: Task, model_type: ModelType) -> str:
        """The protocol has templates of its own."""
        return f"lm_eval_{model_type}"

    def response_prefix(self, task: Task) -> str:
        """The open fence that a chat answer goes on from, with what stands around it."""
        return render(self.card, "lm_eval_chat_response_prefix", template_variables(task))

    def prompt_digest(self, model_type: ModelType) -> str:
        """Digest of the prompt templates, prefixes and stop strings in use."""
        return digest(prompt_sources(self.card, self.protocol_card, f"lm_eval_{model_type}"))


class LmEvalHumanEval(LmEval):
    """The tasks `humaneval` and `humaneval_instruct`."""

    def program(self, task: Task, completion: Completion, model_type: ModelType) -> Program:
        """Extract and assemble the program of one completion (pure)."""
        text = completion.text
        if completion.form == "program":
            return as_program(completion, text, "program")
        if completion.form == "answer" and model_type == "chat":
            text = text.partition(FENCE)[0]
        return as_program(completion, task.prompt + text, "completion")


class LmEvalMbpp(LmEval):
    """The tasks `mbpp` and `mbpp_instruct`."""

    def prompt(self, task: Task, model_type: ModelType) -> Prompt:
        """The question put to the model (pure); chat models get each shot as two turns."""
        prompt = super().prompt(task, model_type)
        if model_type == "base":
            return prompt
        shots = []
        for shot in task.fields["shots"]:
            answer = f"{prompt.response_prefix}{shot['code']}\n{FENCE}"
            question = render(self.card, self.template(task, model_type), shot)
            shots += [Message("user", question), Message("assistant", answer)]
        return replace(prompt, messages=(*shots, *prompt.messages))

    def program(self, task: Task, completion: Completion, model_type: ModelType) -> Program:
        """Extract and assemble the program of one completion (pure)."""
        text = completion.text
        if completion.form != "answer":
            return as_program(completion, text, completion.form)
        if model_type == "base":
            return as_program(completion, text.partition(DONE)[0], "completion")
        code, closed, _ = text.removeprefix("\n").partition(FENCE)
        return as_program(completion, code.removesuffix("\n") if closed else "", "fence")
