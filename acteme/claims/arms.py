"""The runs of an experiment's arms: what an interruption left is gone on with."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from acteme import catalog
from acteme.engine.run import Run, load
from acteme.engine.settings import Settings
from acteme.engine.train import check_resumed, create, resumed_settings, train_stage
from acteme.errors import InputError
from acteme.recordings.corpus import Corpus


def begun(slug: str, corpus: Corpus, place: Path, config: Any, settings: Settings) -> Run:
    """The run that an interruption left in a folder, where it is of this training; a new one otherwise."""
    try:
        run = load(place)
        check_resumed(run, corpus, config)
        if resumed_settings(settings, run) == settings:
            return replace(run, settings=settings)
    except InputError:  # none yet, or one of something else
        pass
    shutil.rmtree(place, ignore_errors=True)
    return create(catalog.find(slug), corpus, None, place, config, False, settings)


def trained(run: Run, corpus: Corpus, *stages: str, validation: Corpus | None = None, best: str | None = None) -> Run:
    """The run with these stages trained; what is trained already stays.

    Args:
        run: from `begun`.
        corpus: the training recordings.
        stages: in order.
        validation: recordings by which the best epoch is chosen, and for stages that respond to the split `val`.
        best: the metric of that choice, where it is not the run's own.
    """
    settings = run.settings if best is None else replace(run.settings, best=best)
    for stage in stages:
        if not run.done(stage):
            train_stage(run, corpus, stage, settings, validation)
    return run
