"""Time zones by name, and what is raised where a value does not cross (exchange.py)."""

from __future__ import annotations

import datetime
import importlib
from typing import Any


class Uncrossable(Exception):
    """A value of a type that does not cross, or too large or deep."""


class Malformed(Exception):
    """The text is not the encoding of a value."""


def named_zone(zone: Any, moment: Any = None) -> Any:
    """What names a time zone; None for none. One without a name is what it is at a moment.

    Raises:
        Uncrossable: it has no name, and there is no moment.
    """
    if zone is None:
        return None
    if zone is datetime.timezone.utc:
        return ["utc", ""]
    if isinstance(zone, datetime.timezone):
        return ["fixed", zone.utcoffset(None).total_seconds()]
    module = type(zone).__module__
    if module.startswith("pytz") and getattr(zone, "zone", None):
        return ["pytz", str(zone.zone)]
    if module == "zoneinfo" and getattr(zone, "key", None):
        return ["zoneinfo", str(zone.key)]
    offset = zone.utcoffset(moment) if moment is not None else None
    if isinstance(offset, datetime.timedelta):
        return ["fixed", offset.total_seconds()]
    raise Uncrossable("a time zone without a name")


def zone_of(body: Any) -> Any:
    """The time zone that `named_zone` has named."""
    if body is None:
        return None
    kind, name = body
    if kind == "utc":
        return datetime.timezone.utc
    if kind == "fixed":
        return datetime.timezone(datetime.timedelta(seconds=name))
    if kind == "pytz":
        return importlib.import_module("pytz").timezone(name)
    return importlib.import_module("zoneinfo").ZoneInfo(name)
