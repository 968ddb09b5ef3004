"""What a provider's answers have told, for workers that are begun again and again."""

from __future__ import annotations

from recmail.deliver.breaker import Breaker
from recmail.deliver.slower import Slower


class Heard:
    """How fast a provider lets us go, and how many messages it refused of late.

    A worker that ends when nothing is due hands it to the next one, else each try of messages that were
    deferred would begin at full speed, and a hundred deferred in a row would never be counted. Once the runs
    were paused it is of no use: a person has looked, and a few messages try how it is now.

    Args:
        per_second: our own limit; see Slower.
    """

    def __init__(self, per_second: float | None) -> None:
        self.slower, self.breaker = Slower(per_second), Breaker()
