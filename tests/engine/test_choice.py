"""The best epoch on the validation split: which one is kept, after any kill too, and what measuring must not change."""

import json
import math
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from acteme.engine import choice as module
from acteme.engine.choice import Choice
from acteme.engine.keeper import Keeper
from acteme.engine.settings import Settings
from acteme.engine.train import train
from acteme.errors import InputError
from acteme.nn.recipe import Recipe
from acteme.recordings.corpus import Corpus
from tests.engine.test_fit import stop_after
from tests.engine.toys import Config, EncoderConfig, TaggerConfig, toy, untrimmed

QUIET = Settings(progress=False, accelerator="cpu", checkpoint=0, prefetch=0)
BEST = replace(QUIET, best="frame_map")
SCORES = [0.3, math.nan, 0.7, 0.7, 0.1]


def config(**recipe) -> Config:
    first = Recipe(epochs=1, batch=16)
    return Config(EncoderConfig(recipe=first), TaggerConfig(recipe=replace(first, epochs=5, lr=0.01, **recipe)))


def validated() -> Corpus:
    corpus = untrimmed()
    corpus.table["split"][corpus.table["split"] == "test"] = "val"
    return corpus


@pytest.fixture
def told(monkeypatch):
    """Scores as told, whatever the weights; and the weights of the head that were measured."""
    seen: list[torch.Tensor] = []

    def measure(self, stage):
        seen.append(stage.head.weight.detach().clone())
        return [-1.0, *SCORES][len(seen) - 1]

    monkeypatch.setattr(Choice, "measure", measure)
    return seen


def head(run) -> torch.Tensor:
    return load_file(run.weights("tagger"))["head.weight"]


@pytest.mark.parametrize("recipe", [{}, {"ema": 0.5}, {"accumulate": 2}])
def test_the_first_of_the_best_epochs_is_kept(told, tmp_path, recipe):
    run = train(toy(), validated(), tmp_path / "r", config=config(**recipe), settings=BEST)
    assert len(told) == 6, "once before training, then after each epoch"
    assert torch.equal(head(run), told[3]) and not torch.equal(told[3], told[4])
    scores = json.loads((run.stage_folder("tagger") / "validation.json").read_text())
    assert scores == {"metric": "frame_map", "scores": {"0": 0.3, "1": None, "2": 0.7, "3": 0.7, "4": 0.1}}
    assert not (run.stage_folder("encoder") / "validation.json").exists(), "it predicts nothing"
    assert not list(run.folder.rglob("best*")) and not list(run.folder.rglob("*.ckpt"))


def test_without_a_whole_epoch_the_last_weights_are_kept(told, tmp_path):
    run = train(toy(), validated(), tmp_path / "r", config=config(batch=8), settings=replace(BEST, steps=1))
    assert len(told) == 1 and not torch.equal(head(run), told[0])


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5])
def test_a_kill_ends_in_the_same_weights(tmp_path, monkeypatch, step):
    whole = train(toy(), validated(), tmp_path / "whole", config=config(), settings=BEST)
    with monkeypatch.context() as patch:
        stop_after(patch, step)
        with pytest.raises(RuntimeError, match="stopped"):
            train(toy(), validated(), tmp_path / "r", config=config(), settings=BEST)
    torch.manual_seed(7)
    run = train(toy(), validated(), tmp_path / "r", settings=QUIET, resume=True)
    files = ("weights.safetensors", "metrics.csv", "validation.json")
    for name in files:
        assert (run.stage_folder("tagger") / name).read_bytes() == (whole.stage_folder("tagger") / name).read_bytes()


def test_epochs_that_are_trained_again_are_judged_as_before(told, tmp_path, monkeypatch):
    """Killed after the last epoch was measured, with a checkpoint of the first."""
    save = Keeper.save

    def first_only(self, stage, at):
        if at.epoch <= 1:
            save(self, stage, at)

    with monkeypatch.context() as patch:
        patch.setattr(Keeper, "save", first_only)
        patch.setattr(Choice, "weights", lambda self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train(toy(), validated(), tmp_path / "r", config=config(), settings=BEST)
    assert len(told) == 6
    best = told[3]
    del told[2:]  # the epochs from the second on are to come again
    run = train(toy(), validated(), tmp_path / "r", settings=QUIET, resume=True)
    assert len(told) == 6 and torch.equal(head(run), best)


def test_measuring_leaves_no_trace(tmp_path):
    plain = train(toy(), validated(), tmp_path / "a", config=config(), settings=QUIET)
    run = train(toy(), validated(), tmp_path / "b", config=config(), settings=BEST)
    losses = [(r.stage_folder("tagger") / "metrics.csv").read_bytes() for r in (plain, run)]
    assert losses[0] == losses[1]
    part = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.Linear(2, 2)).train()
    part[1].eval()
    seen = []

    def score(m):
        seen.append([p.training for p in m.modules()])
        torch.rand(3)
        return {"ade": 2.0}

    state = torch.get_rng_state()
    assert Choice(tmp_path, "-ade", score).measure(part) == -2.0 and Choice(tmp_path, "ade", score).measure(part) == 2.0
    assert seen[0] == [False] * 3 and [p.training for p in part.modules()] == [True, True, False]
    assert torch.equal(torch.get_rng_state(), state)


def test_it_is_measured_on_the_split_val(tmp_path, monkeypatch):
    asked, plain = [], module.measures.of("segmentation").measure
    monkeypatch.setattr(module.measures.of("segmentation"), "measure", lambda a: asked.append(a) or plain(a))
    train(toy(), validated(), tmp_path / "r", config=config(), settings=BEST)
    assert len(asked) == 6
    for a in asked:
        assert a.resamples == 1, "nobody reads the intervals"
        assert set(a.corpus.column("split")) == {"val"} and set(a.train().column("split")) == {"train"}


@pytest.mark.parametrize(
    ("data", "changes", "message"),
    [
        (validated, {"best": "speed"}, "setting 'best': there is no metric 'speed'; there are: .*frame_map"),
        (untrimmed, {"best": "frame_map"}, "the data has no split 'val'"),
        (validated, {"best": "frame_map", "strategy": "fsdp"}, "cannot be chosen from sharded weights"),
    ],
)
def test_what_cannot_be_chosen_by(tmp_path, data, changes, message):
    with pytest.raises(InputError, match=message):
        train(toy(), data(), tmp_path / "r", config=config(), settings=replace(QUIET, **changes))
    assert not (tmp_path / "r" / "tagger" / "metrics.csv").exists()
    assert "metric" in message or not (tmp_path / "r").exists()
