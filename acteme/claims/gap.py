"""GAP's claim: descriptions of the classes, part by part, make the same network recognize better, most with few labels.

World: `stage` with classes that want one of three movements of each of three parts of the body, while the other parts
rest: classes share what single parts do. Its descriptions follow from the classes' names. People of the test are not
those of the training. 24 classes are learned; 8 further ones are never shown in training.

Arms, with the same clips, order, augmentation, network and training in each seed, 10 clips per class:

- `ce`: cross entropy alone;
- `label`: the whole body is compared with the label as well;
- `gap`: the whole body with synonyms, head, hands, hip and feet with what is said of them;
- `permuted`: the same with the texts of another class, a control;
- `random`: the same with random vectors in place of texts, a control;
- `ce many`, `gap many`: with 40 clips per class.

The text encoder is frozen (MiniLM) with a trained linear layer; cosines are divided by 0.07 at first, as in the paper's
formulation. All arms classify with the same network, so that their inference costs the same. `zero shot` is the
accuracy among the 8 classes that were never shown, each clip by the class whose description its features resemble most;
arms without texts have the 0.125 of chance. `gain` is top1 against that of cross entropy alone with as many clips.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from acteme.claims.arms import begun, trained
from acteme.claims.experiment import Comparison, Experiment, Metrics
from acteme.engine.config import to_json
from acteme.engine.evaluate import evaluate
from acteme.engine.loader import Loader
from acteme.engine.settings import Settings
from acteme.nn.recipe import Recipe
from acteme.nn.skeleton import Backbone
from acteme.nn.text import Text
from acteme.recordings.corpus import Corpus
from acteme.recordings.sources import open_data
from acteme.systems.recognize.gap import Config, RecognizeConfig

CLASSES, UNSEEN = 24, 8
WORLD = (
    "stage?classes=32&rule_parts=3&bank=3&rest=1&frequency=0.7,2&crop=0&dropout=0&noise=0.005,0.01&train=1280&test=640"
)
TINY_WORLD = "stage?classes=32&rule_parts=3&bank=3&rest=1&train=64&test=64"
ARMS: dict[str, dict[str, Any]] = {
    "ce": {"weight": 0.0},
    "label": {"branches": ("global",), "synonyms": False},
    "gap": {},
    "permuted": {"texts": "permuted"},
    "random": {"texts": "random"},
    "ce many": {"weight": 0.0},
    "gap many": {},
}
FEW, MANY = 10, 40
"""Clips per class."""


def build(tiny: bool = False) -> Experiment:
    """The experiment; `tiny` only shows that it runs."""
    return Experiment(
        slug="gap",
        world=TINY_WORLD if tiny else WORLD,
        arms=tuple(ARMS),
        run=_run_tiny if tiny else _run,
        comparisons=(
            Comparison("descriptions of body parts help, with 10 clips per class", "top1", "gap", "ce"),
            Comparison("they help more than the label alone", "top1", "gap", "label"),
            Comparison("they help more than those of other classes", "top1", "gap", "permuted"),
            Comparison("they help more than random vectors", "top1", "gap", "random"),
            Comparison("they still help with 40 clips per class", "top1", "gap many", "ce many"),
            Comparison("they help more with 10 clips per class than with 40", "gain", "gap", "gap many"),
            Comparison("they tell apart classes that were never shown", "zero shot", "gap", "permuted"),
        ),
        settings={arm: to_json(_config(arm, tiny)) for arm in ARMS} | {"tiny": tiny, "classes": [CLASSES, UNSEEN]},
        seeds=5,
    )


def _run(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, WORLD, False)


def _run_tiny(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, TINY_WORLD, True)


def _config(arm: str, tiny: bool = False) -> Config:
    """One stream of joints on 16 frames; as many steps with 40 clips per class as 40 epochs of 10 clips are."""
    many = arm.endswith("many")
    base = RecognizeConfig(
        streams=("joint",), backbone=Backbone(width=8 if tiny else 16, relations=4, skip_absent=True),
        text=Text("minilm"), text_layer=True, scale=1 / 0.07, size=16, shortest=40, crop=(0.8, 1.0),
        recipe=Recipe(optimizer="adamw", lr=4e-3, weight_decay=1e-3, epochs=10 if many else 30,
                      batch=8 if tiny else 32, schedule="cosine"),
    )  # fmt: skip
    return Config(replace(base, **ARMS[arm]))


def _measure(arm: str, seed: int, folder: Path, world: str, tiny: bool) -> Metrics:
    corpus = open_data(f"{world}&seed={seed}")
    shown = _shown(corpus, MANY if arm.endswith("many") else FEW)
    place = folder / arm.replace(" ", "-")
    settings = Settings(seed=seed, steps=2 if tiny else None, progress=False, checkpoint=600)
    run = begun("gap", shown, place, _config(arm, tiny), settings)
    trained(run, shown.select("train"), "recognize")
    top1 = evaluate(run, shown).metrics["top1"]
    zero_shot = _zero_shot(run, corpus) if ARMS[arm].get("weight") != 0 else 1 / UNSEEN
    shutil.rmtree(place)
    without = folder / f"{'many' if arm.endswith('many') else 'few'}.json"
    if arm.startswith("ce"):
        without.write_text(json.dumps(top1))
    return {"top1": top1, "gain": top1 - json.loads(without.read_text()), "zero shot": zero_shot}


def _shown(corpus: Corpus, clips: int) -> Corpus:
    """Recordings of the classes that are learned, in training so many of each."""
    train = corpus.column("split") == "train"
    keep = np.asarray(corpus.label) < CLASSES
    for k in range(CLASSES):
        keep[np.flatnonzero(train & (corpus.label == k))[clips:]] = False
    part = corpus.select(rows=np.flatnonzero(keep))
    return replace(part, spec=replace(corpus.spec, classes=corpus.spec.classes[:CLASSES]))


def _zero_shot(run: Any, corpus: Corpus) -> float:
    """Accuracy on clips of classes that were never shown, by the likeness of features and descriptions."""
    module = run.build("recognize")
    module.before_training()
    module.load_state_dict(load_file(run.weights("recognize")))
    test = corpus.select("test")
    unseen = test.select(rows=np.flatnonzero(test.label >= CLASSES))
    batches = Loader(unseen, run.config.recognize.windows, 64, 0, "zero shot", drop_last=False).sweep()
    likeness, label = zip(
        *((module.eval().likeness(batch, corpus.spec.classes[CLASSES:]), batch["label"]) for batch in batches),
        strict=True,
    )
    return (torch.cat(likeness).argmax(1) + CLASSES == torch.cat(label)).double().mean().item()
