"""Bundles: what is read from a templates folder, and that freezing keeps it."""

from __future__ import annotations

import pytest

from recmail.errors import RenderError
from recmail.render.bundle import TemplateBundle, load_bundle


def test_templates_and_stylesheets_are_read_and_nothing_else(tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "weekly.html.j2").write_text("<p>")
    (tmp_path / "parts" / "style.css").write_text("p {}")
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    (tmp_path / "notes.md").write_text("not for sending")
    (tmp_path / ".#weekly.html.j2").write_text("an editor's lock")
    (tmp_path / ".git" / "x.j2").write_text("history")
    assert load_bundle(tmp_path).files == {"parts/style.css": "p {}", "weekly.html.j2": "<p>"}


def test_line_ends_and_byte_order_marks_do_not_change_a_bundle(tmp_path):
    for name, data in (("unix", b"a\nb\n"), ("windows", b"\xef\xbb\xbfa\r\nb\r\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.txt.j2").write_bytes(data)
    unix, windows = load_bundle(tmp_path / "unix"), load_bundle(tmp_path / "windows")
    assert unix.files == {"x.txt.j2": "a\nb\n"}
    assert unix.content_hash == windows.content_hash


def test_a_file_that_is_not_utf_8_is_named_with_its_line(tmp_path):
    (tmp_path / "old.html.j2").write_bytes(b"<p>\nOl\xe1\n")
    with pytest.raises(RenderError, match=r"old\.html\.j2:2: is not UTF-8"):
        load_bundle(tmp_path)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(RenderError, match=r"no templates folder at .*nowhere"):
        load_bundle(tmp_path / "nowhere")


def test_a_bundle_survives_freezing():
    bundle = TemplateBundle({"a.html.j2": "{{ 'é' }}\n", "b.css": "p {}"})
    again = TemplateBundle.from_json(bundle.to_json())
    assert again == bundle
    assert again.content_hash == bundle.content_hash


def test_the_hash_covers_names_and_texts_and_not_their_order():
    bundle = TemplateBundle({"a.j2": "1", "b.j2": "2"})
    assert TemplateBundle({"b.j2": "2", "a.j2": "1"}).content_hash == bundle.content_hash
    assert TemplateBundle({"a.j2": "2", "b.j2": "1"}).content_hash != bundle.content_hash
    assert TemplateBundle({"a.j2": "1", "c.j2": "2"}).content_hash != bundle.content_hash
    # printf '{"a.j2":"1"}' | sha256sum
    expected = "febe7956ea85dd2007f18e867c89581d0b03781ba89108aac43315e45e3b2b01"
    assert TemplateBundle({"a.j2": "1"}).content_hash == expected
