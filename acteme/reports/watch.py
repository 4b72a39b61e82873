"""Collects what a report shows of the scenes of a run that forecasts tracks."""

from typing import Any

import numpy as np
from torch import nn

from acteme.engine.measures.forecasting import predicted
from acteme.engine.run import Run
from acteme.recordings.corpus import Corpus
from acteme.reports.content import Scene

SCENES, WINDOWS, TRACKS = 6, 8, 60
"""Scenes that are shown at most, predictions in each, and tracks beneath them."""


def gather_scenes(run: Run, corpus: Corpus) -> tuple[Scene, ...]:
    """The scenes of the corpus with the most tracks, in order of their numbers."""
    stage = run.stage_with("predict")
    module, config = run.module(stage), getattr(run.config, stage)
    numbers, count = np.unique(corpus.scene[corpus.rows], return_counts=True)
    shown = np.sort(numbers[np.argsort(-count, kind="stable")][:SCENES])
    return tuple(_scene(module, config, corpus, int(k)) for k in shown if k >= 0)


def _scene(module: nn.Module, config: Any, corpus: Corpus, number: int) -> Scene:
    part = corpus.select(rows=corpus.scene[corpus.rows] == number)
    tracks = [part[int(i)].arrays["position"][:, :2] for i in np.linspace(0, len(part) - 1, min(TRACKS, len(part)))]
    past = config.predictor.past
    made = list(predicted(module, part, config.windows, 64))
    ways: tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...] = ()
    if made:
        position, futures, *_ = (np.concatenate(column) for column in zip(*made, strict=True))
        chosen = np.linspace(0, len(position) - 1, min(WINDOWS, len(position))).astype(int)
        ways = tuple((position[i, :past], position[i, past:], futures[i]) for i in chosen)
    corridor = module.corridor(number) if hasattr(module, "corridor") else None  # type: ignore[operator]
    image, covers = (None, None) if corridor is None else (corridor[0].numpy(), corridor[1])
    return Scene(corpus.spec.scenes[number], corpus.spec.extents[number], tuple(tracks), ways, image, covers)
