"""A canvas for flat pictures: shapes in a fixed palette, smooth edges, PNG without an imaging library."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np

WIDTH, HEIGHT = 640, 320
SAMPLES = 4  # drawn at four times the size and averaged, which smooths the edges
COLOURS = {
    "paper": 0xF6EEDF,
    "sand": 0xE9D6B4,
    "ochre": 0xEFB440,
    "coral": 0xE8663F,
    "rose": 0xF2BCAE,
    "plum": 0x74406A,
    "navy": 0x2C3A68,
    "blue": 0x3F66B0,
    "sky": 0xA6CBEA,
    "teal": 0x23807C,
    "mint": 0xB4DAC4,
    "pine": 0x2B5E50,
}
INK = {name: number for number, name in enumerate(COLOURS)}
Box = tuple[float, float, float, float]
Point = tuple[float, float]


class Canvas:
    """A picture in the palette's colours; lengths are pixels of the finished picture, y grows downwards."""

    def __init__(self, background: str) -> None:
        shape = (HEIGHT * SAMPLES, WIDTH * SAMPLES)
        self.inks = np.full(shape, INK[background], dtype=np.uint8)
        self.x = (np.arange(shape[1], dtype=np.float32)[None, :] + 0.5) / SAMPLES
        self.y = (np.arange(shape[0], dtype=np.float32)[:, None] + 0.5) / SAMPLES

    def rectangle(self, left: float, top: float, width: float, height: float, colour: str) -> None:
        """Fill an upright rectangle."""
        self.inks[_window((left, top, width, height))] = INK[colour]

    def disc(self, x: float, y: float, radius: float, colour: str, *, inside: Box | None = None) -> None:
        """Fill a circle, or as much of it as lies in the box (left, top, width, height)."""
        box = inside or (x - radius, y - radius, 2 * radius, 2 * radius)
        rows, columns = _window(box)
        covered = (self.x[:, columns] - x) ** 2 + (self.y[rows] - y) ** 2 <= radius**2
        self.inks[rows, columns][covered] = INK[colour]

    def polygon(self, corners: Sequence[Point], colour: str) -> None:
        """Fill a convex polygon whose corners go round in either direction."""
        xs, ys = zip(*corners, strict=True)
        rows, columns = _window((min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)))
        x, y = self.x[:, columns], self.y[rows]
        sides = [
            (bx - ax) * (y - ay) - (by - ay) * (x - ax)
            for (ax, ay), (bx, by) in zip(corners, [*corners[1:], corners[0]], strict=True)
        ]
        left = np.all([side >= 0 for side in sides], axis=0)
        right = np.all([side <= 0 for side in sides], axis=0)
        self.inks[rows, columns][left | right] = INK[colour]

    def bar(self, left: float, top: float, width: float, height: float, colour: str) -> None:
        """Fill a rectangle whose two short ends are round."""
        radius = min(width, height) / 2
        across, down = (radius, 0.0) if width > height else (0.0, radius)
        self.rectangle(left + across, top + down, width - 2 * across, height - 2 * down, colour)
        self.disc(left + radius, top + radius, radius, colour)
        self.disc(left + width - radius, top + height - radius, radius, colour)

    def pixels(self) -> np.ndarray:
        """The finished picture: height x width x 3, uint8."""
        codes = np.array(list(COLOURS.values()), dtype=np.uint32)
        channels = [
            (codes >> shift & 255).astype(np.uint16)[self.inks].reshape(HEIGHT, SAMPLES, WIDTH, SAMPLES)
            for shift in (16, 8, 0)
        ]
        sums = np.stack([channel.sum(axis=3).sum(axis=1) for channel in channels], axis=2)
        return np.asarray((sums + SAMPLES**2 // 2) // SAMPLES**2, dtype=np.uint8)


def _window(box: Box) -> tuple[slice, slice]:
    left, top, width, height = box

    def part(low: float, length: float) -> slice:
        return slice(max(0, round(low * SAMPLES)), max(0, round((low + length) * SAMPLES)))

    return part(top, height), part(left, width)


def png(pixels: np.ndarray) -> bytes:
    """A picture of height x width x 3, uint8, as a PNG with a palette.

    Raises:
        ValueError: more than 256 colours.

    Source: Portable Network Graphics (PNG) Specification, third edition, sections 5 and 11.
    """
    height, width, _ = pixels.shape
    packed = pixels.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint32)
    codes, indexed = np.unique(packed, return_inverse=True)
    if len(codes) > 256:
        raise ValueError(f"{len(codes)} colours: a palette holds 256; use fewer inks that touch")
    palette = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1).astype(np.uint8)
    # Every row begins with its filter: 0, none.
    rows = np.pad(indexed.reshape(height, width).astype(np.uint8), ((0, 0), (1, 0)))
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0))
        + _chunk(b"PLTE", palette.tobytes())
        + _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
