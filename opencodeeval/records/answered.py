"""How many answers were cut off or hold no code, which explains many a low score."""

from __future__ import annotations

from dataclasses import dataclass

from opencodeeval.core.types import Verdict
from opencodeeval.records.schema import Reasoning, Record

# Above this share a reader is told what to do.
MANY = 0.05
# Finish reasons of samples that were not generated in the run.
_NOT_DRAWN = frozenset({"sample", "reference", "carried"})


@dataclass(frozen=True)
class Answered:
    """Counts over the samples of a record.

    `drawn` of them were generated in the run, and `cut_off` of these ended at the longest
    answer, of `longest` tokens; `too_long` had a prompt beyond the model's context.
    `without_code` of the `graded` ones have the verdict no_code.
    """

    drawn: int
    cut_off: int
    too_long: int
    graded: int
    without_code: int
    longest: int | None
    reasoning: Reasoning | None

    @property
    def cut_off_share(self) -> float | None:
        """The share of answers that were cut off, in [0, 1]; None if it is not known."""
        return self.cut_off / self.drawn if self.drawn else None

    @property
    def too_long_share(self) -> float:
        """The share of samples whose prompt did not fit the model's context, in [0, 1]."""
        return self.too_long / self.drawn if self.drawn else 0.0

    @property
    def without_code_share(self) -> float:
        """The share of answers without code, in [0, 1]."""
        return self.without_code / self.graded if self.graded else 0.0


def counts(record: Record) -> Answered:
    """The counts of a record, also of one that an earlier version made."""
    reasons = record.totals.finish_reasons
    verdicts = record.verdicts.get(record.benchmark.headline, {})
    return Answered(
        drawn=sum(count for reason, count in reasons.items() if reason not in _NOT_DRAWN),
        cut_off=reasons.get("length", 0),
        too_long=reasons.get("prompt_too_long", 0),
        graded=sum(verdicts.values()),
        without_code=verdicts.get(Verdict.NO_CODE.value, 0),
        longest=record.sampling.max_tokens,
        reasoning=record.reasoning,
    )


def lines(record: Record) -> list[str]:
    """What a summary says of the answers, and what to do where many are not whole."""
    return [*_facts(counts(record)), *(f"warning: {line}" for line in advice(record))]


def cautions(record: Record) -> list[str]:
    """What limits a score, to stand beside it: "12.5 % of the answers were cut off"."""
    found = counts(record)
    said = []
    if found.too_long:
        said.append(f"{_percent(found.too_long_share)} of the prompts did not fit the context")
    if (found.cut_off_share or 0.0) > MANY:
        said.append(f"{_percent(found.cut_off_share or 0.0)} of the answers were cut off")
    return said


def _facts(found: Answered) -> list[str]:
    share = found.cut_off_share
    parts = []
    if share is not None:
        parts.append(f"{_percent(share)} cut off at {found.longest} tokens")
    if found.too_long:
        parts.append(f"{found.too_long} prompts longer than the model's context")
    parts.append(f"{_percent(found.without_code_share)} without code")
    return [f"answers: {', '.join(parts)}", *_reasoning(found)]


def _reasoning(found: Answered) -> list[str]:
    reasoning = found.reasoning
    if reasoning is None:
        return []
    text = f"reasoning: in {reasoning.answers} answers"
    if reasoning.counted:
        text += f", {reasoning.tokens / reasoning.counted:.0f} tokens on average"
    if reasoning.at_budget:
        text += f"; {reasoning.at_budget} cut at the thinking budget"
    if reasoning.unfinished:
        text += f"; {reasoning.unfinished} ended inside it"
        if found.drawn:
            text += f" ({reasoning.cut_off} of them cut off)"
    return [text]


def advice(record: Record) -> list[str]:
    """What to do where many answers are not whole."""
    found = counts(record)
    told = []
    cut_off = found.cut_off_share or 0.0
    if found.too_long:
        told.append(
            f"{found.too_long} of {found.drawn} prompts did not fit the model's context"
            f"{_of_tokens(record)}, and count as failures: raise --max-model-len, or use a model "
            "with a longer context"
        )
    if cut_off > MANY:
        told.append(
            f"{_percent(cut_off)} of the answers were cut off at {found.longest} tokens: "
            + (
                "with --ignore-eos an answer ends nowhere else"
                if record.sampling.ignore_eos
                else f"raise --max-tokens{_context(record)}"
            )
        )
    stopped = found.reasoning.unfinished - found.reasoning.cut_off if found.reasoning else 0
    if found.graded and stopped / found.graded > MANY:
        told.append(
            f"{_percent(stopped / found.graded)} of the answers ended inside their reasoning "
            + (
                "without being cut off: a protocol's stop strings end it too (docs/reasoning.md)"
                if found.drawn
                else "and have no code: they may have been cut off where they were generated, at "
                "the longest answer or by a stop string (docs/reasoning.md)"
            )
        )
    elif (
        found.without_code_share > MANY
        and found.without_code_share > cut_off + found.too_long_share
    ):
        told.append(
            f"{_percent(found.without_code_share)} of the answers hold no code: read some of them "
            "with `opencodeeval report`"
        )
    return told


def _context(record: Record) -> str:
    """Where prompt and longest answer do not fit into the model's context together."""
    context, longest = record.model.identity.get("max_model_len"), record.sampling.max_tokens
    if not isinstance(context, int) or longest is None or not record.totals.samples:
        return ""
    prompt = record.totals.prompt_tokens / record.totals.samples
    if prompt + longest <= context:
        return ""
    return f" and --max-model-len (the model's context here is {context} tokens)"


def _of_tokens(record: Record) -> str:
    context = record.model.identity.get("max_model_len")
    return f" of {context} tokens" if isinstance(context, int) else ""


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
