"""What providers sign comes through the public application as they signed it, and is written down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading
from recmail.db.tables import events
from recmail.deliver.clock import Clock
from recmail.deliver.esp import Webhook, sns
from recmail.runs.project import Project, open_project
from recmail.web.public.door import Door
from tests.conftest import NOW
from tests.deliver.esp.signing import (
    LOGIN,
    SVIX_SECRET,
    TOPIC,
    by_postmark,
    by_sendgrid,
    by_sns,
    by_svix,
    certificate,
    envelope,
    sendgrid_key,
)
from tests.deliver.esp.webhook_payloads import (
    POSTMARK_BOUNCE,
    RESEND_BOUNCE,
    SENDGRID_EVENTS,
    SES_BOUNCE,
)
from tests.web.public.conftest import client_of

PROVIDERS = f"""
[provider.ses]
type = "ses"
region = "us-east-1"
topic_arn = "{TOPIC}"

[provider.postmark]
type = "postmark"
api_key = "env:ANY_KEY"
webhook_user = "{LOGIN[0]}"
webhook_password = "env:POSTMARK_PASSWORD"

[provider.resend]
type = "resend"
api_key = "env:ANY_KEY"
webhook_secret = "env:RESEND_SECRET"

[provider.sendgrid]
type = "sendgrid"
api_key = "env:ANY_KEY"
webhook_public_key = "{sendgrid_key()}"

[provider.deaf]
type = "ses"
"""


@pytest.fixture
def project(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    for name, value in (("ANY_KEY", "key"), ("POSTMARK_PASSWORD", LOGIN[1]), ("RESEND_SECRET", SVIX_SECRET)):
        monkeypatch.setenv(name, value)
    settings = project.folder / "recmail.toml"
    settings.write_text(settings.read_text("utf-8") + PROVIDERS, "utf-8")
    opened = open_project(project.folder)
    yield opened
    opened.engine.dispose()


def test_each_provider_is_believed_when_it_signs_and_not_else(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sns, "_certificates", {})
    sns.open_envelope(by_sns(envelope("x", NOW)).body, TOPIC, now=NOW, get=lambda _: certificate(NOW))
    client = client_of(Door(project, Clock(NOW), lambda _: None))
    signed: dict[str, Webhook] = {
        "ses": by_sns(envelope(SES_BOUNCE, NOW)),
        "postmark": by_postmark(POSTMARK_BOUNCE),
        "resend": by_svix(RESEND_BOUNCE, NOW),
        "sendgrid": by_sendgrid(SENDGRID_EVENTS, NOW),
    }
    for name, request in signed.items():
        changed = request.body.replace(b"example", b"exampel", 1)
        for body, status in ((changed, 401), (request.body, 200), (request.body, 200)):
            headers = dict(request.headers) if name != "postmark" or status == 200 else {}
            answer = client.post(f"/webhooks/{name}", content=body, headers=headers)
            assert (name, answer.status_code) == (name, status)
    assert client.post("/webhooks/deaf", content=signed["ses"].body).status_code == 404
    with reading(project.engine) as connection:
        found = connection.execute(sa.select(events.c.provider)).scalars().all()
        assert Counter(found) == {"postmark": 1, "resend": 1, "sendgrid": 9, "ses": 1}
