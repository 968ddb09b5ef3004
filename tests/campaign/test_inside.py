"""A place inside a value is found again in the file, however YAML lets the value be written."""

from __future__ import annotations

import io

from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import (
    DoubleQuotedScalarString,
    FoldedScalarString,
    LiteralScalarString,
    SingleQuotedScalarString,
)

from recmail.campaign.yaml import Scalar, read_yaml
from recmail.settings.source import SourceText

STYLES = (
    str,
    DoubleQuotedScalarString,
    SingleQuotedScalarString,
    LiteralScalarString,
    FoldedScalarString,
)
WORDS = st.text(st.sampled_from("abcxyz'\"#:{}%\\é語"), min_size=1, max_size=6)
TEXTS = st.lists(st.sampled_from([" ", "\n", "\n\n", "  "]) | WORDS, max_size=30).map("".join)


@given(text=TEXTS, style=st.sampled_from(STYLES), width=st.integers(10, 80), data=st.data())
@settings(deadline=None, max_examples=150)
def test_every_character_is_found_where_it_is_written(
    text: str, style: type[str], width: int, data: st.DataObject
) -> None:
    dumper = YAML()
    dumper.width = width
    stream = io.StringIO()
    dumper.dump({"audience": {"who": style(text)}}, stream)
    source = SourceText("c.yaml", stream.getvalue())
    document = read_yaml(source)
    node = document.node(("audience", "who"))
    assert isinstance(node, Scalar)
    places = [place for place, character in enumerate(node.text) if not character.isspace()]
    if not places:
        return
    place = data.draw(st.sampled_from(places))
    before = node.text[:place].split("\n")
    problem = document.inside(("audience", "who"), len(before), len(before[-1]) + 1, "here")
    written = source.text[source.offset_of_line(problem.line) + problem.column - 1 :]
    character = node.text[place]
    escapes = (f"\\{character}", f"\\x{ord(character):02x}", f"\\u{ord(character):04x}")
    assert written.startswith((character, *escapes))


def test_the_end_of_a_value_is_behind_its_last_character() -> None:
    source = SourceText("c.yaml", "who: |\n  last_seen\n\nsubject: x\n")
    problem = read_yaml(source).inside(("who",), 1, 10, "ends")
    assert (problem.line, problem.column) == (2, 12)
