"""Takes the README's picture from the report that `make demo` wrote: `python docs/screenshot.py`."""

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
PRESSES = 2
"""How often five seconds are skipped before the picture is taken."""


def main() -> None:
    report = ROOT / "demo/report.html"
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=found, args=["--no-sandbox"])
        view = browser.new_page(viewport={"width": 1100, "height": 2600}, color_scheme="light")
        view.goto(report.as_uri())
        view.locator(".tracks").focus()
        for _ in range(PRESSES):
            view.keyboard.press("PageDown")
        view.evaluate("document.activeElement.blur()")
        view.locator("#player").screenshot(path=ROOT / "docs/pictures/report.png")
        browser.close()


if __name__ == "__main__":
    main()
