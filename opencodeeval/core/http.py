"""HTTP for the whole package: what fails in passing is tried again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from opencodeeval.core.journal import replacing

if TYPE_CHECKING:
    import requests

TRIES = 3
PAUSE_S = 1.0
# A server that is busy or broken may soon answer; whoever is refused stays refused.
PASSING = frozenset({408, 425, 429, *range(500, 600)})
PIECE_BYTES = 1 << 20


def download(url: str, path: Path, timeout_s: float) -> None:
    """Write what is at `url` into `path`, in pieces; `path` is there only when it is whole.

    Raises:
        OSError: it cannot be fetched, or not be written; the text says why.
    """
    import requests

    # As it is stored: a packed file must not be unpacked on its way.
    headers = {"Accept-Encoding": "identity"}
    with _session(PAUSE_S) as session:
        for left in reversed(range(TRIES)):
            try:
                answer = session.get(url, headers=headers, stream=True, timeout=timeout_s)
            except requests.RequestException as error:
                raise OSError(_reason(error)) from error
            try:
                with answer:
                    _refuse_failure(answer)
                    with replacing(path) as file:
                        for piece in answer.iter_content(PIECE_BYTES):
                            file.write(piece)
                return
            except (requests.exceptions.ChunkedEncodingError, requests.ConnectionError) as error:
                # The session tries again until an answer begins; this one broke off.
                if not left:
                    raise OSError(_reason(error)) from error


def post(url: str, body: bytes, timeout_s: float, pause_s: float) -> None:
    """Send a JSON document; nothing of the URL is logged, for it may be a secret.

    Raises:
        OSError: it was not taken; an HTTPError of requests has the `response`. The text of
            other errors may quote the URL.
        ValueError: the URL is malformed.
    """
    with _unlogged(), _session(pause_s) as session:
        headers = {"Content-Type": "application/json"}
        with session.post(url, data=body, headers=headers, timeout=timeout_s) as answer:
            _refuse_failure(answer)


def _session(pause_s: float) -> requests.Session:
    """A session with TRIES tries for every request: at once, then after `pause_s` and longer."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    retry = Retry(
        total=TRIES - 1,
        backoff_factor=pause_s,
        status_forcelist=PASSING,
        allowed_methods=None,
        raise_on_status=False,
        # A server could ask for hours.
        respect_retry_after_header=False,
    )
    session = requests.Session()
    session.headers["User-Agent"] = "opencodeeval"
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session


def _refuse_failure(answer: requests.Response) -> None:
    """Raise what `raise_for_status` would, without the URL in it."""
    import requests

    if not answer.ok:
        message = f"HTTP Error {answer.status_code}: {answer.reason}"
        raise requests.HTTPError(message, response=answer)


def _reason(error: Exception) -> str:
    """What was the matter, out of the report of all tries that urllib3 makes of it."""
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return str(reason.__cause__ or reason) if isinstance(reason, Exception) else str(error)


@contextmanager
def _unlogged() -> Iterator[None]:
    """urllib3 logs the address of every try; nothing of it comes from this thread."""
    here = threading.get_ident()

    def others(record: logging.LogRecord) -> bool:
        return record.thread != here

    loggers = [logging.getLogger(f"urllib3.{name}") for name in ("connectionpool", "util.retry")]
    for logger in loggers:
        logger.addFilter(others)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(others)
