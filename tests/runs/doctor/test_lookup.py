"""What a name server says, and what we say when none answers."""

from __future__ import annotations

import pytest

from recmail.runs.doctor.lookup import Lookup
from tests.runs.doctor.zones import BROKEN, HOST, NameServer, asking
from tests.servers import unused_port

ZONE = {
    "acme.org TXT": ["v=spf1 -all", "x" * 600],
    "acme.org MX": ["20 backup.acme.org.", "10 mail.acme.org."],
    "mail.acme.org A": ["192.0.2.1"],
    "six.acme.org AAAA": ["2001:db8::1"],
    "k1._domainkey.acme.org TXT": ["p=x"],
    "silent.org MX": ["0 ."],
    "broken.org TXT": BROKEN,
}


def test_records_are_read_as_people_mean_them() -> None:
    with asking(ZONE) as lookup:
        assert sorted(lookup.texts("acme.org")) == ["v=spf1 -all", "x" * 600]
        assert lookup.mail_servers("acme.org") == ["mail.acme.org", "backup.acme.org"]
        assert lookup.mail_servers("silent.org") == [""]
        assert [lookup.has_address(name) for name in ("mail.acme.org", "six.acme.org", "acme.org")] == [
            True,
            True,
            False,
        ]


def test_a_name_without_records_is_not_a_missing_name() -> None:
    with asking(ZONE) as lookup:
        assert lookup.texts("mail.acme.org") == lookup.texts("gone.acme.org") == []
        assert lookup.exists("_domainkey.acme.org")
        assert not lookup.exists("_dmarc.acme.org")


def test_nothing_is_asked_twice() -> None:
    with NameServer(ZONE).running() as server:
        lookup = server.lookup()
        for _ in range(3):
            lookup.texts("acme.org")
            lookup.exists("gone.org")
    assert server.asked == ["acme.org TXT", "gone.org TXT"]


def test_a_domain_whose_servers_fail_says_nothing_about_others() -> None:
    with asking(ZONE) as lookup:
        with pytest.raises(OSError, match=r"give no answer about broken\.org"):
            lookup.texts("broken.org")
        assert lookup.texts("acme.org")


def test_once_nobody_answers_nobody_is_asked_again() -> None:
    with NameServer(ZONE, silent=True).running() as server:
        lookup = server.lookup(patience_s=0.05)
        for _ in range(50):  # 50 patiences would be 2.5 s
            with pytest.raises(OSError, match=r"no name server answers within 0.05 s"):
                lookup.texts("acme.org")
    assert server.asked == []


def test_a_port_where_nobody_listens_is_no_answer() -> None:
    lookup = Lookup([HOST], port=unused_port(), patience_s=0.05)
    with pytest.raises(OSError, match="answer"):
        lookup.texts("acme.org")


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".org", ".".join(["abc"] * 80)])
def test_what_can_be_no_name_is_said(name: str) -> None:
    with asking(ZONE) as lookup, pytest.raises(OSError, match="is not a name"):
        lookup.texts(name)
