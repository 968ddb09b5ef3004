"""Text templates that a project lacks, drafted beside the HTML templates that it has."""

from __future__ import annotations

from pathlib import Path

from recmail.errors import RenderError
from recmail.render.bundle import TemplateBundle, load_bundle
from recmail.render.text_draft import draft_text
from recmail.runs.editions import editions_of
from recmail.runs.project import Project


def write_text_drafts(project: Project, name: str) -> list[Path]:
    """Write the text templates that a campaign's templates lack; never over a file that is there.

    Raises:
        ConfigError: the campaign has mistakes.
        RenderError: the templates cannot be read.
    """
    folder = project.folder / "templates"
    campaign = project.campaign(name)
    bundle = load_bundle(folder)
    written = []
    for edition in editions_of(campaign, bundle):
        for file, text in draft_text(bundle, edition).items():
            with (folder / file).open("x", encoding="utf-8") as new:
                new.write(text)
            written.append(folder / file)
            bundle = TemplateBundle({**bundle.files, file: text})
    return written


def with_advice(error: RenderError, bundle: TemplateBundle, edition: str, campaign: str) -> RenderError:
    """Return a mistake, with the way to draft a text template where that is what is missing."""
    if f"there is no template '{edition}.txt.j2'" not in error.message:
        return error
    command = f"recmail check {campaign} --write-text"
    if f"{edition}.html.j2" not in bundle.files:
        return error
    message = f"{error.message}{' Or' if error.message.endswith('?') else ';'} draft it with: {command}"
    return RenderError(message, template=error.template, line=error.line)
