"""How the language writes what people say in other words: lengths of time, and how often."""

from __future__ import annotations

import re

_LENGTH = re.compile(
    r"([1-9][0-9]{0,4})(?![0-9.])(?:\s*(m|mo|months?|y|years?|h|hours?|w|weeks?|d|days?)(?![\w-]))?",
    re.IGNORECASE,
)
OPERATOR_WORDS = {
    **dict.fromkeys(("contains", "contain", "includes", "include", "like"), "has"),
    **dict.fromkeys(("equals", "equal", "eq"), "=="),
    **dict.fromkeys(("after", "since", "above"), ">="),
    **dict.fromkeys(("before", "until", "below"), "<="),
}
"""What people write for an operator."""
NOTHING = ("empty", "blank", "null", "none", "nothing", "missing", "unknown", "undefined")
"""What people write where something is not set."""
_LATELY = re.compile(r"(?:(?:in|during|over)\s+(?:the\s+)?)?(?:last|past)\s+", re.IGNORECASE)
_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_WORDS = {"once": 1, "twice": 2, "thrice": 3, **{word: number for number, word in enumerate(_NUMBERS, 1)}}
_COMPARED = {
    **dict.fromkeys((">", "more than", "over"), ">"),
    **dict.fromkeys(("<", "less than", "fewer than", "under"), "<"),
    **dict.fromkeys(("<=", "=<", "≤", "at most"), "<="),
    **dict.fromkeys(("=", "==", "exactly", "only", "just"), "=="),
}
_HOW_OFTEN = re.compile(
    r"(?:(exactly|only|just|more than|over|less than|fewer than|under|at most|at least)\s+)?"
    rf"(?:(once|twice|thrice)|({'|'.join(_NUMBERS)}|[1-9][0-9]{{0,5}})\s*(?:times?|x))(?![\w-])"
    r"|([<>=≤≥]{1,2})\s*([1-9][0-9]{0,5})(?![\w.-])",
    re.IGNORECASE,
)


def length_advice(text: str) -> str:
    """How the language writes a whole length of time that begins a text: "; write 180d" of "6 months"."""
    found = _LENGTH.match(text)
    if found is None:
        return ""
    number, unit = int(found[1]), (found[2] or "").lower()
    if unit == "m":
        return f"; write {number * 30}d for months"
    days = 365 if unit.startswith("y") else 30 if unit.startswith("mo") else 1
    return f"; write {number}{unit[0]}" if unit[:1] in ("h", "w") else f"; write {number * days}d"


def unit_advice(text: str) -> str:
    """The same, where a unit of time stands beside the number."""
    found = _LENGTH.match(text)
    return length_advice(text) if found and found[2] else ""


def lately(text: str) -> str:
    """How an event's time is written, where a text begins with it: "within 30d" of "in the last 30 days"."""
    found = _LATELY.match(text)
    length = found and (unit_advice(text[found.end() :]) or unit_advice(f"1 {text[found.end() :]}"))
    return f"within {length.split()[2]}" if length else ""


def how_often(text: str) -> str:
    """How the language writes how often, where a text begins with it: "at least 2 times" of "twice"."""
    found = _HOW_OFTEN.match(text)
    if found is None:
        return ""
    before, number = (found[1] or found[4] or "").lower(), (found[2] or found[3] or found[5]).lower()
    times = _WORDS.get(number) or int(number)
    match _COMPARED.get(before):
        case ">":
            return f"at least {_times(times + 1)}"
        case "<" if times > 1:
            return f"at most {_times(times - 1)}"
        case "<=":
            return f"at most {_times(times)}"
        case "==":
            return f"at least {_times(times)} in one rule, and at most {_times(times)} in another"
    return f"at least {_times(times)}"


def _times(number: int) -> str:
    return f"{number} time" if number == 1 else f"{number} times"
