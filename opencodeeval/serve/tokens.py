"""Who asks: bearer tokens from the environment, which name the clients.

A client that takes nothing but an address has the token in it, as a password
(`http://any:TOKEN@host`), which comes as HTTP's basic authentication.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

from opencodeeval.core.errors import UsageError

VARIABLE = "OPENCODEEVAL_SERVE_TOKENS"
# The client of a server without tokens, which listens on this machine only.
ANYBODY = "anybody"


class Tokens:
    """The tokens of a server, as digests."""

    def __init__(self, text: str) -> None:
        """`text` is "NAME=TOKEN,NAME=TOKEN".

        Raises:
            UsageError: it is not; tokens are never part of the message.
        """
        self._clients: dict[bytes, str] = {}
        for pair in filter(None, (each.strip() for each in text.split(","))):
            name, separator, token = (part.strip() for part in pair.partition("="))
            if not (separator and name and len(token) >= 16):
                raise UsageError(
                    f"{VARIABLE} is not NAME=TOKEN,NAME=TOKEN with tokens of 16 characters or "
                    "more: correct it (`openssl rand -hex 32` makes a token)"
                )
            self._clients[hashlib.sha256(token.encode()).digest()] = name

    def __bool__(self) -> bool:
        return bool(self._clients)

    def client(self, headers: Mapping[str, str]) -> str | None:
        """The name of the client with these headers; None if it is not known."""
        if not self._clients:
            return ANYBODY
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "basic":
            token = _password(token)
        elif kind.lower() != "bearer":
            return None
        given = hashlib.sha256(token.strip().encode()).digest()
        # Every one is compared, so that time tells nothing.
        names = [name for known, name in self._clients.items() if hmac.compare_digest(known, given)]
        return names[0] if names else None


def _password(text: str) -> str:
    """The password of basic authentication; empty if there is none."""
    try:
        return base64.b64decode(text.strip(), validate=True).decode("utf-8").partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
