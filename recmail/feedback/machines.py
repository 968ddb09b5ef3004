"""Whether a program and not a person followed a link or fetched a picture, as far as it gives itself away."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

# Asked for ahead of a person's click. Sources: Fetch Metadata (Sec-Purpose: prefetch, also
# "prefetch;prerender"); older browsers sent Purpose, X-Purpose or X-Moz.
_AHEAD = ("sec-purpose", "purpose", "x-purpose", "x-moz")
_AHEAD_WORDS = ("prefetch", "preview", "prerender")
# Words of programs that name themselves. A Cubot is a telephone.
_PROGRAMS = re.compile(
    r"(?<!cu)bot\b|\bbots?[/ ;_-]|crawl|spider|scan|preview|prefetch|headless|phantomjs|puppeteer|playwright"
    r"|barracuda|proofpoint|mimecast|fireeye|trend ?micro|symantec|sophos|bitdefender|mcafee|forcepoint"
    r"|ironport|safelinks|urlanalyzer|url-?check|link-?check|virustotal|facebookexternalhit|whatsapp"
    r"|curl/|wget|python|java/|httpclient|http-client|okhttp|libwww|axios|node-fetch|undici|guzzle|ruby|perl",
    re.IGNORECASE,
)
# What Apple's Mail Privacy Protection calls itself when it fetches all pictures of a mail that nobody opened.
_NOTHING_MORE = "Mozilla/5.0"

AFTER_SENDING = timedelta(seconds=20)
"""Scanners follow links as a message arrives; in so few seconds hardly anybody reads one."""
BURSTS = ((2, timedelta(seconds=1)), (3, timedelta(seconds=10)))
"""So many different links of one message followed within so long: nobody reads that fast.

Source of the first: Adobe Marketo Engage, "Filtering Email Bot Activity", proximity pattern.
"""


def is_machine(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a request says of itself that no person waits for its answer.

    Args:
        headers: with names in lower case, or of a kind that does not care.
    """
    if method != "GET":
        return True
    if any(word in headers.get(name, "").lower() for name in _AHEAD for word in _AHEAD_WORDS):
        return True
    agent = headers.get("user-agent", "").strip()
    return agent in ("", _NOTHING_MORE) or _PROGRAMS.search(agent) is not None
