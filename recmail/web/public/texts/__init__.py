"""The words of all pages, a file for each language: a new language is a new file here."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from recmail.render.languages import nearest
from recmail.render.locale import FALLBACK


@dataclass(frozen=True)
class Texts:
    """The words of one language, by name."""

    language: str
    words: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.words[name]

    def fill(self, text: str, /, **values: str) -> str:
        """Return a text with values in its places."""
        return self.words[text].format_map(values)


@cache
def languages() -> Mapping[str, Texts]:
    """Return all there are, by their tag (BCP 47)."""
    found = {}
    for file in files(__name__).iterdir():
        tag, _, kind = file.name.rpartition(".")
        if kind == "toml":
            found[tag] = Texts(tag, tomllib.loads(file.read_text("utf-8")))
    return found


def texts_for(wanted: Sequence[str | None]) -> Texts:
    """Return the words in the first of the wanted languages that there is."""
    offered = languages()
    for tag in wanted:
        found = nearest(tag, offered) if tag else None
        if found is not None:
            return offered[found]
    return offered[FALLBACK]
