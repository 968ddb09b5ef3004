"""The pages in Chromium: by keyboard, without JavaScript, on a narrow screen, and by axe-core's rules."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from recmail.db.connect import reading
from recmail.db.preferences import read_pace
from recmail.deliver.clock import Clock
from recmail.runs.project import Project, open_project
from recmail.tokens import sign
from recmail.web.public.application import make_application
from recmail.web.public.door import PLACES, Door
from recmail.web.public.serving import listen, serve
from tests.conftest import NOW
from tests.web.public.conftest import ANA, BEN, BENS_OTHER, PUBLIC_URL, words
from tests.web.public.test_both_databases import send_to_everybody

CHROMIUM = Path(os.environ.get("RECMAIL_CHROMIUM", "/usr/bin/chromium"))
pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists(), reason="needs Chromium: apt-get install chromium, or RECMAIL_CHROMIUM=its path"
)
# No sandbox: tests may run as root. The rest keeps it from asking the network for anything.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
NARROW = {"width": 375, "height": 800}


@pytest.fixture(scope="module")
def site(_made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, str]]:
    """The application on a port of this machine, and its address."""
    folder = tmp_path_factory.mktemp("site") / "acme"
    shutil.copytree(_made, folder)
    listener, stop = listen("127.0.0.1", 0), threading.Event()
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = folder / "recmail.toml"
    settings.write_text(settings.read_text("utf-8").replace(PUBLIC_URL, base), "utf-8")
    project = open_project(folder)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RECMAIL_DELIVERY_PLANNERS", "1")
        send_to_everybody(project, NOW)
    application = make_application(Door(project, Clock(NOW), lambda _news: None))
    thread = threading.Thread(target=serve, args=(application, listener, stop))
    thread.start()
    yield project, base
    stop.set()
    thread.join()
    project.engine.dispose()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def address(site: tuple[Project, str], purpose: str, user_no: int) -> str:
    project, base = site
    return f"{base}/{PLACES[purpose]}/{sign(project.settings.key, 1, user_no, purpose)}"


def test_choosing_by_keyboard_without_javascript(site: tuple[Project, str], chromium: Any) -> None:
    with chromium.new_context(java_script_enabled=False, viewport=NARROW) as context:
        page = context.new_page()
        page.goto(address(site, "preferences", ANA))

        def press(*keys: str) -> None:
            for key in keys:
                page.keyboard.press(key)

        press("Tab", "Space")  # the first topic
        press("Tab", "Tab", "ArrowDown", "ArrowDown")  # how often: one a week
        press("Tab", "ArrowDown", "Tab", "Space")  # a pause of a week; not chosen by what I did
        press("Tab", "Tab", "Enter")  # past tracking, to the button
        page.get_by_role("status").wait_for()
        assert "Saved" in page.get_by_role("status").inner_text()
        assert "No emails before 9 November 2026." in page.inner_text("main")
    said = {(purpose, granted) for purpose, _, granted, _ in words(site[0])}
    assert said == {("email", False), ("personalization", False)}
    with reading(site[0].engine) as connection:
        found = read_pace(connection, ANA)
    assert (found.at_most, found.within_days) == (1, 7)
    assert found.paused_until is not None


def test_unsubscribing_and_coming_back_by_keyboard(site: tuple[Project, str], chromium: Any) -> None:
    with chromium.new_context(java_script_enabled=False, viewport=NARROW, locale="hi-IN") as context:
        page = context.new_page()
        page.goto(address(site, "unsubscribe", BEN))
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.get_by_role("status").wait_for()
        page.keyboard.press("Tab")  # to what you get
        page.keyboard.press("Enter")
        page.wait_for_url("**/p/*")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.get_by_role("status").wait_for()
    assert words(site[0], BEN) == [("email", "", False, "page"), ("email", "", True, "page")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_phone_and_have_nothing_that_axe_finds(
    site: tuple[Project, str], chromium: Any, scheme: str, now: datetime
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    why = address(site, "why", ANA)
    pages = [address(site, "preferences", ANA), why]
    if scheme == "light":  # in the dark only colours differ
        pages += [address(site, "unsubscribe", ANA), f"{site[1]}/own"]
        pages += [address(site, "preferences", user_no) for user_no in (BEN, BENS_OTHER)]
    errors: list[str] = []
    with chromium.new_context(viewport=NARROW, color_scheme=scheme) as context:
        page = context.new_page()
        page.on("console", lambda message: errors.append(message.text))
        for url in pages:
            page.goto(url)
            assert page.locator("main > ol > li").count() == (3 if url == why else 0)
            assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"], url
            found = axe.Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
        assert errors == []
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
            "rgb(16, 18, 17)" if scheme == "dark" else "rgb(243, 241, 235)"
        )
