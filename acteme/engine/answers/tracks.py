"""Tracks: where someone will be after the last steps that were seen."""

from collections.abc import Iterator

import numpy as np
import torch

from acteme.engine.adapt import gathered
from acteme.engine.answers import Manner, Prediction
from acteme.engine.inputs import Part
from acteme.engine.run import Run, loaded
from acteme.recordings.batch import to_device


@torch.no_grad()
def answer(run: Run, manner: Manner, part: Part) -> Iterator[Prediction]:
    """What follows the end of each recording's track, from its last observed steps."""
    corpus = gathered(part, run.spec, manner.split)
    if corpus is None:
        return
    module, past = loaded(run, manner.stage, manner.device), getattr(run.config, manner.stage).predictor.past
    start = np.maximum(corpus.frames - past, 0)
    for a in range(0, len(corpus), manner.how.batch):
        index = np.arange(a, min(a + manner.how.batch, len(corpus)))
        batch = corpus.batch(index, start[index], past)
        found = module.predict(to_device(batch, manner.device)).positions.float().cpu().numpy()  # type: ignore[operator]
        for i, futures in zip(index, found, strict=True):
            fps = float(corpus.column("fps")[i])
            yield Prediction(str(corpus.column("name")[i]), float(corpus.frames[i] / fps), (), fps, futures=futures)
