"""The table of systems and what must follow from it."""

import dataclasses
import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from acteme.catalog import ENTRIES, VERBS, Entry, find
from acteme.engine.config import configured, rows, to_json
from acteme.errors import InputError
from acteme.reports.words import HEADLINES

TESTS = Path(__file__).parent
each = pytest.mark.parametrize("entry", ENTRIES, ids=[e.slug for e in ENTRIES])


def test_names_are_unique():
    for column in ("slug", "title", "arxiv"):
        values = [getattr(e, column) for e in ENTRIES]
        assert len(set(values)) == len(values)


@each
def test_an_entry_is_complete(entry: Entry):
    assert entry.verb in VERBS and re.fullmatch(r"[a-z][a-z0-9]*", entry.slug)
    assert re.fullmatch(r"\d{4}\.\d{4,5}", entry.arxiv) and re.search(r" (19|20)\d\d$", entry.venue)
    assert entry.authors and entry.reads and entry.claim.endswith(".")
    assert import_module(f"acteme.tasks.{entry.task}") and entry.task in HEADLINES


@each
def test_its_module_keeps_the_contract(entry: Entry):
    module = entry.module()
    assert [f.name for f in dataclasses.fields(module.Config)] == [name for name, _ in entry.stages]
    for name, kind in entry.stages:
        stage, config = getattr(module, kind), getattr(module.Config(), name)
        assert callable(stage.losses), f"{kind} is trained"
        assert config.windows and config.recipe and dataclasses.is_dataclass(config)
    assert any(hasattr(getattr(module, kind), "encode") for _, kind in entry.stages)
    assert "**Deviations**" in (module.__doc__ or "")


@each
def test_every_setting_is_explained_and_small_is_another_choice(entry: Entry):
    config = entry.module().Config
    for path, _, meaning in rows(config()):
        assert re.match(r"\S.*\.$", meaning, re.DOTALL), f"{path} has no meaning"
    assert to_json(config.small()) != to_json(config())
    assert configured(entry.slug, "small", ()) == config.small()


@each
def test_its_claim_can_be_run_and_it_is_tested(entry: Entry):
    claim = import_module(f"acteme.claims.{entry.slug}").build(True)
    assert claim.slug == entry.slug and claim.comparisons
    folder = TESTS / "systems" / entry.verb
    assert (folder / f"test_{entry.slug}.py").exists() or list((folder / entry.slug).glob("test_*.py"))


def test_no_system_may_know_another():
    contracts = tomllib.loads((TESTS.parent / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    apart = next(c["modules"] for c in contracts if c["type"] == "independence")
    assert {e.module_name for e in ENTRIES} <= set(apart)


def test_an_unknown_system_is_refused_with_the_nearest_names():
    assert find("lac").slug == "lac"
    with pytest.raises(InputError, match=r"^no system is called 'hapl'; did you mean halp\?$"):
        find("hapl")
    with pytest.raises(InputError, match="no system is called 'bert'; known: lac, halp"):
        find("bert")
