"""PSUMNet's claim: three part streams of unified modality match four whole-body streams, with fewer parameters.

World: `stage` with classes by rhythm: which two parts of the body move with one frequency, slow or fast, together or in
turns, whichever movement they do. Of the other parts one in five moves at will, the rest are still. The two parts are
both arms, both legs, an arm and a leg, or head and torso: so for each stream there are classes whose evidence it holds,
and others. People of the test are not those of the training.

Arms, with the same clips, order, augmentation, network and training in each seed:

- `joint`: one stream, the whole body's joints;
- `four`: four streams of the whole body (joints, bones, motion of both) that are trained alone; scores added up;
- `unified`: one stream of the whole body that sees the four modalities at once;
- `no hands`: the streams of body and legs, a control, which must lose the gain on classes of the arms;
- `full`: PSUMNet, the streams of body, hands and legs.

A further control, `unified` with zeros for bones and motion, is no arm: such a stream sees what `joint` sees, and its
network is the same function of it.

Streams share no weights and see the same clips, so that `joint` is read off the streams of `four`, `unified` and
`no hands` off those of `full`.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from acteme.claims.arms import begun, trained
from acteme.claims.experiment import Comparison, Experiment, Metrics
from acteme.engine.config import to_json
from acteme.engine.evaluate import Evaluation, evaluate
from acteme.engine.run import Run, load
from acteme.engine.settings import Settings
from acteme.recordings.corpus import Corpus
from acteme.recordings.sources import open_data
from acteme.systems.recognize.psumnet import Config

WORLD = "stage?rule=rhythm&classes=20&rest=0.8&train=1500&test=600&dropout=0.1&noise=0.01,0.02"
TINY_WORLD = "stage?rule=rhythm&classes=20&train=40&test=40"
ARMS = ("joint", "four", "unified", "no hands", "full")
TRAINED = {"joint": "four", "four": "four", "unified": "full", "no hands": "full", "full": "full"}
"""Whose training an arm is read off."""


def build(tiny: bool = False) -> Experiment:
    """The experiment; `tiny` only shows that it runs."""
    return Experiment(
        slug="psumnet",
        world=TINY_WORLD if tiny else WORLD,
        arms=ARMS,
        run=_run_tiny if tiny else _run,
        comparisons=(
            Comparison("three part streams of unified modality beat four streams of the whole body", "top1", "full",
                       "four"),
            Comparison("they have fewer parameters", "parameters", "full", "four", higher_is_better=False),
            Comparison("one stream that sees all modalities beats four that see one each", "top1", "unified", "four"),
            Comparison("part streams help on classes of the arms or the legs alone", "one part", "full", "unified"),
            Comparison("on classes of the arms it is the stream of the hands that helps", "arms", "full", "no hands"),
        ),
        settings={arm: to_json(_config(arm, tiny)) for arm in ARMS} | {"tiny": tiny},
        seeds=5,
    )  # fmt: skip


def _run(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, WORLD, False)


def _run_tiny(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, TINY_WORLD, True)


def _config(arm: str, tiny: bool = False) -> Config:
    """The small setting for 15 epochs; all arms have the same network and training."""
    small = Config.small().recognize
    if tiny:
        recipe = replace(small.recipe, batch=8)
        small = replace(small, size=8, backbone=replace(small.backbone, width=8), recipe=recipe)
    changes = {
        "joint": {"parts": ("body",), "modalities": ("joint",), "unified": False},
        "four": {"parts": ("body",), "unified": False},
        "unified": {"parts": ("body",)},
        "no hands": {"parts": ("body", "legs")},
        "full": {},
    }
    return Config(replace(small, recipe=replace(small.recipe, epochs=15), **changes[arm]))  # type: ignore[arg-type]


def _measure(arm: str, seed: int, folder: Path, world: str, tiny: bool) -> Metrics:
    corpus = open_data(f"{world}&seed={seed}")
    run = _trained(TRAINED[arm], seed, folder, corpus, tiny)
    place = folder / f"read-{arm}"
    shutil.rmtree(place, ignore_errors=True)  # what an interruption left
    part = replace(run, folder=place, config=_config(arm, tiny))
    part.save()
    names = part.build("recognize").state_dict()
    state = {name: value for name, value in run.module("recognize").state_dict().items() if name in names}
    part.save_weights("recognize", state)
    found = evaluate(load(place), corpus)
    shutil.rmtree(place)
    if arm == ARMS[-1]:
        for name in set(TRAINED.values()):
            shutil.rmtree(folder / name, ignore_errors=True)
    parameters = sum(p.numel() for p in part.build("recognize").parameters())
    return {"top1": found.metrics["top1"], "parameters": float(parameters), **_families(found)}


def _trained(arm: str, seed: int, folder: Path, corpus: Corpus, tiny: bool) -> Run:
    """The training that several arms of a seed are read off."""
    settings = Settings(seed=seed, steps=2 if tiny else None, progress=False, checkpoint=600)
    run = begun("psumnet", corpus, folder / arm, _config(arm, tiny), settings)
    return trained(run, corpus.select("train"), "recognize")


def _families(found: Evaluation) -> Metrics:
    """Accuracy over the clips of classes by where their evidence lies."""
    rows = {name: (row["accuracy"], row["clips"]) for name, row in found.per_class.items() if row["clips"]}
    families: dict[str, list[tuple[float, float]]] = {"arms": [], "legs": [], "one part": [], "whole body": []}
    for name, row in rows.items():
        kinds = {part.split("_")[-1] for part in name.partition(":")[0].split("+")}
        if kinds == {"arm"} or kinds == {"leg"}:
            families["arms" if kinds == {"arm"} else "legs"].append(row)
            families["one part"].append(row)
        elif kinds == {"arm", "leg"}:
            families["whole body"].append(row)
    return {name: _mean(rows) for name, rows in families.items()}


def _mean(rows: list[tuple[float, float]]) -> float:
    accuracy, clips = np.array(rows).T
    return float((accuracy * clips).sum() / clips.sum())
