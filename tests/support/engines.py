"""Marks of tests that load several of vLLM's engines, and so run only where they are asked for."""

from __future__ import annotations

import importlib.util
import os

import pytest

_WANTED = "OPENCODEEVAL_TEST_ENGINES"


def loads_engines(number: str) -> pytest.MarkDecorator:
    """The mark of a test that loads this number of engines, about a minute each."""
    reason = f"loads {number} in vLLM: set {_WANTED}=all"
    if importlib.util.find_spec("vllm") is None:
        reason = "vLLM is not installed"
        return pytest.mark.skipif(True, reason=reason)
    return pytest.mark.skipif(os.environ.get(_WANTED) != "all", reason=reason)
