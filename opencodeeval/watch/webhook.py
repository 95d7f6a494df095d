"""Posts each result to a chat or a service; the URL is a secret."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from opencodeeval.core import http
from opencodeeval.core.errors import UsageError

TIMEOUT_S = 10.0

FORMATS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "json": dict,
    "slack": lambda event: {"text": event["text"]},
    "lark": lambda event: {"msg_type": "text", "content": {"text": event["text"]}},
}


class Webhook:
    """The receiver of events; only the URL's host is ever shown."""

    def __init__(self, url: str, kind: str = "json", pause_s: float = 2.0) -> None:
        """Raises UsageError if `url` is not an http(s) URL."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError("the webhook is not a URL: it must start with https:// and a host")
        self._url = url
        self._kind = kind
        self._pause_s = pause_s
        self.shown = f"{parts.scheme}://{parts.hostname}/(hidden)"

    def __repr__(self) -> str:
        return f"Webhook({self.shown!r})"

    def tell(self, event: Mapping[str, Any]) -> str | None:
        """Send one event, whose `text` is its sentence; returns the problem, or None.

        Nothing is raised, because a chat that is down must not end a watch.
        """
        body = json.dumps(FORMATS[self._kind](event)).encode()
        try:
            http.post(self._url, body, TIMEOUT_S, self._pause_s)
            return None
        except (OSError, ValueError) as error:
            # Do not show the error's text, which may contain the URL.
            code = getattr(getattr(error, "response", None), "status_code", None)
            problem = f"status {code}" if code else type(error).__name__
        return f"the webhook {self.shown} did not get the message ({problem})"
