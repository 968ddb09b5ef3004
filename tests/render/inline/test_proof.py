"""Comparing a template inlined once with premailer, on made-up people; and what inlining each would cost."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from recmail.errors import RenderError
from recmail.render.brand import branded
from recmail.render.bundle import TemplateBundle, load_bundle
from recmail.render.check import check_templates
from recmail.render.email import how_inlined
from recmail.render.environment import compile_line, make_environment
from recmail.render.examples import example_contexts
from recmail.render.inline.proof import differs, per_message_ms
from recmail.render.names import BODY_NAMES, NAMES
from recmail.settings.sections import default_brand

ENVIRONMENT = make_environment(TemplateBundle({}))


STYLE = "<style>p { color: red }</style>"


def written(body: str, head: str = STYLE):
    source = f"<html><head>{head}</head><body>{body}</body></html>"
    return compile_line(ENVIRONMENT, source, name="x.html.j2")


@pytest.mark.parametrize(
    ("once", "said"),
    [
        ('<p style="color:red">{{ date }}</p>', ""),
        (
            '<p style="color:blue">{{ date }}</p>',
            "<p> has {'style': 'color:blue'} instead of {'style': 'color:red'}",
        ),
        ("<p style='color:red'>{{ date }}</p><br>", "5 tags and comments instead of 4"),
        ("<b style='color:red'>{{ date }}</b>", "<b> where p should be"),
        ("<p style='color:red'>{{ date }}</p>more", "in or after <p>: 'more' instead of ''"),
        ("<p style='color:red'>{{ date }} \n</p>", "in or after <p>: '2026 ' instead of '2026'"),
    ],
)
def test_the_first_difference_is_told_in_words(once, said):
    found = differs(written("<p>{{ date }}</p>"), written(once, head=""), {"date": "2026"}, user_id="u")
    assert found == said


def test_made_up_people_have_every_documented_name():
    for context in example_contexts():
        assert set(context) == set(NAMES | BODY_NAMES)
    full, bare, _ = example_contexts()
    assert full["courses"][0]["price_minor"] == 149900
    assert full["courses"][1]["price_minor"] is None
    assert full["blocks"][0]["courses"][0]["title"] == "SQL from Zero to Useful"
    assert bare["user"]["first_name"] is bare["because"] is None


def test_the_shipped_templates_are_inlined_once():
    bundle = branded(load_bundle(Path(__file__).parents[3] / "templates"), asdict(default_brand()))
    assert check_templates(bundle, template="weekly", subject="Hi", preheader=None) == []
    assert how_inlined(bundle, "weekly.html.j2") == ((), None)


def test_the_cost_of_inlining_each_is_measured_on_somebody_for_whom_the_template_works():
    assert per_message_ms(written("{{ user.first_name }}")) > 0
    assert per_message_ms(written("{{ nobody }}")) is None


def test_styles_that_premailer_cannot_read_fail_for_everybody():
    style = "@media screen { @media print { p { top: 0 } } }"
    bundle = TemplateBundle({"x.html.j2": f"<html><head><style>{style}</style></head><body></body></html>"})
    with pytest.raises(RenderError, match=r"^x\.html\.j2:1: the styles could not be inlined: a media query"):
        how_inlined(bundle, "x.html.j2")
