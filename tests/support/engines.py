"""Tests that load more of vLLM's engines, and so run only where they are asked for."""

from __future__ import annotations

import importlib.util
import os

import pytest

_VARIABLE = "OPENCODEEVAL_TEST_ENGINES"
# Whether they are asked for.
WANTED = os.environ.get(_VARIABLE) == "all"


def loads_engines(number: str) -> pytest.MarkDecorator:
    """The mark of a test that loads this number of engines, about a minute each."""
    if importlib.util.find_spec("vllm") is None:
        return pytest.mark.skipif(True, reason="vLLM is not installed")
    return pytest.mark.skipif(not WANTED, reason=f"loads {number} in vLLM: set {_VARIABLE}=all")
