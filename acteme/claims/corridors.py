"""The claim of Latent Corridors: a rank-one prompt on a frozen predictor adapts it to a scene from minutes of people.

World: `crowd`. The base learns from 200 scenes with 20 tracks each. Then ten other scenes of 250 tracks each: the last
100 are the test; of those before, the first that together last 120 or 1,200 human-seconds adapt the predictor, all
scenes at once, each with its own parameters. Every seed has its own base and its own scenes.

Arms, with the same data, steps, and early stopping on a quarter of the people, at learning rates that suit each:

- `frozen`: the base as it is;
- `constant`: one number per scene is added to the input maps, a control;
- `lc`: the latent corridor of rank one; `full`: of full rank;
- `head`: the last layer per scene; `lc+head`: both;
- `all`: all weights, a network per scene (not claimed to be worse: this base is small);
- `swapped`: each scene with the corridor of the next; `permuted`: with its own, pixels in random order. Controls.

The metric is the change of ADE against the frozen base in percent, the mean over scenes.

The set-up is smaller than that in which the experiment was first tried, so that all of it takes half an hour of a
processor: the small setting, on a grid of 24 x 32 pixels where the scenes' images have 48 x 64, with stages of 16, 32
and 32 channels (174,652 weights), three epochs of a cosine from 4e-3. That was a grid as large as the images, stages of
16, 32, 32 and 32 channels (135,420 weights) and 1,500 steps of one cycle up to 2e-3. A corridor of rank one has 56
numbers here and had 112 there, where it gained more (16.7 and 21.2% of one base's error, in ten scenes).
"""

import json
import shutil
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from acteme.atomic import write_text
from acteme.claims.arms import begun, trained
from acteme.claims.experiment import Comparison, Experiment, Metrics
from acteme.engine.config import to_json
from acteme.engine.measures.forecasting import predicted
from acteme.engine.run import Run
from acteme.engine.settings import Settings
from acteme.engine.train import begin
from acteme.recordings.corpus import Corpus
from acteme.recordings.sources import open_data
from acteme.systems.anticipate.corridors import AdaptConfig, Adapter, Config, Prompt
from acteme.tasks import forecasting

MANY, DEPLOY = "crowd", "crowd?form=deploy&scenes=10"
TINY_MANY, TINY_DEPLOY = "crowd?scenes=2&tracks=4&test=1", "crowd?form=deploy&scenes=2&tracks=14&test=4"
BUDGETS = (120, 1200)
"""Human-seconds per scene."""
ARMS = ("frozen", "constant", "lc", "full", "head", "lc+head", "all", "swapped", "permuted")
STEPS, WINDOWS = 80, 16
"""Of an adaptation: optimization steps, and windows of each scene per step."""


def build(tiny: bool = False) -> Experiment:
    """The experiment; `tiny` only shows that it runs."""

    def lower(claim: str, budget: int, ours: str, baseline: str) -> Comparison:
        return Comparison(f"{claim} ({budget} human-seconds)", f"change@{budget}", ours, baseline, False)

    few, more = BUDGETS
    return Experiment(
        slug="corridors",
        world=f"{TINY_MANY}; {TINY_DEPLOY}" if tiny else f"{MANY}; {DEPLOY}",
        arms=ARMS,
        run=_run_tiny if tiny else _run,
        comparisons=(
            lower("a rank-one prompt on a frozen predictor lowers its error in a new scene", few, "lc", "frozen"),
            lower("a rank-one prompt on a frozen predictor lowers its error in a new scene", more, "lc", "frozen"),
            lower("it adds to tuning the head", few, "lc+head", "head"),
            lower("it adds to tuning the head", more, "lc+head", "head"),
            lower("it is specific to the scene: that of another scene is worse", more, "lc", "swapped"),
            lower("it is an image of the scene: with its pixels permuted it is worse", more, "lc", "permuted"),
            lower("it is more than an offset: one number per scene is worse", more, "lc", "constant"),
        ),
        settings={arm: to_json(_config(arm, tiny)) for arm in ARMS}
        | {"steps": STEPS, "budgets": BUDGETS, "tiny": tiny},
        seeds=5,
    )


def _run(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, False)


def _run_tiny(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, True)


def _config(arm: str, tiny: bool = False) -> Config:
    """The small setting with the arm's adaptation."""
    small = Config.small()
    prompt, recipe = Prompt(init="zero_v"), small.adapt.recipe
    changes: dict[str, AdaptConfig] = {
        "constant": replace(small.adapt, prompt=Prompt("constant"), head="none"),
        "full": replace(small.adapt, prompt=replace(prompt, kind="full"), head="none", recipe=replace(recipe, lr=0.02)),
        "head": replace(small.adapt, prompt=Prompt("none"), head="scene"),
        "lc+head": replace(small.adapt, prompt=prompt, head="scene"),
        "all": replace(small.adapt, everything=True, recipe=replace(recipe, lr=3e-4)),
    }
    adapt = changes.get(arm, replace(small.adapt, prompt=prompt, head="none"))
    windows = WINDOWS if arm == "all" else WINDOWS * (2 if tiny else 10)
    recipe = replace(adapt.recipe, epochs=10_000, batch=windows)  # as many as there are steps
    base = replace(small.base, recipe=replace(small.base.recipe, batch=8)) if tiny else small.base
    return Config(base, replace(adapt, recipe=recipe))


def _measure(arm: str, seed: int, folder: Path, tiny: bool) -> Metrics:
    base = _base(seed, folder, tiny)
    found: Metrics = {}
    for budget in BUDGETS:
        data = _deployed(f"{TINY_DEPLOY if tiny else DEPLOY}&human_seconds={budget}&seed={seed}")
        frozen = _frozen(base, data, folder)
        ade = frozen if arm == "frozen" else _adapted(arm, seed, folder, tiny, base, data, budget)
        found |= {f"change@{budget}": float(100 * (ade / frozen - 1).mean()), f"ade@{budget}": float(ade.mean())}
    if arm == ARMS[-1]:
        for place in folder.iterdir():
            if place.is_dir():
                shutil.rmtree(place)
    return found


@lru_cache(maxsize=len(BUDGETS))
def _deployed(data: str) -> Corpus:
    """The scenes to adapt to, made once for all arms of a seed."""
    return open_data(data)


def _frozen(base: Run, data: Corpus, folder: Path) -> Float[np.ndarray, " s"]:
    """ADE of the base in each scene; the test is the same for all budgets."""
    kept = folder / "base" / "frozen.json"
    if not kept.exists():
        write_text(kept, json.dumps(_scenes(base.module("base"), data).tolist()))
    return np.array(json.loads(kept.read_text()))


def _adapted(
    arm: str, seed: int, folder: Path, tiny: bool, base: Run, data: Corpus, budget: int
) -> Float[np.ndarray, " s"]:
    """ADE in each scene after adaptation."""
    if arm == "all":
        names, found = data.spec.scenes, []
        for n, name in enumerate(names):
            part = data.select(rows=data.column("camera") == name)
            run = _trained(arm, seed, folder / f"all-{budget}-{n}", tiny, base, part)
            found.append(_scenes(run.module("adapt"), part))
        return np.concatenate(found)
    # what is not trained itself is made of the corridors
    own = arm if arm not in ("swapped", "permuted") else "lc"
    run = _trained(own, seed, folder / f"{own}-{budget}", tiny, base, data)
    module = run.module("adapt")
    assert isinstance(module, Adapter)
    if arm == "swapped":
        for best in (module.get_buffer("best_u"), module.get_buffer("best_v")):
            best.copy_(best.roll(1, 0))
    elif arm == "permuted":
        module = _permuted(module, run, seed)
    return _scenes(module, data)


def _permuted(module: Adapter, run: Run, seed: int) -> Adapter:
    """The same prompts with their pixels in another order."""
    config = replace(module.config, prompt=Prompt("full", init="zero_v"))
    made = Adapter(config, run.spec).eval()
    made.base.load_state_dict(module.base.state_dict())
    images = module.prompts(torch.arange(module.scenes))
    assert images is not None
    order = torch.randperm(images[0].numel(), generator=torch.Generator().manual_seed(seed))
    made.get_buffer("best_image").copy_(images.flatten(1)[:, order].view_as(images))
    return made


def _scenes(module: nn.Module, data: Corpus) -> Float[np.ndarray, " s"]:
    """ADE in each scene that is tested, in order."""
    made = list(predicted(module, data.select("test"), Config.small().adapt.windows, 256))
    position, futures, _, scene, *_ = (np.concatenate(column) for column in zip(*made, strict=True))
    error = forecasting.ade(futures, position[:, position.shape[1] - futures.shape[2] :])
    return np.array([error[scene == k].mean() for k in np.unique(scene)])


@lru_cache(maxsize=1)
def _base(seed: int, folder: Path, tiny: bool) -> Run:
    """The predictor of a seed, trained once."""
    settings = Settings(seed=seed, steps=2 if tiny else None, progress=False, checkpoint=600)
    data = open_data(f"{TINY_MANY}&seed={seed}" if tiny else f"{MANY}?seed={seed}")
    run = begun("corridors", data, folder / "base", _config("lc", tiny), settings)
    return trained(run, data.select("train"), "base")


def _trained(arm: str, seed: int, place: Path, tiny: bool, base: Run, data: Corpus) -> Run:
    """The base adapted to scenes, once."""
    settings = Settings(seed=seed, steps=2 if tiny else STEPS, progress=False, checkpoint=600)
    run = begun("corridors", data, place, _config(arm, tiny), settings)
    begin(run, base, ["base"])
    return trained(run, data.select("train"), "adapt")
