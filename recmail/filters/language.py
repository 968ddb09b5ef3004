"""The filter `language`: only courses in a language that the person is known to read."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from recmail.recommend.blocks import Block
from recmail.records import Catalogue, Offer, Shard


class Language:
    """Drops courses in a language that is neither the person's nor the project's, and they took none in it.

    Languages are compared without region: somebody with pt-BR may get a course in pt-PT. A course without a
    language may be shown to everybody.
    """

    def allowed(self, shard: Shard, catalogue: Catalogue, *, block: Block, offer: Offer) -> np.ndarray:
        """Tell what the person can follow: people x courses."""
        languages, course_language = np.unique(_bare(catalogue.frame["language"]), return_inverse=True)
        spoken = _bare(shard.people["language"])[:, np.newaxis] == languages
        spoken |= (languages == "") | (languages == _bare([shard.language])[0])
        took = shard.pairs[shard.pairs["taken_at"].notna()]
        spoken[took["person"].to_numpy(), course_language[took["course_no"].to_numpy()]] = True
        allowed: np.ndarray = spoken[:, course_language]
        return allowed


def _bare(tags: Iterable[str | None]) -> np.ndarray:
    """Return the languages of BCP 47 tags, without script and region; "" where there is none."""
    return np.array([(tag or "").lower().partition("-")[0] for tag in tags], dtype=str)
