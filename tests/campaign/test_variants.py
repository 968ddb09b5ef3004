"""The campaign as the people of a variant get it: what the variant names is replaced, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from recmail.campaign import Campaign, alike, all_blocks, by_blocks, each_variant, in_variant, parse_campaign
from recmail.campaign.variants import looks_back
from recmail.recommend.blocks.popular import Popular
from recmail.settings.source import SourceText
from tests.campaign.projects import project

TEXT = """\
subject: {en: Hello, hi: नमस्ते}
preheader: Before
from: Acme <a@acme.example>
audience: everyone
blocks:
  - text: Look
  - popular: 2
variants:
  - {name: plain, share: 25%}
  - {name: words, share: 25%, subject: Which one?, from: Ana <ana@acme.example>, reply_to: b@acme.example}
  - name: blocks
    share: 50%
    template: other
    blocks:
      - staff_picks: {show: 4, not_again_within: 30d}
      - popular
"""
AA = "6:24 variants[1]: 'b' is the same email as 'a': good for an A/A test only"


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    return parse_campaign(SourceText("campaigns/ab.yaml", TEXT), "ab", project(tmp_path))


def test_a_variant_that_names_nothing_is_the_campaign(campaign: Campaign) -> None:
    plain = in_variant(campaign, "plain")
    assert plain.model_copy(update={"variants": campaign.variants}) == campaign
    assert in_variant(campaign, None) is campaign


def test_words_are_replaced_in_all_languages(campaign: Campaign) -> None:
    words = in_variant(campaign, "words")
    assert (words.subject, words.subjects, words.preheader) == ("Which one?", {}, "Before")
    assert (words.from_, words.reply_to) == ("Ana <ana@acme.example>", "b@acme.example")
    assert (words.template, words.blocks) == (campaign.template, campaign.blocks)


def test_blocks_are_numbered_through(campaign: Campaign) -> None:
    numbered = [(one.number, one.name, one.variant) for one in all_blocks(campaign)]
    assert numbered == [
        (0, "text", None),
        (1, "popular", None),
        (2, "staff_picks", "blocks"),
        (3, "popular", "blocks"),
    ]
    blocks = in_variant(campaign, "blocks")
    assert (blocks.template, blocks.subjects) == ("other", campaign.subjects)
    assert [number for number, block in enumerate(blocks.blocks) if hasattr(block, "show")] == [2, 3]
    assert blocks.block_names == ("", "", "staff_picks", "popular")
    assert blocks.headings()[:2] == [{"name": "", "title": None, "text": None}] * 2
    assert looks_back(campaign) is not None


def test_who_gets_the_same_blocks_is_one_group(campaign: Campaign) -> None:
    assert list(each_variant(campaign)) == ["plain", "words", "blocks"]
    assert list(by_blocks(campaign)) == [None, "blocks"]
    replaced = tuple(
        one.model_copy(update={"blocks": campaign.variants[2].blocks}) for one in campaign.variants
    )
    everybody_elsewhere = campaign.model_copy(update={"variants": replaced})
    assert list(by_blocks(everybody_elsewhere)) == ["plain", "words", "blocks"]
    without = campaign.model_copy(update={"variants": ()})
    assert (each_variant(without), by_blocks(without)) == ({None: without}, {None: without})


@pytest.mark.parametrize(
    ("second", "notes"),
    [
        ("", [AA]),
        (", subject: Hello", [AA]),
        (", subject: Other", []),
        (", blocks: [popular: 5]", []),
    ],
)
def test_two_variants_that_are_one_email_are_told(tmp_path: Path, second: str, notes: list[str]) -> None:
    text = "subject: Hello\naudience: everyone\nblocks: [popular]\nvariants:\n  - {share: 50%, name: a}\n"
    text += f"  - {{share: 50%, name: b{second}}}\n"
    found = parse_campaign(SourceText("campaigns/ab.yaml", text), "ab", project(tmp_path))
    assert [f"{one.line}:{one.column} {one.message}" for one in alike(found)] == notes


def test_a_block_without_options_is_read(campaign: Campaign) -> None:
    assert all_blocks(campaign)[3].options == Popular()
