"""One stage: exact resumption after any interruption, accumulation, clipping, averaging, precision, interruption."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from acteme.engine import keeper as keeper_module
from acteme.engine.fit import Interrupted
from acteme.engine.keeper import Keeper
from acteme.engine.module import StageModule, reseed
from acteme.engine.settings import Settings
from acteme.engine.train import train
from acteme.nn.recipe import Recipe
from tests.engine import toys
from tests.engine.toys import Config, EncoderConfig, TaggerConfig, toy, untrimmed

ROOT = Path(__file__).parents[2]
QUIET = Settings(progress=False, accelerator="cpu", checkpoint=0, prefetch=0)
CORPUS = untrimmed()
TAGGER = TaggerConfig(recipe=Recipe(epochs=1, batch=16))


def encoder(**recipe) -> Config:
    base = Recipe(optimizer="adam", lr=0.05, epochs=3, batch=4)
    return Config(encoder=EncoderConfig(recipe=replace(base, **recipe)), tagger=TAGGER)


def result(run):
    files = [run.folder / s / "metrics.csv" for s in run.stages]
    return [f.read_bytes() for f in files], [run.weights(s).read_bytes() for s in run.stages]


def stop_after(monkeypatch, steps, kind=RuntimeError):
    """The trainer dies right after the checkpoint of a step."""
    save = Keeper.save

    def dying(self, module, at):
        save(self, module, at)
        if module.step == steps:
            raise kind("stopped")

    monkeypatch.setattr(Keeper, "save", dying)


@pytest.mark.parametrize(
    ("steps", "recipe"),
    [
        (1, {}),
        (5, {"schedule": "cosine", "warmup": 3}),
        (2, {"warmup": 0.3}),
        (8, {}),
        (11, {"optimizer": "sgd", "schedule": "step", "milestones": (1, 2)}),
        (7, {"accumulate": 2, "ema": 0.9, "clip": 0.5}),
        (24, {}),
    ],
)
def test_a_resumed_stage_is_the_uninterrupted_one_bit_for_bit(tmp_path, monkeypatch, steps, recipe):
    config = encoder(**recipe)
    whole = train(toy(), CORPUS, tmp_path / "whole", config=config, settings=QUIET)
    with monkeypatch.context() as patch:
        stop_after(patch, steps)
        with pytest.raises(RuntimeError, match="stopped"):
            train(toy(), CORPUS, tmp_path / "r", config=config, settings=QUIET)
    assert (tmp_path / "r" / "encoder" / "last.ckpt").exists()
    torch.manual_seed(1234)
    run = train(toy(), CORPUS, tmp_path / "r", settings=QUIET, resume=True)
    assert result(run) == result(whole)
    assert not list(run.folder.rglob("*.ckpt")) and not list(run.folder.rglob(".*"))


SCRIPT = """
import sys, torch
torch.set_num_threads(1)
if sys.argv[2] == "tear":
    import os, signal
    save, calls = torch.save, []
    def torn(value, path):
        calls.append(1)
        save(value, path)
        if len(calls) == 6:
            with open(path, "r+b") as file:
                file.truncate(1000)
            os.kill(os.getpid(), signal.SIGKILL)
    torch.save = torn
from acteme.engine.train import train
from tests.engine.test_fit import CORPUS, QUIET, encoder
from tests.engine.toys import toy
train(toy(), CORPUS, sys.argv[1], config=encoder(), settings=QUIET)
"""


@pytest.mark.parametrize("moment", ["step", "tear"])
def test_kill_9_at_any_moment_resumes_to_the_same_result(tmp_path, moment):
    """In the middle of step 11, and in the middle of writing the sixth checkpoint."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if moment == "step":
        environment["ACTEME_TOY_SIGNAL"] = f"11 {signal.SIGKILL.value}"
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "r"), moment]
    ended = subprocess.run(command, env=environment, cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (tmp_path / "r" / "encoder" / "last.ckpt").exists() and not (tmp_path / "r" / "tagger").exists()
    run = train(toy(), CORPUS, tmp_path / "r", settings=QUIET, resume=True)
    whole = train(toy(), CORPUS, tmp_path / "whole", config=encoder(), settings=QUIET)
    assert result(run) == result(whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_a_run_that_goes_on(tmp_path, monkeypatch, number):
    whole = train(toy(), CORPUS, tmp_path / "whole", config=encoder(), settings=QUIET)
    handler = signal.getsignal(number)
    monkeypatch.setenv("ACTEME_TOY_SIGNAL", f"5 {number.value}")
    with pytest.raises(Interrupted, match="stopped after step 6 of stage 'encoder'; go on with"):
        train(toy(), CORPUS, tmp_path / "r", config=encoder(), settings=replace(QUIET, checkpoint=1e9))
    assert signal.getsignal(number) == handler
    monkeypatch.delenv("ACTEME_TOY_SIGNAL")
    run = train(toy(), CORPUS, tmp_path / "r", settings=QUIET, resume=True)
    assert result(run) == result(whole)


def test_checkpoints_are_written_at_the_interval(tmp_path, monkeypatch):
    saved = []
    save = Keeper.save
    monkeypatch.setattr(Keeper, "save", lambda self, module, at: (saved.append(module.step), save(self, module, at)))
    clock = iter(range(10**6))
    monkeypatch.setattr(keeper_module.time, "monotonic", lambda: next(clock))
    train(toy(), CORPUS, tmp_path / "r", config=encoder(), settings=replace(QUIET, checkpoint=1e9))
    assert not saved
    train(toy(), CORPUS, tmp_path / "s", config=encoder(), settings=replace(QUIET, checkpoint=30))
    assert 1 <= len(saved) < 10


def plain_steps(config: EncoderConfig, run, steps: int, accumulate: int = 1, clip: float | None = None):
    """The same training, written out."""
    from acteme.engine.loader import Loader

    module = run.build("encoder")
    corpus = CORPUS.select("train")
    loader = Loader(corpus, config.windows, config.recipe.batch, 0, "encoder")
    module.calibrate(loader.sweep())
    module.before_epoch(0)
    optimizer = torch.optim.SGD(module.parameters(), config.recipe.lr)
    averages = {n: p.detach().clone() for n, p in module.named_parameters()}
    batches = list(loader.batches(0))[: steps * accumulate]
    for i in range(0, len(batches), accumulate):
        optimizer.zero_grad()
        for batch in batches[i : i + accumulate]:
            (module.losses(batch)["total"] / accumulate).backward()
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(module.parameters(), clip)
        optimizer.step()
        for name, p in module.named_parameters():
            averages[name] = 0.5 * averages[name] + 0.5 * p.detach()
    return module, averages


@pytest.mark.parametrize("options", [{}, {"accumulate": 2}, {"clip": 0.01}, {"ema": 0.5}])
def test_steps_are_those_of_a_plain_loop(tmp_path, options):
    recipe = Recipe(optimizer="sgd", momentum=0.0, lr=0.1, epochs=1, batch=4, **options)
    config = EncoderConfig(recipe=recipe, noise=0.0)
    run = train(toy(), CORPUS, tmp_path / "r", config=Config(config, TAGGER), settings=replace(QUIET, steps=3))
    module, averages = plain_steps(config, run, 3, options.get("accumulate", 1), options.get("clip"))
    expected = averages if "ema" in options else dict(module.named_parameters())
    for name, value in run.module("encoder").named_parameters():
        torch.testing.assert_close(value, expected[name], rtol=1e-5, atol=1e-7)
    assert int(run.module("encoder").steps) == 3


def test_metrics_of_accumulated_steps_are_the_mean_of_their_batches(tmp_path):
    def losses(batch, accumulate):
        recipe = Recipe(optimizer="sgd", lr=0.0, epochs=1, batch=batch, accumulate=accumulate)
        config = Config(EncoderConfig(recipe=recipe, noise=0.0), TAGGER)
        run = train(toy(), CORPUS, tmp_path / f"{batch}", config=config, settings=replace(QUIET, steps=2))
        return run.history("encoder")["error"]

    torch.testing.assert_close(losses(4, 2), losses(8, 1), rtol=1e-5, atol=0)


def test_bf16_computes_in_bfloat16_and_keeps_weights_in_float32(tmp_path, monkeypatch):
    seen = []
    up = toys.nn.Linear.forward
    monkeypatch.setattr(toys.nn.Linear, "forward", lambda self, x: (seen.append(up(self, x)), seen[-1])[1])
    run = train(toy(), CORPUS, tmp_path / "r", config=encoder(), settings=replace(QUIET, precision="bf16", steps=2))
    assert all(y.dtype == torch.bfloat16 for y in seen)
    assert all(v.dtype == torch.float32 for v in run.module("encoder").parameters())


def test_before_epoch_is_called_once_per_epoch_with_its_number(tmp_path, monkeypatch):
    epochs = []
    monkeypatch.setattr(toys.Encoder, "before_epoch", lambda self, e: (epochs.append(e), setattr(self, "epoch", e)))
    train(toy(), CORPUS, tmp_path / "r", config=encoder(), settings=QUIET)
    assert epochs == [0, 1, 2]


def test_every_step_is_seeded_by_itself(tmp_path, monkeypatch):
    draws = []
    losses = toys.Encoder.losses
    monkeypatch.setattr(
        toys.Encoder, "losses", lambda self, b: (draws.append(torch.rand(1).item()), losses(self, b))[1]
    )
    train(toy(), CORPUS, tmp_path / "r", config=encoder(), settings=QUIET)
    assert len(set(draws)) == 24


def test_the_learning_rate_of_the_recipe_reaches_the_optimizer(tmp_path, monkeypatch):
    rates = []
    step = StageModule.optimizer_step

    def spy(self, epoch, batch_idx, optimizer, closure=None):
        step(self, epoch, batch_idx, optimizer, closure)
        rates.append(optimizer.param_groups[0]["lr"])

    monkeypatch.setattr(StageModule, "optimizer_step", spy)
    config = encoder(schedule="cosine", warmup=2)
    run = train(toy(), CORPUS, tmp_path / "r", config=config, settings=replace(QUIET, epochs=2))
    assert rates[:16] == run.history("encoder")["lr"].tolist() and rates[15] < 0.01 and max(rates[:16]) == 0.05


@pytest.mark.parametrize(
    ("schedule", "settings", "steps"),
    [("constant", {}, 24), ("linear", {"epochs": 5}, 40), ("constant", {"steps": 10}, 10), ("linear", {"steps": 5}, 5)],
)
def test_a_share_of_warm_up_is_one_of_the_steps_that_are_trained(tmp_path, schedule, settings, steps):
    config = encoder(schedule=schedule, warmup=0.2)
    run = train(toy(), CORPUS, tmp_path / "r", config=config, settings=replace(QUIET, **settings), stages=("encoder",))
    rates, peak = run.history("encoder")["lr"].tolist(), round(0.2 * steps)
    assert len(rates) == steps and rates[:peak] == pytest.approx([0.05 * (k + 1) / peak for k in range(peak)])
    assert max(rates) == rates[peak - 1] == rates[peak] == 0.05 and all(rate <= 0.05 for rate in rates)


def test_parts_with_a_rate_of_their_own_follow_the_schedule(tmp_path, monkeypatch):
    rates = []
    step = StageModule.optimizer_step

    def spy(self, epoch, batch_idx, optimizer, closure=None):
        step(self, epoch, batch_idx, optimizer, closure)
        rates.append({g["factor"]: g["lr"] for g in optimizer.param_groups})

    monkeypatch.setattr(StageModule, "optimizer_step", spy)
    name = next(n for n, _ in toys.Encoder(encoder().encoder, CORPUS.spec).named_parameters())
    monkeypatch.setattr(toys.Encoder, "rates", lambda self: {name: 0.1}, raising=False)
    train(toy(), CORPUS, tmp_path / "r", config=encoder(schedule="cosine"), settings=replace(QUIET, epochs=1))
    first = rates[:8]
    assert all(r[0.1] == pytest.approx(0.1 * r[1.0]) for r in first) and first[0][1.0] > first[-1][1.0]


def test_what_only_training_needs_is_there_when_it_begins_and_when_it_goes_on(tmp_path, monkeypatch):
    losses, built = toys.Encoder.losses, []

    def before(self):
        built.append(True)
        self.extra = torch.nn.Parameter(torch.zeros(1))

    def with_extra(self, batch):
        found = losses(self, batch)
        return found | {"total": found["total"] + (self.extra - 1).square().sum()}

    monkeypatch.setattr(toys.Encoder, "before_training", before, raising=False)
    monkeypatch.setattr(toys.Encoder, "losses", with_extra)
    config, stages = encoder(), ("encoder",)
    whole = train(toy(), CORPUS, tmp_path / "whole", config=config, settings=QUIET, stages=stages)
    with monkeypatch.context() as dying, pytest.raises(RuntimeError):
        stop_after(dying, 5)
        train(toy(), CORPUS, tmp_path / "cut", config=config, settings=QUIET, stages=stages)
    cut = train(toy(), CORPUS, tmp_path / "cut", settings=QUIET, resume=True, stages=stages)
    a, b = (load_file(run.weights("encoder")) for run in (whole, cut))
    assert built == [True] * 3 and torch.equal(a["extra"], b["extra"]) and a["extra"].item() > 0.1


def test_tensorboard_gets_the_metrics(tmp_path):
    run = train(toy(), CORPUS, tmp_path / "r", config=encoder(), settings=replace(QUIET, logger="tensorboard", steps=2))
    assert list((run.folder / "encoder" / "tensorboard").glob("events.out.*"))


def test_a_step_is_seeded_as_torch_does_it():
    reseed(7)
    drawn = torch.rand(3)
    torch.manual_seed(7)
    assert torch.equal(torch.rand(3), drawn)
