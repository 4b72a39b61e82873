"""PCAN's claim: calibrating ambiguous clips by prototypes improves a two-level classifier, most on sibling classes.

World: `stage` with small movements: five groups (head, arm, leg, torso, both arms) of four classes that differ by
nothing but how far forward the part is held that makes a movement of centimeters, in steps of 0.08 rad. Postures drift
by up to 0.05 rad, sensors err by half of the movement, people of the test are not those of the training, and the first
class is twenty times as frequent in training as the last one (not in the test).

Arms, on the same clips, order, network and training in each seed, each with one thing more than the one before:

- `cross entropies`: classifiers of classes and of groups;
- `tree`: and the loss over the tree of both;
- `contrast`: and the contrast of missed and falsely named clips with the prototypes;
- `diversity`: and the diversity of the prototypes;
- `full`: and rectification at test: PCAN. It is read off the training of `diversity`;
- `official diversity`, a control: `full` with the diversity as the official code computes it, without a gradient;
- `exchanged`, a control: `full` with every prototype in the place of another class's, which must hurt.

All train by the small setting: 24 epochs where the paper has 30, at a cosine of AdamW in place of SGD's steps, so that
a training takes about a minute of a processor. Ten epochs ended while it was still learning.
"""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from acteme.claims.arms import begun, trained
from acteme.claims.experiment import Comparison, Experiment, Metrics
from acteme.engine.config import to_json
from acteme.engine.evaluate import evaluate
from acteme.engine.run import Run, load
from acteme.engine.settings import Settings
from acteme.recordings.corpus import Corpus
from acteme.recordings.sources import open_data
from acteme.systems.recognize.pcan import Config

WORLD = (
    "stage?rule=micro&siblings=place&classes=20&train=2000&test=1000&tail=20&rest=1&frames=64,64&noise=0.005,0.01&sway=0.05&turn=0.1"
    "&style=0.5&warp=0.05&easing=0.2&crop=0&dropout=0"
)
TINY_WORLD = "stage?rule=micro&classes=20&train=40&test=40"
ARMS = ("cross entropies", "tree", "contrast", "diversity", "full", "official diversity", "exchanged")
TRAINED = {arm: arm for arm in ARMS} | {"full": "diversity", "exchanged": "diversity"}
"""Whose training an arm is read off."""
KEPT = ("f1_macro", "f1_mean", "top1", "group_top1")


def build(tiny: bool = False) -> Experiment:
    """The experiment; `tiny` only shows that it runs."""
    return Experiment(
        slug="pcan",
        world=TINY_WORLD if tiny else WORLD,
        arms=ARMS,
        run=_run_tiny if tiny else _run,
        comparisons=(
            Comparison("PCAN beats the same network with two cross entropies", "f1_macro", "full", "cross entropies"),
            Comparison("so it does over both levels", "f1_mean", "full", "cross entropies"),
            Comparison("groups alone are recognized better", "group_top1", "full", "cross entropies"),
            Comparison("the loss over the tree helps", "f1_macro", "tree", "cross entropies"),
            Comparison("the contrast with prototypes helps", "f1_macro", "contrast", "tree"),
            Comparison("diversity of the prototypes helps", "f1_macro", "diversity", "contrast"),
            Comparison("rectification at test helps", "f1_macro", "full", "diversity"),
            Comparison("diversity needs its gradient", "f1_macro", "full", "official diversity"),
            Comparison("a control: prototypes of other classes hurt", "f1_macro", "full", "exchanged"),
        ),
        settings={arm: to_json(_config(arm, tiny)) for arm in ARMS} | {"tiny": tiny},
        seeds=8,
    )


def _run(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, WORLD, False)


def _run_tiny(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, TINY_WORLD, True)


def _config(arm: str, tiny: bool = False) -> Config:
    """The small setting; all arms have the same network and training."""
    small = Config.small().recognize
    if tiny:
        backbone, recipe = replace(small.backbone, width=8), replace(small.recipe, batch=8)
        small = replace(small, backbone=backbone, sight=replace(small.sight, frames=8), recipe=recipe)
    off: dict[str, Any] = {"tree": 0.0, "refine": 0.0, "rectify": (0.0, 0.0)}
    apart = small.calibration
    changes: dict[str, dict[str, Any]] = {
        "cross entropies": off,
        "tree": {"refine": 0.0, "rectify": (0.0, 0.0)},
        "contrast": {"calibration": replace(apart, diversity=0.0), "rectify": (0.0, 0.0)},
        "diversity": {"rectify": (0.0, 0.0)},
        "full": {},
        "official diversity": {"calibration": replace(apart, official_diversity=True)},
        "exchanged": {},
    }
    return Config(replace(small, **changes[arm]))


def _measure(arm: str, seed: int, folder: Path, world: str, tiny: bool) -> Metrics:
    corpus = open_data(f"{world}&seed={seed}")
    run = _trained(TRAINED[arm], seed, folder, corpus, tiny)
    place = folder / f"read-{arm}"
    shutil.rmtree(place, ignore_errors=True)  # what an interruption left
    part = replace(run, folder=place, config=_config(arm, tiny))
    part.save()
    state = run.module("recognize").state_dict()
    if arm == "exchanged":
        state = {n: v.roll(1, 0) if n.endswith("fine.prototypes") else v for n, v in state.items()}
    part.save_weights("recognize", state)
    found = evaluate(load(place), corpus).metrics
    shutil.rmtree(place)
    if arm == ARMS[-1]:
        for name in set(TRAINED.values()):
            shutil.rmtree(folder / name, ignore_errors=True)
    return {name: found[name] for name in KEPT}


def _trained(arm: str, seed: int, folder: Path, corpus: Corpus, tiny: bool) -> Run:
    """The training that some arms of a seed are read off."""
    settings = Settings(seed=seed, steps=2 if tiny else None, progress=False, checkpoint=600)
    run = begun("pcan", corpus, folder / arm, _config(arm, tiny), settings)
    return trained(run, corpus.select("train"), "recognize")
