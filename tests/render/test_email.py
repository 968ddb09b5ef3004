"""Rendering: what a person reads, and how a faulty template fails for them alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from recmail.errors import RenderError
from recmail.render.bundle import TemplateBundle
from recmail.render.check import check_templates
from recmail.render.email import Email, Renderer
from tests.render.contexts import block, context, course, full


def renderer(
    html: str, text: str = "", subject: str = "Hello", preheader: str | None = None, **more: str
) -> Renderer:
    files = {
        "x.html.j2": html,
        "x.txt.j2": text,
        **{name.replace("_", "."): body for name, body in more.items()},
    }
    return Renderer(TemplateBundle(files), template="x", subject=subject, preheader=preheader)


def render(html: str = "", text: str = "", values: dict[str, Any] | None = None, **more: Any) -> Email:
    page = f"<html><body>{html}</body></html>"
    return renderer(page, text, **more).render(values or full(), user_id="u1")


def named(first_name: str | None) -> dict[str, Any]:
    values = full()
    values["user"]["first_name"] = first_name
    return values


def failure(**more: Any) -> str:
    with pytest.raises(RenderError) as caught:
        render(**more)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "in_html"),
    [
        ("O'Brien & Sons", "O'Brien &amp; Sons"),
        ("<script>", "&lt;script&gt;"),
        ("{{ 7*7 }}", "{{ 7*7 }}"),
        ("None", "None"),
        ("{% raw %}", "{% raw %}"),
        ("नमस्ते 👋", "नमस्ते 👋"),
    ],
)
def test_names_are_printed_letter_by_letter(name, in_html):
    line = "Hello {{ user.first_name }}"
    email = render(f"<p>{line}</p>", line, named(name), subject=line, preheader=line)
    assert email.subject == email.preheader == f"Hello {name}"
    assert email.text == f"Hello {name}\n"
    assert f"<p>Hello {in_html}</p>" in email.html


def test_a_subject_is_one_line_whatever_is_in_it():
    assert (
        render(subject=" {{ user.first_name }},\n\n  more\u2028now ", values=named("A\r\nB")).subject
        == "A B, more now"
    )


def test_an_empty_subject_fails():
    assert failure(subject="{% if false %}x{% endif %} ") == "subject:1: the subject is empty (for user u1)"


def test_templates_see_the_subject_and_the_preheader():
    email = render("<p>{{ subject }}|{{ preheader or 'none' }}</p>", subject="A & {{ courses|length }}")
    assert "<p>A &amp; 5|none</p>" in email.html
    assert email.preheader == ""


def test_a_name_of_the_other_direction_is_isolated_in_every_part():
    line = "{{ user.first_name }}, 3 courses"
    email = render(line, line, named("שרה"), subject=line)
    assert email.subject == "\u2068שרה\u2069, 3 courses"
    assert email.text == "\u2068שרה\u2069, 3 courses\n"
    assert "\u2068שרה\u2069, 3 courses" in email.html


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ user.frist_name }}", "'frist_name' is not defined; did you mean first_name?"),
        ("{{ user['frist_name'] }}", "'frist_name' is not defined; did you mean first_name?"),
        ("{{ coursse[0].title }}", "'coursse' is not defined; did you mean courses?"),
        ("{% if usr.first_name %}x{% endif %}", "'usr' is not defined; did you mean user?"),
        ("{{ courses[9].title }}", "list object has no element 9"),
        ("{{ blocks[0].title }}", "the value to print is None"),
        ("{{ courses }}", "cannot print a list"),
        ("{{ user }}", "cannot print a dict"),
        ("{{ user.items }}", "cannot print a builtin_function_or_method"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ courses[0].price_minor|price(none) }}", "a price without a currency"),
        ("{{ ''.__class__.__mro__ }}", "not allowed in a template"),
        ("{{ courses.append(1) }}", "not allowed in a template"),
        ("{{ 999 ** 999 ** 999 }}", "not allowed in a template: powers (**)"),
        ("{{ 'x' * 1000000000 }}", "not allowed in a template: a product as large as this"),
        ("{{ 1000000000 * [user.first_name] }}", "not allowed in a template: a product as large as this"),
        (
            "{% set n = namespace(x=9) %}{% for _ in range(99) %}{% set n.x = n.x * n.x %}{% endfor %}",
            "not allowed in a template: a product as large as this",
        ),
        ("{{ coursse * 2 }}", "'coursse' is not defined; did you mean courses?"),
        ("{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}", "calls itself without end"),
        ("{% include 'crad.html.j2' %}", "there is no template 'crad.html.j2'"),
    ],
)
def test_a_fault_is_reported_with_file_line_and_user(source, message):
    said = failure(html=f"\n\n{source}")
    assert message in said
    assert said.startswith("x.html.j2:3: ")
    assert said.endswith("(for user u1)")


def test_a_fault_in_an_included_file_or_macro_is_reported_there():
    part = "{% macro card(course) %}\n{{ course.titel }}\n{% endmacro %}"
    said = failure(html="{% import 'part.html.j2' as part %}{{ part.card(courses[0]) }}", part_html_j2=part)
    assert said.startswith("part.html.j2:2: 'titel' is not defined; did you mean title?")


def test_a_fault_in_the_subject_is_reported_as_the_subjects():
    assert failure(subject="{{ user.frist_name }}").startswith("subject:1: 'frist_name'")


def test_a_syntax_error_in_an_included_file_is_reported_there():
    said = failure(html="{% include 'part.html.j2' %}", part_html_j2="fine\n{% if %}")
    assert said.startswith("part.html.j2:2: ")


@pytest.mark.parametrize(
    ("html", "subject", "place"),
    [
        ("\n{% if %}", "Hi", "x.html.j2:2: "),
        ("", "{{ user.", "subject:1: "),
        ("{{ 1|titel }}", "Hi", "x.html.j2:1: "),
    ],
)
def test_what_does_not_compile_fails_before_anybody_is_rendered(html, subject, place):
    with pytest.raises(RenderError) as caught:
        renderer(html, subject=subject)
    assert str(caught.value).startswith(place)


def test_products_of_a_sensible_size_are_printed():
    line = "{{ 3 * 4 }}{{ '=' * 5 }}{{ 'ab' * 0 }}{{ 1.5 * 2 }}{{ 2 * courses|length }}"
    assert render(line, line, full(), subject=line).subject == "12=====3.010"


NESTED = {
    "brackets": "{{ " + "(" * 500 + "1" + ")" * 500 + " }}",
    "a sum": "{{ " + " + ".join(["1"] * 5_000) + " }}",
    "loops": "{% for a in [1] %}" * 30 + "x" + "{% endfor %}" * 30,
    "conditions": "{% if 1 %}" * 120 + "x" + "{% endif %}" * 120,
    "elif": "{% if 0 %}1" + "{% elif 0 %}1" * 5_000 + "{% endif %}",
    "digits": "{{ " + "9" * 5_000 + " }}",
}


@pytest.mark.parametrize("source", NESTED.values(), ids=NESTED)
def test_what_is_nested_too_deeply_is_an_error_of_the_template(source):
    said = "too long or too deeply nested to be understood"
    with pytest.raises(RenderError, match=f"x.html.j2:.*{said}"):
        renderer(source)
    with pytest.raises(RenderError, match=f"subject:.*{said}"):
        renderer("", subject=source)
    assert said in failure(html="{% include 'part.html.j2' %}", part_html_j2=source)
    bundle = TemplateBundle({"x.html.j2": source, "x.txt.j2": ""})
    found = check_templates(bundle, template="x", subject="Hi", preheader=None)
    assert [(error.template, error.message) for error in found] == [("x.html.j2", said)]


def test_a_missing_template_is_named_with_the_one_meant():
    bundle = TemplateBundle({"weekly.html.j2": "", "weekly.txt.j2": ""})
    with pytest.raises(RenderError, match=r"no template 'weakly.html.j2' .*did you mean weekly.html.j2?"):
        Renderer(bundle, template="weakly", subject="Hi", preheader=None)


def test_a_runaway_loop_is_stopped():
    said = failure(html="{% for a in range(2000) %}{% for b in range(2000) %}xxxx{% endfor %}{% endfor %}")
    assert said.startswith("x.html.j2: more than 1,000,000 characters of output")


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "/relative",
        "",
    ],
)
def test_addresses_that_run_or_lead_nowhere_are_refused(address):
    values = full()
    values["courses"][0]["url"] = address
    said = failure(html='<p>\n<a href="{{ courses[0].url }}">x</a>', values=values)
    assert "href is " in said
    assert "an email may link only to" in said


@pytest.mark.parametrize(
    "markup",
    [
        "<a href=javascript:x>x</a>",
        "<a title='>' href='javascript:x'>x</a>",
        '<img src="&#106;avascript:x">',
        '<td background="file:///x.png"></td>',
        "<p>1 < 2 src=</p><a title='<' href='javascript:x'>x</a>",
        "<a title='<b' href='javascript:x'>x</a>",
        "<!--[if mso]><v:roundrect href='javascript:x'></v:roundrect><![endif]-->",
    ],
)
def test_an_address_is_found_however_it_is_written(markup):
    assert "an email may link only to" in failure(html=markup)


def test_ordinary_addresses_and_titles_that_look_like_one_pass():
    values = full()
    values["courses"][0]["title"] = "HTML: \" href=javascript:x and <a href='javascript:y'>"
    html = (
        '<a href="https://a.example/?a=1&amp;b=2">x</a><a href=mailto:a@a.example>x</a><a href="#top">x</a>'
        '<img src="http://127.0.0.1/x.png" alt="{{ courses[0].title }}"><p>{{ courses[0].title }}</p>'
    )
    assert "https://a.example/?a=1&amp;b=2" in render(html, values=values).html


def test_pictures_may_be_files_only_below_links_images():
    values = full()
    values["links"]["images"] = "file:///project/images/"
    picture = '<img src="{{ courses[0].image_url|absolute(links.images) }}" alt="">'
    assert 'src="file:///project/images/sql.png"' in render(picture, values=values).html
    assert "src is 'file:///etc/x.png'" in failure(html='<img src="file:///etc/x.png" alt="">', values=values)
    outside = '<img src="file:///project/images/../key.png" alt="">'
    assert "src is" in failure(html=outside, values=values)
    assert "href is" in failure(html='<a href="file:///project/images/x.png">x</a>', values=values)


def test_styles_are_inlined_and_media_queries_outrank_them():
    css = ".a { color: red; mso-hide: all } @media (max-width: 9px) { .a { color: blue } }"
    page = render(f"<style>{css}</style><p class=a>x").html
    assert '<p class="a" style="color:red; mso-hide:all">x</p>' in page
    assert "color: blue !important" in page


def test_without_inlining_the_authors_page_stays():
    html = "<html><style>.a { color: red }</style><p class=a>{{ user.first_name }}</html>"
    bundle = TemplateBundle({"x.html.j2": html, "x.txt.j2": ""})
    plain = Renderer(bundle, template="x", subject="Hi", preheader=None, inline=False)
    assert plain.render(full(), user_id="u1").html == html.replace("{{ user.first_name }}", "Ana")


def test_styles_that_cannot_be_inlined_fail_that_message():
    nested = "<style>@media screen { @media print { p { color: red } } }</style>"
    said = failure(html=nested)
    assert said.startswith("x.html.j2: the styles could not be inlined")


def test_text_parts_have_no_ragged_spaces():
    email = render(text="\n\nA  \n\n\n\n\n\nB\t\n{% if false %}x{% endif %}\nC\n\n")
    assert email.text == "A\n\n\nB\nC\n"


def test_text_and_subject_are_not_escaped():
    email = render(
        text="{{ courses[0].title }}", subject="{{ courses[0].title }}", values=full_with("R&D <now>")
    )
    assert (email.text, email.subject) == ("R&D <now>\n", "R&D <now>")


def full_with(title: str) -> dict[str, Any]:
    return context([block("top_picks", [course("a", title=title)])])


def test_one_renderer_serves_threads():
    shared = renderer(
        "<html><style>.a { color: red }</style><p class=a>{{ user.first_name }}</html>",
        "{{ user.first_name }}",
    )
    names = [f"Ana{number}" for number in range(40)]
    with ThreadPoolExecutor(4) as pool:
        emails = list(pool.map(lambda name: shared.render(named(name), user_id=name), names))
    assert [email.text for email in emails] == [f"{name}\n" for name in names]
    assert all(f">{name}</p>" in email.html for name, email in zip(names, emails, strict=True))


def test_equal_contexts_give_equal_emails():
    assert render("<p>{{ user.first_name }}</p>") == render("<p>{{ user.first_name }}</p>")


def test_what_a_stylesheet_prints_cannot_end_its_element() -> None:
    files = {
        "x.html.j2": '<html><head><style>{% include "x.css" %}</style></head><body>Hello</body></html>',
        "x.txt.j2": "Hello",
        "x.css": "/* {{ user.first_name }} */",
    }
    renderer = Renderer(TemplateBundle(files), template="x", subject="x", preheader=None, inline=False)
    values = context(
        [], user={"first_name": "</style><script>", "last_name": None, "language": "en", "country": None}
    )
    assert "<script>" not in renderer.render(values, user_id="u").html
