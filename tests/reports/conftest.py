"""A headless Chromium for the tests that look at pages as people do."""

import shutil

import pytest
from playwright.sync_api import sync_playwright

from acteme.reports.page import render

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def browser():
    """The system's Chromium, or the one that `playwright install chromium` brought."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def look(browser, tmp_path):
    """Opens a page (content or file) from disk; the test fails on any error in it and on any attempt at the network."""
    problems, contexts = [], []

    def open_page(content, **options):
        path = content
        if not hasattr(content, "read_text"):
            path = tmp_path / f"{len(contexts)}.html"
            path.write_text(render(content), encoding="utf-8")
        context = browser.new_context(
            **({"viewport": {"width": 1200, "height": 900}, "reduced_motion": "reduce"} | options)
        )
        contexts.append(context)
        view = context.new_page()
        view.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        view.on("pageerror", lambda e: problems.append(str(e)))
        view.on("request", lambda r: problems.append(r.url) if not r.url.startswith(("file:", "data:")) else None)
        view.goto(path.absolute().as_uri())
        return view

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []
