"""Reads a segment: `last_seen within 30d` and `everyone`, joined by `and`; with a place for every mistake."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from recmail.errors import ConfigError, Problem, did_you_mean

LENGTH_LIMIT = 4_000
DAYS_LIMIT = 36_500  # a century; more would leave the calendar

_TOKEN = re.compile(r'\s*(?:([A-Za-z_]\w*)|(\d+[A-Za-z]*)|("[^"\n]*"?)|([<>=!]=?|&&|\|\||[^\s\w])|(\w+)|$)')
_AMOUNT = re.compile(r"([0-9]{1,6})([dh])")
_RULES = ("everyone", "last_seen")
# Words of the segment language that this version does not know yet; to say so helps more than "unknown".
_LATER = frozenset(
    {
        "not",
        "or",
        "all",
        "any",
        "viewed",
        "searched",
        "enrolled",
        "progressed",
        "completed",
        "rated",
        "signed_up",
    }
    | {"country", "language", "timezone", "level", "plan", "enrolments", "first_name", "last_name", "email"}
)
_EXAMPLE = "expected a rule such as last_seen within 30d, or everyone"


@dataclass(frozen=True)
class Everyone:
    """All people."""

    text: str


@dataclass(frozen=True)
class SeenWithin:
    """People who were seen in the time before now, its very beginning included."""

    text: str
    within: timedelta


Rule = Everyone | SeenWithin


@dataclass(frozen=True)
class _Token:
    text: str
    start: int
    end: int


def parse(text: str) -> list[Rule]:
    """Return the rules of a segment in the order in which they are written.

    Raises:
        ConfigError: the first mistake; its line and column count inside the text.
    """
    return _Parser(text).rules()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        if len(text) > LENGTH_LIMIT:
            raise self._wrong(LENGTH_LIMIT, f"a segment has at most {LENGTH_LIMIT:,} characters")
        self._tokens = self._split()
        self._at = 0

    def _split(self) -> list[_Token]:
        tokens = []
        at = 0
        while found := _TOKEN.match(self._text, at):
            at = found.end()
            if not found.lastindex:
                break
            tokens.append(_Token(found[found.lastindex], *found.span(found.lastindex)))
        return tokens

    def rules(self) -> list[Rule]:
        rules = [self._rule()]
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.text != "and":
                raise self._not_and(token)
            self._at += 1
            rules.append(self._rule())
        return rules

    def _rule(self) -> Rule:
        token = self._take(_EXAMPLE)
        if token.text == "everyone":
            return Everyone(token.text)
        if token.text == "last_seen":
            return self._last_seen(token)
        raise self._unknown_rule(token)

    def _last_seen(self, field: _Token) -> Rule:
        operator = self._take("expected within, as in last_seen within 30d")
        if operator.text in ("over", "is"):
            raise self._wrong(operator.start, f"last_seen {operator.text} is not built yet; {_EXAMPLE}")
        if operator.text in ("<", "<=", ">", ">=", "=", "==", "!="):
            amount = self._peek()
            amount = amount if _AMOUNT.fullmatch(amount) else "30d"
            fix = f"write last_seen within {amount} or last_seen over {amount}"
            raise self._wrong(operator.start, f"{operator.text} can be read both ways; {fix}")
        if operator.text != "within":
            hint = did_you_mean(operator.text, ["within"])
            raise self._wrong(operator.start, f"found {_shown(operator)}; expected within{hint}")
        amount_token = self._take("expected a time such as 30d or 12h")
        within, end = self._amount(amount_token)
        return SeenWithin(self._text[field.start : end], within)

    def _amount(self, token: _Token) -> tuple[timedelta, int]:
        text, end = token.text, token.end
        if text.isascii() and text.isdigit() and self._peek() in ("d", "h"):
            following = self._take("")
            text, end = text + following.text, following.end
        found = _AMOUNT.fullmatch(text)
        if not found:
            raise self._wrong(token.start, f"found {_shown(token)}; expected a time such as 30d or 12h")
        hours = int(found[1]) * (24 if found[2] == "d" else 1)
        if not 1 <= hours <= DAYS_LIMIT * 24:
            raise self._wrong(token.start, f"found {text}; expected from 1h to {DAYS_LIMIT}d")
        return timedelta(hours=hours), end

    def _unknown_rule(self, token: _Token) -> ConfigError:
        if token.text == "subscribed":
            return self._wrong(token.start, "leave out subscribed: consent is always counted")
        if token.text == "and":
            return self._wrong(token.start, f"nothing to join before and; {_EXAMPLE}")
        hint = did_you_mean(token.text, _RULES)
        if not hint and (
            token.text in _LATER or self._peek() in ("(", "in", "is", "not", "==", "!=", ">", "<")
        ):
            return self._wrong(token.start, f"{_shown(token)} is not built yet; {_EXAMPLE}")
        return self._wrong(token.start, f"found {_shown(token)}; {_EXAMPLE}{hint}")

    def _not_and(self, token: _Token) -> ConfigError:
        if token.text in _RULES:
            return self._wrong(token.start, f"rules are joined by and: write and {token.text}")
        if token.text in ("&&", "&", ","):
            return self._wrong(token.start, f"found {_shown(token)}; write and")
        if token.text in ("or", "||"):
            return self._wrong(token.start, "or is not built yet; rules are joined by and")
        return self._wrong(token.start, f"found {_shown(token)}; expected and, or the end")

    def _peek(self) -> str:
        return self._tokens[self._at].text if self._at < len(self._tokens) else ""

    def _take(self, expected: str) -> _Token:
        if self._at == len(self._tokens):
            last = self._tokens[-1].end if self._tokens else 0
            raise self._wrong(last, f"found the end; {expected}" if self._tokens else f"is empty; {expected}")
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _wrong(self, offset: int, message: str) -> ConfigError:
        before = self._text[:offset].split("\n")
        return ConfigError([Problem("segment", len(before), len(before[-1]) + 1, message)])


def _shown(token: _Token) -> str:
    return repr(token.text if len(token.text) <= 40 else token.text[:39] + "…")
