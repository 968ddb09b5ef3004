"""The pictures in the package are those that the code draws, and light enough for an email."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from recmail.history import demo
from recmail.history.demo.canvas import COLOURS, Canvas, png
from recmail.history.demo.catalogue import category_slug, read_titles
from recmail.history.demo.draw import PICTURES, draw

IMAGES = Path(demo.__file__).with_name("images")


def read_png(data: bytes) -> np.ndarray:
    """The pixels of a PNG with a palette and no filters, its checksums verified."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        body = data[at + 4 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length]) == (zlib.crc32(body),)
        chunks[body[:4]] = body[4:]
        at += 12 + length
    width, height, *_ = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), dtype=np.uint8).reshape(height, width + 1)
    assert not rows[:, 0].any()
    return np.frombuffer(chunks[b"PLTE"], dtype=np.uint8).reshape(-1, 3)[rows[:, 1:]]


def test_there_is_one_picture_for_each_category_under_20_kb() -> None:
    slugs = {category_slug(category) for category in read_titles(240)["category"]}
    assert slugs == set(PICTURES)
    assert {path.stem for path in IMAGES.iterdir()} == slugs
    for path in IMAGES.iterdir():
        assert path.stat().st_size < 20_000


def test_shipped_pictures_are_what_the_code_draws(tmp_path: Path) -> None:
    draw(tmp_path)
    for path in IMAGES.iterdir():
        shipped, drawn = (read_png(folder.read_bytes()) for folder in (path, tmp_path / path.name))
        assert shipped.shape == (320, 640, 3)
        assert np.array_equal(shipped, drawn)


def test_an_edge_between_two_colours_is_smooth() -> None:
    canvas = Canvas("navy")
    canvas.rectangle(10, 10, 2.5, 1, "paper")
    red = canvas.pixels()[10, 9:14, 0]
    navy, paper = COLOURS["navy"] >> 16, COLOURS["paper"] >> 16
    assert red.tolist() == [navy, paper, paper, (navy + paper) // 2, navy]


def test_a_disc_stays_inside_its_box() -> None:
    canvas = Canvas("navy")
    canvas.disc(100, 100, 40, "ochre", inside=(100, 60, 40, 40))
    filled = (canvas.pixels() == [0xEF, 0xB4, 0x40]).all(axis=2)
    rows, columns = np.nonzero(filled)
    assert rows.max() == 99
    assert columns.min() == 100
    # A quarter of a circle of radius 40: 400 pi, its edge not counted.
    assert filled.sum() == pytest.approx(400 * np.pi, rel=0.05)


def test_a_picture_of_too_many_colours_is_refused() -> None:
    grey = np.arange(300, dtype=np.uint32).reshape(1, 300, 1)
    pixels = np.concatenate([grey % 256, grey // 256, grey * 0], axis=2).astype(np.uint8)
    with pytest.raises(ValueError, match="300 colours"):
        png(pixels)
