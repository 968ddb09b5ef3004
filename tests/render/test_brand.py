"""The company's look stands in its templates before they are compiled."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from pathlib import Path

from recmail.render.brand import branded
from recmail.render.bundle import TemplateBundle, load_bundle
from recmail.render.email import Renderer
from recmail.settings.sections import default_brand
from tests.render.contexts import full

SHIPPED = load_bundle(Path(__file__).parents[2] / "templates")


def test_values_are_put_in_and_no_line_moves() -> None:
    bundle = TemplateBundle(
        {"a.css": "x { color: {{ brand.ink }};\n }", "a.html.j2": '<a href="{{brand.logo}}">'}
    )
    found = branded(bundle, {"ink": "#112233", "logo": "https://a.example/x.png?a=1&b=2"}).files
    assert found["a.css"] == "x { color: #112233;\n }"
    assert found["a.html.j2"] == '<a href="https://a.example/x.png?a=1&amp;b=2">'


def test_other_expressions_and_unknown_names_stay() -> None:
    text = "{{ brand.acent }}{% if brand.logo %}{{ brand.logo|absolute(links.images) }}{% endif %}"
    assert branded(TemplateBundle({"a.html.j2": text}), {"logo": "x"}).files["a.html.j2"] == text


def test_the_shipped_templates_have_no_look_of_their_own() -> None:
    look = {name: f"BRAND{at}" for at, name in enumerate(asdict(default_brand()))}
    files = branded(SHIPPED, look).files
    css = "".join(text for name, text in files.items() if name.endswith(".css"))
    assert "{{" not in css
    assert not re.search("#[0-9a-fA-F]{3}", css)
    unused = [name for name, value in look.items() if value not in css]
    assert unused == ["logo", "logo_width"]


def page(**changes: str | int) -> str:
    brand = asdict(replace(default_brand(), **changes))  # type: ignore[arg-type]
    renderer = Renderer(branded(SHIPPED, brand), template="weekly", subject="Hello", preheader=None)
    return renderer.render({**full(), "brand": brand}, user_id="u1").html


def test_a_logo_stands_where_the_name_stood() -> None:
    assert '<img class="logo"' not in page()
    html = page(logo="images/logo.png", logo_width=120, accent="#ab0154")
    assert 'src="https://acme.example/images/images/logo.png" width="120" alt="Acme Courses"' in html
    assert "background-color:#ab0154" in html
    assert "#0b6a4e" not in html
