"""HaLP's claim: hallucinated positives, added to the same momentum contrast, raise linear and 1-NN accuracy.

World: `mocap` as clips: windows of 15 real motions in many body proportions and views, those of the test unseen.

Arms, at equal steps and with the same clips, order and augmentation in each seed; all but the first after the same
warm-up of plain momentum contrast:

- `moco`: momentum contrast alone;
- `halp`: positives hallucinated on the way to other prototypes, hard ones (lambda 0.8), rank filter;
- `repeat`: the key itself as further positives (attraction without a walk);
- `mixup`: a random way towards a prototype, without a limit (a random direction is not enough);
- `edge`: all positives just before the boundary (hardest).
"""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from acteme.claims.arms import begun, trained
from acteme.claims.experiment import Comparison, Experiment, Metrics
from acteme.engine.config import to_json
from acteme.engine.evaluate import evaluate
from acteme.engine.settings import Settings
from acteme.recordings.sources import open_data
from acteme.systems.represent.halp import Config

WORLD = "mocap?form=clips&layout=ntu25"
TINY_WORLD = "mocap?form=clips&layout=ntu25&train=128&test=64"
POSITIVES: dict[str, dict[str, Any]] = {
    "moco": {"positives": "none"},
    "halp": {"positives": "hallucinate"},
    "repeat": {"positives": "repeat"},
    "mixup": {"positives": "mixup"},
    "edge": {"positives": "hallucinate", "hardness": "edge"},
}
"""What sets the arms apart."""


def build(tiny: bool = False) -> Experiment:
    """The experiment; `tiny` only shows that it runs."""
    return Experiment(
        slug="halp",
        world=TINY_WORLD if tiny else WORLD,
        arms=tuple(POSITIVES),
        run=_run_tiny if tiny else _run,
        comparisons=(
            Comparison("hallucinated positives raise linear accuracy", "linear", "halp", "moco"),
            Comparison("hallucinated positives raise nearest-neighbor accuracy", "1-NN", "halp", "moco"),
            Comparison("the walk matters: better than the key repeated", "linear", "halp", "repeat"),
            Comparison("its limit matters: better than a random way", "linear", "halp", "mixup"),
        ),
        settings={"config": to_json(_config("halp")), "arms": POSITIVES, "tiny": tiny},
        seeds=8,
    )


def _run(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, WORLD, None)


def _run_tiny(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, TINY_WORLD, 2)


def _config(arm: str) -> Config:
    config = Config.small()
    return replace(config, pretrain=replace(config.pretrain, **POSITIVES[arm]))


def _measure(arm: str, seed: int, folder: Path, world: str, steps: int | None) -> Metrics:
    corpus = open_data(f"{world}&seed={seed}")
    settings = Settings(seed=seed, steps=steps, progress=False, checkpoint=600)
    place = folder / arm
    run = trained(begun("halp", corpus, place, _config(arm), settings), corpus.select("train"), "pretrain")
    linear = evaluate(run, corpus, protocol="linear", stage="pretrain").metrics
    nearest = evaluate(run, corpus, protocol="knn", stage="pretrain").metrics
    shutil.rmtree(place)
    return {"linear": linear["top1"], "1-NN": nearest["top1"]}
