"""Pictures of courses and the logo, where recmail.toml and the catalogue give no web address but a file."""

from __future__ import annotations

import threading
import time

import sqlalchemy as sa
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from recmail.db.connect import reading
from recmail.db.tables import courses
from recmail.web.public.door import Door, door_of, picture_of

_KINDS = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif"}
_FRESH_S = 60.0


class Pictures:
    """Which files of the project may be seen: those that a course or [brand] names, and no other."""

    def __init__(self) -> None:
        self._named: frozenset[str] = frozenset()
        self._read_s = float("-inf")
        self._lock = threading.Lock()

    def named(self, door: Door) -> frozenset[str]:
        """Return their paths; the catalogue is asked once a minute."""
        with self._lock:
            if time.monotonic() - self._read_s > _FRESH_S:
                query = sa.select(courses.c.image_url).where(
                    courses.c.image_url != "", courses.c.image_url.not_like("%://%")
                )
                with reading(door.project.engine) as connection:
                    found = connection.scalars(query.distinct()).all()
                self._named = frozenset([*found, door.project.settings.brand.logo])
                self._read_s = time.monotonic()
            return self._named


def show(request: Request) -> Response:
    """Send a picture; everything else below this address is not there."""
    door, path = door_of(request), request.path_params["path"]
    kind = _KINDS.get(f".{path.rpartition('.')[2]}".lower())
    if kind is None or "\0" in path or path not in request.app.state.pictures.named(door):
        raise HTTPException(404)
    file = picture_of(door.project.folder, path)
    if file is None:
        raise HTTPException(404)
    headers = {"cache-control": "public, max-age=86400", "cross-origin-resource-policy": "cross-origin"}
    return FileResponse(file, media_type=kind, headers=headers)
