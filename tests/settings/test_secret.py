"""Secrets are read from variables and files when they are needed, and never printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from recmail.errors import ConfigError
from recmail.settings import Secret, Settings, load_settings
from recmail.settings.secret import hide, hide_in_line, looks_secret

TEXT = """\
[project]
name = "Acme"
currency = "EUR"
[sender]
from = "learn@acme.example"
postal_address = "Acme Street 1"
"""


def load(folder: Path, text: str) -> Settings:
    (folder / "recmail.toml").write_text(text)
    return load_settings(folder)


def test_a_variable_and_a_file_are_read_only_when_revealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, filed = Secret("env:SMTP_PASSWORD", tmp_path), Secret("file:keys/smtp", tmp_path)
    monkeypatch.setenv("SMTP_PASSWORD", "hunter2")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "smtp").write_text(" hunter3 \r\n")
    assert (secret.reveal(), filed.reveal()) == ("hunter2", " hunter3 ")
    assert "hunter" not in f"{secret} {secret!r} {filed} {filed!r}"


def test_a_missing_secret_says_where_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SMTP_PASSWORD", raising=False)
    missing = Secret("env:SMTP_PASSWORD", tmp_path, "recmail.toml", 12)
    with pytest.raises(
        ConfigError, match=r"recmail.toml:12: env:SMTP_PASSWORD: the environment variable .* not set"
    ):
        missing.reveal()
    with pytest.raises(ConfigError, match=r"file:nothing cannot be read: No such file"):
        Secret("file:nothing", tmp_path).reveal()
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(ConfigError, match="file:empty is empty"):
        Secret("file:empty", tmp_path).reveal()
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        Secret("file:binary", tmp_path).reveal()


@pytest.mark.parametrize(
    "section",
    [
        '[provider.relay]\npassword = "hunter2"',
        "[provider.relay]\npassword = 77231",
        '[provider.relay]\nauth = { user = "learn", webhook_secret = "hunter2" }',
        '[provider.relay]\napi-key = ["env:FINE", "hunter2"]',
        '[provider.grid]\nnote = "SG.hunter2hunter2.hunter2hunter2"',
        '[sources.users]\nurl = "postgresql://recmail:hunter2@db/app"',
    ],
)
def test_a_written_secret_is_refused_and_not_printed(tmp_path: Path, section: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, TEXT + section)
    [problem] = caught.value.problems
    assert problem.message.endswith(
        "a secret may not stand here; write env:NAME or file:PATH and keep it there"
    )
    assert problem.line == 8
    assert "hunter2" not in str(caught.value)
    assert "77231" not in str(caught.value)


def test_a_mistake_beside_a_secret_does_not_print_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, TEXT + '[provider.relay]\npassword = "hunter2" "more"\n')
    assert "recmail.toml:8:" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_database_password_stands_in_a_variable_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "postgresql://recmail:hunter2@db/recmail"
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, TEXT.replace("[sender]", f'database = "{url}"\n[sender]'))
    assert 'holds a password; write "env:DATABASE_URL" here' in str(caught.value)
    assert "hunter2" not in str(caught.value)
    monkeypatch.setenv("DATABASE_URL", url)
    assert (
        load(tmp_path, TEXT.replace("[sender]", 'database = "env:DATABASE_URL"\n[sender]')).database_url
        == url
    )
    monkeypatch.setenv("RECMAIL_PROJECT_DATABASE", url)
    overridden = load(tmp_path, TEXT)
    assert overridden.database_url == url
    assert "hunter2" not in repr(overridden.project)
    assert overridden.origins["project.database"] == "RECMAIL_PROJECT_DATABASE"


def test_a_variable_that_holds_no_database_is_refused_when_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://u:hunter2@db/x")
    found = load(tmp_path, TEXT.replace("[sender]", 'database = "env:DATABASE_URL"\n[sender]'))
    with pytest.raises(
        ConfigError, match=r"recmail.toml:4: \[project\] database: env:DATABASE_URL: found mysql:"
    ):
        _ = found.database_url


def test_the_key_is_read_from_its_file_and_must_be_long(tmp_path: Path) -> None:
    found = load(tmp_path, TEXT)
    (tmp_path / ".recmail").mkdir()
    (tmp_path / ".recmail" / "key").write_text("ab" * 32 + "\n")
    assert found.key == b"ab" * 32
    (tmp_path / ".recmail" / "key").write_text("short\n")
    with pytest.raises(ConfigError, match="fewer than 32 characters"):
        _ = load(tmp_path, TEXT).key


def test_a_key_is_never_written_into_the_settings(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, TEXT.replace("[sender]", 'key = "0123456789abcdef0123456789abcdef"\n[sender]'))
    assert "[project] key: a secret may not stand here" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("SG.abcdefghijkl.mnopqrst", True),
        ("AKIAIOSFODNN7EXAMPLE", True),
        ("postgresql://a:b@c/d", True),
        ("https://acme.example/a:b@c", False),
        ("SG is the code of Singapore", False),
        ("key-value stores in practice", False),
    ],
)
def test_what_looks_like_a_secret_is_told_from_ordinary_text(text: str, *, secret: bool) -> None:
    assert looks_secret(text) is secret
    assert (hide(text) != text) is secret


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ('passwort = "open sesame"', "passwort = (hidden)"),
        ('  "api_kye": "open sesame"', '  "api_kye": (hidden)'),
        ('secret_key = "env:MAILJET_SECRET"  # theirs', 'secret_key = "env:MAILJET_SECRET"  # theirs'),
        ('subject = "Access to SQL"', 'subject = "Access to SQL"'),
    ],
)
def test_what_stands_under_a_name_with_a_slip_is_not_printed(line: str, printed: str) -> None:
    assert hide_in_line(line) == printed
