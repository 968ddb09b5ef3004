"""From a [provider.NAME] section to a provider: every mistake at its line, and nothing connected."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from recmail import plugins
from recmail.deliver.esp import open_provider
from recmail.deliver.esp.files import Files
from recmail.deliver.esp.smtp import Smtp
from recmail.deliver.warm_up import WarmUp
from recmail.errors import ConfigError
from recmail.settings import Settings, load_settings

BASE = """\
[project]
name = "Acme"
currency = "EUR"
[sender]
from = "learn@acme.example"
postal_address = "12 Road"
"""
FIRST_LINE = BASE.count("\n") + 1


def settings(folder: Path, section: str) -> Settings:
    (folder / "recmail.toml").write_text(BASE + section)
    return load_settings(folder)


def problems(folder: Path, section: str, name: str = "relay") -> list[tuple[int, str]]:
    """Line within the section (its header is 1) and text of each mistake."""
    with pytest.raises(ConfigError) as raised:
        open_provider(name, settings(folder, section))
    return [
        (problem.line and problem.line - FIRST_LINE + 1, problem.message) for problem in raised.value.problems
    ]


def test_files_is_there_without_a_section(tmp_path: Path) -> None:
    provider = open_provider("files", settings(tmp_path, ""))
    assert isinstance(provider.options, Files)
    assert provider.options.folder == tmp_path / "outbox"
    assert (provider.name, provider.leaves_machine, provider.page) == (
        "files",
        False,
        tmp_path / "outbox" / "index.html",
    )
    assert not (tmp_path / "outbox").exists()


def test_a_relay_as_it_is_documented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "open sesame")
    section = """\
[provider.relay]
type = "smtp"
host = "smtp.acme.example"
port = 587
user = "learn"
password = "env:SMTP_PASSWORD"
tls = "starttls"
connections = 3
domain_connections = { "gmail.com" = 2, "Bücher.example" = 1, "*" = 3 }
bounces = "b+{token}@bounces.acme.example"
"""
    provider = open_provider("relay", settings(tmp_path, section))
    assert isinstance(provider.options, Smtp)
    assert provider.options.login() == ("learn", "open sesame")
    assert (provider.connections, provider.leaves_machine, provider.page) == (3, True, None)
    assert provider.options.domain_connections == {"gmail.com": 2, "xn--bcher-kva.example": 1, "*": 3}
    assert provider.sending_lease == timedelta(minutes=11)
    assert "open sesame" not in repr(provider)


def test_every_mistake_is_said_at_its_line(tmp_path: Path) -> None:
    section = """\
[provider.relay]
type = "smtp"
host = "smtp.acme.example"
port = "587"
tls = "none"
conections = 3
"""
    found = problems(tmp_path, section)
    assert [line for line, _ in found] == [4, 5, 6]
    assert found[0][1].startswith("[provider.relay] port: input should be a valid integer")
    assert found[1][1] == (
        "[provider.relay] tls: none is for servers on this machine only; expected starttls or implicit"
    )
    assert found[2][1] == "[provider.relay] conections: unknown key; did you mean connections?"


@pytest.mark.parametrize(
    ("section", "line", "message"),
    [
        ("[provider.relay]\n", 1, "[provider.relay]: type is missing; expected one of "),
        ('[provider.relay]\ntype = "smpt"\n', 2, "[provider.relay] type: found 'smpt'; did you mean smtp?"),
        ('[provider.relay]\ntype = "pigeon"\n', 2, "found 'pigeon'; expected one of "),
        ('[provider.relay]\ntype = "smtp"\n', 1, "[provider.relay]: host is missing"),
        (
            '[provider.relay]\ntype = "smtp"\nhost = "h"\nuser = "me"\n',
            1,
            "user and password belong together",
        ),
        ('[provider.relay]\ntype = "smtp"\nhost = "h"\nport = 70000\n', 4, "less than or equal to 65535"),
        ('[provider.relay]\ntype = "smtp"\nhost = "h"\ntls = "ssl"\n', 4, "'starttls', 'implicit' or 'none'"),
        ('[provider.relay]\ntype = "smtp"\nhost = "h"\nca_file = "x.pem"\n', 4, "there is no file x.pem"),
        ('[provider.relay]\ntype = "smtp"\nhost = "h"\nzzz = 1\n', 4, "unknown key; expected one of type,"),
        (
            '[provider.relay]\ntype = "smtp"\nhost = "h"\ndomain_connections = { gmail = 2 }\n',
            4,
            "expected a domain such as gmail.com, or *",
        ),
        (
            '[provider.relay]\ntype = "smtp"\nhost = "h"\ndomain_connections = { "gmail.com" = 0 }\n',
            4,
            "greater than or equal to 1",
        ),
        ('[provider.relay]\ntype = "files"\nfolder = 3\n', 3, "expected the name of a folder"),
    ],
)
def test_a_mistake_says_what_was_expected(tmp_path: Path, section: str, line: int, message: str) -> None:
    ((found_line, text),) = problems(tmp_path, section)
    assert found_line == line
    assert message in text


def test_a_provider_without_a_section_is_said(tmp_path: Path) -> None:
    section = '[provider.relay]\ntype = "smtp"\nhost = "h"\n'
    assert problems(tmp_path, section, "rely") == [
        (0, "there is no section [provider.rely]; did you mean relay?")
    ]
    assert problems(tmp_path, section, "x")[0][1].endswith("there are: files, relay")


def test_a_missing_password_is_said_before_the_first_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SMTP_PASSWORD", raising=False)
    section = '[provider.relay]\ntype = "smtp"\nhost = "h"\nuser = "me"\npassword = "env:SMTP_PASSWORD"\n'
    ((line, text),) = problems(tmp_path, section)
    assert (line, "SMTP_PASSWORD is not set" in text) == (5, True)


def test_limits_and_a_warm_up_as_they_are_documented(tmp_path: Path) -> None:
    section = """\
[provider.files]
type = "files"
folder = "outbox"
at_most = ["50000 per day", "14 per second"]
domain_limits = {"GMail.com" = "20 per second", "büro.example" = ["5 per minute", "100 per day"]}
warm_up = {from = 2026-12-01, start = 500, grow = 1.5, up_to = 50000}
"""
    options = open_provider("files", settings(tmp_path, section)).options
    assert [str(rate) for rate in options.at_most] == ["14 per second", "50000 per day"]
    assert {domain: [str(rate) for rate in rates] for domain, rates in options.domain_limits.items()} == {
        "gmail.com": ["20 per second"],
        "xn--bro-hoa.example": ["5 per minute", "100 per day"],
    }
    assert options.warm_up == WarmUp.model_validate(
        {"from": date(2026, 12, 1), "start": 500, "grow": 1.5, "up_to": 50_000}
    )


def test_mistakes_in_limits_are_said_all_at_once(tmp_path: Path) -> None:
    section = """\
[provider.files]
type = "files"
folder = "outbox"
at_most = ["14/s"]
warm_up = {start = 500, up_to = 400, groww = 3}
domain_limits = {"gmail com" = "20 per second", "yahoo.com" = 5}
"""
    found = problems(tmp_path, section, "files")
    assert [(line, message.removeprefix("[provider.files] ")) for line, message in found] == [
        (4, "at_most: found '14/s'; expected a rate such as 5000 per hour; write 14 per second"),
        (5, "warm_up: from is missing"),
        (5, "warm_up.up_to: found 400; expected more than start, or there would be no warm-up"),
        (5, "warm_up.groww: unknown key"),
        (6, "domain_limits.gmail com: found 'gmail com'; expected a domain such as gmail.com"),
        (6, "domain_limits.yahoo.com: found 5; expected a rate such as 5000 per hour"),
    ]


def test_every_provider_has_a_test_file_and_a_place_in_the_documentation() -> None:
    here = Path(__file__).parent
    page = (here.parents[2] / "docs" / "providers.md").read_text("utf-8")
    for name in plugins.names("deliver.esp"):
        assert (here / f"test_{name}.py").is_file(), name
        assert f"| `{name}` |" in page, name
