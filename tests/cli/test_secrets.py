"""No secret is ever printed or written: every one is set to a mark, and everything is searched for them."""

from __future__ import annotations

import base64
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from recmail.cli import main
from recmail.deliver.clock import Clock
from recmail.deliver.esp import open_provider
from recmail.errors import DeliveryError
from recmail.runs.news import News
from recmail.runs.project import open_project
from recmail.web.public.door import Door
from tests.cli.conftest import AT
from tests.conftest import NOW
from tests.deliver.esp.signing import by_postmark, by_svix
from tests.http_servers import HttpServer, Reply, Request
from tests.web.public.conftest import client_of

KEY, PASSWORD, API = "keymark-5f1e" * 4, "passmark-93aa", "apimark-77c0"
HOOK, SVIX, AWS = "hookmark-1d20", "whsec_" + base64.b64encode(b"svixmark-0a4b").decode(), "awsmark-b3c9"
PLAIN = (KEY, PASSWORD, API, HOOK, SVIX, AWS)
MARKS = (*PLAIN, *(base64.b64encode(one.encode()).decode() for one in (PASSWORD, HOOK, f"recmail:{HOOK}")))
PROVIDERS = """
[provider.relay]
type = "smtp"
host = "127.0.0.1"
port = {port}
user = "learn"
password = "env:ACME_PASSWORD"
tls = "none"

[provider.postmark]
type = "postmark"
api_key = "env:ACME_API"
base_url = "{http}"
webhook_user = "recmail"
webhook_password = "env:ACME_HOOK"

[provider.resend]
type = "resend"
api_key = "env:ACME_API"
base_url = "{http}"
webhook_secret = "env:ACME_SVIX"

[provider.sendgrid]
type = "sendgrid"
api_key = "env:ACME_API"
base_url = "{http}"

[provider.ses]
type = "ses"
region = "eu-west-1"
endpoint_url = "{http}"
access_key_id = "env:ACME_AWS_ID"
secret_access_key = "env:ACME_AWS"

[bounces.returned]
type = "imap"
host = "127.0.0.1"
port = {imap}
tls = "none"
user = "bounces"
password = "env:ACME_PASSWORD"

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


class _RefusingMailbox(socketserver.StreamRequestHandler):
    """The same of IMAP."""

    def handle(self) -> None:
        self.wfile.write(b"* OK IMAP4rev1\r\n")
        for line in self.rfile:
            tag, verb, *rest = line.split()
            if verb.upper() == b"CAPABILITY":
                self.wfile.write(b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK done\r\n")
            else:
                self.wfile.write(tag + b" NO wrong: " + b" ".join(rest) + b"\r\n")


def _repeating(request: Request) -> Reply:
    """An API that refuses, and repeats all that it was sent."""
    said = json.dumps([*request.headers.values(), request.body.decode("utf-8", "replace")])
    return Reply(403, json.dumps({"message": said, "Message": said, "errors": [{"message": said}]}).encode())


@contextmanager
def _listening(handler: type[socketserver.BaseRequestHandler]) -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def ports() -> Iterator[dict[str, object]]:
    """A relay, an API and a mailbox, each of which refuses and repeats what it was told."""
    api = HttpServer(_repeating)
    with _listening(_Refusing) as relay, _listening(_RefusingMailbox) as imap, api.running():
        yield {"port": relay, "imap": imap, "http": api.url}


@pytest.fixture
def marked(project: Path, ports: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project each of whose secrets is a mark."""
    file = project / "recmail.toml"
    text = file.read_text("utf-8").replace('"file:.recmail/key"', '"env:ACME_KEY"')
    text = text.replace('provider = "files"', 'provider = "relay"')
    text = text.replace("test_recipients = []", 'test_recipients = ["me@acme.example"]')
    file.write_text(text + PROVIDERS.format(**ports), "utf-8")
    monkeypatch.setenv("ACME_KEY", KEY)
    monkeypatch.setenv("ACME_PASSWORD", PASSWORD)
    for name, mark in (("API", API), ("HOOK", HOOK), ("SVIX", SVIX), ("AWS", AWS), ("AWS_ID", "AKID")):
        monkeypatch.setenv(f"ACME_{name}", mark)
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
    ("import", "bounces"),
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
    assert "wrong: " in said["import bounces"]
    assert [(name, mark) for name, text in said.items() for mark in MARKS if mark in text] == []
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [(path, mark) for path in files for mark in MARKS if mark.encode() in path.read_bytes()] == []


@pytest.mark.parametrize("name", ["postmark", "resend", "sendgrid", "ses"])
def test_a_key_that_an_api_repeats_is_not(marked: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    provider = open_provider(name, open_project(marked).settings)
    with pytest.raises(DeliveryError, match="403") as caught:
        provider.probe()
    said = [repr(provider), str(provider), str(caught.value), repr(caught.value), caplog.text]
    assert [(mark, text) for mark in MARKS for text in said if mark in text] == []


def test_what_a_webhook_is_signed_with_is_not_told(marked: Path) -> None:
    told: list[News] = []
    project = open_project(marked)
    client = client_of(Door(project, Clock(NOW), told.append))
    for name, request in (
        ("postmark", by_postmark("{", login=("recmail", HOOK))),
        ("resend", by_svix("{", NOW, secret=SVIX)),
    ):
        for body in (request.body, b"{"):
            answer = client.post(f"/webhooks/{name}", content=body, headers=dict(request.headers))
            assert answer.status_code in (400, 401)
            told.append(News(NOW, "answer", answer.text + str(answer.headers)))
    project.engine.dispose()
    assert len(told) == 8
    assert [(mark, one) for mark in MARKS for one in told if mark in one.text] == []
