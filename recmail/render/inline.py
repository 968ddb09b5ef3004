"""The one door to premailer: CSS rules copied into style attributes, media queries kept."""

from __future__ import annotations

import logging
import os
import threading

from recmail.errors import RenderError

# premailer reads this when it is imported, never again. Its default of 128 entries is shared by three caches
# and thrashes: one template set needs about 200 entries, and a message costs 3 to 4 times as much without it.
os.environ.setdefault("PREMAILER_CACHE_MAXSIZE", "4096")

import cssutils
from premailer import Premailer

# cssutils reports on the root logger whatever it does not know: mso- properties, color-scheme.
cssutils.log.setLevel(logging.CRITICAL)

# Its cached stylesheets are changed while they are written out (!important is added in media queries).
_one_at_a_time = threading.Lock()


def inline_styles(html: str) -> str:
    """Return a page with its `<style>` rules in style attributes; what cannot be inlined stays in `<style>`.

    Kept are media queries (phones, dark mode) and pseudo-classes, all with !important, since inlined styles
    would win over them otherwise.

    Raises:
        RenderError: premailer could not read the page or its styles.
    """
    inliner = Premailer(
        strip_important=False,
        disable_validation=True,
        align_floating_images=False,
        allow_network=False,
        disable_basic_attributes=["height"],
    )
    try:
        with _one_at_a_time:
            inlined: str = inliner.transform(html, pretty_print=False)
    except Exception as error:
        # Whatever this raises comes from the author's HTML or CSS: AttributeError for a media query inside
        # another (premailer issue 290), TypeError for style="p" beside a rule for p, SelectorSyntaxError, …
        raise RenderError(f"the styles could not be inlined: {error}") from error
    return inlined
