"""BRL's claim: on long-tailed data, part mixing and late weights of the classes help, mostly the rare ones.

World: `stage` with classes by halves: what the arms do (right one or both, six primitives) with what the legs do (stand
or step); 20 of the 24 pairs, so that a rare class shares each of its halves with more frequent ones. Head and torso
move at will. Training clips by the exponential profile, 200 of the first class, 4 of the last, 1,048 in all; the test
has 40 of each, of other people.

Arms, with the same clips, order, views, network and training in each seed:

- `plain`: cross entropy;
- `drw`: class-balanced weights late in training, one beta (0.9999) for all classes;
- `balanced softmax`: from the start;
- `mixing`: part mixing, cross entropy;
- `fixed alpha`: the same without rebalancing, a control: what rare classes gain must shrink;
- `action-aware`: BRL's weights late in training, no mixing;
- `full`: BRL;
- `scrambled`: BRL with the joints of mixed clips in the order of the official code.

The network is an eighth as wide as usual and has 4 of its 10 blocks, clips are shown at 16 frames instead of 64, and 30
passes over the data take the place of 120: what a processor trains in minutes, eight arms in five seeds.

Measured: mean class accuracy, and that over the seven rarest (`rare`) and the seven most frequent classes
(`frequent`).
"""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from acteme.claims.arms import begun, trained
from acteme.claims.experiment import Comparison, Experiment, Metrics
from acteme.engine.config import to_json
from acteme.engine.evaluate import Evaluation, evaluate
from acteme.engine.settings import Settings
from acteme.nn.longtail import Rebalance
from acteme.recordings.sources import open_data
from acteme.systems.recognize.brl import Config, Mixing, View

WORLD = "stage?rule=halves&classes=20&train=4000&test=800&imbalance=50&most=200"
TINY_WORLD = "stage?rule=halves&classes=20&train=80&test=40&imbalance=4&most=4"
LATE = Config.small().recognize.rebalance.begin
THIRD = 7
"""Classes."""

NONE = Mixing(share=0.0)
CHANGES: dict[str, dict[str, Any]] = {
    "plain": {"mixing": NONE, "rebalance": Rebalance("cross_entropy")},
    "drw": {"mixing": NONE, "rebalance": Rebalance("class_balanced", begin=LATE, beta=0.9999)},
    "balanced softmax": {"mixing": NONE, "rebalance": Rebalance("balanced_softmax", begin=0)},
    "mixing": {"rebalance": Rebalance("cross_entropy")},
    "fixed alpha": {"mixing": Mixing(rebalance=False), "rebalance": Rebalance("cross_entropy")},
    "action-aware": {"mixing": NONE},
    "full": {},
    "scrambled": {"mixing": Mixing(scrambled=True)},
}
"""How each arm departs from BRL."""


def build(tiny: bool = False) -> Experiment:
    """The experiment; `tiny` only shows that it runs."""
    score = "mean_class_accuracy"
    return Experiment(
        slug="brl",
        world=TINY_WORLD if tiny else WORLD,
        arms=tuple(CHANGES),
        run=_run_tiny if tiny else _run,
        comparisons=(
            Comparison("BRL beats cross entropy", score, "full", "plain"),
            Comparison("the rare third of the classes gains", "rare", "full", "plain"),
            Comparison("the frequent third loses nothing", "frequent", "full", "plain"),
            Comparison("part mixing alone helps", score, "mixing", "plain"),
            Comparison("the action-aware loss alone helps", score, "action-aware", "plain"),
            Comparison("BRL beats deferred weights with one beta", score, "full", "drw"),
            Comparison("BRL beats balanced softmax", score, "full", "balanced softmax"),
            Comparison("what rare classes gain of mixing they gain of the rebalanced labels", "rare", "mixing",
                       "fixed alpha"),
            Comparison("the joints of mixed clips belong in their places", score, "full", "scrambled"),
        ),
        settings={arm: to_json(_config(arm, tiny)) for arm in CHANGES} | {"tiny": tiny},
        seeds=5,
    )  # fmt: skip


def _run(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, WORLD, False)


def _run_tiny(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, TINY_WORLD, True)


def _config(arm: str, tiny: bool = False) -> Config:
    """The small setting; all arms have the same network, views and training."""
    small = Config.small().recognize
    if tiny:
        small = replace(small, view=View(size=8), recipe=replace(small.recipe, batch=8))
    return Config(replace(small, **CHANGES[arm]))


def _measure(arm: str, seed: int, folder: Path, world: str, tiny: bool) -> Metrics:
    corpus = open_data(f"{world}&seed={seed}")
    place = folder / arm
    settings = Settings(seed=seed, steps=2 if tiny else None, progress=False, checkpoint=600)
    run = begun("brl", corpus, place, _config(arm, tiny), settings)
    found = evaluate(trained(run, corpus.select("train"), "recognize"), corpus)
    shutil.rmtree(place)
    return {"mean_class_accuracy": found.metrics["mean_class_accuracy"], **_thirds(found)}


def _thirds(found: Evaluation) -> Metrics:
    """Mean class accuracy over the classes with the most and with the fewest training clips."""
    rows = sorted(found.per_class.values(), key=lambda row: -row["trained"])
    parts = {"frequent": rows[:THIRD], "rare": rows[-THIRD:]}
    return {name: sum(row["accuracy"] for row in part) / THIRD for name, part in parts.items()}
