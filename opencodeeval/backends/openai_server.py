"""What a server with the OpenAI interface says of itself, and how it refuses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from opencodeeval.backends import openai_answers, openai_fields
from opencodeeval.backends import openai_wire as wire
from opencodeeval.core.errors import BackendError, UsageError

# Where the key is looked for.
KEY = "OPENAI_API_KEY"
# Where OpenAI's own models are served.
_OPENAI_HOSTS = ("openai.com", "openai.azure.com")
# As in "System role not supported", or "Only user and assistant roles are supported!".
_NO_SYSTEM = re.compile(
    r"\bsystem\b.{0,20}\b(role|message|prompt|turn)|only.{0,9}user and assistant", re.IGNORECASE
)


def check_url(url: str) -> None:
    """Refuse what is no URL, or has a secret in it."""
    # The URL is not quoted: it may have the secret in it.
    try:
        parts = urlsplit(url)
        secret = "@" in parts.netloc or parts.query or parts.fragment
    except ValueError:
        raise UsageError("--base-url is not a URL: write http://HOST:PORT/v1") from None
    if secret:
        raise UsageError(
            "--base-url has a user name, password or query in it: put the key into the "
            f"environment variable {KEY}, or name another with --api-key-env"
        )
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError(f"--base-url {url} is not a URL: write http://HOST:PORT/v1")


@dataclass(frozen=True)
class Found:
    """A server that has the model: what it lists of it, and which kind of server it is.

    `openapi` is its description of itself, where it has one that is needed.
    """

    entry: Mapping[str, Any]
    server: str
    openapi: bytes | None


def find_model(url: str, key: str, model: str) -> Found:
    """What a server says about the model and itself.

    Raises:
        BackendError: it cannot be reached, refuses, is no such server, or lacks the model.
    """
    import openai

    try:
        with openai.OpenAI(base_url=url, api_key=key or "none", timeout=30.0) as client:
            content = client.models.with_raw_response.list().http_response.content
        models = openai_answers.model_ids(content)
    except openai_answers.Garbled:
        raise BackendError(
            f"{url} is not a server with the OpenAI interface (GET {url}/models gives something "
            "else): most URLs end in /v1"
        ) from None
    except openai.APIStatusError as error:
        raise refusal(url, error.status_code, error.response.content, key) from None
    except openai.APIConnectionError as error:
        reason = str(error.__cause__ or error)
        raise BackendError(
            f"{url} cannot be reached ({reason}): start the server, or correct --base-url"
        ) from None
    if model not in models:
        names = ", ".join(list(models)[:20]) + (", …" if len(models) > 20 else "")
        raise BackendError(f"{url} has no model {model!r}: give --model one of {names}")
    entry = models[model]
    # An adapter has the context of its base model.
    base = models.get(str(entry.get("parent")), {})
    entry = {**entry, "max_model_len": entry.get("max_model_len") or base.get("max_model_len")}
    owner = str(entry.get("owned_by") or "")
    host = urlsplit(url).hostname or ""
    if any(f".{host}".endswith(f".{own}") for own in _OPENAI_HOSTS):
        return Found(entry, owner, None)
    openapi = _description(url)
    return Found(entry, wire.server_of(owner, openapi), openapi)


def _description(url: str) -> bytes | None:
    """What a server says of its interface, if it does; without the key, which it needs not."""
    import httpx

    try:
        answer = httpx.get(urljoin(f"{url}/", "../openapi.json"), timeout=30.0)
    except httpx.HTTPError:
        return None
    return answer.content if answer.status_code == 200 else None


def stop_strings(server: str, found: Sequence[Found]) -> int | None:
    """How many stop strings each of these takes, which all are a `server`; None: any."""
    numbers = [wire.most_stops(server, each.openapi) for each in found]
    return min((each for each in numbers if each is not None), default=None)


def refusal(url: str, status: int, content: bytes, key: str) -> BackendError:
    """The error that a refusal of a request is: it will be refused again."""
    if status in (401, 403):
        return BackendError(
            f"{url} refuses the key (HTTP {status}): put a valid one into {KEY}, or into the "
            "variable that --api-key-env names"
        )
    said = openai_answers.message_of(content, key)
    if status == 404:
        advice = "most URLs end in /v1, and the server must have the model and this kind of prompt"
    elif changed := openai_fields.advice(content, said):
        advice = changed
    elif status >= 500:
        advice = "see the server's log, and start it again"
    elif _NO_SYSTEM.search(said):
        advice = (
            "leave out --system-prompt, choose a protocol without a system text, or start the "
            "server with a chat template that has a system role"
        )
    else:
        advice = (
            "change the request, or the server's chat template (--model-type base where the "
            "model has none)"
        )
    return BackendError(f"{url} refuses the request (HTTP {status}: {said}): {advice}")
