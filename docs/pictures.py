"""Takes pictures of the shipped templates, to look at them and for the README.

    python docs/pictures.py                     # docs/NAME.png: the top of every set, for the README
    python docs/pictures.py --all FOLDER        # every set in every light, on two widths
    python docs/pictures.py --brand accent=#ab0154 --all FOLDER

Needs playwright (`pip install --group dev`) and Chromium, found as `chromium` or given by --chromium; and the
fonts Noto Serif and Noto Sans, since Georgia is not on every machine.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Route, sync_playwright

CLONE = Path(__file__).parents[1]
sys.path.insert(0, str(CLONE))

from recmail.history.demo import IMAGES  # noqa: E402
from recmail.render.brand import branded  # noqa: E402
from recmail.render.bundle import load_bundle  # noqa: E402
from recmail.render.email import Renderer  # noqa: E402
from recmail.settings.sections import default_brand  # noqa: E402
from tests.render.contexts import SETS, Context, edge, mirrored, sparse  # noqa: E402

WIDTHS = (640, 375)
FONTS = {"heading_font": "Noto Serif, serif", "text_font": "Noto Sans, sans-serif"}
DEMO_IMAGES = {
    "sql": "data-science",
    "interviews": "design",
    "pricing": "product-and-business",
    "kannada": "languages",
    "portraits": "photography-and-film",
    "forecasts": "programming",
    "bread": "writing-and-speaking",
}


def pages(brand: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Return the name of each set, whom it is for, and the HTML that they get."""
    bundle = branded(load_bundle(CLONE / "templates"), brand)
    for name, make in SETS.items():
        renderer = Renderer(bundle, template=name, subject="{{ courses[0].title }}", preheader="And more")
        contexts: dict[str, Callable[[], Context]] = {
            "full": make,
            "sparse": sparse,
            "rtl": lambda make=make: mirrored(make()),
            "edge": edge,
        }
        for whom, made in contexts.items():
            yield name, whom, renderer.render({**made(), "brand": brand}, user_id="u1").html


def demo_image(route: Route) -> None:
    """Answer with a picture of the demo instead of going into the world."""
    stem = Path(route.request.url).stem
    path = IMAGES / f"{DEMO_IMAGES.get(stem, stem)}.png"
    if path.is_file():
        route.fulfill(path=path)
    else:
        route.abort()


def shoot(
    browser: Browser,
    html: str,
    path: Path,
    *,
    width: int,
    dark: bool,
    images: bool,
    height: int | None = None,
) -> None:
    """Write one picture of a page, as high as it is unless a height is given."""
    page = browser.new_page(
        viewport={"width": width, "height": height or 800},
        color_scheme="dark" if dark else "light",
    )
    page.route(re.compile("^https:"), demo_image if images else lambda route: route.abort())
    page.set_content(html, wait_until="load")
    wide = page.evaluate("document.documentElement.scrollWidth")
    if wide > width:
        sys.stderr.write(f"{path.name} is {wide} pixels wide\n")
    page.screenshot(path=path, full_page=height is None)
    page.close()


def shoot_all(browser: Browser, folder: Path, brand: dict[str, Any], *, only: str) -> None:
    """Take every set in every light, of those whose names hold `only`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, whom, html in pages(brand):
        for width in WIDTHS:
            lights = [("light", False, True), ("dark", True, True), ("no-images", False, False)]
            lights.append(("dark-no-images", True, False))
            for light, dark, images in lights if whom == "full" else lights[:1]:
                path = folder / f"{name}-{whom}-{width}-{light}.png"
                if only in path.name:
                    shoot(browser, html, path, width=width, dark=dark, images=images)


def shoot_for_readme(browser: Browser, brand: dict[str, Any]) -> None:
    """Take the top of every set once."""
    for name, whom, html in pages(brand):
        if whom == "full":
            path = CLONE / "docs" / f"{name}.png"
            shoot(browser, html, path, width=640, dark=False, images=True, height=1200)


def main() -> int:
    """Take the pictures that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--all", type=Path, metavar="FOLDER")
    parser.add_argument("--only", default="", metavar="PART", help="of the pictures' names")
    parser.add_argument("--brand", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    asked = parser.parse_args()
    changes = FONTS | dict(one.split("=", 1) for one in asked.brand)
    brand = asdict(replace(default_brand(), **changes))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=asked.chromium, args=["--no-sandbox"])
        if asked.all:
            shoot_all(browser, asked.all, brand, only=asked.only)
        else:
            shoot_for_readme(browser, brand)
    return 0


if __name__ == "__main__":
    sys.exit(main())
