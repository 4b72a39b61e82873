"""The model that a stage looks into: another run's, of which the run keeps a copy, or the run's own first stage."""

import shutil

from torch import nn

from acteme.engine.run import Run, load
from acteme.errors import InputError
from acteme.recordings.spec import Spec

FOLDER = "host"
"""Where in a run the copy is."""


def fitting(source: Run, spec: Spec) -> str:
    """The stage of a run that can be looked into.

    Raises:
        InputError: it encodes nothing, or was trained on data of another shape.
    """
    stage = source.stage_with("encode")
    if source.spec != spec:
        raise InputError("was trained on data of another shape (spec.json)", source.folder, "give the data it learned")
    return stage


def keep(run: Run, source: Run) -> None:
    """Copies what a stage of another run needs into the run."""
    stage, to = source.stage_with("encode"), run.folder / FOLDER
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
        return other.module(other.stage_with("encode"))
    first = run.stages[0]
    return run.module(first) if first != stage and run.done(first) else None
