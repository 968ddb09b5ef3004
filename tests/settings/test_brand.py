"""[brand]: what may stand there, and which colours can be read on one another."""

from __future__ import annotations

from pathlib import Path

import pytest

from recmail.errors import ConfigError
from recmail.runs.brand import brand_warnings
from recmail.settings import Settings
from recmail.settings.brand import contrast
from recmail.settings.loading import parse_settings
from recmail.settings.sections import default_brand
from recmail.settings.source import SourceText
from tests.campaign.projects import TOML


def read(lines: str, folder: Path = Path("acme")) -> Settings:
    return parse_settings(SourceText("recmail.toml", f"{TOML}\n[brand]\n{lines}\n"), folder, flags={})


FIRST = TOML.count("\n") + 3


def test_what_is_left_out_looks_as_the_templates_are_drawn() -> None:
    assert read("").brand == default_brand()


def test_short_colours_are_written_out_and_fonts_evenly() -> None:
    brand = read('accent = "#0A5"\nheading_font = "Inter,Arial , sans-serif"\nradius = 0').brand
    assert (brand.accent, brand.heading_font, brand.radius) == ("#00aa55", "Inter, Arial, sans-serif", 0)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            'accent = "0b6a4e"',
            "expected a colour such as #0b6a4e; did you mean #0b6a4e?",
        ),
        ('accent = "green"', "accent: found 'green'; expected a colour such as #0b6a4e"),
        ('ink = "#11223344"', "ink: found '#11223344'; expected a colour"),
        ('paper = "#fff;}"', "paper: found '#fff;}'; expected a colour"),
        (
            "heading_font = \"'Inter', serif\"",
            "; expected names of fonts, without quotes",
        ),
        (
            'text_font = "Inter"',
            "text_font: found 'Inter'; the last one must be serif,",
        ),
        ('logo = "javascript:x"', "logo: found 'javascript:x'; expected https://... or a file"),
        ('logo = "../logo.png"', "logo: found '../logo.png'; expected https://... or a file"),
        ('logo = "http://a.example/x.png"', "logo: found 'http://a.example/x.png'; expected https://"),
        ('logo = "images/logo.svg"', "logo: found 'images/logo.svg'; expected .png, .jpg or .gif"),
        ("radius = 1.5", "radius: found 1.5; expected a number of pixels from 0 to 544"),
        ('acent = "#0b6a4e"', "acent: unknown key; did you mean accent?"),
    ],
)
def test_mistakes_are_said_with_their_place(line: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(line)
    (problem,) = caught.value.problems
    assert said in problem.message
    assert (problem.file, problem.line, problem.column > 0) == ("recmail.toml", FIRST, True)


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # the well-known near miss
    assert contrast("#ffffff", "#777777") == contrast("#777777", "#ffffff")


def test_colours_that_cannot_be_read_are_a_warning(tmp_path: Path) -> None:
    settings = read('on_accent = "#ffffff"\naccent = "#7fd4b2"\nlogo = "images/logo.png"', tmp_path)
    found = [(problem.line - FIRST, problem.message) for problem in brand_warnings(settings)]
    low = "has a contrast of 1.8; words need at least 4.5 (WCAG AA)"
    assert found == [
        (1, f"[brand] accent: #7fd4b2 on paper #ffffff {low}"),
        (0, f"[brand] on_accent: #ffffff on accent #7fd4b2 {low}"),
        (2, "[brand] logo: there is no file images/logo.png in the project"),
    ]


def test_the_shipped_colours_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "logo.png").touch()
    assert list(brand_warnings(read('logo = "logo.png"', tmp_path))) == []


def test_what_is_printed_holds_the_brand() -> None:
    assert read('accent = "#0A5"').printed()["brand"]["accent"] == "#00aa55"
