"""Colours as they are written, and WCAG's measure."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recmail.render.lint.colours import BLACK, WHITE, Colour, read_colour
from recmail.settings.brand import contrast_of

PART = st.integers(0, 255)
COLOUR = st.builds(Colour, PART, PART, PART, st.just(1.0))


@pytest.mark.parametrize(
    ("written", "colour"),
    [
        ("#fff", WHITE),
        ("#FFFFFF", WHITE),
        ("white", WHITE),
        ("rgb(255, 255, 255)", WHITE),
        ("rgb(100% 100% 100%)", WHITE),
        ("#0000", Colour(0, 0, 0, 0)),
        ("#00000080", Colour(0, 0, 0, 128 / 255)),
        ("rgba(0,0,0,.5)", Colour(0, 0, 0, 0.5)),
        ("rgb(0 0 0 / 50%)", Colour(0, 0, 0, 0.5)),
        ("rgb(300, -1, 0)", Colour(255, 0, 0)),
        ("transparent", Colour(0, 0, 0, 0)),
        ("navy", Colour(0, 0, 128)),
        ("var(--ink)", None),
        ("#12345", None),
        ("rgb(a, b, c)", None),
        ("inherit", None),
        ("", None),
    ],
)
def test_every_way_to_write_a_colour(written, colour):
    assert read_colour(written) == colour


@pytest.mark.parametrize(
    ("ink", "ratio"),
    [
        ("#000000", 21.0),  # the two ends of the scale, as WCAG defines it
        ("#ffffff", 1.0),
        ("#777777", 4.478),  # Understanding SC 1.4.3: "#777777 on white has 4.47:1 and would not meet 4.5"
        ("#767676", 4.542),
        ("#949494", 3.033),
        ("#959595", 2.995),
        ("#ff0000", 3.998),
        ("#0000ff", 8.592),
    ],
)
def test_contrast_on_white_as_published(ink, ratio):
    colour = read_colour(ink)
    assert colour
    assert contrast_of(colour, WHITE) == pytest.approx(ratio, abs=0.001)


@settings(deadline=None)
@given(COLOUR, COLOUR)
def test_contrast_is_the_same_both_ways_and_from_1_to_21(one, other):
    assert contrast_of(one, other) == contrast_of(other, one)
    assert 1 <= contrast_of(one, other) <= contrast_of(BLACK, WHITE) + 1e-9


@settings(deadline=None)
@given(COLOUR)
def test_a_colour_reads_as_it_is_written(colour):
    assert read_colour(str(colour)) == colour


def test_what_shines_through_is_mixed():
    assert str(Colour(0, 0, 0, 0.5).over(WHITE)) == "#808080"
    assert Colour(1, 2, 3, 0).over(WHITE) == WHITE
    assert Colour(1, 2, 3).over(WHITE) == Colour(1, 2, 3)
