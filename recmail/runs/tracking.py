"""Which links of a person's email lead through us, and what is signed about each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from recmail.campaign.tracking import Tracking
from recmail.feedback.tracked_links import OPENED, Place, link_token
from recmail.render.email import Email
from recmail.render.tracking import Door, through, with_picture
from recmail.tokens import Signer

if TYPE_CHECKING:
    from recmail.runs.message import Links


def track(
    email: Email,
    tracking: Tracking,
    signer: Signer,
    base: str,
    *,
    context: Mapping[str, Any],
    frozen: Mapping[str, Any],
    links: Links,
) -> Email:
    """Return the email of a person who agreed to being tracked.

    Args:
        signer: of this message.
        base: public_url.
        context: that it was rendered from.
        frozen: that the context was made of.
    """
    if tracking.clicks:
        own = tuple(url for name, url in vars(links).items() if url and name != "images")
        email = through(email, _door(signer, base, _places(context, frozen), own=own))
    if tracking.opens:
        email = with_picture(email, f"{base}/o/{signer.sign(OPENED)}.gif")
    return email


def _door(signer: Signer, base: str, places: Mapping[str, Place], *, own: tuple[str, ...]) -> Door:
    """Return what gives each address its door; `own` addresses are the person's own, and have none."""
    doors: dict[str, str | None] = {}

    def door(url: str) -> str | None:
        if url not in doors:
            doors[url] = None
            if not url.startswith(own):
                token = link_token(signer, len(doors) - 1, url, places.get(url))
                doors[url] = token and f"{base}/c/{token}"
        return doors[url]

    return door


def _places(context: Mapping[str, Any], frozen: Mapping[str, Any]) -> dict[str, Place]:
    """Where each course stands, by its address; both lists go by block and place."""
    return {
        course["url"]: Place(course["block"], slot[1], course["position"], bool(slot[4]))
        for course, slot in zip(context["courses"], frozen["slots"], strict=True)
    }
