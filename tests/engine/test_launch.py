"""Several processes: the same result as one with their batches together."""

from dataclasses import replace

import pytest
import torch

from acteme.engine.fit import place
from acteme.engine.launch import launch
from acteme.engine.settings import Settings
from acteme.engine.train import train
from acteme.errors import ActemeError, InputError
from acteme.nn.recipe import Recipe
from tests.engine.toys import Config, EncoderConfig, Toy, untrimmed

SETTINGS = Settings(progress=False, accelerator="cpu", prefetch=0, checkpoint=0, steps=5)
FIRST = Toy(slug="toy", verb="represent", title="", authors="", venue="", arxiv="", reads="skeleton",
            task="segmentation", stages=(("encoder", "Encoder"),), claim="")  # fmt: skip


def encoder(batch):
    recipe = Recipe(optimizer="adam", lr=0.05, epochs=2, batch=batch, clip=0.1, ema=0.9)
    return Config(encoder=EncoderConfig(recipe=recipe, noise=0.0))


def trained(folder, batch, **changes):
    return train(FIRST, untrimmed(), folder, config=encoder(batch), settings=replace(SETTINGS, **changes))


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_processes_equal_one_with_the_double_batch(tmp_path, strategy):
    one = trained(tmp_path / "one", 8)
    two = trained(tmp_path / "two", 4, devices=2, strategy=strategy)
    state, expected = two.module("encoder").state_dict(), one.module("encoder").state_dict()
    for name in expected:
        torch.testing.assert_close(state[name], expected[name], rtol=1e-4, atol=1e-6)
    assert len(two.history("encoder")["step"]) == 5 and two.status == "trained"
    assert not list(two.folder.rglob("*.ckpt"))


def test_an_error_of_a_process_is_raised_unchanged_here():
    with pytest.raises(InputError, match="file: broken; mend it"):
        launch("tests.engine.failing:fail", ("broken",), 1)


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
