"""Values of NumPy and pandas that equal anything where they are blank.

A masked place, or a pandas.NA, is left out where a comparison is summed up by all(), and
numpy.testing takes a masked place for equal. Missing values of other kinds equal nothing.
"""

from __future__ import annotations

import sys
from typing import Any


def blank(value: Any) -> bool:
    """Whether an array has masked places, or a column or array holds nothing but NA."""
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if numpy is not None and isinstance(value, numpy.ma.MaskedArray):
        return bool(numpy.ma.getmaskarray(value).any())
    if pandas is None or not hasattr(pandas, "DataFrame"):  # while it is being imported
        return False
    if isinstance(value, pandas.DataFrame):
        return any(blank(value.iloc[:, place]) for place in range(value.shape[1]))
    if isinstance(value, (pandas.Series, pandas.Index)):
        value = value.array
    if not isinstance(value, pandas.api.extensions.ExtensionArray) or not len(value):
        return False
    return all(each is pandas.NA for each in value)
