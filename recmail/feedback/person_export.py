"""One file with all that is known of a person, for them to read or to take to another service."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from recmail.errors import StorageError
from recmail.feedback.person_known import Known

SCHEMA_VERSION = 1
MODE = 0o600
_GUIDE = {
    "facts": "what the company's systems said about you, with the import that each came from",
    "wishes": "how often you want emails, as you chose on the page of preferences",
    "consents": "what you allowed or withdrew, when, through which channel, and what shows it",
    "suppression": "what keeps your address from getting email",
    "interactions": "what you did with courses, and which system said so; it is what picks were made from",
    "waiting": "events about you that are not used yet: their course or your id is not known",
    "messages": "every email planned for you: what it said, why each course was in it, what happened",
    "returned": "what email providers told about those messages or your address, and what you clicked",
    "accesses": "when somebody looked at these data, exported or changed them",
}


def export_document(known: Known, *, company: str, now: datetime) -> dict[str, Any]:
    """All of it as one document; names of employees are not the person's data and stay out."""
    document = known.to_dict()
    accesses = [{"at": one.at, "action": one.action} for one in known.accesses]
    return {
        "schema_version": SCHEMA_VERSION,
        "made_at": now,
        "company": company,
        "guide": _GUIDE,
        **document,
        "accesses": accesses,
    }


def write_export(path: Path, document: dict[str, Any]) -> None:
    """Write the document so that only its owner can read it; the file is there whole or not at all.

    Raises:
        StorageError: it cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    text = json.dumps(document, default=_plain, ensure_ascii=False, indent=2)
    try:
        unfinished.unlink(missing_ok=True)  # its mode would stay
        number = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
        with os.fdopen(number, "w", encoding="utf-8", errors="replace") as file:
            file.write(text + "\n")
        unfinished.replace(path)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {(error.strerror or str(error)).lower()}") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def file_name(user_id: str) -> str:
    """The usual name of somebody's file: their id, where that can be part of one."""
    return f"person-{re.sub('[^A-Za-z0-9._-]', '_', user_id)[:80]}.json"


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")
