"""One campaign's email in every language that it has a template in."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from recmail.errors import RenderError
from recmail.render.bundle import TemplateBundle
from recmail.render.email import Email, Renderer
from recmail.render.languages import editions


class Editions:
    """Renders each person's email in the language that their context names.

    Args:
        language: of the template without a language in its name, for everybody else.
        lines: subject and preheader by language; one for `language` must be there.

    Raises:
        RenderError: a template is missing or does not compile, in any of the languages.
    """

    def __init__(
        self,
        bundle: TemplateBundle,
        *,
        template: str,
        language: str,
        lines: Mapping[str, tuple[str, str | None]],
    ) -> None:
        self.language = language
        self._renderers = {
            tag: Renderer(bundle, template=name, subject=lines[tag][0], preheader=lines[tag][1])
            for tag, name in {language: template, **editions(bundle, template)}.items()
        }

    @property
    def languages(self) -> Collection[str]:
        """All languages that an email of this campaign may speak."""
        return self._renderers.keys()

    def render(self, context: Mapping[str, object], *, user_id: str) -> Email:
        """Render one person's email.

        Raises:
            RenderError: what is missing, forbidden or unprintable, with template, line and user.
        """
        return self._speaking(context, user_id).render(context, user_id=user_id)

    def verify(self, context: Mapping[str, object], *, user_id: str) -> None:
        """Compare one person's page, its styles inlined once for everybody, with the same inlined by itself.

        Raises:
            RenderError: they differ, or the page cannot be rendered.
        """
        self._speaking(context, user_id).verify(context, user_id=user_id)

    def _speaking(self, context: Mapping[str, object], user_id: str) -> Renderer:
        renderer = self._renderers.get(str(context["language"]))
        if renderer is None:
            raise RenderError(f"there is no template in {context['language']!r}", user_id=user_id)
        return renderer
