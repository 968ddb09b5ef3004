"""The contact sheet: a page that nothing of a person can break out of."""

from __future__ import annotations

from html.parser import HTMLParser

from recmail.render.contact_sheet import Rule, Sample, Shown, contact_sheet, with_files
from recmail.render.email import Email
from recmail.render.lint import Finding, Severity

EVIL = "\"><script>alert('x')</script>"


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag == name]


def sample(user_id: str, *, sent: bool = True, **more: object) -> Sample:
    email = Email("A subject", "", f"<p>{'x' * 2048}</p>", "text") if sent else None
    verdict = "would be sent" if sent else "would not be sent: unsubscribed"
    known = {"name": "Ana", "why": "no history", "verdict": verdict, **more}
    return Sample(user_id=user_id, sent=sent, email=email, **known)  # type: ignore[arg-type]


def page_of(*samples: Sample, **more: object) -> str:
    about = {"campaign": "weekly", "sender": "Acme", "made": "today", **more}
    return contact_sheet(list(with_files(samples)), **about)  # type: ignore[arg-type]


def test_nothing_of_a_person_becomes_markup() -> None:
    one = sample(
        EVIL,
        name=EVIL,
        why=EVIL,
        verdict=EVIL,
        shown=[Shown(EVIL, EVIL, EVIL)],
        rules=[Rule(True, EVIL)],
        findings=[Finding(Severity.ERROR, EVIL, EVIL, EVIL, template=EVIL)],
    )
    page = page_of(one, campaign=EVIL, sender=EVIL, made=EVIL, notes=[EVIL])
    assert Tags(page).of("script") == []
    assert page.count("&lt;script&gt;") >= 12
    assert "<script>" not in page


def test_emails_are_sandboxed_without_scripts() -> None:
    tags = Tags(page_of(sample("u1"), sample("u2", sent=False)))
    [frame] = tags.of("iframe")
    assert frame["sandbox"] == "allow-same-origin"
    assert frame["src"] == "u1.html"
    [policy] = [meta["content"] for meta in tags.of("meta") if "http-equiv" in meta]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy


def test_files_have_safe_names_none_twice_and_none_the_pages_own() -> None:
    ids = ["a/b", "a_b", "A_B", "index", "..", "", "INDEX", "u1"]
    named = [one.file for one in with_files(sample(user_id) for user_id in ids)]
    assert named == ["a_b", "a_b-2", "A_B-3", "index-2", "user", "user-2", "INDEX-3", "u1"]


def test_those_who_get_nothing_stand_apart_with_the_rule_that_failed() -> None:
    rules = [Rule(True, "in the audience"), Rule(False, "unsubscribed")]
    page = page_of(*(sample(f"u{number}") for number in range(3)), sample("u9", sent=False, rules=rules))
    sent, not_sent = page.split("<h2>Would not be sent")
    assert "Would be sent <span>· 3 of these 4</span>" in sent
    assert '<article id="u9" class="no">' in not_sent
    assert "<details>" not in not_sent  # nobody has to open anything to see why
    assert '<a href="#u9">no history</a>' in sent
    assert "2 KB" in sent


def test_errors_stand_before_warnings() -> None:
    findings = [
        Finding(Severity.WARNING, "dark", "pale in the dark", "darken it"),
        Finding(Severity.ERROR, "image-alt", "an image without alt", "describe it", "weekly.html.j2", 12),
    ]
    page = page_of(sample("u1", findings=findings))
    assert page.index("an image without alt") < page.index("pale in the dark")
    assert '<li class="error">' in page
    assert "describe it · weekly.html.j2:12" in page


def test_what_is_known_of_a_person_as_json() -> None:
    [one] = with_files([sample("u1", findings=[Finding(Severity.ERROR, "a", "b", "c")])])
    known = one.to_dict()
    assert (known["user"], known["subject"], known["file"]) == ("u1", "A subject", "u1.html")
    assert known["findings"] == [
        {"severity": "error", "rule": "a", "found": "b", "fix": "c", "template": "", "line": 0}
    ]
    assert "email" not in known
