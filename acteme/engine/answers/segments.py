"""Segments: what holds from when to when, from scores of every frame."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from acteme.engine.adapt import View, own_spec
from acteme.engine.answers import Manner, Prediction
from acteme.engine.blend import view_scores
from acteme.engine.inputs import Part
from acteme.engine.run import Run, loaded
from acteme.engine.segmenter import Segmenter


def answer(run: Run, manner: Manner, part: Part) -> Iterator[Prediction]:
    """Segments of each recording of the part, in order."""
    module, begun = loaded(run, manner.stage, manner.device), {}

    def views() -> Iterator[View]:
        for number, recording in enumerate(part.read(manner.split)):
            view = View(recording, part.spec or own_spec(run.spec, recording), run.spec)
            begun[number] = _Begun(view, Segmenter(run.spec, view.fps, manner.rules))
            yield view

    last = 0
    for number, piece in view_scores(module, views(), manner.how):
        if number > last:
            yield begun.pop(last).finish(manner.keep)
            last = number
        begun[number].segmenter.push(piece[:, : len(run.spec.classes)])
        if manner.keep:
            begun[number].kept.append(piece)
    if begun:
        yield begun.pop(last).finish(manner.keep)


@dataclass
class _Begun:
    """A recording whose frames are passing."""

    view: View
    segmenter: Segmenter
    kept: list[np.ndarray] = field(default_factory=list)

    def finish(self, keep: bool) -> Prediction:
        recording, classes = self.view.recording, len(self.view.wanted.classes)
        scores, groups = np.split(np.concatenate(self.kept), [classes], axis=1) if keep else (None, None)
        return Prediction(
            recording=recording.name,
            duration=recording.duration,
            segments=tuple(replace(s, end=min(s.end, recording.duration)) for s in self.segmenter.finish()),
            fps=self.view.fps,
            scores=scores,
            groups=groups if groups is not None and groups.shape[1] else None,
        )
