"""A headless Chromium to try pages in; where there is none, tests skip and say why."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PLACES = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    """The path of a browser: the environment's CHROMIUM, or the first of `PLACES` on the path."""
    given = os.environ.get("CHROMIUM")
    return given or next(filter(None, map(shutil.which, PLACES)), None)


def go_without(reason: str) -> NoReturn:
    """Skip, or fail where every test has to run."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}; with CI=true these tests must run.", pytrace=False)
    pytest.skip(reason)


@contextmanager
def open_browser() -> Iterator[Browser]:
    path = find_chromium()
    if path is None:
        go_without("no Chromium: install one (Debian: apt-get install chromium), or set CHROMIUM")
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        go_without("no playwright: pip install playwright")
    with sync_playwright() as playwright:
        # Containers give Chromium neither a sandbox nor much shared memory.
        flags = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


@contextmanager
def open_page(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    """A page of its own at a URL; in the end its console must be free of errors."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    context.set_default_timeout(20_000)
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type != "log" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((url, "data:", "blob:"))
            else wrong.append(f"asked for {request.url}")
        ),
    )
    page.goto(url)
    yield page
    context.close()
    assert wrong == []
