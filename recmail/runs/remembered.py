"""What was found out about templates, remembered in the project's folder while they stay as they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recmail import __version__
from recmail.render.bundle import TemplateBundle

CACHE = Path(".recmail/cache")


def recall(folder: Path, file: str, bundle: TemplateBundle) -> dict[str, Any]:
    """Return what this version kept about these very templates; nothing when it cannot be read."""
    try:
        kept = json.loads((folder / CACHE / file).read_text("utf-8"))
        found = kept.get(_state(bundle), {})
    except (OSError, ValueError, AttributeError):
        return {}
    return found if isinstance(found, dict) else {}


def keep(folder: Path, file: str, bundle: TemplateBundle, found: Mapping[str, Any]) -> None:
    """Keep what was found out about templates, in place of what was known about others."""
    path = folder / CACHE / file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / ".gitignore").write_text("*\n", "utf-8")
        part = path.with_suffix(".part")
        part.write_text(json.dumps({_state(bundle): dict(found)}), "utf-8")
        part.replace(path)
    except OSError:
        pass  # a project that cannot be written to is checked all the same


def _state(bundle: TemplateBundle) -> str:
    return f"{__version__} {bundle.content_hash}"
