"""A browser for the tests of the page, and what nothing on the page may ever do.

Chromium has to be on the machine (``CFR_SHM_CHROMIUM`` names it, else it is looked for), Playwright
installed by the extra ``browser-tests``: where one is missing, these tests fail rather than pass.
"""

from __future__ import annotations

import os
import shutil

import pytest
from viewed_pages import DESKTOP, SECONDS, viewing


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("CFR_SHM_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    assert found, "no Chromium: install it, or name it in CFR_SHM_CHROMIUM"
    with sync_playwright() as playwright:
        # Tests run as root in containers, where Chromium has no sandbox of its own.
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def url(runs, tmp_path_factory):
    """Return where a module's ``runs`` are looked at."""
    with viewing(runs, tmp_path_factory.mktemp("elsewhere")) as address:
        yield address


@pytest.fixture
def allowed():
    """What the console may say: answers that tell what cannot be shown. Tests may add to it."""
    return ["status of 4"]


@pytest.fixture
def tab(browser, url, allowed):
    """Return what opens a page; at the end nothing was complained of or asked of another host."""
    complaints, contexts = [], []

    def opened(address="", size=DESKTOP, scheme="light"):
        context = browser.new_context(viewport=size, color_scheme=scheme)
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url.rstrip("/"))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(SECONDS)
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("console", lambda message: note(message))
        page.on("request", lambda request: visited(request.url))
        page.goto(url + address)
        page.wait_for_selector("#page[aria-busy=false]")
        return page

    def note(message):
        expected = any(each in message.text for each in allowed)
        if message.type in ("error", "warning") and not expected:
            complaints.append(f"{message.type}: {message.text}")

    def visited(address):
        if not address.startswith(url):
            complaints.append(f"another host: {address}")

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
