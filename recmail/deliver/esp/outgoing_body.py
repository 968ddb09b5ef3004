"""A request's body that knows when all of it has been handed over to the network.

The libraries below boto3 and requests do not tell: urllib3 goes on to read an answer when writing failed.
What is read from here is sent before the next piece is asked for.
"""

from __future__ import annotations

import io

from recmail.deliver.crash import crash_at


class FollowedBody(io.BytesIO):
    """Bytes in the shape of a file; `has_left` once its end was asked for."""

    has_left = False

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next piece; empty at the end."""
        if not self.tell():
            crash_at("before-body")
        piece = super().read(size)
        if not piece and not self.has_left:
            self.has_left = True
            crash_at("after-body")
        return piece
