"""Answers that transformers writes: how a batch is run, how tokens are drawn, where texts end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from opencodeeval.backends.base import Request
from opencodeeval.backends.rendering import Rendered
from opencodeeval.backends.streaming import request_seed
from opencodeeval.backends.thinking import Cut, ThinkingBudget
from opencodeeval.core.types import Completion, Sampling

# The tokens (rows) of a step, counted from 0, for its logits (rows, vocabulary).
Choose = Callable[[int, Any], Any]
# Gets the tokens of a step; says which rows need no more.
Taken = Callable[[list[int]], list[bool]]

# As in vLLM (sampling_params.py: _MAX_TEMP), where lower ones overflow.
_LOWEST_TEMPERATURE = 0.01
_PENALTIES = ("repetition_penalty", "presence_penalty", "frequency_penalty")


@dataclass(frozen=True)
class Ends:
    """What ends an answer beside its length: strings in its text, and tokens by their ids.

    `special_in_text`: special tokens stay in the text, as those that mark reasoning must.
    """

    strings: tuple[str, ...]
    token_ids: frozenset[int]
    special_in_text: bool = False


class Answer:
    """One answer, token by token; at most `room` tokens.

    Where it ends and what its text is are as in vLLM (v1/engine/detokenizer.py): a token
    that ends it counts but is not in the text, a stop string ends it as soon as the text
    has it, and bytes that are no whole character yet are not in the text.
    """

    def __init__(
        self,
        request: Request,
        rendered: Rendered,
        ends: Ends,
        room: int,
        budget: Callable[[], ThinkingBudget] | None = None,
    ) -> None:
        """`budget` makes a fresh budget for its reasoning, where that has one."""
        self._new_budget = budget
        self.request = request
        self.rendered = rendered
        self.prompt_tokens = len(rendered.token_ids)
        self.room = room
        self._ends = ends
        self.finish_reason = ""
        self.restart()

    def restart(self) -> None:
        """Forget what has been written."""
        self.text = ""
        self.tokens = 0
        self._budget = self._new_budget() if self._new_budget else None
        self._ids: list[int] = []
        self._cut: Cut | None = None
        self._closing: list[int] = []
        self._window = list(self.rendered.token_ids)
        self._known = len(self._window)

    @property
    def forced(self) -> int | None:
        """The token that comes next whatever the model says, while its reasoning is closed."""
        return self._closing[0] if self._closing else None

    def add(self, token: int, tokenizer: Any) -> bool:
        """Take the next token; True with the last, which sets `finish_reason`."""
        self.tokens += 1
        if self._closing:
            self._closing.pop(0)
            return False
        if token in self._ends.token_ids:
            self.finish_reason = "stop"
            return True
        new = self._decode(token, tokenizer)
        self.text += new
        end = _first_end(self.text, len(new), self._ends.strings)
        if end is not None:
            self.text = self.text[:end]
            self.finish_reason = "stop"
        elif self.tokens == self.room:
            self.finish_reason = "length"
        elif self._budget:
            self._ids.append(token)
            self._cut = self._budget.cut(self._ids)
            if self._cut:
                self._close(self._cut)
        return bool(self.finish_reason)

    def _close(self, cut: Cut) -> None:
        """Have the closing mark written next, and forget what was no whole character."""
        self._budget = None
        self._closing = list(cut.closing_ids)
        self.text = cut.text + cut.closing
        self._window = list(cut.closing_ids)
        self._known = len(self._window)

    def _decode(self, token: int, tokenizer: Any) -> str:
        """The text that one more token adds, as tokenizers.decoders.DecodeStream gives it.

        The tokens before it are decoded with it: they decide about spaces, and may be
        parts of the same character.
        """
        special = self._ends.special_in_text
        before = _text(tokenizer, self._window[: self._known], special)
        self._window.append(token)
        after = _text(tokenizer, self._window, special)
        if len(after) <= len(before) or after.endswith("\N{REPLACEMENT CHARACTER}"):
            return ""
        self._window = self._window[self._known :]
        self._known = len(self._window)
        return after[len(before) :]

    def completion(self) -> Completion:
        """The answer as it is."""
        return Completion(
            task_id=self.request.prompt.task_id,
            sample_id=self.request.sample_id,
            text=self.text,
            prompt=self.rendered.text,
            finish_reason=self.finish_reason,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.tokens,
            thinking_tokens=self._cut.thinking if self._cut else 0,
            thinking_cut=self._cut is not None,
        )


def _text(tokenizer: Any, tokens: Sequence[int], special: bool) -> str:
    text = tokenizer.decode(
        tokens, skip_special_tokens=not special, clean_up_tokenization_spaces=False
    )
    return str(text)


def _first_end(text: str, new: int, stops: Sequence[str]) -> int | None:
    """Where the stop string begins that is complete first, in the last `new` characters or so."""
    found = []
    for stop in stops:
        begin = text.find(stop, max(0, len(text) - new - len(stop) + 1)) if new else -1
        if begin >= 0:
            found.append((begin + len(stop), begin))
    return min(found)[1] if found else None


def chooser(
    requests: Sequence[Request],
    prompts: Sequence[Sequence[int]],
    sampling: Sampling,
    forced: Callable[[], Sequence[int | None]] = tuple,
) -> Choose:
    """How the tokens of a batch, with prompts of these token ids, are chosen.

    What a request draws depends on its own seed alone: not on the batch or the device.
    `forced` gives the tokens that rows get whatever their logits, None for the others.
    """
    import torch

    def uniforms(request: Request) -> Any:
        seed = request_seed(sampling.seed, request.prompt.task_id, request.sample_id)
        generator = torch.Generator().manual_seed(seed)
        return torch.rand(sampling.max_tokens, generator=generator, dtype=torch.float64)

    greedy = sampling.temperature == 0
    numbers = None if greedy else torch.stack([uniforms(each) for each in requests])
    penalties = _Penalties(prompts, sampling) if sampling.changed(_PENALTIES) else None

    def choose(step: int, scores: Any) -> Any:
        if penalties:
            scores = penalties.applied(scores)
        if numbers is None:
            chosen = scores.argmax(-1)
        else:
            chosen = draw(scores, numbers[:, step].to(scores.device), sampling)
        for row, token in enumerate(forced()):
            if token is not None:
                chosen[row] = token
        if penalties:
            penalties.count(chosen)
        return chosen

    return choose


class _Penalties:
    """Lowers the logits of tokens that a row has had, as vLLM does (layers/utils.py).

    The penalty on repetition is also for tokens of the prompt; padding is none of them.
    """

    def __init__(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> None:
        self._prompts = prompts
        self._sampling = sampling
        self._counts: Any = None
        self._in_prompt: Any = None

    def applied(self, scores: Any) -> Any:
        """The logits (rows, vocabulary) after the penalties."""
        import torch

        if self._counts is None:
            self._counts = torch.zeros_like(scores)
            self._in_prompt = torch.zeros_like(scores, dtype=torch.bool)
            for row, prompt in enumerate(self._prompts):
                self._in_prompt[row, torch.tensor(prompt, device=scores.device)] = True
        had = self._counts > 0
        penalty = self._sampling.repetition_penalty
        lowered = torch.where(scores > 0, scores / penalty, scores * penalty)
        scores = torch.where(self._in_prompt | had, lowered, scores)
        scores = scores - self._sampling.frequency_penalty * self._counts
        return scores - self._sampling.presence_penalty * had

    def count(self, chosen: Any) -> None:
        """Note the tokens (rows) of a step."""
        rows = self._counts.new_ones(len(chosen), 1)
        self._counts.scatter_add_(1, chosen.unsqueeze(-1), rows)


def draw(scores: Any, uniforms: Any, sampling: Sampling) -> Any:
    """Tokens (rows) drawn from logits (rows, vocabulary) with one number in [0, 1) a row.

    The inverse of the distribution in the vocabulary's order: logits that differ by
    rounding give the same token but for numbers at the very border of two tokens. What
    min-p, top-k and top-p leave out is left out in this order, as in vLLM.
    """
    import torch

    temperature = max(sampling.temperature, _LOWEST_TEMPERATURE)
    probabilities = (scores.double() / temperature).softmax(-1)
    if sampling.min_p > 0:
        least = sampling.min_p * probabilities.amax(-1, keepdim=True)
        probabilities = probabilities.masked_fill(probabilities < least, 0.0)
    if sampling.top_k > 0 or sampling.top_p < 1:
        ordered, tokens = probabilities.sort(dim=-1, descending=True, stable=True)
        if sampling.top_k > 0:
            ordered[:, sampling.top_k :] = 0.0
        ordered /= ordered.sum(-1, keepdim=True)
        before = ordered.cumsum(-1) - ordered
        ordered = ordered.masked_fill(before >= sampling.top_p, 0.0)
        probabilities = torch.zeros_like(ordered).scatter(-1, tokens, ordered)
    sums = probabilities.cumsum(-1)
    wanted = uniforms.unsqueeze(-1) * sums[:, -1:]
    return torch.searchsorted(sums, wanted, right=True).squeeze(-1).clamp(max=sums.shape[-1] - 1)


@dataclass(frozen=True)
class Batch:
    """Token ids of prompts that are continued together, padded on the left with `padding`.

    `longest`: the most tokens that one of them may get.
    """

    prompts: Sequence[Sequence[int]]
    padding: int
    longest: int


def write(model: Any, batch: Batch, choose: Choose, taken: Taken) -> None:
    """Have a model (transformers.PreTrainedModel) continue a batch until no row needs more."""
    import torch
    from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList

    width = max(map(len, batch.prompts))
    gaps = [width - len(prompt) for prompt in batch.prompts]
    rows = [
        [batch.padding] * gap + list(prompt)
        for gap, prompt in zip(gaps, batch.prompts, strict=True)
    ]
    mask = [[0] * gap + [1] * (width - gap) for gap in gaps]
    # Weights that accelerate keeps on disk seem to be nowhere; it moves what they work on.
    device = "cpu" if model.device.type == "meta" else model.device

    def only_the_chosen(token_ids: Any, scores: Any) -> Any:
        chosen = choose(token_ids.shape[1] - width, scores).unsqueeze(-1)
        return torch.full_like(scores, -torch.inf).scatter(-1, chosen, 0.0)

    def ended(token_ids: Any, scores: Any, **_: Any) -> Any:
        return torch.tensor(taken(token_ids[:, -1].tolist()), device=token_ids.device)

    with torch.inference_mode():
        model.generate(
            torch.tensor(rows, device=device),
            attention_mask=torch.tensor(mask, device=device),
            # Greedy, so that it takes what was chosen.
            generation_config=GenerationConfig(
                do_sample=False,
                use_cache=True,
                pad_token_id=batch.padding,
                max_new_tokens=batch.longest,
            ),
            logits_processor=LogitsProcessorList([only_the_chosen]),
            stopping_criteria=StoppingCriteriaList([ended]),
        )


def change_by_company(
    model: Any, prompt: Sequence[int], other: Sequence[int], padding: int
) -> float:
    """How far the logits of three next tokens move if `other` is in the batch of `prompt`.

    As a part of their spread. More than rounding if the model ignores the attention mask
    and `other` is longer, or if its code mixes rows up.
    """
    import torch

    def logits(prompts: Sequence[Sequence[int]]) -> Any:
        seen: list[Any] = []

        def choose(step: int, scores: Any) -> Any:
            seen.append(scores[0].float())
            return torch.full_like(scores[:, 0], prompt[step], dtype=torch.long)

        batch = Batch(prompts, padding, longest=3)
        write(model, batch, choose, lambda tokens: [False] * len(tokens))
        return torch.stack(seen)

    alone, together = logits([prompt]), logits([prompt, other])
    spread = (alone - alone.mean(-1, keepdim=True)).norm()
    return float((alone - together).norm() / spread)
