"""DKIM: the public key with which receivers check a signature (RFC 6376)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from recmail.runs.doctor.finding import Finding, ok, warning, wrong
from recmail.runs.doctor.lookup import Lookup

# Names that providers give to the keys of their customers. Those of Amazon SES are random, and many of
# Postmark's begin with a date: nobody can guess them.
COMMON_SELECTORS = (
    *("default", "dkim", "mail", "smtp", "email", "google", "selector1", "selector2"),
    *("k1", "k2", "k3", "s1", "s2", "mta", "mx", "ses", "pm", "resend", "mandrill", "mailjet", "brevo1"),
)
_SHORTEST_BITS = 1024  # RFC 8301 3.2: receivers count signatures of shorter keys as none
_GOOD_BITS = 2048


def check_dkim(domain: str, lookup: Lookup, selectors: Sequence[str] = ()) -> list[Finding]:
    """Judge every key that is found.

    Args:
        selectors: the names of the keys; without any the common ones are tried.

    Raises:
        OSError: they cannot be looked up.
    """
    tried = selectors or COMMON_SELECTORS
    found = [
        _judged(f"{selector}._domainkey.{domain}", record)
        for selector in tried
        for record in lookup.texts(f"{selector}._domainkey.{domain}")
        if "p" in read_tags(record)
    ]
    if found:
        return found
    names = ", ".join(tried)
    if not lookup.exists(f"_domainkey.{domain}"):
        advice = "let your provider sign for this domain, and publish the key that it shows"
        return [wrong("DKIM", f"{domain} has no key, so its mail cannot be signed", advice)]
    if selectors:
        return [wrong("DKIM", f"{domain} has no key named {names}", "compare it with your provider's page")]
    advice = "run: recmail doctor --selector NAME, with the selector that your provider's page shows"
    return [warning("DKIM", f"{domain} has a key, but none of the usual names (tried {names})", advice)]


def _judged(name: str, record: str) -> Finding:
    tags = read_tags(record)
    if not tags["p"]:
        return wrong(
            "DKIM", f"the key {name} was withdrawn (p= is empty)", "publish the provider's present key"
        )
    kind = tags.get("k", "rsa").lower()
    if kind != "rsa":
        return ok("DKIM", f"{name}: {kind}")
    try:
        bits = rsa_bits(base64.b64decode("".join(tags["p"].split()), validate=True))
    except (binascii.Error, ValueError):
        return wrong(
            "DKIM", f"the key {name} cannot be read", "copy the whole record from your provider's page"
        )
    if bits < _SHORTEST_BITS:
        advice = f"let your provider make one of {_GOOD_BITS:,} bits"
        return wrong("DKIM", f"the key {name} has {bits:,} bits: receivers do not trust it", advice)
    if "y" in tags.get("t", "").split(":"):
        return warning("DKIM", f"{name} says that it is being tested (t=y)", "take t=y out when it works")
    note = "" if bits >= _GOOD_BITS else f"; {_GOOD_BITS:,} are recommended"
    return ok("DKIM", f"{name}: rsa, {bits:,} bits{note}")


def read_tags(record: str) -> dict[str, str]:
    """Return the parts of "v=DKIM1; p=..." by name; DMARC writes its records the same way."""
    parts = (part.partition("=") for part in record.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in parts}


def rsa_bits(key: bytes) -> int:
    """Return the length of an RSA key in DER: SubjectPublicKeyInfo, or the RSAPublicKey in it (RFC 8017).

    Raises:
        ValueError: it is something else.
    """
    inner, _ = _element(key, tag=0x30)
    if inner[:1] == b"\x30":  # the algorithm; the key follows in a bit string, whose first byte counts bits
        _, after = _element(inner, tag=0x30)
        bits, _ = _element(after, tag=0x03)
        inner, _ = _element(bits[1:], tag=0x30)
    modulus, _ = _element(inner, tag=0x02)
    return int.from_bytes(modulus, "big").bit_length()


def _element(data: bytes, *, tag: int) -> tuple[bytes, bytes]:
    """Split DER into the contents of its first element and what follows it."""
    if len(data) < 2 or data[0] != tag:
        raise ValueError("not the DER of an RSA key")
    size, start = data[1], 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(data[2:start], "big")
    if len(data) < start + size:
        raise ValueError("cut short")
    return data[start : start + size], data[start + size :]
