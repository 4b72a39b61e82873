"""The runs of arms: what an interruption left is gone on with, and nothing else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from acteme.claims.ape import _config
from acteme.claims.arms import begun, trained
from acteme.engine.fit import Interrupted
from acteme.engine.keeper import Keeper
from acteme.engine.settings import Settings
from acteme.recordings.events.categorical import Events
from acteme.recordings.events.corpus import corpus_of

SETTINGS = Settings(seed=3, steps=8, progress=False, checkpoint=1e9)


def events(fields):
    """4000 events of values drawn of five."""
    values = np.random.default_rng(0).integers(5, size=(4000, fields)).astype(str).astype(object)
    return corpus_of([Events(tuple("abc"[:fields]), values, np.arange(4000.0))], [Path("a.csv")])


@pytest.fixture(scope="module")
def corpus():
    return events(3)


def cut(monkeypatch, corpus, place):
    """A training that ends in its third step."""
    step = Keeper.step

    def stopping(self, module):
        self.interrupted = module.step == 3
        step(self, module)

    monkeypatch.setattr(Keeper, "step", stopping)
    with pytest.raises(Interrupted):
        trained(begun("ape", corpus, place, _config("ape"), SETTINGS), corpus.select("train"), "detect")
    monkeypatch.setattr(Keeper, "step", step)


def test_an_arm_goes_on_where_it_was(corpus, tmp_path, monkeypatch):
    train = corpus.select("train")
    whole = trained(begun("ape", corpus, tmp_path / "whole", _config("ape"), SETTINGS), train, "detect")
    cut(monkeypatch, corpus, tmp_path / "cut")
    run = begun("ape", corpus, tmp_path / "cut", _config("ape"), replace(SETTINGS, checkpoint=5))
    assert run.begun("detect") and not run.done("detect")
    trained(run, train, "detect")
    a, b = (load_file(r.weights("detect")) for r in (whole, run))
    assert set(a) == set(b) and all(torch.equal(a[n], b[n]) for n in a)
    assert list(run.history("detect")["step"]) == list(range(8))


def test_what_is_trained_stays(corpus, tmp_path):
    train = corpus.select("train")
    place = tmp_path / "run"
    run = trained(begun("ape", corpus, place, _config("ape"), SETTINGS), train, "detect")
    before = run.weights("detect").stat().st_mtime_ns
    again = trained(begun("ape", corpus, place, _config("ape"), SETTINGS), train, "detect")
    assert again.weights("detect").stat().st_mtime_ns == before


@pytest.mark.parametrize("other", ["seed", "steps", "config", "data"])
def test_another_training_begins_anew(corpus, tmp_path, monkeypatch, other):
    cut(monkeypatch, corpus, tmp_path / "cut")
    settings = {"seed": replace(SETTINGS, seed=4), "steps": replace(SETTINGS, steps=9)}.get(other, SETTINGS)
    config = _config("uniform noise" if other == "config" else "ape")
    corpus = events(2) if other == "data" else corpus
    run = begun("ape", corpus, tmp_path / "cut", config, settings)
    assert not run.begun("detect") and run.settings == settings and run.config == config
