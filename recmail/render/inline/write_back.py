"""Writes what premailer did to each tag into the templates' own text; all other characters stay."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from recmail.render.inline.marks import WRITTEN, Marked
from recmail.render.inline.page import Origin
from recmail.render.inline.tokens import Tag
from recmail.render.inline.writer import Report

Place = tuple[int, int]
WHOLE = -1
"""In place of an offset: all that an expression prints."""
Decisions = tuple[tuple[nodes.If | nodes.CondExpr, int], ...]


@dataclass
class Edits:
    """What is to be done to the templates' texts, by place: characters cut, and what is put before one."""

    cut: set[Place] = field(default_factory=set)
    kept: set[Place] = field(default_factory=set)
    put: dict[Place, str | nodes.If] = field(default_factory=dict)
    texts: dict[int, Origin] = field(default_factory=dict)  # one of each; it keeps the node, and so its id


@dataclass
class Seen:
    """One place where one tag of a template stands, on one page."""

    marked: Marked
    tag: Tag

    @property
    def changes(self) -> dict[str, str]:
        """What premailer wrote here."""
        return self.marked.changes[self.tag.number]

    @property
    def decisions(self) -> Decisions:
        """The branches that the conditions in the tag took."""
        return tuple(self.tag.decisions)

    def origin(self, at: int) -> Origin:
        """Where a character of it comes from."""
        return self.marked.page.origin(at)


def collect(marked: Sequence[Marked], report: Report) -> Edits:
    """Return the edits that make the templates print what premailer made of the pages."""
    edits = Edits()
    places: dict[Place, list[Seen]] = defaultdict(list)
    for one in marked:
        for tag in one.tags:
            places[one.page.origin(tag.at).key].append(Seen(one, tag))
    for seen in places.values():
        _edit_tag(seen, edits, report)
    for one in marked:
        for number in one.styles:
            _edit_style(one, number, edits, report)
    for key in sorted(edits.cut & edits.kept)[:1]:
        origin = edits.texts[key[0]]
        report("an attribute here is one thing or another by a condition", origin.file, origin.line)
    return edits


def _edit_tag(seen: Sequence[Seen], edits: Edits, report: Report) -> None:
    first = seen[0]
    origin, end = first.origin(first.tag.at), first.origin(_last(first))
    ends = {(one.origin(one.tag.end - 1).key, one.origin(_last(one)).key) for one in seen}
    if len(ends) > 1 or end.node is None:
        return report("a condition decides where this tag ends", origin.file, origin.line)
    if any(one.tag.name != first.tag.name for one in seen):
        return report("the name of this tag depends on a condition", origin.file, origin.line)
    rewritten = [name for name in WRITTEN if any(name in one.changes for one in seen)]
    if any(one.tag.calls and one.tag.decisions for one in seen) and rewritten:
        report("a call in a tag with a condition, which is asked twice", origin.file, origin.line)
    results: dict[Decisions, dict[str, str]] = {}
    for one in seen:
        final = {**one.marked.before[one.tag.number], **one.changes}
        final = {name: final[name] for name in rewritten if name in final}
        if results.setdefault(one.decisions, final) != final:
            return report(
                f"<{first.tag.name}> is styled differently in two places where this is used;"
                " write it twice, or give it a class of its own",
                origin.file,
                origin.line,
            )
    if rewritten:
        for one in seen:
            _cut_attributes(one, rewritten, edits)
        written = {decisions: _written(final) for decisions, final in results.items()}
        edits.texts[id(end.node)] = end
        edits.put[end.key] = _by_condition(written)
    return None


def _last(seen: Seen) -> int:
    """Return the place of the > or /> that ends a tag."""
    tag = seen.tag
    at = tag.end - 1
    closed = seen.marked.page.text[at - 1] == "/" and all(one.end < at for one in tag.attributes)
    return at - 1 if closed else at


def _written(attributes: Mapping[str, str]) -> str:
    written = ""
    for name, value in attributes.items():
        escaped = value.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
        written += f' {name}="{escaped}"'
    return written


def _cut_attributes(seen: Seen, rewritten: Iterable[str], edits: Edits) -> None:
    """Cut the attributes that are written anew, and remember which characters of the tag are not cut."""
    page, tag = seen.marked.page, seen.tag
    cut: set[Place] = set()
    for attribute in tag.attributes:
        if attribute.name in rewritten:
            spaced = page.text[attribute.start - 1].isspace()
            together = page.origin(attribute.start - 1).node is page.origin(attribute.start).node
            cut |= _places(seen.marked, attribute.start - (spaced and together), attribute.end, edits)
    edits.cut |= cut
    edits.kept |= _places(seen.marked, tag.at, tag.end, edits) - cut


def _places(marked: Marked, start: int, end: int, edits: Edits) -> set[Place]:
    found = set()
    for origin, length in marked.page.pieces_of(start, end):
        if origin.node is not None:
            edits.texts[id(origin.node)] = origin
            found |= {(id(origin.node), origin.offset + at) for at in range(length)}
        elif origin.printed is not None:
            edits.texts[id(origin.printed)] = origin
            found.add((id(origin.printed), WHOLE))
    return found


def _by_condition(written: Mapping[Decisions, str]) -> str | nodes.If:
    """Return a text, or the conditions by which it is one or another: as they are nested in the tag."""
    texts = set(written.values())
    if len(texts) == 1:
        return texts.pop()
    node = next(iter(written))[0][0]
    branches: dict[int, dict[Decisions, str]] = defaultdict(dict)
    for decisions, text in written.items():
        branches[decisions[0][1]][decisions[1:]] = text
    bodies = [_body(_by_condition(branches[number]), node.lineno) for number in range(len(branches))]
    line = node.lineno
    others = node.elif_ if isinstance(node, nodes.If) else []
    elifs = [
        nodes.If(other.test, body, [], [], lineno=line)
        for other, body in zip(others, bodies[1:-1], strict=True)
    ]
    return nodes.If(node.test, bodies[0], elifs, bodies[-1], lineno=line)


def _body(text: str | nodes.If, line: int) -> list[nodes.Node]:
    if isinstance(text, nodes.If):
        return [text]
    return [nodes.Output([nodes.TemplateData(text, lineno=line)], lineno=line)] if text else []


def _edit_style(marked: Marked, number: int, edits: Edits, report: Report) -> None:
    """Write what is left in a style element, or remove it."""
    tag, page, left = marked.tags[number], marked.page, marked.styles[number]
    if left == page.text[tag.end : tag.content_end]:
        return
    origin = page.origin(tag.at)
    content = _places(
        marked, tag.at if left is None else tag.end, tag.close_end if left is None else tag.content_end, edits
    )
    times = Counter(id(other.node) for other in page.origins)
    twice = any(times[node] > 1 for node in {node for node, _ in content})
    if tag.optional or tag.decisions or twice:
        report("a style element in or with a condition, in a loop or used twice", origin.file, origin.line)
        return
    edits.cut |= content
    if left is not None:
        start = page.origin(tag.end - 1)
        edits.texts[id(start.node)] = start
        edits.put[id(start.node), start.offset + 1] = left


def apply(edits: Edits, trees: Iterable[nodes.Template]) -> None:
    """Change the texts of parsed templates."""
    writer = _Writer(edits)
    for tree in trees:
        writer.visit(tree)


class _Writer(NodeTransformer):
    def __init__(self, edits: Edits) -> None:
        self.edits = edits
        self.touched = {node for node, _ in edits.cut} | {node for node, _ in edits.put}

    def visit_Output(self, output: nodes.Output) -> nodes.Output | list[nodes.Node]:  # noqa: N802 - Jinja's
        """Take a statement apart where text in it changes."""
        if not any(id(part) in self.touched for part in output.nodes):
            return output
        statements: list[nodes.Node] = []
        for part in output.nodes:
            for piece in self._pieces(part):
                if not isinstance(piece, nodes.Expr):
                    statements.append(piece)
                elif statements and isinstance(statements[-1], nodes.Output):
                    statements[-1].nodes.append(piece)
                else:
                    statements.append(nodes.Output([piece], lineno=piece.lineno))
        return statements

    def _pieces(self, part: nodes.Expr) -> list[nodes.Node]:
        """Return what stands in the place of a text or expression: texts, expressions, conditions."""
        if (id(part), WHOLE) in self.edits.cut:
            return _silent(part)
        if id(part) not in self.touched or not isinstance(part, nodes.TemplateData):
            return [part]
        return [
            nodes.TemplateData(piece, lineno=part.lineno) if isinstance(piece, str) else piece
            for piece in self._edited(part)
        ]

    def _edited(self, part: nodes.TemplateData) -> list[str | nodes.If]:
        """Return a text's pieces after the edits, with the conditions that stand between them."""
        pieces: list[str | nodes.If] = []
        held: list[str] = []
        key = id(part)
        for at, character in enumerate([*part.data, ""]):
            put = self.edits.put.get((key, at), "")
            if isinstance(put, str):
                held.append(put)
            else:
                pieces += ["".join(held), put]
                held = []
            if (key, at) not in self.edits.cut:
                held.append(character)
        pieces.append("".join(held))
        return [piece for piece in pieces if piece != ""]


def _silent(part: nodes.Expr) -> list[nodes.Node]:
    """Return the conditions of an expression without what they print: the second walk finds them again."""
    if not isinstance(part, nodes.CondExpr):
        return []
    other = _silent(part.expr2) if part.expr2 is not None else []
    return [nodes.If(part.test, _silent(part.expr1), [], other, lineno=part.lineno)]
