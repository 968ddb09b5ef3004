"""Settings as the doctor sees them: origins, secrets, mistakes, the key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.runs.doctor.conftest import one, report, states

Change = Callable[..., None]
RELAY = """
[provider.relay]
type = "smtp"
host = "smtp.acme.org"
user = "learn"
password = "env:SMTP_PASSWORD"
"""
WRITTEN_DOWN = """
[provider.pm]
type = "postmark"
api_key = "open-sesame"
api_kye = "open-sesame"

[provider.mj]
type = "anymail"
esp = "mailjet"
api_key = "env:MAILJET_KEY"
secret_key = "open-sesame"

[bounces.returned]
type = "imap"
host = "imap.acme.org"
user = "bounces"
passwort = "open-sesame"
"""


def test_each_value_says_where_it_comes_from(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECMAIL_PROJECT_TIMEZONE", "Asia/Kolkata")
    found = report(project)["settings"]
    assert one(found, "project.name").found == "Acme (recmail.toml:6)"
    assert one(found, "project.timezone").found == "Asia/Kolkata (RECMAIL_PROJECT_TIMEZONE)"
    assert one(found, "delivery.engine").found == "processes (default)"
    assert one(found, "limits.test_recipients").found == "none (recmail.toml:25)"
    assert one(found, "model.half_life").found == "180d (recmail.toml:50)"
    assert one(found, "topics.course-tips").found == "Course tips (recmail.toml:28)"
    assert one(found, "provider.files.folder").found == "outbox (recmail.toml:55)"
    assert set(states(found).values()) == {"ok"}


def test_mistakes_of_sources_are_said_where_they_stand(project: Path, change: Change) -> None:
    change(add='[sources.user]\nfile = "a.csv"\n[sources.events]\nfiel = "a.csv"\n')
    found = [one for one in report(project)["settings"] if one.check == "recmail.toml"]
    assert [one.state for one in found] == ["wrong", "wrong"]
    assert all(one.makes_invalid for one in found)
    assert "[sources.user]: did you mean [sources.users]?" in found[0].found
    assert "[sources.events] fiel: unknown key; did you mean file?" in found[1].found


def test_secrets_are_named_and_never_shown(
    project: Path, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(add=RELAY)
    missing = one(report(project)["settings"], "provider.relay.password")
    assert (missing.state, missing.next) == ("warning", "set the variable SMTP_PASSWORD where recmail runs")
    monkeypatch.setenv("SMTP_PASSWORD", "open sesame")
    monkeypatch.setenv("RECMAIL_PROJECT_DATABASE", "postgresql://me:open-sesame@127.0.0.1:1/x")
    found = report(project)
    there = one(found["settings"], "provider.relay.password")
    assert (there.state, "env:SMTP_PASSWORD, which can be read" in there.found) == ("ok", True)
    assert "me:(hidden)@127.0.0.1" in one(found["database"], "reachable").found
    assert "sesame" not in repr(found)


def test_a_secret_that_was_written_down_is_not_repeated(project: Path, change: Change) -> None:
    change(add=WRITTEN_DOWN)
    found = report(project)
    assert "sesame" not in repr(found)
    shown = {one.check: one.found for one in found["settings"] if one.check.startswith(("pro", "bounces"))}
    assert shown["provider.pm.api_kye"].startswith("(hidden) (recmail.toml:")
    assert shown["provider.mj.esp"].startswith("mailjet ")
    assert shown["bounces.returned.host"].startswith("imap.acme.org ")
    mistakes = [one.found for one in found["settings"] if one.check == "recmail.toml"]
    assert any("[bounces.returned] passwort: unknown key; did you mean password?" in one for one in mistakes)
    assert sum("a secret may not stand here" in one for one in mistakes) == 2


def test_mistakes_hide_neither_each_other_nor_the_rest(project: Path, change: Change) -> None:
    change(currency='"euros"', from_='"nobody"', add="[limit]\nx = 1")
    found = report(project)
    mistakes = [finding for finding in found["settings"] if finding.check == "recmail.toml"]
    assert [finding.state for finding in mistakes] == ["wrong"] * 3
    assert all(finding.makes_invalid for finding in mistakes)
    assert "recmail.toml:10:12: [project] currency: found 'euros'" in mistakes[0].found
    assert mistakes[0].next == "mend recmail.toml, line 10"
    assert "project.name" in states(found["settings"])
    assert "project.currency" not in states(found["settings"])
    assert states(found["database"]) == {"reachable": "ok", "migrations": "ok"}
    assert states(found["provider"]) == {"files": "ok"}


def test_a_broken_syntax_leaves_the_machine(project: Path, change: Change) -> None:
    change(add="x = = 3")
    found = report(project)
    assert list(found) == ["settings", "machine"]
    (mistake,) = found["settings"]
    assert (mistake.state, mistake.makes_invalid) == ("wrong", True)


def test_without_a_project_the_first_step_is_said(tmp_path: Path) -> None:
    found = report(tmp_path)
    assert list(found) == ["settings", "machine"]
    assert "recmail init" in found["settings"][0].next


def test_a_database_variable_that_is_missing_is_said(project: Path, change: Change) -> None:
    change(database='"env:DATABASE_URL"')
    found = report(project)
    assert states(found["settings"])["project.database"] == "wrong"
    assert "database" not in found
    assert states(found["data"]) == {"people": "warning"}
    assert states(found["campaigns"])["campaigns"] == "ok"


def test_a_key_is_its_owners_alone(project: Path) -> None:
    key = project / ".recmail" / "key"
    key.chmod(0o644)
    (project / ".gitignore").write_text("outbox/\n")
    found = report(project)["settings"]
    assert (one(found, "key").state, one(found, "key").next) == ("warning", f"chmod 600 {key}")
    ignored = one(found, "key in git")
    assert (ignored.state, ignored.next) == ("warning", f"echo .recmail/key >> {project / '.gitignore'}")
    (project / ".gitignore").write_text("/.recmail/\n")
    assert states(report(project)["settings"])["key in git"] == "ok"


@pytest.mark.parametrize("text", [None, "short"])
def test_a_key_that_cannot_be_used_is_wrong(project: Path, text: str | None) -> None:
    key = project / ".recmail" / "key"
    key.unlink() if text is None else key.write_text(text)
    found = one(report(project)["settings"], "key")
    assert (found.state, "bring it back" in found.next) == ("wrong", True)


JUNK = [
    '""',
    '"x"',
    "3",
    "-1",
    "true",
    "[]",
    '["a"]',
    "{}",
    "{ a = 1 }",
    '"env:NOT_THERE"',
    '"file:not-there"',
]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 60), st.sampled_from(JUNK)), min_size=1, max_size=6))
def test_no_value_of_any_setting_stops_the_report(project: Path, changes: list[tuple[int, str]]) -> None:
    file = project / "recmail.toml"
    before = file.read_text("utf-8")
    lines = before.splitlines()
    for at, value in changes:
        name, sign, _ = lines[at % len(lines)].partition(" = ")
        if sign and not name.startswith("#"):
            lines[at % len(lines)] = f"{name} = {value}"
    try:
        file.write_text("\n".join(lines), "utf-8")
        found = report(project)
    finally:
        file.write_text(before, "utf-8")
    assert found["settings"][0].check == "recmail.toml"
    assert "machine" in found
