"""A campaign's subject and preheader in several languages."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from recmail.campaign import Campaign, load_campaign, parse_frozen
from recmail.campaign.languages import unused_lines
from recmail.campaign.schema import campaign_schema
from recmail.campaign.yaml import read_yaml
from recmail.errors import ConfigError
from recmail.render.bundle import TemplateBundle
from recmail.settings.source import SourceText
from tests.campaign.projects import project

REST = "audience: everyone\nblocks: [popular]\n"
TWO = "subject:\n  hi: नमस्ते {{ user.first_name or '' }}\n  en: Hello\npreheader: {en: More, hi: और}\n" + REST
BUNDLE = TemplateBundle(dict.fromkeys(("weekly.html.j2", "weekly.hi.html.j2", "weekly.pt.html.j2"), ""))


def read(folder: Path, text: str) -> Campaign:
    settings = project(folder)
    path = folder / "campaigns" / "spring.yaml"
    path.write_text(text, encoding="utf-8")
    return load_campaign(path, settings)


def test_each_language_has_its_own_lines_and_others_the_projects(tmp_path: Path) -> None:
    found = read(tmp_path, TWO)
    assert (found.subject, found.preheader) == ("Hello", "More")
    expected = {
        "en": ("Hello", "More"),
        "hi": ("नमस्ते {{ user.first_name or '' }}", "और"),
        "pt": ("Hello", "More"),
    }
    assert found.lines_in(BUNDLE, "en") == expected
    assert parse_frozen(TWO, "spring").lines_in(BUNDLE, "en") == expected


def test_one_line_is_for_every_language(tmp_path: Path) -> None:
    found = read(tmp_path, "subject: Hello\n" + REST)
    assert found.lines_in(BUNDLE, "en") == dict.fromkeys(("en", "hi", "pt"), ("Hello", None))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "subject: {hi: x}",
            "1:1: subject: there is no line in en, the project's language, which everybody else gets",
        ),
        ("subject: {en: x, Hindi: y}", "1:18: subject.Hindi: found 'Hindi'; expected a language such as en"),
        ("subject: {en: x, hi: }", "1:18: subject.hi: found nothing; expected text"),
        ("subject: {en: x, hi: [y]}", "1:22: subject.hi: found a list; expected text"),
        ("subject: {en: x, hi: '{{ user.nmae }}'}", "1:31: subject.hi: 'nmae' is not defined"),
        ("subject: {}", "1:10: subject: "),
        ("subject: x\npreheader: {hi: y}", "2:1: preheader: there is no line in en"),
    ],
)
def test_mistakes_are_said_at_their_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f"{text}\n{REST}")
    assert f"campaigns/spring.yaml:{said}" in str(caught.value)


def test_a_line_that_nobody_gets_is_a_mistake() -> None:
    document = read_yaml(SourceText("x.yaml", TWO.replace("hi: नमस्ते", "de: Hallo")))
    assert [str(one).splitlines()[0] for one in unused_lines(document, BUNDLE, ["weekly"], "en")] == [
        "x.yaml:2:3: subject.de: nobody gets this line: there is no template 'weekly' in de;"
        " write templates/weekly.de.html.j2 and .txt.j2"
    ]


def test_editors_accept_a_line_for_each_language() -> None:
    validator = Draft7Validator(campaign_schema())
    rest = {"audience": "everyone", "blocks": ["popular"]}
    assert validator.is_valid({"subject": {"en": "Hello", "pt-BR": "Olá"}, "preheader": {"en": "x"}, **rest})
    assert not validator.is_valid({"subject": {"English": "Hello"}, **rest})
    assert not validator.is_valid({"subject": {"en": 5}, **rest})
    assert not validator.is_valid({"subject": {}, **rest})


BLOCKS = """subject: x
audience: everyone
blocks:
  - text: {en: Read on., hi: आगे पढ़ें}
  - popular: {show: 2, title: {en: Popular, hi: लोकप्रिय}}
"""


def test_titles_and_texts_of_blocks_have_a_line_for_each_language(tmp_path: Path) -> None:
    text, popular = read(tmp_path, BLOCKS).headings()
    assert text["text"] == {"en": "Read on.", "hi": "आगे पढ़ें"}
    assert popular["title"] == {"en": "Popular", "hi": "लोकप्रिय"}
    assert parse_frozen(BLOCKS, "spring").headings() == [text, popular]


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("text: {hi: x}", "4:5: blocks[0].text: there is no line in en"),
        ("text: {text: {en: x, Hindi: y}}", "4:26: blocks[0].text.text.Hindi: found 'Hindi'; expected"),
        ("text: {en: x, hi: 5}", "4:11: blocks[0].text: found 5; expected text, in quotes"),
        ("popular: {title: {en: x, hi: }}", "blocks[0].popular.title: found nothing; expected text"),
        ("popular: {title: {}}", "4:22: blocks[0].popular.title: is empty"),
        ("text: {en: x, hi: '{{ user }}'}", "4:23: blocks[0].text.hi: is printed as it is"),
        ("popular: {title: {en: '{course}'}}", "blocks[0].popular.title: {course} in a title works in"),
        ("text: {texte: y}", "4:12: blocks[0].text.texte: unknown key; did you mean text?"),
        ("text: {en: x, texte: y}", "4:19: blocks[0].text.texte: found 'texte'; expected a language"),
    ],
)
def test_mistakes_in_blocks_are_said_at_their_place(tmp_path: Path, block: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f"subject: x\naudience: everyone\nblocks:\n  - {block}\n")
    assert said in str(caught.value)


def test_a_title_that_nobody_reads_is_a_mistake() -> None:
    document = read_yaml(SourceText("x.yaml", BLOCKS.replace("hi: लोकप्रिय", "de: Beliebt")))
    assert [str(one).splitlines()[0] for one in unused_lines(document, BUNDLE, ["weekly"], "en")] == [
        "x.yaml:5:45: blocks[1].popular.title.de: nobody gets this line: there is no template 'weekly' in de;"
        " write templates/weekly.de.html.j2 and .txt.j2"
    ]


def test_editors_accept_blocks_with_a_line_for_each_language() -> None:
    validator = Draft7Validator(campaign_schema())
    lines = {"en": "Hello", "pt-BR": "Olá"}
    for block in ({"text": lines}, {"text": {"text": lines}}, {"popular": {"title": lines}}):
        assert validator.is_valid({"subject": "x", "audience": "everyone", "blocks": [block]}), block
    wrong = {"popular": {"title": {"English": "x"}}}
    assert not validator.is_valid({"subject": "x", "audience": "everyone", "blocks": [wrong]})
