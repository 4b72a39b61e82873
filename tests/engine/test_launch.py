"""Several processes: the same result as one with their batches together."""

from dataclasses import replace

import pytest
import torch

from acteme.engine.fit import place
from acteme.engine.launch import launch
from acteme.engine.run import load
from acteme.engine.settings import Settings
from acteme.engine.train import train
from acteme.errors import ActemeError, InputError
from acteme.nn.recipe import Recipe
from tests.engine.toys import Config, EncoderConfig, TaggerConfig, Toy, toy, untrimmed

SETTINGS = Settings(progress=False, accelerator="cpu", prefetch=0, checkpoint=0, steps=5)
FIRST = Toy(slug="toy", verb="represent", title="", authors="", venue="", arxiv="", reads="skeleton",
            task="segmentation", stages=(("encoder", "Encoder"),), claim="")  # fmt: skip


def both(batch):
    recipe = Recipe(optimizer="adam", lr=0.05, epochs=2, batch=batch, clip=0.1, ema=0.9)
    return Config(EncoderConfig(recipe=recipe, noise=0.0), TaggerConfig(recipe=recipe))


def check_alike(run, other):
    for stage in run.stages:
        state, expected = run.module(stage).state_dict(), other.module(stage).state_dict()
        for name in expected:
            torch.testing.assert_close(state[name], expected[name], rtol=1e-4, atol=1e-6)
        assert len(run.history(stage)["step"]) == 5
    assert run.status == "trained" and not list(run.folder.rglob("*.ckpt"))


def test_two_processes_equal_one_with_the_double_batch(tmp_path):
    one = train(FIRST, untrimmed(), tmp_path / "one", config=both(8), settings=SETTINGS)
    two = train(FIRST, untrimmed(), tmp_path / "two", config=both(4), settings=replace(SETTINGS, devices=2))
    check_alike(two, one)


def test_processes_end_together_when_epochs_get_no_better(tmp_path):
    """Weights that do not move are never better than those of the first epoch."""
    corpus = untrimmed()
    corpus.table["split"][corpus.table["split"] == "test"] = "val"
    recipe = Recipe(optimizer="sgd", lr=0.0, epochs=6, batch=4)
    config = Config(EncoderConfig(recipe=replace(recipe, epochs=1)), TaggerConfig(recipe=recipe))
    settings = replace(SETTINGS, steps=None, devices=2, best="frame_map", patience=2)
    run = train(toy(), corpus, tmp_path / "r", config=config, settings=settings)
    assert set(run.history("tagger")["epoch"]) == {0, 1, 2} and run.status == "trained"


def test_sharded_weights_in_processes_that_another_launcher_started(tmp_path):
    """All stages in one go, as under torchrun: what one stage writes is there for the next in every process."""
    one = train(toy(), untrimmed(), tmp_path / "one", config=both(8), settings=SETTINGS)
    launch("tests.engine.processes:train_in_all", (str(tmp_path / "two"),), 2)
    check_alike(load(tmp_path / "two", toy()), one)


def test_an_error_of_a_process_is_raised_unchanged_here():
    with pytest.raises(InputError, match="file: broken; mend it"):
        launch("tests.engine.processes:fail", ("broken",), 1)


def test_a_process_that_dies_is_reported():
    with pytest.raises(ActemeError, match="process 0 of 1 ended with code 3"):
        launch("os:_exit", (3,), 1)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({}, (0, 4)), ({"LOCAL_RANK": "1"}, (1, 4)), ({"LOCAL_RANK": "1", "GROUP_RANK": "1"}, (3, 4)),
     ({"SLURM_LOCALID": "0", "SLURM_NODEID": "1"}, (2, 4))],
)  # fmt: skip
def test_place_among_processes(monkeypatch, environment, expected):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert place(Settings(devices=2, nodes=2)) == expected
    assert place(Settings()) == (0, 1)
