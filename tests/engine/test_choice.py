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


PATIENT = [0.5, 0.7, 0.6, 0.7, 0.9, 0.9, 0.9]


@pytest.mark.parametrize(("patience", "epochs", "best"), [(0, 5, 4), (1, 3, 1), (2, 4, 1), (3, 5, 4)])
def test_a_stage_ends_when_so_many_epochs_in_a_row_were_no_better(told, tmp_path, monkeypatch, patience, epochs, best):
    monkeypatch.setattr("tests.engine.test_choice.SCORES", PATIENT)
    settings = replace(BEST, patience=patience)
    run = train(toy(), validated(), tmp_path / "r", config=config(), settings=settings)
    assert len(told) == 1 + epochs and torch.equal(head(run), told[1 + best])
    assert set(run.history("tagger")["epoch"]) == set(range(epochs)) and run.status == "trained"
    assert set(run.history("encoder")["epoch"]) == {0}, "which predicts nothing, and runs as long as it should"


def test_epochs_without_a_value_are_no_better(told, tmp_path, monkeypatch):
    monkeypatch.setattr("tests.engine.test_choice.SCORES", [math.nan, math.nan, 0.3, math.nan, math.nan, 0.1])
    run = train(toy(), validated(), tmp_path / "r", config=config(), settings=replace(BEST, patience=3))
    assert len(told) == 6 and torch.equal(head(run), told[3])
    told.clear()
    again = train(toy(), validated(), tmp_path / "s", config=config(), settings=replace(BEST, patience=2))
    assert set(again.history("tagger")["epoch"]) == {0, 1}


@pytest.mark.parametrize("left", [0, 1, 2])
def test_a_kill_does_not_move_the_end(tmp_path, monkeypatch, left):
    """Also where it comes when the last epoch is over and was measured, and no step is left."""
    monkeypatch.setattr(Choice, "measure", lambda self, _: PATIENT[len(self.scores)])
    patient = replace(BEST, patience=2)
    whole = train(toy(), validated(), tmp_path / "whole", config=config(), settings=patient)
    with monkeypatch.context() as patch:
        stop_after(patch, len(whole.history("tagger")["step"]) - left)
        with pytest.raises(RuntimeError, match="stopped"):
            train(toy(), validated(), tmp_path / "r", config=config(), settings=patient)
    run = train(toy(), validated(), tmp_path / "r", settings=replace(QUIET, patience=1), resume=True)
    assert run.settings.patience == 2 and set(run.history("tagger")["epoch"]) == {0, 1, 2, 3}
    for name in ("weights.safetensors", "metrics.csv", "validation.json"):
        assert (run.stage_folder("tagger") / name).read_bytes() == (whole.stage_folder("tagger") / name).read_bytes()


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
        (validated, {"patience": 2}, "setting 'patience': nothing says which epoch is better; give --best METRIC"),
        (validated, {"best": "frame_map", "patience": -1}, "setting 'patience': -1 is too small; give 0 or more"),
    ],
)
def test_what_cannot_be_chosen_by(tmp_path, data, changes, message):
    with pytest.raises(InputError, match=message):
        train(toy(), data(), tmp_path / "r", config=config(), settings=replace(QUIET, **changes))
    assert not (tmp_path / "r" / "tagger" / "metrics.csv").exists()
    assert "metric" in message or not (tmp_path / "r").exists()
