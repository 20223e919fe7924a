"""A browser for the tests that look at the built book."""
import os

import pytest
from browser import find_browser, launched, served

DESKTOP = {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def browser():
    """One Chromium for the whole file; without one the tests skip, on continuous integration they fail."""
    if not find_browser():
        reason = "no Chromium on this machine (looked for chromium, chromium-browser, google-chrome)"
        if os.environ.get("CI", "").lower() in ("true", "1"):
            pytest.fail(reason)
        pytest.skip(reason)
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright, launched(playwright) as program:
        yield program


@pytest.fixture(scope="module")
def site():
    with served() as address:
        yield address


@pytest.fixture
def open_page(browser, site):
    """Opens pages of the book with an empty cache and collects whatever goes wrong on them."""
    contexts = []

    def opened(name, viewport=DESKTOP, **options):
        context = browser.new_context(viewport=viewport, **options)
        contexts.append(context)
        page = context.new_page()
        page.wrong, page.asked = [], []
        home = "file://" if name.startswith("file://") else site

        def said(message):
            if message.type == "error":
                page.wrong.append(f"console: {message.text} {message.location.get('url', '')}")

        def answered(response):
            if response.status >= 400:
                page.wrong.append(f"{response.status}: {response.url}")

        def asked(request):
            page.asked.append(request.url)
            if not request.url.startswith((home, "data:", "blob:")):
                page.wrong.append(f"another host: {request.url}")

        page.on("console", said)
        page.on("pageerror", lambda error: page.wrong.append(f"error: {error}"))
        page.on("request", asked)
        page.on("requestfailed", lambda request: page.wrong.append(f"failed: {request.url}"))
        page.on("response", answered)
        page.set_default_timeout(20_000)
        page.goto(name if "://" in name else f"{site}/{name}", wait_until="load")
        return page

    yield opened
    for context in contexts:
        context.close()
