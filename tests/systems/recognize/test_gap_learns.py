"""GAP through the engine: it trains on worlds, resumes exactly, evaluates without texts."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from acteme.engine.evaluate import evaluate
from acteme.engine.fit import Interrupted
from acteme.engine.keeper import Keeper
from acteme.engine.settings import Settings
from acteme.engine.train import train
from acteme.nn.skeleton import Backbone
from acteme.nn.text import Text, fresh_model
from acteme.recordings.sources import open_data
from acteme.systems.recognize import gap
from acteme.systems.recognize.gap.guide import Guide

QUIET = Settings(progress=False, epochs=2)


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    text = Text(str(fresh_model(tmp_path_factory.mktemp("text") / "model", limit=400)), trained=True)
    small = gap.Config.small().recognize
    recipe = replace(small.recipe, batch=8)
    return gap.Config(
        replace(small, text=text, text_layer=False, text_rate=0.1, size=8, backbone=Backbone(width=8), recipe=recipe)
    )


@pytest.mark.parametrize("data", ["stage?train=16&test=16&classes=4", "mocap?form=clips&train=16&test=16"])
def test_it_trains_and_evaluates_without_texts(data, config, tmp_path, monkeypatch):
    corpus = open_data(data)
    run = train("gap", corpus, tmp_path / "run", config=config, settings=QUIET)
    state = load_file(run.weights("recognize"))
    assert any("guides.bone.encoder.model" in n for n in state)
    monkeypatch.setattr(Guide, "__init__", lambda *a, **k: pytest.fail("a guide was built"))
    found = evaluate(run, corpus)
    assert 0 <= found.metrics["top1"] <= 1
    history = run.history("recognize")
    assert {"classify", "global", "head", "hand", "hip", "foot", "accuracy"} <= set(history)


def test_an_interrupted_run_ends_where_it_would_have(config, tmp_path, monkeypatch):
    corpus = open_data("stage?train=16&test=4&classes=4")
    whole = train("gap", corpus, tmp_path / "whole", config=config, settings=QUIET)
    step = Keeper.step

    def stopping(self, module):
        self.interrupted = module.step == 3
        step(self, module)

    monkeypatch.setattr(Keeper, "step", stopping)
    with pytest.raises(Interrupted):
        train("gap", corpus, tmp_path / "cut", config=config, settings=QUIET)
    monkeypatch.setattr(Keeper, "step", step)
    again = train("gap", corpus, tmp_path / "cut", settings=QUIET, resume=True)
    a, b = (load_file(run.weights("recognize")) for run in (whole, again))
    assert set(a) == set(b) and all(torch.equal(a[n], b[n]) for n in a)
