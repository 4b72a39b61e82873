"""The generated parts of the documentation are up to date, and its links lead somewhere."""

import importlib.util
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from acteme import catalog
from acteme.recordings.sources import SOURCES

ROOT = Path(__file__).parent.parent
PAGES = sorted(p.relative_to(ROOT).as_posix() for folder in (".", "docs", "ledger", "benchmarks")
               for p in (ROOT / folder).glob("*.md"))  # fmt: skip


@pytest.fixture(scope="module")
def generate():
    """docs/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_committed_as_generated(generate):
    for path, text in generate.pages().items():
        assert path.read_text() == text, f"{path.relative_to(ROOT)} is out of date: run make docs"


def test_generated_parts_follow_the_tables(generate):
    table = generate.systems_table()
    assert all(f"| `{e.slug}` | {e.verb} |" in table for e in catalog.ENTRIES)
    page = generate.data_page()
    assert re.findall(r"^### `([\w-]+)", page, re.MULTILINE) == list(SOURCES)
    assert "- `protocol` (xsub): " in page
    assert generate.fill("a <!-- x -->old<!-- /x --> b", "x", "new") == "a <!-- x -->new<!-- /x --> b"


def anchors(text: str) -> set[str]:
    """What GitHub makes of the headings."""
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in heads}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text()
    shown = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", shown):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = ROOT / page if not place else (ROOT / page).parent / unquote(place)
        assert target.exists(), f"{page} links to {link}"
        assert not anchor or anchor in anchors(target.read_text()), f"{page} links to {link}"
