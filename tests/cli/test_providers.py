"""A test email leaves through each provider over HTTP, and the marketer is told so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import AT, recmail
from tests.deliver.esp import test_postmark as postmark
from tests.deliver.esp import test_resend as resend
from tests.deliver.esp import test_sendgrid as sendgrid
from tests.deliver.esp.contract_http import SECRET, ProviderContract
from tests.http_servers import HttpServer, Reply

SPEAKING = {
    "postmark": postmark.TestPostmark(),
    "resend": resend.TestResend(),
    "sendgrid": sendgrid.TestSendgrid(),
}


@pytest.mark.parametrize(("kind", "speaking"), SPEAKING.items(), ids=SPEAKING)
def test_a_test_email_leaves_through(
    kind: str, speaking: ProviderContract, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_KEY", SECRET)
    takes = speaking.provider()
    with HttpServer(lambda one: takes(one) if speaking.sends(one) else Reply(404)).running() as server:
        toml = project / "recmail.toml"
        text = toml.read_text("utf-8").replace(
            "test_recipients = []", 'test_recipients = ["me@acme.example"]'
        )
        section = f'\n[provider.mine]\ntype = "{kind}"\napi_key = "env:MAIL_KEY"\nbase_url = "{server.url}"\n'
        toml.write_text(text.replace('provider = "files"', 'provider = "mine"') + section, "utf-8")
        told = recmail("preview", "weekly-picks", "--to", "me@acme.example", "--now", AT, project=project)
    assert "sent to me@acme.example" in told.stderr + told.stdout
    (sent,) = [seen for one in speaking.calls(server) for seen in speaking.seen(one.request)]
    assert sent.recipient == "me@acme.example"
    assert sent.subject.startswith("[TEST] ")
    assert sent.headers["x-recmail-test"] == "yes"
    assert "test-link.invalid" in sent.html
