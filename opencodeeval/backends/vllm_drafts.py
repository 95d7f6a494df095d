"""The draft model of vLLM's speculative decoding: found before the engine, named in the record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opencodeeval.backends.models import ModelSource, find_model, weight_digest
from opencodeeval.core.errors import BackendError, UsageError

_ARGUMENT = "speculative_config"
_EXAMPLES = (
    '{"method": "ngram", "num_speculative_tokens": 3, "prompt_lookup_max": 3} or '
    '{"model": "DRAFT", "num_speculative_tokens": 5}'
)


def find_draft(engine_args: Mapping[str, Any]) -> ModelSource | None:
    """The draft model that the engine arguments name; None if they name none.

    Raises:
        UsageError: the argument is no JSON object.
        BackendError: there is no such model.
    """
    given = engine_args.get(_ARGUMENT)
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise UsageError(f"--engine-arg {_ARGUMENT} takes a JSON object: {_EXAMPLES}")
    name = given.get("model")
    if not isinstance(name, str) or name == given.get("method"):
        return None
    try:
        # It writes with the model's own tokenizer.
        return find_model(name, given.get("revision"), tokenizer="the model's")
    except BackendError as error:
        raise BackendError(f"the draft model of {_ARGUMENT} cannot be used: {error}") from None


def draft_arguments(draft: ModelSource | None, engine_args: Mapping[str, Any]) -> dict[str, Any]:
    """The engine argument with the draft model as it was found, of the hub at its commit."""
    if draft is None:
        return {}
    pinned = {"revision": draft.commit} if draft.commit and not draft.folder else {}
    given = {**engine_args[_ARGUMENT], **pinned}
    return {_ARGUMENT: {**given, "model": str(draft.folder or draft.name)}}


def describe_draft(draft: ModelSource | None) -> dict[str, Any]:
    """What names the draft model in the record; reads its weights.

    Other weights draw other samples, though from the same distribution.
    """
    if draft is None:
        return {}
    digest = weight_digest(draft.folder) if draft.folder and not draft.commit else None
    named = {"model": draft.recorded, "revision": draft.commit, "weights_digest": digest}
    return {"draft": named}
