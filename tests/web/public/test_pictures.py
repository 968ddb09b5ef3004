"""Of the project's files only pictures are seen that a course or the brand names."""

from __future__ import annotations

from datetime import datetime

import pytest

from recmail.db.connect import writing
from recmail.db.tables import courses
from recmail.runs.project import Project
from tests.rows import course_row
from tests.web.public.visiting import Visiting


@pytest.fixture
def pictured(project: Project, now: datetime) -> Project:
    """Courses with pictures, one of them nowhere; and files that are no pictures of theirs."""
    for name in ("images/a.png", "images/other.png", "secret.txt"):
        (project.folder / name).parent.mkdir(exist_ok=True)
        (project.folder / name).write_bytes(b"picture")
    (project.folder.parent / "outside.png").write_bytes(b"outside")
    (project.folder / "images" / "link.png").symlink_to(project.folder.parent / "outside.png")
    paths = ["images/a.png", "images/gone.png", "recmail.toml", "../outside.png", "images/link.png"]
    with writing(project.engine) as connection:
        for number, path in enumerate(paths):
            connection.execute(courses.insert(), course_row(number, now, image_url=path))
    return project


def test_a_courses_picture_is_seen_by_everybody(pictured: Project, client: Visiting) -> None:
    answer = client.get("/images/a.png")
    assert (answer.status_code, answer.content) == (200, b"picture")
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"


@pytest.mark.parametrize(
    "path",
    [
        "/images/other.png",  # no course has it
        "/images/gone.png",
        "/images/link.png",  # leads out of the project
        "/recmail.toml",
        "/.recmail/key",
        "/secret.txt",
        "/%2e%2e/outside.png",
        "/images/a.png%00",
        "//images/a.png",
        "/",
    ],
)
def test_no_other_file_is_there(pictured: Project, client: Visiting, path: str) -> None:
    assert client.get(path).status_code == 404
