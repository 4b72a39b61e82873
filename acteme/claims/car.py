"""CAR's claim: texts with shuffled events, as further negatives, teach order without a loss of ordinary retrieval.

World: `sequences`, two or three real movements after one another; every test recording has a pair of actions that never
occurs in training, in either order. In training actions have one usual order, from which one recording in ten departs;
in the arms called reordered, orders are random: this is the factor, since a batch that holds the same actions in
different orders teaches order by itself. Batches are of 64: with 16 no arm learned to retrieve reliably (see
the ledger).

Arms, with the same recordings, networks and training in each seed:

- `infonce`: contrast of motions and texts;
- `events`: the same with the shuffled events of each caption as negatives (the method);
- `words`: a control, negatives whose words are shuffled, which a model can tell without looking at the events;
- `bag`: a control, `infonce` on texts whose words are sorted: it cannot know order, and ties in every pair;
- `infonce, reordered`, `events, reordered`: the first two where orders vary in training.

Metrics over 400 test recordings: `car` (a tie is wrong), `car_half`, `car_original`, recall at 1 and 5 (the mean of
both directions), and `flipped`, the share of recordings whose preference between a text and the text of the opposite
order changes when the same movements are played in the opposite order.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from acteme.claims.arms import begun, trained
from acteme.claims.experiment import Comparison, Experiment, Metrics
from acteme.engine.config import to_json
from acteme.engine.evaluate import evaluate
from acteme.engine.latents import recording_latents
from acteme.engine.run import Run
from acteme.engine.settings import Settings
from acteme.nn.recipe import Recipe
from acteme.recordings.corpus import Corpus
from acteme.recordings.sources import open_data
from acteme.systems.describe.car import AlignConfig, Config

WORLD = "sequences?fps=10"
TINY_WORLD = "sequences?fps=10&train=24&test=12"
RARE, OFTEN = 0.1, 1.0
"""How often a training recording departs from the usual order of its actions."""
ARMS = {
    "infonce": {"negatives": "none"},
    "events": {},
    "words": {"negatives": "words"},
    "bag": {"negatives": "none", "bag": True},
    "infonce, reordered": {"negatives": "none"},
    "events, reordered": {},
}


def build(tiny: bool = False) -> Experiment:
    """The experiment; `tiny` only shows that it runs."""
    return Experiment(
        slug="car",
        world=TINY_WORLD if tiny else WORLD,
        arms=tuple(ARMS),
        run=_run_tiny if tiny else _run,
        comparisons=(
            Comparison("shuffled events as negatives raise chronological accuracy", "car", "events", "infonce"),
            Comparison("recall at 1 is no more than 2 points lower with them", "r1", "events", "infonce", margin=0.02),
            Comparison("it is events that must be shuffled, not words", "car", "events", "words"),
            Comparison("plain contrast learns some order from batches of the same actions in other orders", "car",
                       "infonce, reordered", "infonce"),
            Comparison("shuffled events help there, too", "car", "events, reordered", "infonce, reordered"),
            Comparison("they are no shortcut through the text: playing movements in the opposite order changes what is "
                       "preferred more often", "flipped", "events", "infonce"),
        ),
        settings={arm: to_json(_config(arm, tiny)) for arm in ARMS} | {"rates": [RARE, OFTEN], "tiny": tiny},
        seeds=5,
    )  # fmt: skip


def _run(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, WORLD, False)


def _run_tiny(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, TINY_WORLD, True)


def _config(arm: str, tiny: bool = False) -> Config:
    """The small networks over a table of words that is learned with them; no decoder."""
    small = AlignConfig.small()
    recipe = Recipe(optimizer="adamw", lr=2e-3, weight_decay=0.01, epochs=30, batch=8 if tiny else 64,
                    schedule="cosine", warmup=50)  # fmt: skip
    weights = replace(small.weights, recons=0.0)
    return Config(replace(small, words=64, weights=weights, recipe=recipe, **ARMS[arm]))  # type: ignore[arg-type]


def _measure(arm: str, seed: int, folder: Path, world: str, tiny: bool) -> Metrics:
    world = f"{world}&reordered={OFTEN if 'reordered' in arm else RARE}&seed={seed}"
    corpus = open_data(world)
    place = folder / arm.replace(", ", "-")
    settings = Settings(seed=seed, steps=2 if tiny else None, progress=False, checkpoint=600)
    run = begun("car", corpus, place, _config(arm, tiny), settings)
    trained(run, corpus.select("train"), "align")
    found = evaluate(run, corpus).metrics
    flipped = _flipped(run, corpus.select("test"), open_data(f"{world}&backwards=true").select("test"))
    shutil.rmtree(place)
    recalls = {f"r{k}": (found[f"t2m_r@{k}"] + found[f"m2t_r@{k}"]) / 2 for k in (1, 5)}
    return {**{n: found[n] for n in ("car", "car_half", "car_original")}, **recalls, "flipped": flipped}


def _flipped(run: Run, forth: Corpus, back: Corpus) -> float:
    """Share of the recordings that prefer their own text to that of the opposite order, and do not so played back."""
    module, windows = run.module("align"), run.config.align.windows
    events = [list(forth[i].segments[0].events) for i in range(len(forth))]
    own, opposite = (
        F.normalize(module.encode_texts([" ".join(e[::way]) for e in events]), dim=-1)  # type: ignore[operator]
        for way in (1, -1)
    )
    prefers = []
    for corpus in (forth, back):
        motion = torch.from_numpy(recording_latents(module, corpus, windows, 64))
        prefers.append(((own - opposite) * F.normalize(motion, dim=-1)).sum(-1).numpy())
    return float(np.mean((prefers[0] > 0) & (prefers[1] < 0)))
