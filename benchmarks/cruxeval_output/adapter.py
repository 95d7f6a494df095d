"""CRUXEval's other direction: what a function returns. The code is that of cruxeval_input."""

from __future__ import annotations

from opencodeeval.benchmarks.adapter import Adapter

from ..cruxeval_input.adapter import CruxEval, output_task

ADAPTER = Adapter(output_task, CruxEval)
