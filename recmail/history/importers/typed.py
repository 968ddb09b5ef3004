"""Values that have a type already, of databases and Parquet, as the texts that a CSV file would hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

EXACT = 2**53
"""Below it a float that is whole is exact: pandas makes floats of ids as soon as one is missing."""


def texts(values: Sequence[object]) -> list[str]:
    """The values of a column as texts, nothing lost; what is missing is empty."""
    kinds = set(map(type, values)) - {type(None)}
    if kinds <= {str}:
        return [str(value or "") for value in values]
    write = _WRITERS.get(kinds.pop(), text) if len(kinds) == 1 else text
    return ["" if value is None else write(value) for value in values]


def text(value: object) -> str:
    """One value; lists are parted by semicolons, as in CSV, and times are in UTC when they have a zone."""
    if value is None or value != value:
        return ""
    for kind, write in _WRITERS.items():
        if isinstance(value, kind):
            return write(value)
    return str(value)


def _float(value: float) -> str:
    if value != value:
        return ""
    return str(int(value)) if abs(value) < EXACT and value.is_integer() else repr(value)


def _time(value: datetime) -> str:
    return (value if value.tzinfo is None else value.astimezone(UTC)).isoformat()


def _list(values: Sequence[object]) -> str:
    return ";".join(text(value).replace(";", ",") for value in values)


def _bytes(value: bytes | memoryview) -> str:
    try:
        return bytes(value).decode()
    except UnicodeDecodeError:
        return bytes(value).hex()


_WRITERS: dict[type, Callable[[Any], str]] = {  # a bool is an int and a datetime a date: first come first
    str: str,
    bool: lambda value: "true" if value else "false",
    int: str,
    float: _float,
    Decimal: lambda value: "" if value.is_nan() else format(value, "f"),
    datetime: _time,
    date: date.isoformat,
    timedelta: lambda value: _float(value / timedelta(seconds=1)),
    list: _list,
    tuple: _list,
    dict: lambda value: json.dumps(value, ensure_ascii=False, default=text),
    bytes: _bytes,
    memoryview: _bytes,
}
