"""Draws the pictures of the demo's courses, one flat pattern per category.

`python -m recmail.history.demo.draw` renews those in the package. All stand on one grid of 80 pixels and
share one palette, so that any four of them side by side look like books of one house.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from recmail.history.demo.canvas import HEIGHT, INK, WIDTH, Canvas, png

CELL = 80
COLUMNS, ROWS = WIDTH // CELL, HEIGHT // CELL


def cells() -> list[tuple[int, int]]:
    """Column and row of the 32 cells, row by row."""
    return [(column, row) for row in range(ROWS) for column in range(COLUMNS)]


def data_science() -> Canvas:
    """Columns of a chart with round heads, under a sky of points."""
    canvas = Canvas("navy")
    colours = ("blue", "sky", "blue", "paper", "blue", "ochre", "sky", "coral")
    for column, height in enumerate((1, 3, 2, 4, 3, 6, 4, 5, 3, 7, 5, 6, 4, 7, 5, 3)):
        left, top = column * 40, HEIGHT - height * 40
        canvas.bar(left + 2, top + 2, 36, HEIGHT, colours[(column * 3 + column // 8) % 8])
        for level in range(height + 1, 9):
            canvas.disc(left + 20, HEIGHT - level * 40 + 20, 3, "blue")
    return canvas


def artificial_intelligence() -> Canvas:
    """A network: every node hands on to one or two of the next column."""
    canvas = Canvas("plum")
    links = ((0,), (1, 0), (0, -1), (0,), (1,), (0, 1), (-1, 0), (0,), (-1,))
    centres = [(column, row) for column in range(-1, COLUMNS + 1) for row in range(-1, ROWS + 1)]
    for column, row in centres:
        for step in links[(column * 4 + row * 7) % 9]:
            x, y = column * CELL + 40, row * CELL + 40
            # A line of 10 pixels: half its width is laid off at right angles to its direction.
            across = 5 / np.hypot(1, step)
            ends = [(x, y), (x + CELL, y + step * CELL)]
            one, other = ([(ex - side * step, ey + side) for ex, ey in ends] for side in (across, -across))
            canvas.polygon([*one, *other[::-1]], "rose" if (column + row) % 3 else "coral")
    colours = ("coral", "paper", "rose", "ochre", "coral", "rose", "paper")
    for column, row in centres:
        x, y, pick = column * CELL + 40, row * CELL + 40, (column * 3 + row * 2) % 7
        canvas.disc(x, y, 27, colours[pick])
        canvas.disc(x, y, 11, "plum")
    return canvas


def programming() -> Canvas:
    """Angle brackets, opening and closing, and here and there a cursor."""
    canvas = Canvas("navy")
    colours = ("mint", "teal", "ochre", "teal", "paper", "teal")
    for column, row in cells():
        x, y = column * CELL, row * CELL
        if (column + 3 * row) % 8 == 5:
            canvas.rectangle(x + 14, y + 54, 52, 14, "coral")
            continue
        colour = colours[(column // 2 + 2 * row) % 6]
        tip, back, stroke = (x + 16, x + 64, 24) if column % 2 == 0 else (x + 64, x + 16, -24)
        for end in (y + 12, y + 68):
            corners = [(tip, y + 40), (tip + stroke, y + 40), (back, end), (back - stroke, end)]
            canvas.polygon(corners, colour)
    return canvas


def web_development() -> Canvas:
    """Nested arcs that hand over from one cell to the next."""
    canvas = Canvas("teal")
    turns = (0, 1, 3, 2, 0, 3, 1, 2, 2, 0, 1, 3, 1, 0, 2, 3)
    for column, row in cells():
        x, y = column * CELL, row * CELL
        turn = turns[(column + 5 * row) % 16]
        corner = (x + CELL * (turn % 2), y + CELL * (turn // 2))
        bands = ("mint", "teal", "ochre") if (column * 3 + row) % 4 == 0 else ("mint", "teal", "paper")
        for radius, colour in zip((80, 54, 28), bands, strict=True):
            canvas.disc(*corner, radius, colour, inside=(x, y, CELL, CELL))
    return canvas


def design() -> Canvas:
    """Circle, square and triangle, cut and turned."""
    canvas = Canvas("paper")
    shapes = "oqthsohtqohqtsohtoqhsqtohtsqohtq"
    grounds = ("sand", "paper", "coral", "paper", "navy", "sand", "paper", "ochre")
    figures = ("coral", "navy", "paper", "ochre", "rose", "blue", "coral", "navy")
    for number, (column, row) in enumerate(cells()):
        x, y, pick = column * CELL, row * CELL, (column + 3 * row) % 8
        box, figure = (x, y, CELL, CELL), figures[pick]
        canvas.rectangle(*box, grounds[pick])
        match shapes[number]:
            case "o":
                canvas.disc(x + 40, y + 40, 40, figure)
            case "q":
                canvas.disc(x + CELL * (number % 2), y + CELL * (row % 2), CELL, figure, inside=box)
            case "h":
                canvas.disc(x + 40, y + CELL * (number % 2), 40, figure, inside=box)
            case "t":
                canvas.polygon([(x, y + CELL), (x + CELL, y + CELL), (x + CELL * (number % 2), y)], figure)
            case _:
                canvas.rectangle(x + 20, y + 20, 40, 40, figure)
    return canvas


def photography_and_film() -> Canvas:
    """Eight apertures, from wide open to nearly closed."""
    canvas = Canvas("ochre")
    for number in range(8):
        x, y = number % 4 * 160 + 80, number // 4 * 160 + 80
        canvas.disc(x, y, 70, "navy")
        right, down = canvas.x - x, canvas.y - y
        in_lens = right**2 + down**2 <= 60**2
        # The blades are the outsides of a hexagon's sides; where two overlap, the earlier lies on top.
        angles = np.radians(60 * np.arange(6) + 15 * number)
        beyond = [right * np.cos(angle) + down * np.sin(angle) > 46 - 5.5 * number for angle in angles]
        canvas.inks[in_lens] = INK["paper"]
        for blade in range(6):
            canvas.inks[in_lens & beyond[blade] & ~beyond[blade - 1]] = INK[
                ("coral", "plum", "rose")[blade % 3]
            ]
    return canvas


def music() -> Canvas:
    """A sound wave across a record."""
    canvas = Canvas("coral")
    for radius, colour in (
        (148, "plum"),
        (112, "coral"),
        (104, "plum"),
        (72, "coral"),
        (64, "plum"),
        (28, "ochre"),
    ):
        canvas.disc(440, 160, radius, colour)
    for number in range(20):
        x = number * 32 + 8
        height = 36 + 196 * abs(np.sin(number * 0.83 + 0.5)) * np.exp(-(((number - 12) / 7.5) ** 2))
        canvas.bar(x, 160 - height / 2, 16, height, "paper" if number % 5 else "rose")
    return canvas


def languages() -> Canvas:
    """Speech bubbles that turn to one another."""
    canvas = Canvas("mint")
    colours = ("teal", "paper", "pine", "coral", "teal", "ochre", "paper", "pine")
    for column, row in cells():
        x, y = column * CELL, row * CELL
        colour = colours[(column * 3 + row * 2) % 8]
        east, south = (column + row) % 2, (column // 2 + row) % 2
        canvas.disc(x + 40, y + 40, 37, colour)
        canvas.rectangle(x + 3 + 37 * east, y + 3 + 37 * south, 37, 37, colour)
        inner = "mint" if colour != "paper" else "coral"
        if (column + 2 * row) % 3 == 0:
            for dot in (-18, 0, 18):
                canvas.disc(x + 40 + dot, y + 40, 5, inner)
        elif (column + 2 * row) % 3 == 1:
            canvas.disc(x + 40, y + 40, 14, inner)
    return canvas


def writing_and_speaking() -> Canvas:
    """Two pages of a manuscript: lines of words, an initial, and a passage that somebody marked."""
    canvas = Canvas("sand")
    words = (44, 90, 28, 64, 36, 110, 52, 24, 76, 40, 98, 32, 58)
    word = 0
    for line in range(8):
        for left, right in ((24, 304), (336, 616)):
            x = left + 92 if left == 24 and line < 2 else left
            last = right - 130 if line in (3, 7) else right
            while x < last - 16:
                width = min(words[word % 13], last - x)
                marked = left == 336 and line in (4, 5) and 380 < x < 560
                canvas.bar(x, 30 + line * 34, width, 14, "coral" if marked else "navy")
                x, word = x + width + 12, word + 1
    canvas.rectangle(24, 24, 78, 62, "coral")
    canvas.disc(24, 86, 62, "paper", inside=(24, 24, 78, 62))
    return canvas


def marketing() -> Canvas:
    """A message that goes out in rays and rings."""
    canvas = Canvas("rose")
    x, y = 240, HEIGHT
    angle = np.degrees(np.arctan2(y - canvas.y, canvas.x - x))
    canvas.inks[(angle / 12).astype(np.int64) % 2 == 0] = INK["coral"]
    for radius, colour in ((216, "paper"), (176, "plum"), (136, "rose"), (96, "ochre"), (56, "plum")):
        canvas.disc(x, y, radius, colour)
    return canvas


def product_and_business() -> Canvas:
    """Building blocks, stacked."""
    canvas = Canvas("sky")
    half, quarter = 40.0, 23.0
    for row in range(-1, 7):
        for column in range(-1, 9):
            x, y = column * 80 + 40 * (row % 2), row * 69 + 12
            top = (
                "ochre" if (column * 2 + row * 3) % 7 == 0 else "paper" if (column + row) % 4 == 0 else "sky"
            )
            north, south, middle = (x, y - 2 * quarter), (x, y + 2 * quarter), (x, y)
            canvas.polygon([north, (x + half, y - quarter), middle, (x - half, y - quarter)], top)
            canvas.polygon([(x - half, y - quarter), middle, south, (x - half, y + quarter)], "blue")
            canvas.polygon([(x + half, y - quarter), middle, south, (x + half, y + quarter)], "navy")
    return canvas


def finance() -> Canvas:
    """Coins in rows, each row lying on the one behind."""
    canvas = Canvas("pine")
    for row in range(10):
        for column in range(-1, 9):
            x, y = column * CELL + 40 * (row % 2), row * 40
            gold = (column * 3 + row * 2) % 7 == 0
            rings = ("paper", "ochre", "paper", "ochre") if gold else ("mint", "pine", "mint", "pine")
            for radius, colour in zip((40, 34, 22, 12), rings, strict=True):
                canvas.disc(x, y, radius, colour)
    return canvas


PICTURES: dict[str, Callable[[], Canvas]] = {
    "data-science": data_science,
    "artificial-intelligence": artificial_intelligence,
    "programming": programming,
    "web-development": web_development,
    "design": design,
    "photography-and-film": photography_and_film,
    "music": music,
    "languages": languages,
    "writing-and-speaking": writing_and_speaking,
    "marketing": marketing,
    "product-and-business": product_and_business,
    "finance": finance,
}


def draw(folder: Path) -> None:
    """Write one PNG per category into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in PICTURES.items():
        (folder / f"{name}.png").write_bytes(png(picture().pixels()))


if __name__ == "__main__":
    draw(Path(__file__).with_name("images"))
