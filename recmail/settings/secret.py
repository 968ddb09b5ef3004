"""Secrets: referred to in settings as env:NAME or file:PATH, read when needed, and never printed."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from recmail.errors import ConfigError, Problem

HIDDEN = "(hidden)"
_REFERENCE = re.compile(r"(?:env:[A-Za-z_][A-Za-z0-9_]*|file:.+)")
_NAMES = r"(?:[\w-]*[_-])?(?:password|passwd|passphrase|secret|token|(?:api|access|private|secret)[_-]?key)"
_USUAL_NAMES = ("password", "passphrase", "secret", "token", "api_key", "access_key", "private_key")
_NAMED_LIKE_A_SECRET = re.compile(_NAMES, re.IGNORECASE)
# A key that is named like a secret, and everything after it on its line unless that is a reference.
_SECRET_ON_A_LINE = re.compile(rf"(\b{_NAMES}[\"']?\s*[:=]\s*)(?![\"']?(?:env:|file:))\S.*$", re.IGNORECASE)
_KEY_OF_A_LINE = re.compile(r"(\s*[\"']?([\w-]+)[\"']?\s*[:=]\s*)(\S.*)")
# Keys of common services: SendGrid, AWS, Brevo, Mailgun, Stripe, Resend, GitHub, JSON web tokens, PEM.
_KNOWN_SHAPE = re.compile(
    r"SG\.[\w-]{8,}[\w.-]*|A[KS]IA[0-9A-Z]{12,}|x(?:key|smtp)sib-[\w-]{8,}|key-[0-9a-f]{32}|[sr]k_(?:live|test)_\w{8,}"
    r"|re_\w{16,}|gh[opsru]_\w{20,}|eyJ[\w-]{10,}\.[\w.-]{10,}|-----BEGIN [A-Z ]*PRIVATE KEY.*"
)
_PASSWORD_IN_URL = re.compile(r"(?<=://)([^\s/@:]*):([^\s/@]+)@")


@dataclass(frozen=True)
class Secret:
    """A secret as it is written: `env:NAME`, or `file:PATH` with the path relative to the project.

    Attributes:
        file: where it is written, for messages; `line` counts from 1, 0 where unknown.
    """

    reference: str
    folder: Path
    file: str = "recmail.toml"
    line: int = 0

    def __str__(self) -> str:
        return self.reference

    def reveal(self) -> str:
        """Return the secret itself; a file's last line end does not belong to it.

        Raises:
            ConfigError: the variable is not set, or the file is missing, empty or unreadable.
        """
        kind, _, name = self.reference.partition(":")
        found = self._variable(name) if kind == "env" else self._file(name)
        if not found:
            raise self._error(f"{self.reference} is empty")
        return found

    def _variable(self, name: str) -> str:
        found = os.environ.get(name)
        if found is None:
            raise self._error(f"{self.reference}: the environment variable {name} is not set")
        return found

    def _file(self, name: str) -> str:
        try:
            return (self.folder / name).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise self._error(f"{self.reference} cannot be read: {reason}") from error

    def _error(self, message: str) -> ConfigError:
        return ConfigError([Problem(self.file, self.line, 0, message)])


def is_reference(value: object) -> bool:
    """Return whether a value is env:NAME or file:PATH."""
    return isinstance(value, str) and _REFERENCE.fullmatch(value) is not None


def is_secret_name(name: str) -> bool:
    """Return whether a key is named like something that must not be written down: password, api_key."""
    return _NAMED_LIKE_A_SECRET.fullmatch(name) is not None


def may_name_a_secret(name: str) -> bool:
    """Return whether a key is named like a secret, or nearly: api_kye, passwort; its value is not shown."""
    return is_secret_name(name) or bool(get_close_matches(name.lower(), _USUAL_NAMES, n=1, cutoff=0.75))


def as_secret(value: object) -> object:
    """Take env:NAME or file:PATH, which is a Secret by now, and nothing else; for pydantic.

    Raises:
        ValueError: it is something else.
    """
    if value is not None and not isinstance(value, Secret):
        raise ValueError("expected env:NAME or file:PATH")
    return value


def looks_secret(text: str) -> bool:
    """Return whether a text holds what looks like a service's key, or a URL with a password."""
    return _KNOWN_SHAPE.search(text) is not None or has_password(text)


def has_password(url: str) -> bool:
    """Return whether a URL holds a password."""
    return _PASSWORD_IN_URL.search(url) is not None


def hide(text: str) -> str:
    """Return a text with every service key and every password of a URL replaced."""
    return _KNOWN_SHAPE.sub(HIDDEN, _PASSWORD_IN_URL.sub(rf"\1:{HIDDEN}@", text))


def hide_in_line(line: str) -> str:
    """Return a line of a file as it may be printed: also what follows password, api_key and such."""
    key = _KEY_OF_A_LINE.match(line)
    if key and may_name_a_secret(key[2]) and not key[3].lstrip("\"'").startswith(("env:", "file:")):
        return f"{key[1]}{HIDDEN}"
    return hide(_SECRET_ON_A_LINE.sub(rf"\1{HIDDEN}", line))
