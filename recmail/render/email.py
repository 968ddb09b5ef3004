"""From one person's frozen context to the subject, preheader, HTML and text of their email."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recmail.errors import RenderError
from recmail.render.bundle import TemplateBundle
from recmail.render.context import printable
from recmail.render.environment import compile_line, load_template, make_environment, run
from recmail.render.inline import differs, inline_once, inline_styles, per_message_ms
from recmail.render.urls import check_addresses


@dataclass(frozen=True)
class Email:
    """What one person will read; `preheader` is empty when the campaign has none."""

    subject: str
    preheader: str
    html: str
    text: str


class Renderer:
    """Renders one campaign's email for any number of people, from any number of threads.

    The styles of a template are inlined once, when the first Renderer of this process needs it; where that
    cannot be told to give the same as inlining each message, each message is inlined, which costs 50 times
    as much.

    Args:
        template: the name that a campaign gives; NAME.html.j2 and NAME.txt.j2 must be in the bundle.
        subject: Jinja, rendered as one line of plain text.
        preheader: the same, or None.
        inline: False leaves the CSS in `<style>`, to see how a template is written.

    Attributes:
        per_message: why each message is inlined: reasons with file, line and what to write instead. Empty
            when the template is inlined once.

    Raises:
        RenderError: a template is missing or does not compile.
    """

    def __init__(
        self,
        bundle: TemplateBundle,
        *,
        template: str,
        subject: str,
        preheader: str | None,
        inline: bool = True,
    ) -> None:
        environment = make_environment(bundle)
        self._subject = compile_line(environment, subject, name="subject")
        self._preheader = compile_line(environment, preheader or "", name="preheader")
        self._html = self._bare = load_template(environment, f"{template}.html.j2")
        self._text = load_template(environment, f"{template}.txt.j2")
        self.per_message: Sequence[RenderError] = ()
        if inline:
            inlined = inline_once(bundle, f"{template}.html.j2")
            self._html = inlined.template or self._html
            self.per_message = inlined.reasons

    def render(self, context: Mapping[str, object], *, user_id: str) -> Email:
        """Render one person's email; equal contexts give equal emails.

        Raises:
            RenderError: what is missing, forbidden or unprintable, with template, line and user.
        """
        values, subject, preheader = self._values(context, user_id)
        return Email(
            subject=subject,
            preheader=preheader,
            html=self._page(values, user_id),
            text=_tidy(run(self._text, values, user_id=user_id)),
        )

    def verify(self, context: Mapping[str, object], *, user_id: str) -> None:
        """Compare one person's page with the same page inlined by itself.

        Raises:
            RenderError: they differ, or the page cannot be rendered.
        """
        if self.per_message or self._html is self._bare:
            return
        values, _, _ = self._values(context, user_id)
        found = differs(self._bare, self._html, values, user_id=user_id)
        if found:
            raise RenderError(
                f"the styles inlined once are not those of this message: {found}",
                template=self._html.name or "",
                user_id=user_id,
            )

    def _values(self, context: Mapping[str, object], user_id: str) -> tuple[dict[str, object], str, str]:
        """Return all that templates may print, the subject and the preheader."""
        values = printable(context, user_id=user_id)
        subject = _one_line(run(self._subject, values, user_id=user_id))
        if not subject:
            raise RenderError("the subject is empty", template="subject", line=1, user_id=user_id)
        preheader = _one_line(run(self._preheader, values, user_id=user_id))
        return values | {"subject": subject, "preheader": preheader or None}, subject, preheader

    def _page(self, values: Mapping[str, object], user_id: str) -> str:
        page = run(self._html, values, user_id=user_id).strip()
        name = self._html.name or ""
        links = values.get("links")
        images = links.get("images") if isinstance(links, dict) else None
        check_addresses(page, images=images, template=name, user_id=user_id)
        if not self.per_message:
            return page
        try:
            return inline_styles(page)
        except RenderError as error:
            raise RenderError(error.message, template=name, user_id=user_id) from error


def how_inlined(bundle: TemplateBundle, name: str) -> tuple[Sequence[RenderError], float | None]:
    """Return why the styles of a template are inlined for every message, and the milliseconds for each.

    There is no reason when they are inlined once; the time is None where it could not be measured.

    Raises:
        RenderError: they cannot be inlined at all: every message would fail.
    """
    reasons = inline_once(bundle, name).reasons
    if not reasons:
        return (), None
    try:
        return reasons, per_message_ms(load_template(make_environment(bundle), name))
    except RenderError as error:
        placed = [reason for reason in reasons if reason.message == error.message]
        raise (placed or [RenderError(error.message, template=name)])[0] from error


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _tidy(text: str) -> str:
    """Leave no spaces at line ends, at most two empty lines in a row, and none at either end."""
    lines = "\n".join(map(str.rstrip, text.strip().split("\n"))) + "\n"
    return re.sub(r"\n\n\n\n+", "\n\n\n", lines)  # \n{4,} would look at every character
