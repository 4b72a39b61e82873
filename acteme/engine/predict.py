"""Prediction: what a run says of recordings of any length, as segments with times."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from acteme.engine.adapt import View
from acteme.engine.inputs import Input, Part, parts
from acteme.engine.pool import pool_map, worker_count
from acteme.engine.run import Run, load, loaded
from acteme.engine.segmenter import Rules, Segmenter
from acteme.engine.sliding import clip_span, view_scores
from acteme.errors import InputError
from acteme.recordings.annotations import Segment
from acteme.recordings.recording import Recording
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows


@dataclass(frozen=True)
class Prediction:
    """What a run says of one recording."""

    recording: str
    """Its name."""
    duration: float
    """Seconds."""
    segments: tuple[Segment, ...]
    """By start."""
    fps: float
    """Frames per second of `scores`."""
    scores: np.ndarray | None = None
    """(frames, classes), if asked for."""


@dataclass(frozen=True)
class Manner:
    """How predictions are made; see `predict`."""

    stage: str
    rules: Rules
    window: float | None
    overlap: float
    batch: int
    keep: bool
    split: str | None
    device: str


def predict(
    run: Run | Path | str,
    inputs: Input | Sequence[Input],
    *,
    stage: str | None = None,
    rules: Rules = Rules(),  # noqa: B008
    window: float | None = None,
    overlap: float = 0.5,
    batch: int = 32,
    scores: bool = False,
    split: str | None = None,
    workers: int | None = None,
    ray: bool = False,
    accelerator: str = "auto",
) -> Iterator[Prediction]:
    """Predicts actions in recordings, in the order of the inputs, each as soon as it is there.

    Memory does not grow with the length of a recording (unless `scores` are kept): windows slide over it, their scores
    are blended, and segments are made as the frames pass.

    Args:
        run: a run or its folder.
        inputs: files, folders, DATA strings or recordings; other layouts and frame rates are converted to the run's.
        stage: the stage that predicts; the last that can unless given.
        rules: how segments are made from frame scores.
        window: seconds of a window; what the stage was trained on unless given. A system of whole clips takes a
            recording of up to twice a typical training clip as one window, and slides over a longer one.
        overlap: share of a window that the next one covers as well, in [0, 1).
        batch: windows at a time.
        scores: keep the frame scores in the prediction.
        split: only recordings of this split.
        workers: processes; one per core unless given, where there are recordings enough.
        ray: run on Ray.
        accelerator: `cpu`, `gpu`, or `auto`: a GPU where there is one and a single process.

    Raises:
        InputError: the run is not trained, an input cannot be read or converted, or an option is out of range.
    """
    run = load(run)
    if not 0 <= overlap < 1:
        raise InputError(f"overlap is {overlap}", "--overlap", "give 0 or more and less than 1")
    if window is not None and window <= 0:
        raise InputError(f"window is {window} seconds", "--window", "give more than 0")
    found = parts(inputs, split)
    count = worker_count(workers, sum(p.count for p in found))
    name = stage or run.stage_with("predict")
    if not hasattr(run.kind(name), "predict"):
        raise InputError(f"stage '{name}' does not predict", run.folder, "choose another stage")
    gpu = accelerator == "gpu" or (accelerator == "auto" and count == 1 and not ray and torch.cuda.is_available())
    manner = Manner(name, rules, window, overlap, batch, scores, split, "cuda" if gpu else "cpu")
    if count == 1 and not ray:
        return (p for part in found for p in _part(run, manner, part))
    return (p for some in pool_map(partial(_all, run, manner), found, count, ray) for p in some)


def _all(run: Run, manner: Manner, part: Part) -> list[Prediction]:
    return list(_part(run, manner, part))


def _part(run: Run, manner: Manner, part: Part) -> Iterator[Prediction]:
    module = loaded(run, manner.stage, manner.device)
    windows = getattr(run.config, manner.stage).windows
    for recording in part.read(manner.split):
        yield _one(run, module, windows, manner, recording, part.spec or own_spec(run.spec, recording))


def _one(run: Run, module: nn.Module, windows: Windows, manner: Manner, recording: Recording, spec: Spec) -> Prediction:
    view = View(recording, spec, run.spec)
    if manner.window is not None:
        length = max(1, round(manner.window * view.fps))
    else:
        length = clip_span(windows, run.clip * view.fps, view.frames)
    stride = max(1, round(length * (1 - manner.overlap)))
    segmenter, kept = Segmenter(run.spec, view.fps, manner.rules), []
    for piece in view_scores(module, view, length, stride, manner.batch):
        segmenter.push(piece)
        if manner.keep:
            kept.append(piece)
    return Prediction(
        recording=recording.name,
        duration=recording.duration,
        segments=tuple(replace(s, end=min(s.end, recording.duration)) for s in segmenter.finish()),
        fps=view.fps,
        scores=np.concatenate(kept) if manner.keep else None,
    )


def own_spec(wanted: Spec, recording: Recording) -> Spec:
    """The spec of a recording that comes alone: the run's layout, and as many persons as it has."""
    shape = recording.arrays["skeleton"].shape if "skeleton" in recording.arrays else ()
    if len(shape) != 4 or shape[2:] != (wanted.joints, wanted.channels):
        what = f"skeleton of shape {shape}, not (frames, persons, {wanted.joints}, {wanted.channels})"
        raise InputError(what, recording.name, f"give layout '{wanted.layout}'")
    return replace(wanted, persons=shape[1])
