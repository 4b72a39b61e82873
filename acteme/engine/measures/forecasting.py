"""Forecasting: where people went after each window's observed steps, against what is predicted from these."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from acteme.engine.device import device_of
from acteme.engine.measures import Asked
from acteme.errors import InputError
from acteme.recordings.batch import Batch, to_device
from acteme.recordings.corpus import Corpus
from acteme.recordings.windows import Windows
from acteme.tasks import forecasting
from acteme.tasks.outcome import Outcome

PROTOCOLS = ("predictions",)


def measure(asked: Asked) -> Outcome:
    """ADE, FDE and the like of all whole windows, beside constant velocity and the stage before adaptation."""
    corpus = asked.corpus
    if "position" not in corpus.arrays:
        raise InputError("the data has no positions", "forecasting", "give tracks")
    past = getattr(asked.run.config, asked.stage).predictor.past
    made = list(predicted(asked.module, corpus, asked.windows, asked.batch))
    if not made:
        raise InputError(f"no track has {asked.windows.frames} frames", "forecasting", "give longer tracks")
    position, alternatives, goals, scene, side, index = (np.concatenate(c) for c in zip(*made, strict=True))
    before = _before(asked)
    frozen = None
    if before is not None:
        frozen = np.concatenate([p for _, p, *_ in predicted(before, corpus, asked.windows, asked.batch)])
    out = forecasting.measure(alternatives, position[:, past:], scene, index, corpus.spec.scenes,
                              past=position[:, :past], goals=goals, frozen=frozen, side=side,
                              resamples=asked.resamples)  # fmt: skip
    if before is not None:
        out.metrics["human_seconds"] = _adapted_on(asked.train(), asked.run.spec.scenes)
    return out


@torch.no_grad()
def predicted(module: nn.Module, corpus: Corpus, windows: Windows, batch: int) -> Iterator[tuple[np.ndarray, ...]]:
    """Positions (n, t, 2), predictions (n, k, f, 2), goals, scene, the scene's longer side and recording of windows.

    Windows that reach past the end of a track are left out.
    """
    index, start = windows.cut(corpus.frames)
    whole = start + (windows.frames or 0) <= corpus.frames[index]
    index, start = index[whole], start[whole]
    for a in range(0, len(index), batch):
        which = index[a : a + batch]
        window: Batch = corpus.cut(windows, which, start[a : a + batch])
        found = module.predict(to_device(window, device_of(module)))  # type: ignore[operator]
        extent = window["extent"].numpy()
        side = (extent[:, 2:] - extent[:, :2]).max(1)
        positions, goals = found.positions.float().cpu().numpy(), found.goals.float().cpu().numpy()
        yield window["position"].numpy(), positions, goals, window["scene"].numpy(), side, which


def _before(asked: Asked) -> nn.Module | None:
    """The stage that was adapted, as it was before."""
    run = asked.run
    before = run.stages[: run.stages.index(asked.stage)]
    able = [s for s in before if hasattr(run.kind(s), "predict") and run.done(s)]
    return run.module(able[-1]).to(device_of(asked.module)) if able else None


def _adapted_on(train: Corpus, scenes: tuple[str, ...]) -> float:
    """Human-seconds of training data, the mean over the run's scenes."""
    names = train.column("camera")
    seconds = [(train.frames / train.column("fps"))[names == scene].sum() for scene in scenes]
    return float(np.mean(seconds)) if seconds else float("nan")
