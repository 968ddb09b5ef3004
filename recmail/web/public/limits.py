"""How much one address, or one link, may ask for: token buckets that stay as few as they may be."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network

_MOST = 10_000  # addresses or links remembered; the one that was quiet longest is forgotten first


@dataclass
class Limit:
    """So many a minute for each key, all of which may be used up at once.

    Attributes:
        clock_s: a clock that never goes back.
    """

    per_minute: int
    clock_s: Callable[[], float] = time.monotonic
    most: int = _MOST
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, key: str) -> bool:
        """Count one more for a key; False when it has used up what it has."""
        now_s = self.clock_s()
        with self._lock:
            left, at_s = self._left.pop(key, (float(self.per_minute), now_s))
            left = min(float(self.per_minute), left + (now_s - at_s) * self.per_minute / 60)
            allowed = left >= 1
            self._left[key] = left - allowed, now_s
            while len(self._left) > self.most:
                self._left.popitem(last=False)
        return allowed

    def __len__(self) -> int:
        return len(self._left)


@dataclass
class Limits:
    """What is limited.

    A good link is served to any address: after a mailing, thousands of one-click unsubscribes come from
    the few addresses of one mailbox provider, and none of them may be lost.

    Attributes:
        guesses: requests of one address with links or signatures that are not good.
        visits: requests with one link.
    """

    guesses: Limit = field(default_factory=lambda: Limit(30))
    visits: Limit = field(default_factory=lambda: Limit(60))


def network_of(host: str | None) -> str | None:
    """Return what counts as one address; None for this machine: a proxy that nobody declared.

    Whoever has one address of IPv6 has its whole /64. Source: RFC 6177.
    """
    try:
        address = ip_address(host or "")
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address  # all of IPv4 is one /64 there
    if address.is_loopback:
        return None
    return str(ip_network((address, 64), strict=False)) if isinstance(address, IPv6Address) else str(address)
