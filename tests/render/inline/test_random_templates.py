"""Random templates: what is inlined once prints what premailer makes of each message, in each context."""

from __future__ import annotations

from hypothesis import HealthCheck, event, given, reject, settings

from recmail.errors import RenderError
from recmail.render.bundle import TemplateBundle
from recmail.render.environment import load_template, make_environment
from recmail.render.inline import inline_once
from tests.render.inline.pages import NAME, compare
from tests.render.inline.random_templates import template_sets


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(template_sets())
def test_whatever_is_inlined_once_is_as_premailer_makes_each_message(files):
    bundle = TemplateBundle(files)
    try:
        for name in files:
            load_template(make_environment(bundle), name)
    except RenderError:
        reject()  # soup that is no template
    once = inline_once(bundle, NAME)
    event("once" if once.template else "per message")
    assert once.template or once.reasons
    assert not once.template or compare(bundle, once.template, every=3) == []
