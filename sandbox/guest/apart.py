"""Work of a judge done in a fork of it, so that nothing of it stays behind.

A judge serves one task after another; a reference solution that it has to run
may change what is global (the decimal context, the recursion limit) and its
values may be large. Both end with the fork.
"""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Dict


class Failed(Exception):
    """The fork ended without a result: a fault of ours or of the reference."""


def run(work: Callable[[], Dict[str, Any]]) -> Dict[str, Any]:
    """The plain result of `work`, done elsewhere; has no deadline but the judge's own.

    Raises:
        Failed: there was no result.
    """
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 70
        try:
            os.close(read)
            with open(write, "wb") as pipe:
                pipe.write(json.dumps(work()).encode("ascii"))
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    with open(read, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(pid, 0)
    if status:
        raise Failed("the reference solution could not be run")
    result: Dict[str, Any] = json.loads(told)
    return result
