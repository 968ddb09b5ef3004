"""The company's colours, fonts and logo, put into its templates once: they are alike for everybody."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

from recmail.render.bundle import TemplateBundle

_PRINTED = re.compile(r"\{\{\s*brand\.([a-z_]+)\s*\}\}")


def branded(bundle: TemplateBundle, brand: Mapping[str, str | int]) -> TemplateBundle:
    """Return templates in which `{{ brand.accent }}` is the colour itself; no line moves.

    What else a template does with a value, as `{% if brand.logo %}`, Jinja does for each message.
    """
    files = {}
    for name, text in bundle.files.items():

        def value(printed: re.Match[str], in_html: bool = name.endswith(".html.j2")) -> str:
            if printed[1] not in brand:
                return printed[0]  # the check of templates says which names there are
            text = str(brand[printed[1]])
            return escape(text) if in_html else text

        files[name] = _PRINTED.sub(value, text)
    return TemplateBundle(files)
