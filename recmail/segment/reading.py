"""From a parse tree to a tree of rules: names, types and spellings checked, every mistake with its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from lark import Token, Tree

from recmail.errors import ConfigError, Problem, did_you_mean
from recmail.segment.fields import EVENTS, IN_CLUSTER, Field, Scope, Type, courses, folded, inside, people
from recmail.segment.syntax import Parsed, SyntaxMistake, is_balanced, parse, pieces
from recmail.segment.tree import (
    All,
    AnyOf,
    Compare,
    Event,
    Everyone,
    Has,
    InCluster,
    IsSet,
    Node,
    Not,
    OneOf,
    Rule,
    Span,
    Value,
)
from recmail.segment.values import Wrong, read_count, read_length, read_operator, read_value

LENGTH_LIMIT = 4_000
DEPTH_LIMIT = 40
MISTAKES_LIMIT = 20  # of grammar; nobody reads more at once
_UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_inside = cache(inside)
_CLUSTER = Field(IN_CLUSTER, Type.TEXT, "", 'in_cluster("…")', read=folded)


def read_rules(text: str, scope: Scope) -> tuple[Rule, ...]:
    """Return the rules of a segment in the order in which they are written.

    Raises:
        ConfigError: every mistake; line and column count inside the text.
    """
    reader = _Reader(text, scope)
    tree = reader.tree()
    top = tree.children if tree is not None and tree.data == "conjunction" else [tree]
    rules = [Rule(_one_line(text, part), reader.node(part)) for part in top if isinstance(part, Tree)]
    if tree is not None and tree.data == "conjunction":
        reader.check_connectives(tree, "and")
    reader.finish()
    return tuple(rules)


def read_condition(text: str, scope: Scope) -> Node:
    """Return a text as one condition.

    Raises:
        ConfigError: every mistake; line and column count inside the text.
    """
    rules = read_rules(text, scope)
    return rules[0].node if len(rules) == 1 else All(tuple(rule.node for rule in rules))


def _one_line(text: str, part: Parsed) -> str:
    return re.sub(r"\s*\n\s*", " ", text[part.meta.start_pos : part.meta.end_pos])


def _unread(text: str, start: int, end: int, mistake: SyntaxMistake) -> Iterator[tuple[int, int]]:
    """What can be read of a part all the same: both sides of a place where only `and` is missing."""
    if not start <= mistake.offset <= end:
        yield start, end
    elif mistake.joins and is_balanced(text[start : mistake.offset]):
        yield from ((start, mistake.offset), (mistake.offset, end))


class _Reader:
    def __init__(self, text: str, scope: Scope) -> None:
        self._text, self._scope = text, scope
        self._mistakes: set[tuple[int, str]] = set()

    def tree(self) -> Parsed | None:
        """The parse tree; None when the grammar is not followed."""
        if len(self._text) > LENGTH_LIMIT:
            self._add(LENGTH_LIMIT, f"a segment has at most {LENGTH_LIMIT:,} characters")
        elif found := _UNREADABLE.search(self._text):
            self._add(found.start(), f"the character U+{ord(found[0]):04X} may not stand in a segment")
        if self._mistakes:
            return None
        try:
            return self._shallow(parse(self._text, self._scope))
        except SyntaxMistake as mistake:
            self._add(mistake.offset, mistake.message)
            self._look_elsewhere(mistake)
            return None

    def _shallow(self, tree: Parsed) -> Parsed | None:
        waiting = [(tree, 0)]
        while waiting:
            node, depth = waiting.pop()
            deeper = depth + (node.data in ("group", "opposite", "event"))
            if deeper > DEPTH_LIMIT:
                self._add(node.meta.start_pos, f"is nested more than {DEPTH_LIMIT} deep")
                return None
            waiting += [(child, deeper) for child in node.children if isinstance(child, Tree)]
        return tree

    def _look_elsewhere(self, first: SyntaxMistake) -> None:
        """Find the mistakes in the other rules; only the part with a mistake of grammar is not read."""
        waiting = [part for whole in pieces(self._text) for part in _unread(self._text, *whole, first)]
        while waiting and len(self._mistakes) < MISTAKES_LIMIT:
            start, end = waiting.pop(0)
            if not self._text[start:end].strip():
                continue
            before = re.sub(r"[^\n]", " ", self._text[:start])
            try:
                tree = self._shallow(parse(before + self._text[start:end], self._scope))
            except SyntaxMistake as mistake:
                self._add(mistake.offset, mistake.message)
                if mistake.joins:
                    waiting += _unread(self._text, start, end, mistake)
            else:
                self.node(tree) if tree is not None else None

    def finish(self) -> None:
        """Raise what was found, in the order of the text."""
        if self._mistakes:
            raise ConfigError([Problem("segment", *self._place(at), said) for at, said in self._mistakes])

    def _place(self, offset: int) -> tuple[int, int]:
        before = self._text[:offset].split("\n")
        return len(before), len(before[-1]) + 1

    def _add(self, offset: int, message: str) -> Node:
        self._mistakes.add((offset, message))
        return Everyone()  # a place-holder: with a mistake nobody gets to see the tree

    def _at(self, token: Token, message: str) -> Node:
        return self._add(token.start_pos or 0, message)

    # --- what the tree says -----------------------------------------------------------------------

    def node(self, tree: Parsed, scope: Scope | None = None) -> Node:
        """Check one part of the parse tree, and everything in it."""
        scope = scope or self._scope
        read: Callable[[Parsed, Scope], Node] = getattr(self, f"_{tree.data}")
        try:
            return read(tree, scope)
        except Wrong as wrong:
            return self._at(wrong.token, wrong.message)

    def check_connectives(self, tree: Parsed, word: str) -> None:
        """Report && and || and capitals."""
        for token in tree.children:
            if isinstance(token, Token) and token != word:
                self._at(token, f"found {str(token)!r}; write {word}")

    def _parts(self, tree: Parsed, scope: Scope) -> tuple[Node, ...]:
        return tuple(self.node(part, scope) for part in tree.children if isinstance(part, Tree))

    def _conjunction(self, tree: Parsed, scope: Scope) -> Node:
        self.check_connectives(tree, "and")
        return All(self._parts(tree, scope))

    def _disjunction(self, tree: Parsed, scope: Scope) -> Node:
        self.check_connectives(tree, "or")
        return AnyOf(self._parts(tree, scope))

    def _opposite(self, tree: Parsed, scope: Scope) -> Node:
        self.check_connectives(tree, "not")
        return Not(self._parts(tree, scope)[0])

    def _group(self, tree: Parsed, scope: Scope) -> Node:
        return self._parts(tree, scope)[0]

    def _bare(self, tree: Parsed, scope: Scope) -> Node:
        name = _token(tree.children[0])
        if name == "everyone" and scope.events:
            return Everyone()
        field = self._field(name, scope)
        if field.type is not Type.BOOLEAN:
            raise Wrong(_end(name), f"found the end of the rule; expected an operator, as in {field.example}")
        return Compare(field, "==", Value(True))

    def _comparison(self, tree: Parsed, scope: Scope) -> Node:
        name, operator, value = (_token(child) for child in tree.children)
        field = self._field(name, scope)
        op = read_operator(operator, value, field, short=scope.event is not None)
        return Compare(field, op, self._value(value, field))

    def _membership(self, tree: Parsed, scope: Scope) -> Node:
        name, negated, word, values = tree.children
        field = self._field(_token(name), scope)
        if field.type is Type.TEXTS:
            raise Wrong(_token(word), f"{field.name} is a list; write {field.example}")
        if field.type not in (Type.TEXT, Type.NUMBER) or field.hidden:
            raise Wrong(_token(word), f"in goes with texts and numbers; write {field.example}")
        assert isinstance(values, Tree)
        if values.data == "round":
            more = ", …" if len(values.children) > 1 else ""
            fix = f"a list has square brackets: [{values.children[0]}{more}]"
            self._add(values.meta.start_pos, f"found '('; {fix}")
        read = []
        for value in values.children:
            try:
                read.append(self._value(_token(value), field))
            except Wrong as wrong:
                self._at(wrong.token, wrong.message)
        return OneOf(field, tuple(read), negated=negated is not None)

    def _presence(self, tree: Parsed, scope: Scope) -> Node:
        name, _, negated, _ = tree.children
        return IsSet(self._field(_token(name), scope), negated=negated is not None)

    def _containing(self, tree: Parsed, scope: Scope) -> Node:
        name, word, value = (_token(child) for child in tree.children)
        field = self._field(name, scope)
        if field.type is not Type.TEXTS and not field.partly:
            raise Wrong(word, f"has goes with tags, topics, title and query; write {field.example}")
        return Has(field, self._value(value, field))

    def _span(self, tree: Parsed, scope: Scope) -> Node:
        name, word = _token(tree.children[0]), _token(tree.children[1])
        direction: Any = tree.children[2]  # lark does not say that what is optional is None
        length = _token(tree.children[3])
        field, over = self._field(name, scope), word == "over"
        if field.type not in (Type.TIME, Type.DAY):
            raise Wrong(word, f"{word} goes with times, and {field.name} is none; write {field.example}")
        if over and (direction is not None or field.type is Type.DAY):
            raise Wrong(word, f"over cannot stand here; compare with a day, as in {field.name} < 2026-01-31")
        if field.type is Type.DAY and direction is None:
            fix = f"write {field.name} within last {length} or {field.name} within next {length}"
            raise Wrong(word, f"within can be read both ways; {fix}")
        if direction == "next" and field.type is Type.TIME and not field.ahead:
            raise Wrong(_token(direction), f"{field.name} never lies ahead; leave out next")
        ahead = direction == "next" if direction is not None else field.ahead
        whole_days = field.type is Type.DAY
        return Span(field, read_length(length, whole_days=whole_days), over, ahead)

    def _event(self, tree: Parsed, scope: Scope) -> Node:
        name, arguments, *more = tree.children
        kind = _token(name)
        if kind == IN_CLUSTER and scope.events:
            return self._cluster(kind, arguments, more)
        if kind not in EVENTS or not scope.events:
            raise Wrong(kind, _no_event(kind, scope))
        what = self._what(kind, arguments) if isinstance(arguments, Tree) else None
        parts: dict[str, Any] = {}
        for part in more:
            assert isinstance(part, Tree)
            first = _token(part.children[0])
            if part.data in parts:
                raise Wrong(first, f"{first} is there twice")
            tokens = [_token(child) for child in part.children]
            if part.data == "count":
                parts["count"] = (">=" if tokens[1] == "least" else "<=", read_count(tokens[2]))
            else:
                parts["window"] = read_length(tokens[1])
        op, times = parts.get("count", (">=", 1))
        return Event(str(kind), what, op, times, parts.get("window"))

    def _cluster(self, name: Token, arguments: Any, more: list[Any]) -> Node:
        texts = arguments.children if isinstance(arguments, Tree) else []
        if len(texts) != 1 or texts[0].data != "shorthand" or more:
            raise Wrong(name, f'{name} takes the name of one cluster and nothing else: {name}("…")')
        text = _token(texts[0].children[0])
        return InCluster(self._value(text, _CLUSTER))

    def _what(self, kind: Token, arguments: Parsed) -> Node:
        scope = _inside(str(kind))
        texts = [one for one in arguments.children if isinstance(one, Tree) and one.data == "shorthand"]
        if len(texts) > 1:
            both = ", ".join(str(text.children[0]) for text in texts)
            either = " or ".join(f"{kind}({text.children[0]})" for text in texts)
            fix = f"write {either}" if kind == "searched" else f"write {kind}(course_id in [{both}])"
            raise Wrong(_token(texts[1].children[0]), f"one text at a time; {fix}")
        parts = self._parts(arguments, scope)
        return parts[0] if len(parts) == 1 else All(parts)

    def _shorthand(self, tree: Parsed, scope: Scope) -> Node:
        text = _token(tree.children[0])
        if scope.event == "searched":
            field = scope.fields["query"]
            return Has(field, self._value(text, field))
        field = scope.fields["course_id"]
        return Compare(field, "==", self._value(text, field))

    # --- what names and values mean ---------------------------------------------------------------

    def _value(self, token: Token, field: Field) -> Value:
        return Value(read_value(token, field), token.strip("\"'"), *self._place(token.start_pos or 0))

    def _field(self, name: Token, scope: Scope) -> Field:
        field = scope.fields.get(str(name))
        if field is None:
            raise Wrong(name, _no_field(name, scope))
        return field


def _token(child: Any) -> Token:
    assert isinstance(child, Token)
    return child


def _end(token: Token) -> Token:
    """An empty token where another one ends."""
    return Token("", "", start_pos=token.end_pos)


def _no_field(name: Token, scope: Scope) -> str:
    if name == "subscribed":
        return "leave out subscribed: consent is always counted"
    if scope.events and name in EVENTS:
        return f"{name} is an event; it has parentheses: {name}()"
    known = [*scope.fields, *(("everyone", *EVENTS) if scope.events else ())]
    found = f"found {_short(name)}"
    if hint := did_you_mean(name, known):
        return f"{found}; expected a rule such as {scope.example}{hint}"
    if scope.events and name in courses().fields:
        return f"{name} is a field of courses; write it inside an event, as in enrolled({name} …)"
    if not scope.events and (name in people({}).fields or name == "everyone"):
        return f"{name} is about people; here stand fields of courses: {', '.join(scope.fields)}"
    if scope.event:
        quotes = f'{scope.event}("{_short(name)[1:-1]}")'
        return f"{found}; a text needs quotes, as in {quotes}; fields are {', '.join(scope.fields)}"
    if not scope.events:
        return f"{found}; expected one of {', '.join(scope.fields)}"
    advice = "an attribute of your own must be declared in recmail.toml, under [attributes]"
    return f"{found}; expected a rule such as {scope.example}; {advice}"


def _no_event(name: Token, scope: Scope) -> str:
    if not scope.events:
        return f"found {_short(name)}; here are no events, only fields of courses; write {scope.example}"
    if name in scope.fields:
        return f"{name} has no parentheses; write {scope.fields[str(name)].example}"
    known = (*EVENTS, IN_CLUSTER)
    hint = did_you_mean(name, known) or f"; there are: {', '.join(known)}"
    return f"found {_short(name)}, which is no event{hint}"


def _short(text: str) -> str:
    return repr(str(text) if len(text) <= 40 else text[:39] + "…")
