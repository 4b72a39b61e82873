"""The ledger's files: whole or not at all, read back as written, and the page that is made from them."""

import json
from pathlib import Path

import pytest

from acteme.errors import InputError
from acteme.reports import ledger


def entry(verdict="holds", **changes):
    """A comparison as a claim writes it."""
    made = {
        "slug": "halp", "claim": "ours is better", "metric": "top1", "higher_is_better": True, "seeds": [0, 1],
        "arms": {"a": [0.5, 0.7], "b": [0.25, 0.25]}, "ours": "a", "baseline": "b",
        "difference": {"mean": 0.35, "low": 0.1, "high": 0.6}, "verdict": verdict,
    }  # fmt: skip
    return {**made, **changes}


def test_what_is_written_is_read(tmp_path):
    assert ledger.read(tmp_path, "halp") == []
    one, two = [entry()], [entry(), entry("fails")]
    for entries in (one, two, one):
        assert ledger.write(tmp_path / "ledger", "halp", entries) == tmp_path / "ledger/halp.json"
        assert ledger.read(tmp_path / "ledger", "halp") == entries
    assert isinstance(json.loads((tmp_path / "ledger/halp.json").read_text()), dict), "one claim is no list"
    assert sorted(p.name for p in (tmp_path / "ledger").iterdir()) == ["README.md", "halp.json"]


def test_the_page_has_a_row_per_claim_with_means_over_seeds(tmp_path):
    ledger.write(tmp_path, "halp", [entry(), entry("undecided", higher_is_better=False)])
    ledger.write(tmp_path, "lac", [entry("fails", slug="lac")])
    page = (tmp_path / "README.md").read_text()
    assert page == ledger.page(tmp_path)
    rows = [line for line in page.splitlines() if line.startswith("| ")][2:]
    cells = [[c.strip() for c in row.strip("|").split("|")] for row in rows]
    assert [len(c) for c in cells] == [len(ledger.COLUMNS)] * 3
    assert cells[0] == ["halp", "ours is better", "top1 ↑", "a 0.6000", "b 0.2500", "+0.3500 [+0.1000, +0.6000]", "2",
                        "**holds**"]  # fmt: skip
    assert [c[2] for c in cells] == ["top1 ↑", "top1 ↓", "top1 ↑"]
    assert [c[-1] for c in cells] == ["**holds**", "**undecided**", "**fails**"]


def test_findings_beside_the_ledger_are_linked(tmp_path):
    assert "Findings" not in ledger.page(tmp_path)
    (tmp_path / "lac.md").write_text("# What was tried")
    assert "Findings, with what was tried: [lac](lac.md)." in ledger.page(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "\x00"])
def test_a_broken_file_is_named(tmp_path, text):
    (tmp_path / "lac.json").write_text(text)
    with pytest.raises(InputError, match=r"lac\.json: is not valid JSON; run `acteme claim lac` again"):
        ledger.read(tmp_path, "lac")


def test_what_is_known_is_ones_own_or_the_checkouts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checkout = Path(ledger.__file__).parents[2] / "ledger"
    assert ledger.known("lac") == ledger.read(checkout, "lac")
    ledger.write(tmp_path / "ledger", "lac", [entry()])
    assert ledger.known("lac") == [entry()]
