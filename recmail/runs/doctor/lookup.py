"""Asking name servers, with short patience; the only door to dnspython."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dns.exception
import dns.rdatatype
import dns.resolver

_TRY_S = 1.0  # a packet that is lost is sent again within the patience
PATIENCE_S = 3.0


class Lookup:
    """Looks records up and remembers them; once no server answers, it asks no more.

    Args:
        nameservers: addresses to ask instead of the machine's own.
        port: of these.
    """

    def __init__(
        self, nameservers: Sequence[str] = (), *, port: int = 53, patience_s: float = PATIENCE_S
    ) -> None:
        self._nameservers, self._port, self._patience_s = list(nameservers), port, patience_s
        self._resolver: dns.resolver.Resolver | None = None
        self._known: dict[tuple[str, str], list[Any] | None] = {}
        self._silence = ""

    def texts(self, name: str) -> list[str]:
        """Return the TXT records of a name, each in one piece; none when there is no such name.

        Raises:
            OSError: they cannot be looked up.
        """
        found = self._records(name, "TXT") or []
        return [b"".join(record.strings).decode("utf-8", "replace") for record in found]

    def mail_servers(self, name: str) -> list[str]:
        """Return who takes mail for a name, the first to try first; a lone "" says that nobody does.

        Raises:
            OSError: they cannot be looked up.
        """
        found = sorted(self._records(name, "MX") or [], key=lambda record: record.preference)
        return [record.exchange.to_text(omit_final_dot=True).strip(".") for record in found]

    def has_address(self, name: str) -> bool:
        """Return whether a name stands for a machine.

        Raises:
            OSError: it cannot be looked up.
        """
        return bool(self._records(name, "A") or self._records(name, "AAAA"))

    def exists(self, name: str) -> bool:
        """Return whether there is a name, or one below it (RFC 8020), whatever its records are.

        Raises:
            OSError: it cannot be looked up.
        """
        return self._records(name, "TXT") is not None

    def _records(self, name: str, kind: str) -> list[Any] | None:
        """The records of a name, None when it does not exist."""
        if self._silence:
            raise OSError(self._silence)
        if (name, kind) not in self._known:
            self._known[name, kind] = self._ask(name, kind)
        return self._known[name, kind]

    def _ask(self, name: str, kind: str) -> list[Any] | None:
        try:
            return list(self._opened().resolve(f"{name}.", kind, search=False))
        except dns.resolver.NXDOMAIN:
            return None
        except dns.resolver.NoAnswer:
            return []
        except dns.resolver.NoResolverConfiguration as error:
            self._silence = "this machine has no name server"
            raise OSError(self._silence) from error
        except dns.exception.Timeout as error:
            self._silence = f"no name server answers within {self._patience_s:g} s"
            raise OSError(self._silence) from error
        except dns.resolver.NoNameservers as error:
            raise OSError(f"the name servers give no answer about {name}") from error
        except dns.exception.DNSException as error:  # an empty label, one of 70 letters
            raise OSError(f"{name!r} is not a name: {error}") from error

    def _opened(self) -> dns.resolver.Resolver:
        if self._resolver is None:
            self._resolver = dns.resolver.Resolver(configure=not self._nameservers)
            if self._nameservers:
                self._resolver.nameservers = self._nameservers
                self._resolver.port = self._port
            self._resolver.timeout = min(_TRY_S, self._patience_s)
            self._resolver.lifetime = self._patience_s
        return self._resolver
