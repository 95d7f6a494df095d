"""Tests of the adapters; what they import makes the adapters of benchmarks/ importable."""

import opencodeeval.benchmarks.adapter  # noqa: F401
