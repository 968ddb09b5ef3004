"""What must be true before mail leaves this machine, with real web, mail and name servers on loopback."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from recmail.deliver.clock import Clock
from recmail.runs.doctor.departure import check_answer, check_public
from recmail.runs.doctor.lookup import Lookup
from recmail.runs.project import open_project
from recmail.web.public.application import make_application
from recmail.web.public.door import Door
from recmail.web.public.serving import listen, serve
from tests.http_servers import HttpServer, Reply, Request
from tests.runs.doctor.conftest import one, report, states
from tests.runs.doctor.test_records import RSA_2048
from tests.runs.doctor.zones import BROKEN, NameServer
from tests.servers import CERTIFICATES, HOST, SmtpServer, unused_port

Change = Callable[..., None]
ZONE: Mapping[str, Any] = {
    "acme.org MX": ["10 mail.acme.org."],
    "acme.org TXT": ["v=spf1 mx -all"],
    "_dmarc.acme.org TXT": ["v=DMARC1; p=none"],
    "s1._domainkey.acme.org TXT": [f"v=DKIM1; p={RSA_2048}"],
}
GOOD = {"replies": "ok", "SPF": "ok", "DKIM": "ok", "DMARC": "ok"}


def relay(port: int, host: str = HOST, tls: str = "none") -> dict[str, str]:
    section = f'[provider.relay]\ntype = "smtp"\nhost = "{host}"\nport = {port}\ntls = "{tls}"\n'
    return {"provider": '"relay"', "add": section}


# --- the provider ---------------------------------------------------------------------------------


def test_a_server_that_takes_mail_is_asked_and_sent_nothing(project: Path, change: Change) -> None:
    with SmtpServer().running() as server:
        change(**relay(server.port))
        found = one(report(project)["provider"], "relay")
    assert (found.state, "answers" in found.found) == ("ok", True)
    assert not any(command.upper().startswith(("MAIL", "RCPT", "DATA")) for command in server.commands)


def test_a_server_that_refuses_us_is_wrong(project: Path, change: Change) -> None:
    with SmtpServer(answers={"CONNECT": ["554 5.7.1 go\x1b[31m away"]}).running() as server:
        change(**relay(server.port))
        found = one(report(project)["provider"], "relay")
    assert (found.state, "554 5.7.1 go·[31m away" in found.found) == ("wrong", True)
    assert found.next == "compare [provider.relay] with your provider's page"


def test_what_an_account_says_is_told_with_the_next_step(
    project: Path, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SES_KEY", "AKIAEXAMPLE")
    account = {"SendingEnabled": True, "ProductionAccessEnabled": False, "SendQuota": {"MaxSendRate": 1.0}}

    def amazon(request: Request) -> Reply:
        known = request.path == "/v2/email/account"
        return Reply(200, json.dumps(account).encode()) if known else Reply(404, b"{}")

    with HttpServer(amazon).running() as server:
        keys = 'access_key_id = "env:SES_KEY"\nsecret_access_key = "env:SES_KEY"\nregion = "eu-west-1"\n'
        section = f'[provider.ses]\ntype = "ses"\n{keys}endpoint_url = "{server.url}"\n'
        change(provider='"ses"', add=section)
        found = report(project)["provider"]
    assert [(one.state, one.found.split(":")[0], bool(one.next)) for one in found[1:]] == [
        ("warning", "the account is in the sandbox", True),
        ("wrong", "acme.org is not verified, so SES takes nothing from it", True),
        ("warning", "bounces and complaints do not come back to recmail", True),
    ]
    assert found[0].found.endswith("answers: the account may send 1 per second, 0 used in the last 24 hours")


def test_a_server_that_is_not_there_is_wrong(project: Path, change: Change) -> None:
    change(**relay(unused_port()))
    found = one(report(project)["provider"], "relay")
    assert (found.state, "cannot reach" in found.found, "check host" in found.next) == ("wrong", True, True)


def test_offline_a_server_elsewhere_is_not_asked(project: Path, change: Change) -> None:
    change(**relay(587, "smtp.acme.org", "starttls"))
    found = one(report(project)["provider"], "relay")
    assert (found.state, "--offline" in found.found) == ("ok", True)


def test_every_mistake_of_a_provider_is_said_at_its_line(project: Path, change: Change) -> None:
    change(provider='"relay"', add='[provider.relay]\ntype = "smtp"\nhost = "h"\nprot = 3\ntls = "ssl"')
    found = report(project)["provider"]
    assert [finding.state for finding in found] == ["wrong", "wrong"]
    assert "prot: unknown key; did you mean port?" in found[0].found


def test_an_unknown_driver_hides_nothing_else(project: Path, change: Change) -> None:
    change(provider='"relay"', add='[provider.relay]\ntype = "smpt"')
    found = report(project)
    assert "did you mean smtp?" in one(found["provider"], "relay").found
    assert states(found["database"])["migrations"] == "ok"


def test_a_provider_of_a_campaign_is_looked_at_too(project: Path, change: Change) -> None:
    change(add=relay(unused_port())["add"])
    campaign = project / "campaigns" / "popular-now.yaml"
    campaign.write_text(campaign.read_text("utf-8") + "\nprovider: relay\n", "utf-8")
    assert states(report(project)["provider"]) == {"files": "ok", "relay": "wrong"}


# --- before sending -------------------------------------------------------------------------------


def test_what_is_an_example_is_wrong_only_once_mail_leaves(project: Path, change: Change) -> None:
    change(from_='"learn@acme.example"', postal_address='"(fill in your postal address)"')
    early = states(report(project)["before sending"])
    lacking = ("from", "postal address", "unsubscribing")
    assert {early[check] for check in lacking} == {"warning"}
    change(**relay(587, "smtp.acme.org", "starttls"))
    late = states(report(project)["before sending"])
    assert {late[check] for check in lacking} == {"wrong"}
    assert (late["tests"], late["first send"]) == ("warning", "ok")


@contextmanager
def web_server(status: int, *, certificate: str = "") -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(status)
            self.end_headers()

        def do_GET(self) -> None:
            self.do_HEAD()

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer((HOST, 0), Answer)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATES / certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http{'s' if certificate else ''}://{HOST}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(("status", "state"), [(200, "wrong"), (404, "wrong"), (503, "warning")])
def test_a_public_url_where_something_else_answers_is_wrong(
    project: Path, change: Change, status: int, state: str
) -> None:
    with web_server(status) as url:
        change(public_url=f'"{url}"')
        assert states(report(project)["before sending"])["public_url"] == state
        change(public_url=f'"{url}"', unsubscribe_url='"https://acme.example/u/{token}"')
        assert check_public(urlsplit(url), own_page=True).state == "warning"


def test_a_public_url_where_recmail_answers_is_good(project: Path, now: datetime) -> None:
    opened, stop, listener = open_project(project), threading.Event(), listen(HOST, 0)
    application = make_application(Door(opened, Clock(now), lambda _news: None))
    thread = threading.Thread(target=serve, args=(application, listener, stop))
    thread.start()
    found = check_public(urlsplit(f"http://{HOST}:{listener.getsockname()[1]}"), own_page=False)
    stop.set()
    thread.join()
    assert (found.state, "recmail serve --public answers there" in found.found) == ("ok", True)


def test_a_public_url_where_nobody_answers_is_wrong(project: Path, change: Change) -> None:
    change(public_url=f'"http://{HOST}:{unused_port()}"')
    found = one(report(project)["before sending"], "public_url")
    assert (found.state, "cannot reach" in found.found) == ("wrong", True)


def test_a_certificate_is_checked() -> None:
    with web_server(200, certificate="localhost.pem") as url:
        trust = ssl.create_default_context(cafile=CERTIFICATES / "ca.pem")
        assert check_answer("public_url", urlsplit(url), trust=trust).state == "ok"
        distrusted = check_answer("public_url", urlsplit(url))
    assert (distrusted.state, "its certificate is not valid" in distrusted.found) == ("wrong", True)


def test_a_host_that_can_be_no_name_is_wrong() -> None:
    found = check_answer("public_url", urlsplit(f"https://{'x' * 70}.org"))
    assert (found.state, "cannot reach" in found.found) == ("wrong", True)


def test_a_public_url_on_this_machine_is_nothing_for_the_world(project: Path, change: Change) -> None:
    change(public_url=f'"http://{HOST}:8000"', **relay(587, "smtp.acme.org", "starttls"))
    found = one(report(project)["before sending"], "public_url")
    assert (found.state, "nobody else" in found.found) == ("wrong", True)


def test_offline_a_page_elsewhere_is_not_opened(project: Path, change: Change) -> None:
    change(unsubscribe_url='"https://acme.org/u/{token}"')
    found = one(report(project)["before sending"], "unsubscribe_url")
    assert (found.state, "--offline" in found.found) == ("ok", True)


# --- the sender's domain --------------------------------------------------------------------------


def look_up(project: Path, zone: Mapping[str, Any], **options: Any) -> dict[str, str]:
    with NameServer(zone).running() as server:
        return states(report(project, offline=False, lookup=server.lookup(), **options)["sender's domain"])


def test_a_domain_with_all_its_records_is_good(project: Path) -> None:
    assert look_up(project, ZONE) == GOOD


def test_a_domain_that_only_bounces_go_to_is_looked_up_too(project: Path, change: Change) -> None:
    def section(bounces: str) -> str:
        return relay(2525, "smtp.acme.org", "starttls")["add"] + f'bounces = "{bounces}"\n'

    change(provider='"relay"', add=section("b+{token}@bounces.acme.org"))
    zone = {**ZONE, "bounces.acme.org MX": ["10 mail.acme.org."], "bounces.acme.org TXT": ["v=spf1 mx -all"]}
    assert look_up(project, zone) == {**GOOD, "bounces": "ok"}
    bare = {**ZONE, "bounces.acme.org A": ["192.0.2.1"]}
    assert look_up(project, bare) == {**GOOD, "bounces": "warning", "SPF": "wrong"}
    assert look_up(project, ZONE) == {**GOOD, "domain": "wrong"}
    change(bounces='"b+{token}@acme.org"')
    assert look_up(project, ZONE) == GOOD


def test_what_a_domain_lacks_is_wrong_once_mail_leaves(project: Path, change: Change) -> None:
    bare = {"acme.org A": ["192.0.2.1"]}
    assert set(look_up(project, bare).values()) == {"warning"}
    with SmtpServer().running() as server:
        change(provider='"relay"', add=relay(server.port, tls="none")["add"].replace(HOST, "localhost"))
        assert look_up(project, bare)["SPF"] == "warning"  # a server on this machine is no way out
        change(port="25")
        assert look_up(project, bare) == {
            "replies": "warning",
            "SPF": "wrong",
            "DKIM": "wrong",
            "DMARC": "wrong",
        }


@pytest.mark.parametrize(
    ("zone", "state"),
    [({"acme.org MX": ["0 ."]}, "warning"), ({"www.acme.org A": ["192.0.2.1"]}, "warning")],
)
def test_a_domain_that_takes_no_mail_is_said(project: Path, zone: Mapping[str, Any], state: str) -> None:
    assert look_up(project, zone)["replies"] == state


def test_a_domain_that_is_not_there_is_said_once(project: Path) -> None:
    assert look_up(project, {"acme.com MX": ["10 m."]}) == {"domain": "warning"}


def test_a_record_that_cannot_be_looked_up_hides_no_other(project: Path) -> None:
    zone = {**ZONE, "_dmarc.acme.org TXT": BROKEN}
    assert look_up(project, zone) == {**GOOD, "DMARC": "warning"}


def test_without_a_network_everything_else_is_still_said(project: Path) -> None:
    with NameServer(ZONE, silent=True).running() as server:
        found = report(project, offline=False, lookup=server.lookup(patience_s=0.05))
    assert states(found["sender's domain"]) == dict.fromkeys(GOOD, "warning")
    assert "cannot look up acme.org: no name server answers" in found["sender's domain"][0].found
    assert states(found["database"])["migrations"] == "ok"


def test_a_selector_that_is_given_is_the_one_that_counts(project: Path) -> None:
    hidden = {**ZONE, "x9._domainkey.acme.org TXT": ZONE["s1._domainkey.acme.org TXT"]}
    del hidden["s1._domainkey.acme.org TXT"]
    assert look_up(project, hidden)["DKIM"] == "warning"
    assert look_up(project, hidden, selectors=["x9"])["DKIM"] == "ok"


TWO = """\
variants:
  - {name: ours, share: 50%}
  - {name: theirs, share: 50%, from: Other <learn@other.org>}
"""


def test_a_domain_of_a_campaign_or_variant_is_looked_up_as_name_servers_know_it(project: Path) -> None:
    campaign = project / "campaigns" / "popular-now.yaml"
    campaign.write_text(campaign.read_text("utf-8") + "\nfrom: Bücher <learn@bücher.org>\n" + TWO, "utf-8")
    with NameServer(ZONE).running() as server:
        report(project, offline=False, lookup=server.lookup())
    assert {"xn--bcher-kva.org TXT", "other.org TXT"} <= {*server.asked}


def test_an_example_and_a_dark_machine_are_not_looked_up(project: Path, change: Change) -> None:
    nobody = Lookup([HOST], port=unused_port(), patience_s=0.05)
    assert states(report(project, lookup=nobody)["sender's domain"]) == {"domain": "ok"}
    change(from_='"learn@acme.example"')
    found = report(project, offline=False, lookup=nobody)["sender's domain"]
    assert (states(found), "example" in found[0].found) == ({"domain": "ok"}, True)
