"""Parts of specifications that clients have put: large tests, in files of this server."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections import OrderedDict
from pathlib import Path

from opencodeeval.serve.refusals import bad_request

# All of them together, in bytes; the ones that were not used for longest go.
MOST_BYTES = 4 << 30


class Parts:
    """Implements opencodeeval.core.parts.PartSource; gone when the server ends."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._lock = threading.Lock()
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def put(self, sha256: str, content: bytes) -> None:
        """Keep a part.

        Raises:
            Refused: it has another digest.
        """
        found = hashlib.sha256(content).hexdigest()
        if found != sha256:
            raise bad_request(f"the SHA-256 of this part is {found}, not {sha256}")
        with self._lock:
            if sha256 in self._sizes:
                self._sizes.move_to_end(sha256)
                return
            self._path(sha256).write_bytes(content)
            self._sizes[sha256] = len(content)
            while sum(self._sizes.values()) > self._most and len(self._sizes) > 1:
                oldest, _ = self._sizes.popitem(last=False)
                self._path(oldest).unlink()

    def has(self, sha256: str) -> bool:
        """Whether it is here; it is used then, so that others go before it."""
        with self._lock:
            if sha256 in self._sizes:
                self._sizes.move_to_end(sha256)
                return True
            return False

    def read(self, sha256: str) -> bytes | None:
        """See opencodeeval.core.parts.PartSource."""
        with self._lock:
            return self._path(sha256).read_bytes() if sha256 in self._sizes else None

    def _path(self, sha256: str) -> Path:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="opencodeeval-parts-")
        # A digest that was computed here: no path of somebody else's.
        return Path(self._folder.name) / sha256
