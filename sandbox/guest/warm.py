"""What an environment's players find imported: paid once by the zygote, not by every sample.

A fork of a process with threads can find a lock held for ever by a thread that
it does not have. So whatever starts a thread when it is imported has no place
in a list of warm modules, and the jail does not start with it.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Callable, Dict, List, Sequence

from . import scratch

SETTLE_S = 5.0  # a thread that an import needed for a moment may take this long to be gone


class StartsThreads(Exception):
    """After the imports there is more than one thread."""


def up(modules: Sequence[str]) -> List[str]:
    """Import the modules and bring them to the state of a new process; those there are not.

    What imports write goes to the players' scratch folder, which is removed afterwards.

    Raises:
        StartsThreads: the zygote cannot be forked; the message names the modules.
    """
    os.makedirs(scratch.WORK, exist_ok=True)
    os.environ.update(HOME=scratch.WORK, MPLCONFIGDIR=scratch.WORK)
    missing, suspects = [], []
    for name in modules:
        before = _threads()
        try:
            __import__(name)
        except Exception:  # whatever a package that is not whole raises
            missing.append(name)
        if _threads() > before:
            suspects.append(name)
    for name, settle in _SETTLE.items():
        if name in sys.modules:
            settle(sys.modules[name])
    scratch.empty(time.monotonic() + SETTLE_S)
    os.rmdir(scratch.WORK)  # each player gets one that belongs to it
    end = time.monotonic() + SETTLE_S
    while _threads() > 1:
        if time.monotonic() > end:
            names = ", ".join(suspects) or "the warm modules together"
            raise StartsThreads(f"importing starts threads, so it cannot be done ahead: {names}")
        time.sleep(0.01)
    return missing


def _threads() -> int:
    return len(os.listdir("/proc/self/task"))


def _settle_pyplot(pyplot: Any) -> None:
    """Without a display the first figure settles on Agg, after trying all that need one."""
    pyplot.switch_backend("agg")
    figure = pyplot.figure()
    figure.gca().set_title("warm")
    figure.canvas.draw()  # fonts are looked for once
    pyplot.close("all")


_SETTLE: Dict[str, Callable[[Any], None]] = {"matplotlib.pyplot": _settle_pyplot}
