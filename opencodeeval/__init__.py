"""opencodeeval: how often is the code that a model writes right?

The public API is the list below; everything else may change. Each name is
imported when it is first used, so that `import opencodeeval` costs nothing.

    import opencodeeval as oce

    result = oce.evaluate("MODEL", ["humaneval_plus", "mbpp_plus"])
    decision = oce.gate("results/humaneval_plus/baseline--*.json", result)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opencodeeval.backends.options import BackendOptions
    from opencodeeval.core.errors import (
        BackendError,
        DataError,
        OpenCodeEvalError,
        SandboxError,
        StoreError,
        UsageError,
    )
    from opencodeeval.core.types import Verdict
    from opencodeeval.decide.baseline import Baseline
    from opencodeeval.decide.comparison import Comparison
    from opencodeeval.decide.early_stop import EarlyStopping
    from opencodeeval.decide.from_records import compare, gate
    from opencodeeval.decide.gate import Answer, Decision, Policy
    from opencodeeval.records.reading import StoredRecord, read_records
    from opencodeeval.records.schema import Record
    from opencodeeval.runs.executors.options import ExecutorOptions
    from opencodeeval.runs.finished import load_benchmark
    from opencodeeval.runs.grader import GradedCode, Grader
    from opencodeeval.runs.jobs import Evaluation
    from opencodeeval.runs.observers import Observer, StopRun
    from opencodeeval.runs.options import Output, SamplingOptions, SandboxOptions, Selection
    from opencodeeval.runs.samples_file import SampleSource
    from opencodeeval.runs.service import evaluate, grade
    from opencodeeval.stats.pass_at_k import pass_at_k

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "BackendError",
    "BackendOptions",
    "Baseline",
    "Comparison",
    "DataError",
    "Decision",
    "EarlyStopping",
    "Evaluation",
    "ExecutorOptions",
    "GradedCode",
    "Grader",
    "Observer",
    "OpenCodeEvalError",
    "Output",
    "Policy",
    "Record",
    "SampleSource",
    "SamplingOptions",
    "SandboxError",
    "SandboxOptions",
    "Selection",
    "StopRun",
    "StoreError",
    "StoredRecord",
    "UsageError",
    "Verdict",
    "__version__",
    "compare",
    "evaluate",
    "gate",
    "grade",
    "load_benchmark",
    "pass_at_k",
    "read_records",
]

_MODULES = {
    "backends.options": ("BackendOptions",),
    "core.errors": (
        "BackendError",
        "DataError",
        "OpenCodeEvalError",
        "SandboxError",
        "StoreError",
        "UsageError",
    ),
    "core.types": ("Verdict",),
    "decide.baseline": ("Baseline",),
    "decide.comparison": ("Comparison",),
    "decide.early_stop": ("EarlyStopping",),
    "decide.from_records": ("compare", "gate"),
    "decide.gate": ("Answer", "Decision", "Policy"),
    "records.reading": ("StoredRecord", "read_records"),
    "records.schema": ("Record",),
    "runs.executors.options": ("ExecutorOptions",),
    "runs.finished": ("load_benchmark",),
    "runs.grader": ("GradedCode", "Grader"),
    "runs.jobs": ("Evaluation",),
    "runs.observers": ("Observer", "StopRun"),
    "runs.options": ("Output", "SamplingOptions", "SandboxOptions", "Selection"),
    "runs.samples_file": ("SampleSource",),
    "runs.service": ("evaluate", "grade"),
    "stats.pass_at_k": ("pass_at_k",),
}
_WHERE = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'opencodeeval' has no attribute {name!r}")
    found = getattr(import_module(f"opencodeeval.{_WHERE[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
