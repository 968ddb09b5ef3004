"""The template files of a project as one value, so that a run can freeze what it will print."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from recmail.errors import RenderError

SUFFIXES = (".j2", ".css")


@dataclass(frozen=True)
class TemplateBundle:
    """Template texts by their path inside the templates folder, always with forward slashes."""

    files: Mapping[str, str]

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of names and texts, in hexadecimal; the same on every operating system."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def __hash__(self) -> int:
        return hash(self.content_hash)

    def to_json(self) -> str:
        """Return the bundle as canonical JSON: equal bundles give equal text."""
        return json.dumps(dict(self.files), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> TemplateBundle:
        """Read back what `to_json` wrote."""
        files: dict[str, str] = json.loads(text)
        return cls(files)


def load_bundle(folder: Path) -> TemplateBundle:
    """Read every template and stylesheet below `folder`; other and hidden files are left out.

    Raises:
        RenderError: there is no such folder, or a file is not UTF-8.
    """
    if not folder.is_dir():
        raise RenderError(f"there is no templates folder at {folder}")
    files = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in inside.parts)
        if path.is_file() and path.suffix in SUFFIXES and not hidden:
            files[inside.as_posix()] = _text(path, name=inside.as_posix())
    return TemplateBundle(files)


def _text(path: Path, *, name: str) -> str:
    """Return a file's text with plain newlines and without the mark that Windows editors put first."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RenderError("is not UTF-8 text; save it as UTF-8", template=name, line=line) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")
