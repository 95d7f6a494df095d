"""bigcodebench 0.2.5's `sanitize`: EvalPlus's, but for what happens before and after.

The text is stripped first, functions need not return anything, and lines at
the end that mention the entry point without being indented (a call of it) go.
"""

from __future__ import annotations

from opencodeeval.benchmarks.extraction.evalplus_sanitize import longest_window, reachable_code


def sanitize(code: str, entry_point: str) -> str:
    """What `bigcodebench.sanitize.sanitize(code, entry_point)` returns."""
    # A lone surrogate cannot be written to a file, let alone run.
    text = code.encode("utf-8", "replace").decode()
    kept = reachable_code(longest_window(text.strip()), entry_point)
    return _without_calls(kept, entry_point).strip() or longest_window(text)


def _without_calls(code: str, entry_point: str) -> str:
    lines = code.splitlines()
    end = len(lines)
    for number in reversed(range(len(lines))):
        if lines[number].startswith(" "):
            break
        if entry_point in lines[number]:
            end = number
    return "\n".join(lines[:end]) if end < len(lines) else code
