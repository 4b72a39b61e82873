"""LAC's claim: composed motions make a better pre-training for segmentation, most of all of co-occurring actions.

World: `mocap`, untrimmed recordings of real motion in which some actions co-occur by real part-splicing (never by the
generator); body proportions and views of the test occur nowhere in training. All training recordings are seen without
labels by the generator and the contrastive stage; a few of them, drawn by the seed, are labeled for segmentation.

Arms, at equal steps, with the same generator, order, augmentation and labeled recordings in each seed:

- `random`: no pre-training;
- `plain`: the same contrastive pre-training on the motions as they are;
- `compose`: LAC, contrastive pre-training on compositions of two motions;
- `self`: compositions of each motion with itself, that is its reconstruction: a control, which must lose the gain.
"""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from acteme import catalog
from acteme.claims.experiment import Comparison, Experiment, Metrics
from acteme.engine.config import to_json
from acteme.engine.evaluate import evaluate
from acteme.engine.run import load
from acteme.engine.settings import Settings
from acteme.engine.train import create, train_stage
from acteme.recordings.sources import open_data
from acteme.systems.represent.lac import Config

WORLD = "mocap?train=64&test=24"
TINY_WORLD = "mocap?train=4&test=2&seconds=4,6"
LABELED = 8
"""Labeled training recordings."""
ARMS = ("random", "plain", "compose", "self")
MAP, ONE, TWO = "frame_map", "frame_map_1_action", "frame_map_2_actions"


def build(tiny: bool = False) -> Experiment:
    """The experiment; `tiny` only shows that it runs."""
    return Experiment(
        slug="lac",
        world=TINY_WORLD if tiny else WORLD,
        arms=ARMS,
        run=_run_tiny if tiny else _run,
        comparisons=(
            Comparison("pre-training on compositions beats no pre-training", MAP, "compose", "random"),
            Comparison("pre-training on compositions beats the same without composition", MAP, "compose", "plain"),
            Comparison("it does so on frames with two actions", TWO, "compose", "plain"),
            Comparison("composition with another motion beats mere reconstruction", TWO, "compose", "self"),
        ),
        settings={"config": to_json(_config("compose", tiny)), "labeled": 2 if tiny else LABELED, "tiny": tiny},
        seeds=5,
    )


def _run(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, WORLD, LABELED, False)


def _run_tiny(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, TINY_WORLD, 2, True)


def _config(arm: str, tiny: bool) -> Config:
    config = Config.small()
    contrast = replace(
        config.contrast, compose=arm in ("compose", "self"), partner="self" if arm == "self" else "other"
    )
    return replace(config, contrast=contrast, segment=replace(config.segment, pretrained=arm != "random"))


def _measure(arm: str, seed: int, folder: Path, world: str, labeled: int, tiny: bool) -> Metrics:
    corpus = open_data(f"{world}&seed={seed}")
    train = corpus.select("train")
    known = np.random.default_rng(seed).permutation(len(train))[:labeled]
    settings = Settings(seed=seed, steps=2 if tiny else None, progress=False, checkpoint=600)
    place = folder / arm
    shutil.rmtree(place, ignore_errors=True)  # what an interruption left
    run = create(catalog.find("lac"), train, None, place, _config(arm, tiny), False, settings)
    if arm != "random":
        _generator(run, train, settings, folder / "generator")
        train_stage(run, train, "contrast", settings)
    train_stage(run, train.select(rows=known), "segment", settings)
    found = evaluate(load(place), corpus).metrics
    shutil.rmtree(place)
    return {name: found[name] for name in (MAP, ONE, TWO)}


def _generator(run: Any, train: Any, settings: Settings, shared: Path) -> None:
    """The seed's generator, trained once for all arms."""
    weights = shared / "weights.safetensors"
    if not weights.exists():
        train_stage(run, train, "generator", settings)
        shutil.copytree(run.stage_folder("generator"), shared, dirs_exist_ok=True)
    run.stage_folder("generator").mkdir(parents=True, exist_ok=True)
    shutil.copy(weights, run.weights("generator"))
