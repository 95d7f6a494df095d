"""Refuses a run in which too many prompts do not fit the model's context: its score says little."""

from __future__ import annotations

from opencodeeval.backends import SERVERS
from opencodeeval.backends.base import SamplesFailed
from opencodeeval.records.answered import MANY
from opencodeeval.runs.recording import Planned

# Why such a completion is finished.
PROMPT_TOO_LONG = "prompt_too_long"


class PromptsTooLong(SamplesFailed):
    """More prompts do not fit than may be; what was generated stays in the run folder."""


class LongPrompts:
    """Counts the samples of a run whose prompt does not fit; `samples` is the run's total."""

    def __init__(self, planned: Planned) -> None:
        self.samples = 0
        self._planned = planned
        self._too_long = 0

    def add(self, completions: int) -> None:
        """Count completions without an answer, as their prompt was too long.

        Raises:
            PromptsTooLong: more than a share of `MANY` of all samples did not fit.
        """
        self._too_long += completions
        if self._too_long > MANY * self.samples:
            raise PromptsTooLong(
                f"the prompts of at least {self._too_long} of {self.samples} samples of "
                f"{self._planned.benchmark.name} do not fit the model's context{self._context()}, "
                f"and would count as failures: {self._longer()}, use a model with a longer "
                "context, or add --allow-long-prompts"
            )

    def _longer(self) -> str:
        if self._planned.backend.identity().get("backend") in SERVERS:
            return "start the server with a longer context"
        return "raise --max-model-len"

    def _context(self) -> str:
        context = self._planned.backend.identity().get("max_model_len")
        return f" of {context} tokens" if isinstance(context, int) else ""
