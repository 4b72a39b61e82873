"""Claims: verdicts, resuming, and what the ledger holds. The systems' own tiny experiments are in test_<slug>.py."""

import json
from pathlib import Path

import pytest

from acteme import claims
from acteme.claims import experiment as machinery
from acteme.claims.experiment import Comparison, Experiment, verdict
from acteme.errors import ActemeError, InputError


@pytest.mark.parametrize(
    ("low", "high", "higher", "expected"),
    [
        (0.1, 0.3, True, "holds"),
        (-0.3, -0.1, True, "fails"),
        (-0.1, 0.3, True, "undecided"),
        (0.0, 0.3, True, "undecided"),
        (-0.3, -0.1, False, "holds"),
        (0.1, 0.3, False, "fails"),
        (float("nan"), float("nan"), True, "undecided"),
    ],
)
def test_verdict(low, high, higher, expected):
    assert verdict(low, high, higher) == expected


def test_a_margin_is_how_much_worse_ours_may_be():
    assert [verdict(low, low + 0.02, True, 0.02) for low in (-0.01, -0.03, -0.05)] == ["holds", "undecided", "fails"]
    assert verdict(0.0, 0.01, False, 0.02) == "holds" and verdict(0.0, 0.03, False, 0.02) == "undecided"


def _run(arm: str, seed: int, folder: Path) -> dict[str, float]:
    with (folder / "calls").open("a") as file:
        file.write(f"{arm}{seed} ")
    return {"score": {"ours": 2.0, "base": 1.0}[arm] + 0.1 * seed + (0.01 * seed if arm == "ours" else 0)}


EXPERIMENT = Experiment(
    slug="halp",
    world="none",
    arms=("base", "ours"),
    run=_run,
    comparisons=(Comparison("ours is better", "score", "ours", "base"), Comparison("and not", "score", "base", "ours")),
    settings={"size": 3},
)


def _seed_here(*args):
    return machinery._seed(*args)


@pytest.fixture
def here(monkeypatch):
    """Runs seeds in this process, on an experiment made for the test."""
    from concurrent.futures import ThreadPoolExecutor

    monkeypatch.setattr(machinery, "experiment", lambda slug, tiny=False: EXPERIMENT)
    monkeypatch.setattr(machinery, "ProcessPoolExecutor", lambda *about: ThreadPoolExecutor(1))


def test_a_claim_writes_entries_with_every_seed(here, tmp_path):
    entries = machinery.claim("halp", 5, to=tmp_path / "ledger", work=tmp_path / "work", report=lambda line: None)
    stored = json.loads((tmp_path / "ledger/halp.json").read_text())
    assert stored == entries and len(stored) == 2
    first = stored[0]
    assert first["seeds"] == [0, 1, 2, 3, 4]
    assert first["arms"]["base"] == pytest.approx([1.0, 1.1, 1.2, 1.3, 1.4])
    assert first["difference"]["mean"] == pytest.approx(1.02)
    assert first["difference"]["low"] == pytest.approx(1.02 - 2.7764451 * 0.0158113883 / 5**0.5, rel=1e-5)
    assert [e["verdict"] for e in stored] == ["holds", "fails"]
    assert {"slug", "claim", "world", "metric", "higher_is_better", "ours", "baseline"} <= set(first)
    assert {"config_hash", "commit", "machine", "minutes"} <= set(first)
    page = (tmp_path / "ledger/README.md").read_text()
    assert "ours 2.2200" in page and "+1.0200" in page and "**holds**" in page


def test_an_interrupted_claim_goes_on_where_it_was(here, tmp_path):
    folder = tmp_path / "work" / f"halp-{EXPERIMENT.config_hash}" / "seed-1"
    folder.mkdir(parents=True)
    (folder / "base.json").write_text(json.dumps({"metrics": {"score": 1.5}, "minutes": 1.0}))
    entries = machinery.claim("halp", 2, to=tmp_path / "ledger", work=tmp_path / "work", report=lambda line: None)
    assert entries[0]["arms"]["base"] == [1.0, 1.5], "the finished arm is read back, not run again"
    assert (folder / "calls").read_text() == "ours1 "
    machinery.claim("halp", 2, to=tmp_path / "ledger", work=tmp_path / "work", report=lambda line: None)
    assert (folder / "calls").read_text() == "ours1 ", "nothing runs twice"


def test_a_changed_setting_is_another_experiment():
    from dataclasses import replace

    assert replace(EXPERIMENT, settings={"size": 4}).config_hash != EXPERIMENT.config_hash
    assert replace(EXPERIMENT, seeds=9).config_hash == EXPERIMENT.config_hash


def test_one_seed_gives_no_interval(here, tmp_path):
    with pytest.raises(InputError, match="at least two seeds"):
        machinery.claim("halp", 1, to=tmp_path, work=tmp_path)


def test_a_broken_result_is_named(tmp_path):
    (tmp_path / "base.json").write_text("{")
    with pytest.raises(ActemeError, match="delete the folder"):
        machinery._cells(tmp_path, ("base",))


def test_every_system_has_an_experiment():
    from acteme.catalog import ENTRIES

    there = {p.stem for p in Path(claims.__file__).parent.glob("*.py")}
    assert {e.slug for e in ENTRIES} <= there
    for entry in ENTRIES:
        e = machinery.experiment(entry.slug)
        assert e.slug == entry.slug and e.seeds >= 5
        assert {a for c in e.comparisons for a in (c.ours, c.baseline)} <= set(e.arms)


def test_workers_take_no_more_threads_than_the_environment_allows():
    import torch

    assert torch.get_num_threads() == 1
    machinery._keep_to(4)
    assert torch.get_num_threads() == 1
