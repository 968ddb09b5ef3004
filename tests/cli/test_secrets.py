"""No secret is ever printed or written: every one is set to a mark, and everything is searched for them."""

from __future__ import annotations

import base64
import json
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from recmail.cli import main
from tests.cli.conftest import AT

KEY, PASSWORD, API = "keymark-5f1e" * 4, "passmark-93aa", "apimark-77c0"
MARKS = (KEY, PASSWORD, API, base64.b64encode(PASSWORD.encode()).decode())
PROVIDERS = """
[provider.relay]
type = "smtp"
host = "127.0.0.1"
port = {port}
user = "learn"
password = "env:ACME_PASSWORD"
tls = "none"

[sources.users]
sql = "select id as user_id from accounts"
url = "env:ACME_REPLICA"
"""


class _Refusing(socketserver.StreamRequestHandler):
    """A relay that takes nobody's password, and repeats it in its answer, as a careless one might."""

    def handle(self) -> None:
        self.wfile.write(b"220 relay ESMTP\r\n")
        for line in self.rfile:
            verb, _, rest = line.strip().partition(b" ")
            if verb.upper() == b"EHLO":
                self.wfile.write(b"250-relay\r\n250 AUTH PLAIN LOGIN\r\n")
            elif verb.upper() == b"AUTH":
                said = base64.b64decode(rest.split()[-1]).split(b"\0")[-1]
                self.wfile.write(b"535 5.7.8 wrong password: " + said + b"\r\n")
            elif verb.upper() == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 ok\r\n")


@pytest.fixture
def relay() -> Iterator[int]:
    """The port of a relay that refuses to log in."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Refusing) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def marked(project: Path, relay: int, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project each of whose secrets is a mark."""
    file = project / "recmail.toml"
    text = file.read_text("utf-8").replace('"file:.recmail/key"', '"env:ACME_KEY"')
    text = text.replace('provider = "files"', 'provider = "relay"')
    text = text.replace("test_recipients = []", 'test_recipients = ["me@acme.example"]')
    file.write_text(text + PROVIDERS.format(port=relay), "utf-8")
    monkeypatch.setenv("ACME_KEY", KEY)
    monkeypatch.setenv("ACME_PASSWORD", PASSWORD)
    monkeypatch.setenv("ACME_REPLICA", f"postgresql://reader:{API}@127.0.0.1:1/shop")
    return project


COMMANDS = (
    ("check", "weekly-picks", "--json"),
    ("doctor", "--json", "--offline"),
    ("import",),
    ("plan", "weekly-picks", "--json", "--now", AT),
    ("approve", "1", "--now", AT),
    ("runs", "1", "--json"),
    ("preview", "weekly-picks", "--to", "me@acme.example", "--now", AT),
    ("user", "show", "u00001", "--json"),
)


def test_no_secret_is_printed_or_written(marked: Path, tmp_path: Path) -> None:
    said = {}
    for words in COMMANDS:
        result = CliRunner().invoke(main, [*words, "--project", str(marked)])
        assert result.exception is None or isinstance(result.exception, SystemExit), words
        said[" ".join(words)] = result.output
    people = json.loads(said["runs 1 --json"])["waiting"]
    sending = ("send", "1", "--yes", "--expect", str(people), "--now", AT, "--project", str(marked))
    said["send"] = CliRunner().invoke(main, sending).output
    assert ["535" in text for name, text in said.items() if name.startswith(("preview", "send"))] == [
        True,
        True,
    ]
    assert [(name, mark) for name, text in said.items() for mark in MARKS if mark in text] == []
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [(path, mark) for path in files for mark in MARKS if mark.encode() in path.read_bytes()] == []
