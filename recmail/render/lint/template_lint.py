"""What the template files show without anybody's email."""

from __future__ import annotations

from recmail.render.bundle import TemplateBundle
from recmail.render.lint.finding import Finding
from recmail.render.lint.rule import ask
from recmail.render.lint.sources import Sources


def lint_templates(
    bundle: TemplateBundle, template: str, *, subject: str = "", preheader: str | None = None
) -> list[Finding]:
    """Return what is wrong with a template set, errors first, each once; what `check_templates` says is not.

    Args:
        template: the name that a campaign gives, or that of its edition in another language.
        subject: the campaign's line, in Jinja; its findings name the template "subject".
        preheader: the same.
    """
    lines = {"subject": subject, "preheader": preheader or ""}
    sources = Sources(bundle, template, lines)
    return sorted({*ask("of_templates", sources), *ask("of_written_styles", sources)})
