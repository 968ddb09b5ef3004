"""SPF, DKIM and DMARC records as they are found in the wild: what each is worth, and what to do about it."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recmail.runs.doctor.dkim import COMMON_SELECTORS, check_dkim, rsa_bits
from recmail.runs.doctor.dmarc import check_dmarc
from recmail.runs.doctor.spf import check_spf
from tests.runs.doctor.zones import asking

# Public halves of throw-away keys that OpenSSL made.
RSA_512 = (
    "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALl50WEY/YhjopCUID0vNZiTuxH1wJBdD9GAfHN3GzjO2R4pMiPAEEpPonMimz/sLrVb5YFySw"
    "WbcHjaKHFjpjECAwEAAQ=="
)
RSA_1024 = (
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDNdLNA14j/+NWJo0Jr3revWtCjmvhk9mUbYvfWrEKIEO4YwehXFUtGOVlwcruUDBXy/7"
    "zGObuzT9XbZfT+7N99SsxfmoVRRw0xH9SMvP1yG7np8qJEz7A6Ya/rkfisV97V7Ll9X4tEvEHYgr2cF4CG/+aqjCwFpambhlDIDTzY1wID"
    "AQAB"
)
RSA_2048 = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAxzh3QKUZziwD3GAsSddHyLznPTR55IBYsS2dxtUfMNhc9NGEjBoy6og2iZEg2f"
    "WkUuch2XiCEwUw/E9Zc6jTF94uX3bwHiD/vtD+ygRCmudeM76koFG2KYHwngU0ArLyfzy0rjylbp2eeZbWTvqz6O8tqMpqBCNlS2u//E8F"
    "OvkMM8uAP7tdqs0Hj4+U4lASHuTEaj5OvvXygNyGnenxB+wXRLh9+hraNQxZfqWZi1iAcnqzJTWydGXs2Ih7ClbatmnTDOkEeRX4urnjqW"
    "XwuRS2sKeoLgnSHqA8DhmoRyASEKmFgLDwO8I5LUBT92eFyw4B2tW48ZEl23qC7WZUqwIDAQAB"
)
RSA_1024_BARE = (
    "MIGJAoGBAMxkF0EUkh0G7qIIHzoNHwOdmj75mkIC5DD+M2eDJXdvbD+oQT0Ds2qx/Dw8/wUV1QnlNZvp45XTmCak8TGHqM2U71Acf5qd0I"
    "6iV7TsprRcmlk7ilP159FV7BWgqcfjoxF/VImPHewNej/UOg1LqDdZ3vvn+yt9xIXH859LG/SRAgMBAAE="
)


@pytest.mark.parametrize(
    ("records", "state", "says"),
    [
        (["v=spf1 include:_spf.esp.org ~all"], "ok", "include:_spf.esp.org"),
        (["V=SPF1 ip4:192.0.2.0/24 -ALL"], "ok", "192.0.2.0/24"),
        (["v=spf1 redirect=_spf.esp.org"], "ok", "redirect"),
        (["google-site-verification=x", "v=spf1 mx -all"], "ok", "mx -all"),
        (["v=spf1 a:%{i}.x.org include:%{d}._spf.x.org -all"], "ok", "%{d}"),
        ([], "wrong", "no SPF record"),
        (["v=spf10 -all", "spf1 -all"], "wrong", "no SPF record"),
        (["v=spf1 mx -all", "v=spf1 a -all"], "wrong", "2 SPF records"),
        (["v=spf1 mx +all"], "wrong", "lets everybody send"),
        (["v=spf1 mx all"], "wrong", "lets everybody send"),
        (["v=spf1 mx ?all"], "warning", "from elsewhere"),
        (["v=spf1 mx"], "warning", "from elsewhere"),
        (["v=spf1 include:gone.org ~all"], "wrong", "include:gone.org leads to no SPF records"),
        (["v=spf1 include:twice.org ~all"], "wrong", "leads to 2 SPF records"),
        (["v=spf1 include:loop.org ~all"], "wrong", "include:loop.org leads nowhere"),
        (["v=spf1 include: ~all"], "wrong", "include: leads nowhere"),
        # _five costs 1 and the 3 inside it, what follows 6 and 7: receivers stop after 10
        (["v=spf1 include:_five.org mx a:x.org/24 ptr exists:e.org a mx:y.org -all"], "ok", "_five"),
        (
            ["v=spf1 include:_five.org mx a:x.org/24 ptr exists:e.org a mx:y.org a:z.org -all"],
            "warning",
            "10",
        ),
    ],
)
def test_an_spf_record_is_judged(records: list[str], state: str, says: str) -> None:
    zone = {
        "acme.org TXT": records,
        "_spf.esp.org TXT": ["v=spf1 ip4:192.0.2.1 -all"],
        "_five.org TXT": ["v=spf1 include:_spf.esp.org mx a -all"],
        "twice.org TXT": ["v=spf1 -all", "v=spf1 ~all"],
        "loop.org TXT": ["v=spf1 include:loop.org -all"],
    }
    with asking(zone) as lookup:
        found = check_spf("acme.org", lookup)
    assert (found.state, says in found.found) == (state, True), found
    assert bool(found.next) == (state != "ok")


@pytest.mark.parametrize(
    ("zone", "state", "says"),
    [
        ({"_dmarc.news.acme.org": "v=DMARC1; p=reject"}, "ok", '_dmarc.news.acme.org: "v=DMARC1; p=reject"'),
        ({"_dmarc.news.acme.org": "v=DMARC1;p=none"}, "ok", "enough for Gmail"),
        ({"_dmarc.acme.org": "v=DMARC1; p=quarantine"}, "ok", "_dmarc.acme.org"),
        ({"_dmarc.acme.org": "v=DMARC1; p=reject; sp=none"}, "ok", "enough for Gmail"),
        ({"_dmarc.org": "v=DMARC1; p=reject"}, "wrong", "no DMARC record"),
        ({"_dmarc.news.acme.org": "v=DMARC1; p=all"}, "warning", "p=all is no policy"),
        ({"_dmarc.news.acme.org": "v=DMARC1; rua=mailto:a@acme.org"}, "warning", "it has no p="),
        ({"_dmarc.news.acme.org": "p=reject"}, "wrong", "no DMARC record"),
        ({}, "wrong", "no DMARC record"),
    ],
)
def test_a_dmarc_record_is_judged(zone: dict[str, str], state: str, says: str) -> None:
    with asking(
        {"acme.org MX": ["10 m."], **{f"{name} TXT": [text] for name, text in zone.items()}}
    ) as lookup:
        found = check_dmarc("news.acme.org", lookup)
    assert (found.state, says in found.found) == (state, True), found


def test_two_dmarc_records_count_as_none() -> None:
    with asking({"_dmarc.acme.org TXT": ["v=DMARC1; p=none", "v=DMARC1; p=reject"]}) as lookup:
        found = check_dmarc("acme.org", lookup)
    assert (found.state, "2 records" in found.found) == ("wrong", True)


def test_without_its_own_record_a_domain_has_its_organisations() -> None:
    zone = {"_dmarc.b.acme.org TXT": ["v=DMARC1; p=none"], "_dmarc.acme.org TXT": ["v=DMARC1; p=reject"]}
    with asking(zone) as lookup:
        assert "_dmarc.acme.org" in check_dmarc("a.b.acme.org", lookup).found
        assert "_dmarc.b.acme.org" in check_dmarc("b.acme.org", lookup).found


@pytest.mark.parametrize(
    ("record", "state", "says"),
    [
        (f"v=DKIM1; k=rsa; p={RSA_2048}", "ok", "rsa, 2,048 bits"),
        (f"v=DKIM1; p={RSA_2048[:100]} {RSA_2048[100:]}", "ok", "2,048 bits"),
        (f"p={RSA_1024}", "ok", "1,024 bits; 2,048 are recommended"),
        (f"p={RSA_1024_BARE}", "ok", "1,024 bits"),
        ("v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", "ok", "ed25519"),
        (f"v=DKIM1; k=rsa; p={RSA_512}", "wrong", "512 bits"),
        ("v=DKIM1; p=", "wrong", "withdrawn"),
        ("v=DKIM1; p=!!!", "wrong", "cannot be read"),
        (f"v=DKIM1; p={RSA_2048[:120]}", "wrong", "cannot be read"),
        (f"v=DKIM1; t=y:s; p={RSA_2048}", "warning", "being tested"),
    ],
)
def test_a_dkim_key_is_judged(record: str, state: str, says: str) -> None:
    with asking({"s1._domainkey.acme.org TXT": [record]}) as lookup:
        (found,) = check_dkim("acme.org", lookup)
    assert (found.state, says in found.found) == (state, True), found
    assert found.found.find("s1._domainkey.acme.org") >= 0


def test_no_key_at_all_is_told_from_one_with_another_name() -> None:
    with asking({"acme.org MX": ["10 m."], "x2026._domainkey.beta.org TXT": [f"p={RSA_2048}"]}) as lookup:
        (none,) = check_dkim("acme.org", lookup)
        (hidden,) = check_dkim("beta.org", lookup)
        (named,) = check_dkim("beta.org", lookup, ["x2026"])
        (misnamed,) = check_dkim("beta.org", lookup, ["x2027"])
    assert (none.state, "has no key" in none.found) == ("wrong", True)
    assert (hidden.state, "--selector NAME" in hidden.next) == ("warning", True)
    assert all(selector in hidden.found for selector in COMMON_SELECTORS)
    assert named.state == "ok"
    assert (misnamed.state, "no key named x2027" in misnamed.found) == ("wrong", True)


@given(st.binary(max_size=40) | st.binary(max_size=400).map(lambda tail: b"\x30\x82\x01\x22" + tail))
def test_no_bytes_break_the_reader_of_keys(key: bytes) -> None:
    try:
        assert rsa_bits(key) >= 0
    except ValueError:
        assert rsa_bits(base64.b64decode(RSA_512)) == 512
