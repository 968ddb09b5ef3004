"""Template sets without anybody's email."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from recmail.render.bundle import TemplateBundle
from recmail.render.lint import lint_templates
from tests.render.inline.random_templates import template_sets

WAY_OUT = "{{ links.unsubscribe }} {{ sender.postal_address }}"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(template_sets())
def test_any_template_set_is_looked_at(files):
    for one in lint_templates(TemplateBundle(files), "x"):
        assert one.template in files or one.template == "x.txt.j2"
        lines = files.get(one.template, "").count("\n") + 1
        assert 0 <= one.line <= lines


def test_files_that_the_template_does_not_use_are_not_looked_at():
    wrong = '<img src="a.png"><a href="http://a.example">{{ user.first_name }}</a>'
    bundle = TemplateBundle(
        {"a.html.j2": WAY_OUT, "a.txt.j2": WAY_OUT, "b.html.j2": wrong, "b.css": "a{float:left}"}
    )
    assert lint_templates(bundle, "a") == []


def test_a_name_that_is_worked_out_may_be_any_file():
    html = "{% include date ~ '.html.j2' %}" + WAY_OUT
    bundle = TemplateBundle({"a.html.j2": html, "a.txt.j2": WAY_OUT, "b.html.j2": '<img src="a.png">'})
    assert [one.rule for one in lint_templates(bundle, "a")] == ["image-alt"]


def test_what_the_check_of_templates_reports_is_no_finding():
    assert lint_templates(TemplateBundle({}), "a") == []
    broken = TemplateBundle({"a.html.j2": WAY_OUT + "{% if %}", "a.txt.j2": WAY_OUT + "{{ nobody.name }}"})
    assert lint_templates(broken, "a") == []
