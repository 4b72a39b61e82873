"""The model that a stage looks into: another run's, of which the run keeps a copy, or the run's own first stage."""

import shutil

from torch import nn

from acteme.engine.names import kept
from acteme.engine.run import Run, load
from acteme.errors import InputError
from acteme.recordings.corpus import Corpus

FOLDER = "host"
"""Where in a run the copy is."""


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
