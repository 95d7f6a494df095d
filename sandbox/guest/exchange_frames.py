"""Frames, series and indexes of pandas between a program and tests that run apart.

A part of exchange.py, which gives `encoder` (for what is in them) and `read` (for its encoding).
"""

from __future__ import annotations

import sys
from typing import Any, Callable, Dict

from .blanks import blank
from .exchange_zones import Malformed, Uncrossable, named_zone, zone_of

Read = Callable[[Any], Any]

_NULLABLE = {
    *("str", "string", "boolean", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32"),
    *("UInt64", "Float32", "Float64"),
}


def encode(encoder: Any, value: Any, kind: type, depth: int) -> Any:
    """The encoding of a value of pandas, or None if it is none.

    Raises:
        Uncrossable: it has a column of a type that does not cross.
    """
    pandas = sys.modules["pandas"]
    if isinstance(value, pandas.DataFrame):
        labels = [encoder.tree(value.index, depth), encoder.tree(value.columns, depth)]
        columns = [_column(encoder, value.iloc[:, i], depth) for i in range(value.shape[1])]
        return {"df": [*labels, columns]}
    if isinstance(value, pandas.Series):
        index, name = encoder.tree(value.index, depth), encoder.tree(value.name, depth)
        return {"se": [index, name, _column(encoder, value, depth)]}
    if kind is pandas.Categorical:
        return {"ca": _column(encoder, pandas.Series(value), depth)}
    if isinstance(value, pandas.api.extensions.ExtensionArray):
        return {"pa": _column(encoder, pandas.Series(value), depth)}
    if kind is pandas.Period:
        return {"pe": [str(value), value.freqstr]}
    if kind is pandas.Interval:
        return {"iv": [*encoder.items([value.left, value.right], depth), value.closed]}
    if kind is pandas.Timestamp:
        return {"ts": [value.value, named_zone(value.tz)]}
    if kind is pandas.Timedelta:
        return {"tdp": value.value}
    if value is pandas.NaT:
        return {"nat": 0}
    if value is getattr(pandas, "NA", pandas):
        return {"na": 0}
    return _index(encoder, value, kind, depth) if isinstance(value, pandas.Index) else None


def _index(encoder: Any, value: Any, kind: type, depth: int) -> Any:
    pandas = sys.modules["pandas"]
    if kind is pandas.MultiIndex:
        return {"mi": [encoder.items(list(value), depth), encoder.items(list(value.names), depth)]}
    name = encoder.tree(value.name, depth)
    if kind is pandas.RangeIndex:
        return {"ri": [value.start, value.stop, value.step, name]}
    if kind is pandas.DatetimeIndex:
        freq = value.freqstr if value.freq is not None else None
        return {"di": [encoder.array(_naive(value), depth), named_zone(value.tz), freq, name]}
    if kind is pandas.TimedeltaIndex:
        return {"ti": [encoder.array(value.to_numpy(), depth), name]}
    if kind is pandas.PeriodIndex:
        return {"pi": [_periods(value), value.freqstr, name]}
    if kind is pandas.CategoricalIndex:
        return {"ci": [_column(encoder, value.to_series(), depth), name]}
    if kind is pandas.IntervalIndex:
        ends = [encoder.tree(end, depth) for end in (value.left, value.right)]
        return {"ii": [*ends, value.closed, name]}
    if kind is pandas.Index or kind.__name__ in ("Int64Index", "Float64Index", "UInt64Index"):
        dtype = str(value.dtype) if str(value.dtype) in _NULLABLE else None
        if blank(value):
            raise Uncrossable("nothing but NA")
        return {"ix": [encoder.array(value.to_numpy(), depth), dtype, name]}
    raise Uncrossable(kind.__name__)


def _column(encoder: Any, series: Any, depth: int) -> Any:
    """The values of a Series."""
    pandas, dtype = sys.modules["pandas"], series.dtype
    if isinstance(dtype, pandas.CategoricalDtype):
        codes = encoder.array(series.cat.codes.to_numpy(), depth)
        return {"cat": [codes, encoder.tree(dtype.categories, depth), dtype.ordered]}
    if isinstance(dtype, pandas.DatetimeTZDtype):
        moments = encoder.array(_naive(pandas.DatetimeIndex(series)), depth)
        return {"tz": [moments, named_zone(dtype.tz)]}
    if isinstance(dtype, pandas.PeriodDtype):
        index = pandas.PeriodIndex(series)
        return {"pis": [_periods(index), index.freqstr]}
    if isinstance(dtype, pandas.IntervalDtype):
        return {"ivs": encoder.tree(pandas.IntervalIndex(series), depth)}
    if str(dtype) in _NULLABLE:
        if blank(series):
            raise Uncrossable("nothing but NA")
        return {"ex": [str(dtype), encoder.items(series.tolist(), depth)]}
    if isinstance(dtype, pandas.api.extensions.ExtensionDtype):
        raise Uncrossable(f"column of {dtype}")
    return encoder.array(series.to_numpy(), depth)


def _periods(index: Any) -> Any:
    """Periods as texts, None for a missing one."""
    return [None if each == "NaT" else each for each in index.astype(str)]


def _period_index(read: Read, body: Any) -> Any:
    texts, freq, name = body
    return sys.modules["pandas"].PeriodIndex(texts, freq=freq, name=read(name))


def _naive(index: Any) -> Any:
    """The moments of an index in UTC, as NumPy has them."""
    return (index if index.tz is None else index.tz_convert("UTC").tz_localize(None)).to_numpy()


def _column_of(read: Read, tree: Any) -> Any:
    pandas = sys.modules["pandas"]
    if "cat" in tree:
        codes, categories, ordered = tree["cat"]
        return pandas.Categorical.from_codes(read(codes), read(categories), ordered=ordered)
    if "tz" in tree:
        return _dates(read(tree["tz"][0]), tree["tz"][1])
    if "pis" in tree:
        return sys.modules["pandas"].PeriodIndex(tree["pis"][0], freq=tree["pis"][1])
    if "ivs" in tree:
        return read(tree["ivs"])
    if "ex" in tree:
        dtype, values = tree["ex"]
        return _filled(pandas.array(read(values), dtype=_nullable(dtype)))
    return read(tree)


def _filled(found: Any) -> Any:
    if blank(found):
        raise Malformed("nothing but NA")
    return found


def _nullable(dtype: Any) -> Any:
    if dtype not in _NULLABLE:
        raise Malformed("no such type")
    return dtype


def _frame(read: Read, body: Any) -> Any:
    pandas = sys.modules["pandas"]
    index, columns, values = read(body[0]), read(body[1]), body[2]
    if not values:
        return pandas.DataFrame(index=index, columns=columns)
    found = pandas.concat([_made(_column_of(read, each), index) for each in values], axis=1)
    found.columns = columns
    return found


def _made(values: Any, index: Any, name: Any = None) -> Any:
    # The type is named: pandas would make texts of an array of objects that are texts.
    return sys.modules["pandas"].Series(values, index=index, name=name, dtype=values.dtype)


def _series(read: Read, body: Any) -> Any:
    index, name, values = body
    return _made(_column_of(read, values), read(index), read(name))


def _multi_index(read: Read, body: Any) -> Any:
    return sys.modules["pandas"].MultiIndex.from_tuples(read(body[0]), names=read(body[1]))


def _plain_index(read: Read, body: Any) -> Any:
    values, dtype, name = read(body[0]), body[1], read(body[2])
    dtype = values.dtype if dtype is None else _nullable(dtype)
    return _filled(sys.modules["pandas"].Index(values, dtype=dtype, name=name))


def _dates_index(read: Read, body: Any) -> Any:
    values, zone, freq, name = body
    found = _dates(read(values), zone)
    found.freq = freq
    return found.rename(read(name))


def _dates(values: Any, zone: Any) -> Any:
    """Moments in UTC, in a time zone if there is one."""
    return _in_zone(sys.modules["pandas"].DatetimeIndex(values), zone)


def _in_zone(found: Any, zone: Any) -> Any:
    return found if zone is None else found.tz_localize("UTC").tz_convert(zone_of(zone))


def _range_index(read: Read, body: Any) -> Any:
    return sys.modules["pandas"].RangeIndex(*body[:3], name=read(body[3]))


def _deltas_index(read: Read, body: Any) -> Any:
    return sys.modules["pandas"].TimedeltaIndex(read(body[0]), name=read(body[1]))


def _categories_index(read: Read, body: Any) -> Any:
    return sys.modules["pandas"].CategoricalIndex(_column_of(read, body[0]), name=read(body[1]))


def _intervals_index(read: Read, body: Any) -> Any:
    left, right, closed, name = body
    make = sys.modules["pandas"].IntervalIndex.from_arrays
    return make(read(left), read(right), closed=closed, name=read(name))


def _interval(read: Read, body: Any) -> Any:
    return sys.modules["pandas"].Interval(read(body[0]), read(body[1]), closed=body[2])


DECODERS: Dict[str, Callable[[Read, Any], Any]] = {
    "df": _frame,
    "se": _series,
    "ca": _column_of,
    "pa": lambda read, body: sys.modules["pandas"].Series(_column_of(read, body)).array,
    "pe": lambda read, body: sys.modules["pandas"].Period(body[0], freq=body[1]),
    "pi": _period_index,
    "iv": _interval,
    "ts": lambda read, body: _in_zone(sys.modules["pandas"].Timestamp(body[0]), body[1]),
    "tdp": lambda read, body: sys.modules["pandas"].Timedelta(body),
    "nat": lambda read, body: sys.modules["pandas"].NaT,
    "na": lambda read, body: sys.modules["pandas"].NA,
    "mi": _multi_index,
    "ri": _range_index,
    "di": _dates_index,
    "ti": _deltas_index,
    "ci": _categories_index,
    "ii": _intervals_index,
    "ix": _plain_index,
}
