"""A small server that speaks as much of the hub's protocol as a download needs.

It stands for huggingface.co, which tests cannot reach.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def hub(repositories: Mapping[str, Path], revisions: tuple[str, ...] = ("main",)) -> Iterator[str]:
    """The URL of a server with these folders; each has one commit, known by each revision."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path).path.strip("/").split("/")
            if parts[:2] == ["api", "models"]:
                self._about("/".join(parts[2:4]), parts[5] if parts[4:] else "main")
            elif "/".join(parts[:2]) in repositories:
                self._file(repositories["/".join(parts[:2])] / "/".join(parts[4:]))
            else:
                self._answer(404, b"{}", {})

        do_HEAD = do_GET

        def _about(self, name: str, revision: str) -> None:
            if name not in repositories:
                self._answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})
            elif revision not in (*revisions, COMMIT):
                self._answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
            else:
                files = [{"rfilename": each.name} for each in sorted(repositories[name].iterdir())]
                about = {"id": name, "sha": COMMIT, "siblings": files}
                self._answer(200, json.dumps(about).encode(), {})

        def _file(self, path: Path) -> None:
            content = path.read_bytes()
            etag = f'"{hashlib.sha256(content).hexdigest()}"'
            self._answer(200, content, {"ETag": etag, "X-Repo-Commit": COMMIT})

        def _answer(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
