"""What a value of recmail.toml may be: each reader returns it as recmail uses it, or says what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from email.utils import parseaddr
from ipaddress import ip_address
from typing import NamedTuple, TypeAlias
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from recmail.errors import did_you_mean
from recmail.records import TAKEN_KINDS
from recmail.settings.currencies import CURRENCIES, SIGNS
from recmail.settings.secret import has_password, is_reference, looks_secret
from recmail.settings.source import shown
from recmail.settings.time_zones import meant_zones

Reader: TypeAlias = Callable[[object], object]
"""From a value as written to the value as used; raises ValueError saying what was found and expected."""

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_DURATION = re.compile(r"([1-9]\d{0,5})([mhdw])")
_LEEWAY = timedelta(hours=12)
_LIMIT = re.compile(r"([1-9]\d{0,5}) per (\S+)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ADDRESS = re.compile(r"[^@\s<>]+@[^@\s<>.]+(?:\.[^@\s<>.]+)+")
NAME = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
GRADED_KINDS = ("searched", "viewed", "minute", *TAKEN_KINDS)
ATTRIBUTE_TYPES = ("text", "number", "boolean", "date")


class Limit(NamedTuple):
    """How many emails within how long, written "2 per 7d"."""

    at_most: int
    within: timedelta

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Read "2 per 7d".

        Raises:
            ValueError: it is something else.
        """
        found = _LIMIT.fullmatch(text)
        if not found:
            raise ValueError(f"found {shown(text)}; expected a limit such as 2 per 7d")
        return cls(int(found[1]), parse_duration(found[2]))

    def __str__(self) -> str:
        return f"{self.at_most} per {format_duration(self.within)}"

    @property
    def cap(self) -> tuple[int, timedelta]:
        """As emails are counted: in less time, so that "1 per 7d" lets a weekly campaign out every week.

        An eighth less, at most 12 hours. Last week's email left some minutes or hours after nine o'clock, and
        this week's nine o'clock may be an hour earlier by daylight saving time.
        """
        return self.at_most, self.within - min(self.within / 8, _LEEWAY)


def parse_duration(text: str) -> timedelta:
    """Read a duration such as 30m, 3h, 7d or 2w.

    Raises:
        ValueError: it is something else.
    """
    found = _DURATION.fullmatch(text)
    if not found:
        raise ValueError(f"found {shown(text)}; expected a duration such as 7d, 3h, 30m or 2w")
    return int(found[1]) * _UNITS[found[2]]


def format_duration(duration: timedelta) -> str:
    """Write a duration in the largest of d, h and m that leaves no rest."""
    unit = next(unit for unit in "dhm" if not duration % _UNITS[unit])
    return f"{duration // _UNITS[unit]}{unit}"


def one_line(value: object) -> str:
    """Read text of one line, not empty."""
    text = _text(value)
    if not text.strip():
        raise ValueError("is empty")
    if _CONTROL.search(text):
        raise ValueError("must be one line without control characters")
    return text


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"found {shown(value)}; expected text in quotes")  # noqa: TRY004 - readers raise ValueError
    return value


def mailbox(value: object) -> str:
    """Read who a message is from: an address, or a name with an address in angle brackets."""
    text = one_line(value)
    name, address = parseaddr(text)
    if not _ADDRESS.fullmatch(address):
        hint = ' (a name with a comma needs quotes: "Acme, Inc" <a@acme.example>)' if "," in text else ""
        raise ValueError(f"found {shown(text)}; expected Name <name@example.org>{hint}")
    if not name and text.strip("<> ") != address:
        raise ValueError(f"found {shown(text)}; expected Name <name@example.org>")
    return text


def domain_of(mailbox: str) -> str:
    """Return the domain of `Name <address>`."""
    return parseaddr(mailbox)[1].rpartition("@")[2]


def addresses(value: object) -> tuple[str, ...]:
    """Read a list of bare addresses."""
    if not isinstance(value, list):
        raise ValueError(f'found {shown(value)}; expected a list such as ["ana@acme.example"]')  # noqa: TRY004
    for one in value:
        if not isinstance(one, str) or not _ADDRESS.fullmatch(one):
            raise ValueError(f"found {shown(one)}; expected an address such as ana@acme.example")
    return tuple(value)


def timezone(value: object) -> str:
    """Read the IANA name of a time zone."""
    name = one_line(value)
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        hint = meant_zones(name)
        raise ValueError(f"found {shown(name)}; expected a time zone such as Europe/Berlin{hint}") from error
    return name


def language(value: object) -> str:
    """Read a language tag (BCP 47)."""
    tag = one_line(value)
    if not _LANGUAGE.fullmatch(tag):
        raise ValueError(f"found {shown(tag)}; expected a language such as en or pt-BR")
    return tag


def currency(value: object) -> str:
    """Read a currency (ISO 4217)."""
    code = one_line(value)
    if code not in CURRENCIES:
        begun = (one for one in CURRENCIES if one.startswith(code.upper()))
        meant = SIGNS.get(code.upper()) or min(begun, default="")
        hint = f"; did you mean {meant}?" if meant else did_you_mean(code, CURRENCIES)
        raise ValueError(f"found {shown(code)}; expected a currency such as EUR{hint}")
    return code


def database(value: object) -> str:
    """Read a database URL without a password, or where to find one."""
    url = one_line(value)
    if is_reference(url):
        return url
    if has_password(url):
        raise ValueError('holds a password; write "env:DATABASE_URL" here and keep the URL in that variable')
    check_database_url(url)
    return url


def check_database_url(url: str) -> None:
    """Check that recmail can use a database.

    Raises:
        ValueError: it is none of sqlite and postgresql, or a SQLite database without a file.
    """
    scheme = url.partition(":")[0].partition("+")[0]
    if scheme not in ("sqlite", "postgresql", "postgres"):
        raise ValueError(f"found {scheme}:; expected sqlite:///FILE or postgresql://USER@HOST/NAME")
    path = url.partition("://")[2]
    if scheme == "sqlite" and (not path.startswith("/") or path in ("/", "/:memory:")):
        raise ValueError("a SQLite database needs a file: sqlite:///recmail.db")


def reference(value: object) -> str:
    """Read where a secret is kept."""
    if not is_reference(value):
        raise ValueError("a secret may not stand here; expected file:PATH or env:NAME")
    return str(value)


def references(value: object) -> tuple[str, ...]:
    """Read a list of where secrets are kept."""
    if not isinstance(value, list):
        raise ValueError(f'found {shown(value)}; expected a list such as ["file:.recmail/key"]')  # noqa: TRY004
    return tuple(reference(one) for one in value)


def public_url(value: object) -> str:
    """Read the address at which people reach us; empty when there is none."""
    if not _text(value):
        return ""
    url = one_line(value)
    parts = _web_address(url)
    if parts.query or parts.fragment:
        raise ValueError(f"found {shown(url)}; expected an address without ? and #")
    return url.rstrip("/")


def unsubscribe_url(value: object) -> str:
    """Read the company's own unsubscribe page, with {token} in its path or query; empty when none."""
    if not _text(value):
        return ""
    url = one_line(value)
    parts = _web_address(url)
    if (parts.path + parts.query).count("{token}") != 1 or url.count("{token}") != 1:
        raise ValueError(
            f"found {shown(url)}; expected {{token}} once in it, as in https://acme.example/u/{{token}}"
        )
    return url


def _web_address(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"found {shown(url)}; it is not a web address: {error}") from error
    if not host or " " in url or parts.scheme not in ("http", "https"):
        raise ValueError(f"found {shown(url)}; expected an address such as https://acme.example")
    if parts.username is not None or looks_secret(url):
        raise ValueError("holds a user name or a secret; everybody will see this address")
    if parts.scheme == "http" and not is_loopback(host):
        # RFC 8058, 3.1: the one-click address must be https.
        raise ValueError(f"found {shown(url)}; expected https:// (http:// only on this machine)")
    return parts


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, by name or number."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def whole_number(value: object) -> int:
    """Read a whole number, 0 or more."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"found {shown(value)}; expected a whole number")
    return value


def workers(value: object) -> int:
    """Read a number of workers, from 1 to 256."""
    if not 1 <= whole_number(value) <= 256:
        raise ValueError(f"found {shown(value)}; expected a number from 1 to 256")
    return whole_number(value)


def approvers(value: object) -> int:
    """Read how many people have to approve a run, from 1 to 9."""
    if not 1 <= whole_number(value) <= 9:
        raise ValueError(f"found {shown(value)}; expected a number of people from 1 to 9")
    return whole_number(value)


def limit(value: object) -> Limit:
    """Read "2 per 7d"."""
    return Limit.parse(one_line(value))


def duration(value: object) -> timedelta:
    """Read "30d"."""
    return parse_duration(one_line(value))


def grades(value: object) -> Mapping[str, float]:
    """Read what an interaction of each kind is worth; a kind that is left out is worth nothing."""
    if not isinstance(value, dict) or not value:
        raise ValueError(f"found {shown(value)}; expected grades such as {{ viewed = 1, completed = 5 }}")
    for kind, grade in value.items():
        if kind not in GRADED_KINDS:
            expected = did_you_mean(kind, GRADED_KINDS) or f"; expected {', '.join(GRADED_KINDS)}"
            raise ValueError(f"{kind}: unknown kind of interaction{expected}")
        if isinstance(grade, bool) or not isinstance(grade, int | float) or not 0 < grade <= 5:
            raise ValueError(f"{kind}: found {shown(grade)}; expected a number above 0 and up to 5")
    return {kind: float(grade) for kind, grade in value.items()}


def plugin_name(value: object) -> str:
    """Read the name of a plug-in or of a section."""
    name = one_line(value)
    if not NAME.fullmatch(name):
        raise ValueError(f"found {shown(name)}; expected a name of small letters, digits, - and _")
    return name


def engine(value: object) -> str:
    """Read where shards are planned."""
    text = one_line(value)
    if text != "processes" and not re.fullmatch(r"dask://[\w.-]+:\d+", text):
        raise ValueError(f"found {shown(text)}; expected processes or dask://HOST:PORT")
    return text


def attribute_type(value: object) -> str:
    """Read the type of a declared attribute."""
    if value not in ATTRIBUTE_TYPES:
        raise ValueError(f"found {shown(value)}; expected one of {', '.join(ATTRIBUTE_TYPES)}")
    return str(value)
