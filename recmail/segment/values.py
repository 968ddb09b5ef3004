"""Values, operators, lengths of time and counts of a segment: as used, or what is wrong with them."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal

from lark import Token

from recmail.segment.advice import NOTHING, length_advice
from recmail.segment.fields import Field, Type, folded
from recmail.segment.syntax import A_TIME

DAYS_LIMIT = 36_500  # a century; more would leave the calendar
TIMES_LIMIT = 1_000_000
_YEARS = (1900, 2199)
_NUMBER = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,6})?")
_LENGTH = re.compile(r"([0-9]{1,6})([hdw])")
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_OPERATORS = ("==", "!=", "<", "<=", ">", ">=")
_MEANT = {
    "=": "==",
    "===": "==",
    "<>": "!=",
    "!==": "!=",
    "=>": ">=",
    "=<": "<=",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
}
_YES_NO = {"yes": "true", "no": "false", "True": "true", "False": "false", "1": "true", "0": "false"}


class Wrong(Exception):  # noqa: N818 - it never leaves this folder
    """What is wrong with a token."""

    def __init__(self, token: Token, message: str) -> None:
        super().__init__(message)
        self.token, self.message = token, message


def read_operator(operator: Token, value: Token, field: Field, *, short: bool) -> str:
    """Return how a field is compared with a value.

    Args:
        short: `=` may stand for `==`, inside the parentheses of an event.

    Raises:
        Wrong: it is no operator, or not one for this field.
    """
    op = "==" if operator == "=" and short else str(operator)
    if op not in _OPERATORS:
        meant = _MEANT.get(op)
        raise Wrong(operator, f"found {op!r}; " + (f"write {meant}" if meant else "expected == != < <= > >="))
    if field.hidden:
        raise Wrong(operator, f"only whether {field.name} is set can be asked: {field.example}")
    if field.type is Type.TEXTS or (field.partly and field.name == "query"):
        raise Wrong(operator, f"write {field.name} has {value}")
    if field.type in (Type.TEXT, Type.BOOLEAN) and op not in ("==", "!="):
        raise Wrong(
            operator, f"{op} compares numbers and days, and {field.name} is {_a(field)}; write == or !="
        )
    if field.type in (Type.TIME, Type.DAY) and value.type == "DURATION":
        one, other = ("within", "over") if field.type is Type.TIME else ("within last", "within next")
        fix = f"write {field.name} {one} {value} or {field.name} {other} {value}"
        raise Wrong(operator, f"{op} can be read both ways; {fix}")
    return op


def read_value(token: Token, field: Field) -> str | Decimal | date | bool:
    """Return a value of a field's type; a text in the form that is compared.

    Raises:
        Wrong: it is of another type, or nothing that the field can hold.
    """
    match field.type:
        case Type.TEXT | Type.TEXTS:
            return _text(token, field)
        case Type.NUMBER:
            return _number(token, field)
        case Type.BOOLEAN:
            if token not in ("true", "false"):
                meant = _YES_NO.get(token.strip("\"'"))
                raise Wrong(
                    token,
                    f"found {_shown(token)}; " + (f"write {meant}" if meant else "expected true or false"),
                )
            return str(token) == "true"
        case Type.TIME | Type.DAY:
            return _day(token, field)


def _text(token: Token, field: Field) -> str:
    if token.lower() in NOTHING and token.type == "NAME":
        raise Wrong(token, f"found {_shown(token)}; write {field.name} is not set")
    if token.type != "STRING":
        _read_text(token, str(token), field)
        raise Wrong(token, f'found {_shown(token)}; a text needs quotes: "{token}"')
    text = token[1:-1]
    if token[0] not in "\"'":
        raise Wrong(token, f'found {_shown(token)}; write straight quotes: "{text}"')
    if not folded(text):
        raise Wrong(token, f"the text is empty; write {field.name} is not set")
    return _read_text(token, text, field)


def _read_text(token: Token, text: str, field: Field) -> str:
    try:
        return field.read(text)
    except ValueError as error:
        raise Wrong(token, str(error)) from error


def _number(token: Token, field: Field) -> Decimal:
    if token.type == "STRING" and _NUMBER.fullmatch(token[1:-1]):
        raise Wrong(token, f"{field.name} is a number; write {token[1:-1]} without quotes")
    if token.type != "NUMBER":
        raise Wrong(token, f"found {_shown(token)}; {field.name} is a number, as in {field.example}")
    if not _NUMBER.fullmatch(token):
        raise Wrong(token, f"found {_shown(token)}; at most 12 digits before the point and 6 behind it")
    return Decimal(token)


def _day(token: Token, field: Field) -> date:
    expected = "expected a day such as 2026-01-31"
    if token.type == "STRING" and _DAY.fullmatch(token[1:-1]):
        raise Wrong(token, f"write the day without quotes: {token[1:-1]}")
    if token.type != "DATE":
        or_span = f", or {field.name} within 30d" if field.type is Type.TIME else ""
        raise Wrong(token, f"found {_shown(token)}; {expected}{or_span}")
    found = _DAY.fullmatch(token)
    if not found:
        raise Wrong(token, f"found {_shown(token)}; {expected}")
    try:
        day = date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError as error:
        raise Wrong(token, f"found {token}; there is no such day") from error
    if not _YEARS[0] <= day.year <= _YEARS[1]:
        raise Wrong(token, f"found {token}; expected a year from {_YEARS[0]} to {_YEARS[1]}")
    return day


def read_length(token: Token, *, whole_days: bool = False) -> timedelta:
    """Return a length of time.

    Raises:
        Wrong: it is none, or not between an hour and a century.
    """
    found = _LENGTH.fullmatch(token)
    if not found:
        raise Wrong(token, f"found {_shown(token)}; expected {A_TIME}{length_advice(token)}")
    length = int(found[1]) * _UNITS[found[2]]
    if not timedelta(0) < length <= timedelta(days=DAYS_LIMIT):
        raise Wrong(token, f"found {token}; expected from 1h to {DAYS_LIMIT}d")
    if whole_days and length % _UNITS["d"]:
        raise Wrong(token, f"found {token}; the hour is not known: write days, as in 1d")
    return length


def read_count(token: Token) -> int:
    """Return how many times.

    Raises:
        Wrong: it is no whole number from 1 to a million.
    """
    if not re.fullmatch("[0-9]{1,7}", token) or not 1 <= int(token) <= TIMES_LIMIT:
        never = "; for never write not before the event" if str(token) == "0" else ""
        raise Wrong(token, f"found {_shown(token)}; expected a whole number from 1 to {TIMES_LIMIT:,}{never}")
    return int(token)


def _a(field: Field) -> str:
    return field.type if field.type is Type.BOOLEAN else f"a {field.type}"


def _shown(token: Token) -> str:
    text = token if len(token) <= 40 else token[:39] + "…"
    return str(text) if token.type in ("STRING", "NUMBER") else repr(str(text))
