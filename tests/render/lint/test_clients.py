"""The data of caniemail.com, and what is decided about it here."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from recmail.render.lint.clients import GROUPS, HARMLESS, lack_of
from recmail.render.lint.renew_caniemail import RENEWED, reduced, written

DATA = json.loads(RENEWED.read_text("utf-8"))


def feature(slug: str, **stats: Any) -> dict[str, Any]:
    return {"slug": slug, "title": slug.removeprefix("css-"), "stats": stats}


def test_of_each_client_the_newest_test_counts():
    upstream = {
        "api_version": "1",
        "last_update_date": "2026-05-13",
        "data": [
            feature(
                "css-float",
                gmail={"ios": {"2019": "n", "2024": "y #1"}},
                outlook={"windows": {"2019": "n #2"}},
            ),
            feature("css-filter", gmail={"ios": {"2019": "y", "2024": "n"}, "mobile-webmail": {"2019": "n"}}),
            feature("css-color", gmail={"ios": {"2019": "a #1"}}, aol={"ios": {"2019": "n"}}),
            feature("css-selector-id", gmail={"ios": {"2019": "n"}}),
            feature("html-form", yahoo={"ios": {"2019": "n"}}),
            feature("html-target", yahoo={"ios": {"2019": "n"}}),
        ],
    }
    assert reduced(upstream)["features"] == {
        "css-filter": ["filter", "gmail.ios"],
        "css-float": ["float", "outlook.windows"],
        "html-form": ["html-form", "yahoo.ios"],
    }


def test_the_file_is_as_it_is_made_and_small():
    assert written(DATA) == RENEWED.read_text("utf-8")
    assert RENEWED.stat().st_size < 60_000


def test_it_has_its_origin_and_licence():
    assert DATA["api_version"]
    assert DATA["last_update_date"].startswith("20")
    licence = files("recmail.render.lint").joinpath("caniemail.LICENSE").read_text("utf-8")
    assert "MIT License" in licence
    assert "Copyright (c) 2019 HTeuMeuLeu" in licence


def test_what_is_decided_here_is_about_features_that_are_there():
    decided = {*GROUPS, *GROUPS.values(), *(slug for slugs in HARMLESS.values() for slug in slugs)}
    assert decided <= DATA["features"].keys()


def test_a_whole_family_has_one_name():
    assert lack_of("css-display-grid").clients == "Gmail, Outlook, Yahoo"
    assert lack_of("css-border-spacing").clients == "Outlook for Windows, Outlook for Mac"
    assert lack_of("css-border-radius") is None
    assert lack_of("css-color") is None
