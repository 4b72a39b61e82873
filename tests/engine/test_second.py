"""Stages that respond to batches of a second split: which ones they get, after any kill too; plateaus of the rate."""

import json
import math

import pytest
import torch

from acteme.engine.choice import Choice
from acteme.engine.loader import Loader
from acteme.engine.optimize import learning_rate, lowerings, plateaued
from acteme.engine.settings import Settings
from acteme.engine.train import create, train, train_stage
from acteme.errors import InputError
from acteme.nn.recipe import Recipe
from acteme.recordings.windows import Windows
from tests.engine import toys
from tests.engine.test_choice import validated
from tests.engine.test_fit import result, stop_after
from tests.engine.toys import Config, EncoderConfig, TaggerConfig, toy, untrimmed

QUIET = Settings(progress=False, accelerator="cpu", checkpoint=0, prefetch=0)


def config(second: str = "val", **recipe) -> Config:
    first = EncoderConfig(recipe=Recipe("adam", 0.05, epochs=3, batch=4, **recipe), second=second)
    return Config(first, TaggerConfig(recipe=Recipe(epochs=1, batch=16)))


@pytest.fixture
def seen(monkeypatch):
    """Which windows a stage responded to, and after how many steps."""
    found: list[tuple[int, list[tuple[int, int]]]] = []
    respond = toys.Encoder.respond

    def spy(self, batch):
        windows = list(zip(batch["index"].tolist(), batch["start"].tolist(), strict=True))
        found.append((int(self.steps), windows))
        return respond(self, batch)

    monkeypatch.setattr(toys.Encoder, "respond", spy)
    return found


@pytest.mark.parametrize("prefetch", [0, 2])
def test_a_batch_of_the_split_follows_every_step_over_and_over(seen, tmp_path, prefetch):
    settings = Settings(progress=False, accelerator="cpu", checkpoint=0, prefetch=prefetch)
    run = train(toy(), validated(), tmp_path / "r", config=config(), settings=settings)
    assert [step for step, _ in seen] == list(range(1, 25)), "after the weights have moved"
    val = validated().select("val")
    count = len(EncoderConfig().windows.cut(val.frames)[0])
    loader = Loader(val, EncoderConfig().windows, 4, 0, "encoder second", drop_last=False)
    own = loader.endless()
    for _, windows in seen:
        batch = next(own)
        assert windows == list(zip(batch["index"].tolist(), batch["start"].tolist(), strict=True))
    passes = loader.steps(0)
    first = [w for _, windows in seen[:passes] for w in windows]
    assert len(set(first)) == len(first) and abs(len(first) - count) <= len(val), "a pass sees every window once"
    assert [w for _, w in seen[:passes]] != [w for _, w in seen[passes : 2 * passes]], "in another order"
    assert run.history("encoder")["seen"].shape == (24,)


@pytest.mark.parametrize("steps", [1, 5, 8, 13])
@pytest.mark.parametrize("second", ["val", "train"])
def test_a_killed_stage_goes_on_with_the_batch_that_was_due(tmp_path, monkeypatch, steps, second):
    whole = train(toy(), validated(), tmp_path / "whole", config=config(second), settings=QUIET)
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        stop_after(patch, steps)
        train(toy(), validated(), tmp_path / "r", config=config(second), settings=QUIET)
    run = train(toy(), validated(), tmp_path / "r", settings=QUIET, resume=True)
    assert result(run) == result(whole)
    assert whole.module("encoder").answer.item() != 0


def test_any_batch_of_the_endless_order_can_be_the_first():
    loader = Loader(untrimmed(), Windows(frames=8, stride=4), 3, 0, "x", drop_last=False)
    assert len({loader.steps(e) for e in range(9)}) > 1, "jitter makes epochs of different length"
    stream = loader.endless()
    batches = [next(stream) for _ in range(30)]
    for first in (0, 1, 9, 10, 23):
        again = next(loader.endless(first))
        assert all(torch.equal(again[n], batches[first][n]) for n in again)


def test_without_the_split_nothing_is_trained(tmp_path):
    with pytest.raises(InputError, match="the data has no split 'val'"):
        train(toy(), untrimmed(), tmp_path / "r", config=config(), settings=QUIET)
    assert not (tmp_path / "r").exists()
    made = create(toy(), untrimmed(), None, tmp_path / "t", config(), False, QUIET)
    with pytest.raises(InputError, match="stage 'encoder' responds to the split val"):
        train_stage(made, untrimmed(), "encoder", QUIET)
    train(toy(), untrimmed(), tmp_path / "s", config=config("train"), settings=QUIET, stages=("encoder",))


def test_accumulated_batches_are_one_step(seen, tmp_path):
    train(toy(), validated(), tmp_path / "r", config=config(accumulate=2), settings=QUIET, stages=("encoder",))
    assert len(seen) == 12


# --- plateaus ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("patience", [0, 1, 2])
def test_lowerings_are_those_of_the_scheduler_of_torch(patience):
    rng = torch.Generator().manual_seed(0)
    losses = (torch.rand(60, generator=rng).round(decimals=1) + 3 / torch.arange(1, 61)).tolist()
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=patience, eps=0.0)
    for n, loss in enumerate(losses, 1):
        scheduler.step(loss)
        expected = 0.5 ** lowerings([-v for v in losses[:n]], patience)
        assert optimizer.param_groups[0]["lr"] == pytest.approx(expected)
    assert lowerings([-v for v in losses], patience) > 2
    assert lowerings([math.nan] * (patience + 1), patience) == 1 and lowerings([], patience) == 0


def test_a_plateau_lowers_the_rate_and_ends_at_the_floor():
    recipe = Recipe(lr=1.0, schedule="plateau", gamma=0.1, floor=0.01)
    assert [learning_rate(recipe, 5, 50, None, n) for n in range(3)] == pytest.approx([1.0, 0.1, 0.01])
    assert [plateaued(recipe, n) for n in range(3)] == [False, False, True]
    assert not plateaued(Recipe(lr=1.0, schedule="plateau"), 99), "no floor"
    assert not plateaued(Recipe(lr=1.0, floor=1.0), 9), "no plateau"


SCORES = {0: 0.1, 1: 0.1, 2: 0.3, 3: 0.2, 4: 0.2, 5: 0.2, 6: 0.9}


@pytest.fixture
def told(monkeypatch):
    """Scores of epochs as told."""
    epoch = [-1]

    def step(self, stage):
        if not stage.position.batches:
            epoch[0] = stage.epoch
        return own(self, stage)

    own = Choice.step
    monkeypatch.setattr(Choice, "step", step)
    monkeypatch.setattr(Choice, "measure", lambda self, stage: SCORES.get(epoch[0], 0.0))


def rates(run) -> list[float]:
    history = run.history("tagger")
    return [history["lr"][history["epoch"] == e].mean() for e in sorted(set(history["epoch"]))]


@pytest.mark.parametrize("stop", [None, 3, 16, 39, 40])
def test_training_follows_the_plateau_and_stops_there_after_any_kill(told, tmp_path, monkeypatch, stop):
    recipe = Recipe("sgd", 1.0, epochs=50, batch=4, schedule="plateau", gamma=0.1, floor=1e-3)
    settings = Settings(progress=False, accelerator="cpu", checkpoint=0, prefetch=0, best="frame_map")
    short = EncoderConfig(recipe=Recipe(epochs=1, batch=16))
    made = {"config": Config(short, TaggerConfig(recipe=recipe)), "settings": settings}
    if stop is not None:
        with monkeypatch.context() as patch, pytest.raises(RuntimeError):
            stop_after(patch, stop)
            train(toy(), validated(), tmp_path / "r", **made)
        run = train(toy(), validated(), tmp_path / "r", settings=settings, resume=True)
    else:
        run = train(toy(), validated(), tmp_path / "r", **made)
    found = rates(run)
    assert found == pytest.approx([1.0, 1.0, 0.1, 0.1, 0.01])
    assert len(run.history("tagger")["lr"]) == 40
    assert list(json.loads((run.stage_folder("tagger") / "validation.json").read_text())["scores"]) == list("01234")


def test_without_a_choice_the_rate_stays(tmp_path):
    recipe = Recipe("sgd", 0.1, epochs=4, batch=4, schedule="plateau", floor=0.05)
    made = Config(EncoderConfig(recipe=Recipe(epochs=1, batch=16)), TaggerConfig(recipe=recipe))
    run = train(toy(), validated(), tmp_path / "r", config=made, settings=QUIET)
    assert rates(run) == pytest.approx([0.1] * 4)


def test_a_stage_of_no_epochs_only_begins(tmp_path):
    made = Config(EncoderConfig(recipe=Recipe(epochs=0, batch=16)), TaggerConfig(recipe=Recipe(epochs=1, batch=16)))
    settings = Settings(progress=True, accelerator="cpu", checkpoint=0, prefetch=0, epochs=2)
    run = train(toy(), validated(), tmp_path / "r", config=made, settings=settings)
    assert run.done("encoder") and run.module("encoder").mean.abs().sum() > 0 and int(run.module("encoder").steps) == 0
