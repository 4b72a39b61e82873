"""The model that a stage looks into: another run's, of which the run keeps a copy, or the run's own first stage."""

import shutil
from typing import Any

import numpy as np
from torch import nn

from acteme.engine.answers import KINDS
from acteme.engine.names import kept
from acteme.engine.run import Run, load
from acteme.errors import InputError
from acteme.recordings.corpus import Corpus

FOLDER = "host"
"""Where in a run the copy is."""
SOME = 8
"""Windows that tell how wide vectors are."""


def inner(source: Run) -> str:
    """The stage of a run that can be looked into: the last trained one that encodes, and looks into nothing itself.

    Raises:
        InputError: there is none.
    """
    kinds = {stage: source.kind(stage) for stage in source.stages if source.done(stage)}
    able = [stage for stage, kind in kinds.items() if hasattr(kind, "encode") and not hasattr(kind, "attach")]
    if not able:
        raise InputError("has no trained stage that encodes", source.folder, "look into another run")
    return able[-1]


def check(source: Run, corpus: Corpus) -> None:
    """Raises InputError where a run cannot be looked into with such data."""
    inner(source)
    names = kept(source, "catalog")
    same = names is None or (corpus.catalog is not None and names["item"] == corpus.catalog["item"])
    if source.spec != corpus.spec or not same:
        raise InputError("was trained on other data (spec.json)", source.folder, "give the data that it learned from")


def suited(config: Any, source: Run, corpus: Corpus) -> Any:
    """A configuration for looking into another run: its model says what it looks at, and how wide its vectors are."""
    if not hasattr(config, "upon"):
        return config
    stage = inner(source)
    windows = getattr(source.config, stage).windows
    index, start = (some[:SOME] for some in windows.cut(corpus.select(rows=np.arange(min(SOME, len(corpus)))).frames))
    if not len(index):
        raise InputError("no recording has two events, one to foretell another", "data", "give longer recordings")
    return config.upon(source.module(stage), windows, corpus.cut(windows, index, start))


def recommends(run: Run) -> bool:
    """Whether what a run looks into recommends."""
    other = run.folder / FOLDER
    return not (other / "run.json").exists() or KINDS[load(other).entry.task] == KINDS["ranking"]


def can_predict(run: Run) -> bool:
    """Whether a run says something of recordings; one that looks into another does where that recommends."""
    return run.can("predict") and (run.entry.task != "inspection" or recommends(run))


def keep(run: Run, source: Run) -> None:
    """Copies what a stage of another run needs into the run."""
    stage, to = inner(source), run.folder / FOLDER
    (to / stage).mkdir(parents=True)
    for name in ("run.json", "config.json", "spec.json"):
        shutil.copyfile(source.folder / name, to / name)
    shutil.copyfile(source.weights(stage), to / stage / source.weights(stage).name)


def replaced(run: Run, stage: str) -> bool:
    """Whether another run stands in for the stage."""
    return (run.folder / FOLDER / "run.json").exists() and not hasattr(run.kind(stage), "attach")


def host(run: Run, stage: str) -> nn.Module | None:
    """What the stage looks into; None where that is an earlier stage that is not trained yet."""
    if (run.folder / FOLDER / "run.json").exists():
        other = load(run.folder / FOLDER)
        return other.module(inner(other))
    first = run.stages[0]
    return run.module(first) if first != stage and run.done(first) else None
