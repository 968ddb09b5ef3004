"""Programs are told from people by what they say of themselves."""

from __future__ import annotations

import pytest

from recmail.feedback.machines import is_machine

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Mobile/15E148 Safari/604.1"
)
CUBOT = "Mozilla/5.0 (Linux; Android 12; CUBOT P60) AppleWebKit/537.36 Chrome/120.0.0.0 Mobile Safari/537.36"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


@pytest.mark.parametrize("agent", [IPHONE, CUBOT, GMAIL])
def test_a_person_is_a_person(agent: str) -> None:
    assert not is_machine("GET", {"user-agent": agent, "accept": "text/html"})


@pytest.mark.parametrize(
    "agent",
    [
        "",
        "Mozilla/5.0",
        "curl/8.5.0",
        "python-requests/2.32",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; bingbot/2.0)",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
        "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/120.0.0.0 Safari/537.36",
        "BarracudaCentral/1.0",
        "facebookexternalhit/1.1",
        "Go-http-client/1.1",
    ],
)
def test_a_program_that_names_itself_is_none(agent: str) -> None:
    assert is_machine("GET", {"user-agent": agent})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sec-purpose", "prefetch"),
        ("sec-purpose", "prefetch;prerender"),
        ("purpose", "Prefetch"),
        ("x-purpose", "preview"),
        ("x-moz", "prefetch"),
    ],
)
def test_what_is_fetched_ahead_is_no_click(name: str, value: str) -> None:
    assert is_machine("GET", {"user-agent": IPHONE, name: value})


def test_asking_for_headers_only_is_no_click() -> None:
    assert is_machine("HEAD", {"user-agent": IPHONE})
