"""The catalogue: checked, prices in minor units, levels and lists as we write them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import numpy as np
import sqlalchemy as sa

from recmail.db.tables import courses
from recmail.errors import DataError
from recmail.history.identity import Due, note_courses
from recmail.history.importing_checks import (
    Checks,
    answers,
    known,
    moments,
    numbers,
    reject_ids,
    texts,
    times,
    whole_numbers,
)
from recmail.history.importing_target import Counts, Setting
from recmail.history.importing_upsert import Row, SeenIds, compare, row_hashes, upsert
from recmail.records import CURRENCY_DIGITS, LEVELS
from recmail.settings.codes import language_of

COLUMNS = (
    *("course_id", "title", "subtitle", "category", "level", "topics", "tags", "prerequisites", "language"),
    *("price", "price_minor", "currency", "published_at", "closes_at", "seats", "duration_min"),
    *("image_url", "url", "staff_pick", "active"),
)
REQUIRED = ("course_id", "title")
_LISTS = ("topics", "tags", "prerequisites")
_DEFAULTS = {**dict.fromkeys(_LISTS, ()), "staff_pick": False, "active": True}
_INT32 = 2**31 - 1
_MOST_MINOR = 10**15  # far above any price, and exact as a float
_CURRENCY = re.compile("[A-Z]{3}")
_WEB_ADDRESS = re.compile(r"""https?://[^\s"'<>/?#][^\s"'<>]*""", re.IGNORECASE)
_PATH = re.compile(r"""/{0,2}[^\s"'<>:/\\][^\s"'<>:\\]*""")


class Courses:
    """The target of courses. A course that a file leaves out stays as it is: write active = no instead.

    Attributes:
        due: events that were kept until these courses came.
    """

    newest = -1

    def __init__(self, setting: Setting) -> None:
        """Prepare to check courses.

        Raises:
            DataError: the file has two columns for the price.
        """
        self._setting = setting
        self._seen = SeenIds()
        self.due: Due = {}
        if {"price", "price_minor"} <= setting.present:
            raise DataError("the file has both price and price_minor; leave one of them out")

    def check(self, columns: Mapping[str, list[str]], checks: Checks) -> list[Row]:
        """Check a chunk of courses."""
        ids = columns["course_id"]
        checks.ids, checks.id_name = (ids,), "course_id"
        reject_ids("course_id", ids, checks)
        checks.reject([row for row, title in enumerate(columns["title"]) if not title], "title: empty")
        values = self._values(columns, checks)
        self._seen.refuse_seconds("course_id", ids, checks)
        hashes = row_hashes(columns, self._setting.options.currency)
        rows = list(zip(*values.values(), strict=True))
        return [
            Row(ids[row], dict(zip(values, rows[row], strict=True)), hashes[row]) for row in checks.accepted()
        ]

    def _values(self, columns: Mapping[str, list[str]], checks: Checks) -> dict[str, Sequence[Any]]:
        values: dict[str, Sequence[Any]] = {}
        for name, cells in columns.items():
            if name in ("title", "subtitle", "category"):
                values[name] = texts(cells)
            elif name in _LISTS:
                values[name] = [_items(cell) for cell in cells]
            elif name in ("published_at", "closes_at"):
                values[name] = moments(times(name, cells, checks))
            elif name in ("seats", "duration_min"):
                values[name] = whole_numbers(name, cells, checks, high=_INT32)
            elif name == "url":
                values[name] = known(cells, _web_address, checks, "url: not a web address")
            elif name == "image_url":
                values[name] = known(cells, _image_address, checks, "image_url: not a web address or path")
        if "level" in columns:
            values["level"] = known(columns["level"], _level, checks, "level: unknown")
        if "language" in columns:
            values["language"] = known(columns["language"], language_of, checks, "language: unknown")
        for name, default in (("staff_pick", False), ("active", True)):
            if name in columns:
                said = answers(name, columns[name], checks)
                values[name] = [default if answer is None else answer for answer in said]
        return values | self._prices(columns, checks)

    def _prices(self, columns: Mapping[str, list[str]], checks: Checks) -> dict[str, Sequence[Any]]:
        given = next((name for name in ("price", "price_minor") if name in columns), None)
        if given is None and "currency" not in columns:
            return {}
        empty = [""] * len(checks.lines)
        currencies = currencies_of(columns.get("currency", empty), checks)
        if given is None:
            return {"currency": currencies}
        default = self._setting.options.currency
        if given == "price":
            minor, currencies = minor_units(given, columns[given], currencies, default, checks)
        else:
            minor = whole_numbers(given, columns[given], checks, high=_MOST_MINOR)
            currencies = _with_default(minor, currencies, default, checks)
        return {"price_minor": minor, "currency": currencies}

    def write(self, connection: sa.Connection, rows: Sequence[Row]) -> Counts:
        """Write courses."""
        counts = upsert(connection, courses, rows, stamp=self._setting.stamp, defaults=_DEFAULTS)[1]
        # Those that were there before, too: an import that was killed may have left their events.
        note_courses(connection, [row.id for row in rows], self.due)
        return counts

    def rehearse(self, connection: sa.Connection, rows: Sequence[Row]) -> Counts:
        """Count what `write` would do."""
        return compare(connection, courses, rows).counts


def currencies_of(values: Sequence[str], checks: Checks) -> list[str | None]:
    """Currency codes in capitals, None where empty."""
    codes = [value.upper() for value in values]
    checks.reject(
        [row for row, code in enumerate(codes) if code and not _CURRENCY.fullmatch(code)],
        "currency: not three letters",
        values,
    )
    return [code or None for code in codes]


def minor_units(
    name: str,
    values: Sequence[str],
    currencies: Sequence[str | None],
    default: str | None,
    checks: Checks,
) -> tuple[list[int | None], list[str | None]]:
    """Decimal amounts as minor units of their currency, and the currencies with the default filled in."""
    parsed = numbers(name, values, checks, low=0, high=_MOST_MINOR / 10_000)
    codes = _with_default([None if value != value else 0 for value in parsed], currencies, default, checks)
    digits = np.array([CURRENCY_DIGITS.get(code or "", 2) for code in codes])
    scaled = parsed * 10.0**digits
    minor = np.round(scaled)
    with np.errstate(invalid="ignore"):
        broken = np.abs(scaled - minor) > np.maximum(1e-6, scaled * 1e-12)
    checks.reject(broken, f"{name}: more digits than the currency has", values)
    return [None if value != value else int(value) for value in minor.tolist()], codes


def _with_default(
    amounts: Sequence[int | None], currencies: Sequence[str | None], default: str | None, checks: Checks
) -> list[str | None]:
    codes = [
        code or (default if amount is not None else None)
        for amount, code in zip(amounts, currencies, strict=True)
    ]
    priced = [row for row, amount in enumerate(amounts) if amount is not None]
    unnamed = [row for row in priced if not codes[row]]
    checks.reject(unnamed, "currency: empty; name one in the row, or in recmail.toml: [project] currency")
    return codes


def _items(cell: str) -> list[str]:
    return [item for item in (part.strip() for part in cell.split(";")) if item]


def _level(text: str) -> str | None:
    return text.lower() if text.lower() in LEVELS else None


def _web_address(text: str) -> str | None:
    return text if _WEB_ADDRESS.fullmatch(text) else None


def _image_address(text: str) -> str | None:
    """A web address, or a path that stays below its folder; browsers read %2e%2e as two dots, too."""
    upwards = ".." in re.split(r"[/\\]", unquote(text))
    return text if _WEB_ADDRESS.fullmatch(text) or (_PATH.fullmatch(text) and not upwards) else None
