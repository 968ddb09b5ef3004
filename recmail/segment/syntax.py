"""The one door to lark: from a text to a parse tree, and what a mistake of grammar means in plain words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import TypeAlias

from lark import Lark, Token, Tree, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from recmail.errors import did_you_mean, nearest
from recmail.segment.advice import NOTHING, OPERATOR_WORDS, how_often, lately, length_advice, unit_advice
from recmail.segment.fields import EVENTS, Scope, Type

Parsed: TypeAlias = Tree[Token]

A_TIME = "a time such as 30d, 12h or 2w"
A_VALUE = 'a text in "quotes", a number, a day such as 2026-01-31, true or false'
_WORDS = ("within", "over", "in", "not", "is", "has", "and", "or")
_SPLIT = re.compile(r"""("[^"\n]*"|'[^'\n]*')|([(\[])|([)\]])|(?<![\w-])(?:and|AND)(?![\w-])""")
_ANOTHER = re.compile(r"""([\w-]+)\s*(==?|!=)\s*("[^"\n]*"|'[^'\n]*')\s*or\s*$""", re.IGNORECASE)
_JOINED = "rules are joined by and"
_EXCEPT = ("except", "but", "without", "minus")
_QUOTES = "\"'“”„«»‘’‚"


class SyntaxMistake(Exception):  # noqa: N818 - it never leaves this folder
    """Where a text stops being a segment, as an offset, and why; `joins`: only `and` is missing there."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset, self.message = offset, message
        self.joins = message.startswith(_JOINED)


@cache
def _lark() -> Lark:
    return Lark.open_from_package(
        "recmail.segment", "grammar.lark", parser="lalr", propagate_positions=True, maybe_placeholders=True
    )


def parse(text: str, scope: Scope) -> Parsed:
    """Read a text by the grammar.

    Raises:
        SyntaxMistake: the first place where it is not followed.
    """
    try:
        return _lark().parse(text)
    except UnexpectedInput as error:
        raise SyntaxMistake(*_Mistake(text, error, scope).explain()) from error


def pieces(text: str) -> Iterator[tuple[int, int]]:
    """Where the parts between the outermost `and` begin and end, in a text that need not be right."""
    depth = start = 0
    for found in _SPLIT.finditer(text):
        if found[2] or found[3]:
            depth += 1 if found[2] else -1
        elif not found[1] and depth <= 0:
            yield start, found.start()
            start = found.end()
    yield start, len(text)


def is_balanced(text: str) -> bool:
    """Whether every bracket of a text is closed in it."""
    return sum(bool(found[2]) - bool(found[3]) for found in _SPLIT.finditer(text)) == 0


class _Mistake:
    """One place where the grammar is not followed: what stands there, what could, and what was meant."""

    def __init__(self, text: str, error: UnexpectedInput, scope: Scope) -> None:
        self._text, self._scope = text, scope
        self._before, self._expected = _state(error)
        if isinstance(error, UnexpectedToken):
            token: Token = error.token
            self._kind, self._found = token.type, str(token)
            self._offset = token.start_pos or 0
        else:
            self._offset = error.pos_in_stream or 0
            self._kind, self._found = "", text[self._offset : self._offset + 1]
        if self._kind == "$END":
            self._offset = len(text.rstrip())

    def explain(self) -> tuple[int, str]:
        """The place and the message."""
        if not self._text.strip():
            return 0, f"is empty; expected a rule such as {self._scope.example}"
        if self._kind == "$END" and self._expected & {"RPAR", "RSQB"}:
            return self._unclosed()
        if not self._kind and (said := self._character()):
            return self._offset, said
        return self._offset, self._of_state()()

    def _of_state(self) -> Callable[[], str]:
        expected = self._expected
        states = (
            ({"NAME", "NOT"}, self._no_operand),
            ({"OPERATOR"}, self._no_operator),
            ({"STRING"}, self._no_value),
            ({"LSQB"}, lambda: f'{self._shown}; expected a list such as ["IN", "US"]'),
            ({"SET"}, self._not_set),
            ({"DURATION"}, self._no_duration),
            ({"LEAST"}, lambda: f"{self._shown}; expected least or most, as in at least 3 times"),
            ({"NUMBER"}, self._no_number),
            ({"TIMES"}, lambda: f"{self._shown}; expected times, as in at least 3 times"),
            ({"IN"}, self._no_list),
        )
        if "COMMA" in expected and expected <= {"COMMA", "RSQB", "RPAR"}:
            return lambda: f"{self._shown}; expected , or {']' if 'RSQB' in expected else ')'}"
        return next((say for terminals, say in states if terminals <= expected), self._no_end)

    @property
    def _shown(self) -> str:
        if self._kind == "$END":
            return "found the end"
        found = self._found if len(self._found) <= 40 else self._found[:39] + "…"
        return f"found {found}" if found[:1] in _QUOTES else f"found {found!r}"

    @property
    def _on_a_new_line(self) -> bool:
        return "\n" in self._text[: self._offset][len(self._text[: self._offset].rstrip()) :]

    @property
    def _rest(self) -> str:
        return self._text[self._offset :]

    def _unclosed(self) -> tuple[int, str]:
        opened: list[int] = []
        for found in _SPLIT.finditer(self._text):
            if found[2]:
                opened.append(found.start())
            elif found[3] and opened:
                opened.pop()
        at = opened[-1] if opened else self._offset
        return at, f"{self._text[at : at + 1]} is not closed"

    def _character(self) -> str | None:
        if self._found in "\"'":
            return f"the quote {self._found} is not closed on this line"
        if self._found in _QUOTES:
            return f'{self._shown}; write straight quotes, as in "IN"'
        if self._found == "#":
            return f"{self._shown}; a segment holds no comments"
        if self._found == "%":
            return f"{self._shown}; write a share as a number: 0.5 for 50 %"
        if "NUMBER" in self._expected and "NAME" in self._expected and not self._found.isalnum():
            return f"{self._shown}; expected {A_VALUE}"
        return None

    def _no_operand(self) -> str:
        rule = f"expected a rule such as {self._scope.example}"
        if self._kind in ("AND", "OR"):
            if self._before is None or self._before.type == "LPAR":
                return f"nothing to join before {self._found}; {rule}"
            return f"nothing stands between {str(self._before)!r} and {self._found!r}; {rule}"
        if self._kind == "RPAR":
            return "nothing stands between the parentheses"
        if self._kind == "STRING" and (found := _ANOTHER.search(self._text[: self._offset])):
            name, negated, one = found[1], "not " if found[2] == "!=" else "", found[3]
            return f"{self._shown}; write {name} {negated}in [{one}, {self._found}]"
        if self._kind in ("STRING", "NUMBER", "DATE", "DURATION", "LSQB"):
            return f"{self._shown}; a rule begins with a field: {rule}"
        return f"{self._shown}; {rule}"

    def _no_operator(self) -> str:
        name = str(self._before)
        field = self._scope.fields.get(name)
        if self._kind in ("NAME", "AT") or (self._kind == "NOT" and self._on_a_new_line):
            if self._on_a_new_line or self._found in ("everyone", *self._scope.fields):
                return f"{_JOINED}: write and {self._found}"
            if self._found == "at":
                return f"write {name}() at least …: an event has parentheses"
            if name == "never":
                return "write not instead of never"
        if name in EVENTS:
            return self._no_parentheses(name)
        if name in ("everyone", *self._scope.fields) and self._found in _EXCEPT:
            return f"{self._shown}; write and not"
        if field is None and self._found in EVENTS:
            return f"found {name!r} before an event; leave it out"
        if field is None and name not in ("everyone", *EVENTS):
            return f"{self._shown} after {name!r}, which is no field{did_you_mean(name, self._scope.fields)}"
        operator = OPERATOR_WORDS.get(self._found.lower())
        if field and operator and (operator != "has" or field.type is Type.TEXTS or field.partly):
            return f"{self._shown}; write {operator}"
        if field and self._found.lower() == "between":
            return f"{self._shown}; write {name} >= … and {name} <= …"
        if self._kind == "NAME" and (hint := did_you_mean(self._found, _WORDS)):
            return f"{self._shown}{hint}"
        if self._kind in ("STRING", "NUMBER", "DATE") and field:
            return f"{self._shown}; expected == or another operator before it, as in {field.example}"
        if field:
            return f"{self._shown}; expected an operator, as in {field.example}"
        return f"{self._shown}; expected {self._next}"

    def _no_value(self) -> str:
        if self._kind == "LSQB":
            return 'a list goes with in, as in country in ["IN", "US"]'
        if self._kind == "RSQB" or (self._kind == "RPAR" and str(self._before) == "("):
            return "the list is empty"
        if self._kind in ("AND", "OR", "IN", "IS", "NOT"):
            return f'{self._shown}; expected a value; a text needs quotes: "{self._found}"'
        return f"{self._shown}; expected {A_VALUE}"

    def _no_parentheses(self, event: str) -> str:
        if self._kind in ("NAME", "STRING"):
            often, within = how_often(self._rest), lately(self._rest)
            inside = "" if often or within else f'"{self._found.strip(_QUOTES)}"'
            fix = " ".join(part for part in (f"{event}({inside})", often, within) if part)
            return f"write {fix}: an event has parentheses"
        return f"{self._shown}; an event has parentheses: {event}()"

    def _no_list(self) -> str:
        if event := nearest(self._found, EVENTS):
            return f"{self._shown}; begin the rule with not {event}(…)"
        return f'{self._shown}; expected in, as in country not in ["IN", "US"]'

    def _not_set(self) -> str:
        if self._kind in ("STRING", "NUMBER", "DATE"):
            operator = "!=" if self._before is not None and self._before.type == "NOT" else "=="
            return f"{self._shown}; write {operator} {self._found}"
        negated = self._before is not None and self._before.type == "NOT"
        if self._found.lower() in NOTHING:
            return f"{self._shown}; write {'is set' if negated else 'is not set'}"
        if self._kind == "NAME":
            value = self._found if self._found in ("true", "false") else f'"{self._found}"'
            return f"{self._shown}; write {'!=' if negated else '=='} {value}, or is set"
        return f"{self._shown}; expected is set, or is not set"

    def _no_number(self) -> str:
        if often := how_often(f"at {self._before} {self._rest}"):
            return f"{self._shown}; write {often}"
        return f"{self._shown}; expected a number, as in at least 3 times"

    def _no_duration(self) -> str:
        if self._kind == "NUMBER":
            return f"{self._shown}; expected {A_TIME}{length_advice(self._rest)}"
        if self._kind == "NAME":
            return f"{self._shown}; expected {A_TIME}{unit_advice(f'1 {self._rest}')}"
        if self._kind == "DATE":
            return f"{self._shown}; expected {A_TIME}; compare with a day by >= {self._found}"
        return f"{self._shown}; expected {A_TIME}"

    def _no_end(self) -> str:
        if "AT" in self._expected and (meant := self._after_an_event()):
            return f"{self._shown}; write {meant}"
        if self._kind == "COMMA":
            return f"found ','; {self._no_comma()}"
        if self._kind in ("RPAR", "RSQB"):
            return f"{self._shown} that nothing opened"
        if self._kind in ("NAME", "NOT", "LPAR") and (said := self._no_word()):
            return said
        if self._kind in ("WITHIN", "OVER"):
            return f"{self._shown}; only times and events have it, as in last_seen within 30d"
        return f"{self._shown}; expected {self._next}"

    def _after_an_event(self) -> str:
        never = "not before the event" if self._found == "never" else ""
        return never or how_often(self._rest) or lately(self._rest)

    def _no_comma(self) -> str:
        before = self._before
        if before is not None and before.type == "NUMBER":
            cents = re.match(r",([0-9]{1,2})(?![0-9])", self._rest)
            return f"write a point: {before}.{cents[1]}" if cents else "write numbers without it, as in 1000"
        if before is not None and before.type == "STRING":
            return 'write and; several values are a list, as in country in ["IN", "US"]'
        return "write and"

    def _no_word(self) -> str | None:
        before = self._before
        if self._found in _EXCEPT:
            return f"{self._shown}; write and not"
        if before is not None and before.type == "NUMBER":
            if length := unit_advice(f"{before} {self._rest}"):
                return f"{self._shown}{length}"
            if re.fullmatch("[A-Z]{3}", self._found) and "currency" in self._scope.fields:
                return f'{self._shown}; write and currency == "{self._found}"'
        if before is not None and before.type == "NAME" and not self._on_a_new_line:
            return f'{self._shown}; a text needs quotes, as in "{before} {self._found}"'
        known = (*self._scope.fields, "everyone", "not")
        if self._on_a_new_line or self._found in known or self._kind == "LPAR":
            return f"{_JOINED}: write and {self._found}"
        hint = did_you_mean(self._found, ("and", "or", "at", "within"))
        return f"{self._shown}{hint}" if hint else None

    @property
    def _next(self) -> str:
        return "and, or, or )" if "RPAR" in self._expected else "and, or, or the end"


def _state(error: UnexpectedInput) -> tuple[Token | None, set[str]]:
    """The token before a mistake, and the terminals that could follow."""
    parser = getattr(error, "interactive_parser", None)
    if parser is None:
        return None, set()
    stack = parser.parser_state.value_stack
    last = stack[-1] if stack else None
    while isinstance(last, Tree):
        last = last.children[-1] if last.children else None
    expected = error.allowed if isinstance(error, UnexpectedCharacters) else parser.accepts()
    return (last if isinstance(last, Token) else None), set(expected or ())
