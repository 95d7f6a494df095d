"""The public names: which there are, what they cost, and that they are documented."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import opencodeeval

PUBLIC = [
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
HEAVY = ("asyncio", "jinja2", "msgspec", "numpy", "requests", "tqdm", "vllm")


def loaded_after(code: str) -> set[str]:
    """The modules of a fresh interpreter after `code`."""
    told = f"{code}\nimport sys; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_the_public_api_is_this_list() -> None:
    assert sorted(opencodeeval.__all__) == sorted(PUBLIC)
    assert set(PUBLIC) <= set(dir(opencodeeval))
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        opencodeeval.no_such_name  # noqa: B018


@pytest.mark.parametrize("name", [name for name in PUBLIC if name != "__version__"])
def test_every_public_name_exists_and_is_documented(name: str) -> None:
    assert inspect.getdoc(getattr(opencodeeval, name))


@pytest.mark.parametrize(
    "command", ["run", "grade", "compare", "gate", "watch", "regrade", "show", "benchmarks"]
)
def test_help_loads_nothing_heavy(command: str) -> None:
    code = f"from opencodeeval.cli.main import main; main([{command!r}, '--help'])"
    assert not loaded_after(code) & set(HEAVY)


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = loaded_after("import opencodeeval")
    assert not loaded & set(HEAVY)
    assert {name for name in loaded if name.startswith("opencodeeval.")} == set()
