"""Captions: which of the texts that a run learned from is nearest to what happens, window by window."""

from collections.abc import Iterator

import torch

from acteme.engine.adapt import View, own_spec
from acteme.engine.answers import Manner, Prediction
from acteme.engine.inputs import Part
from acteme.engine.run import Run, loaded
from acteme.engine.slide import slide
from acteme.recordings.annotations import Segment
from acteme.recordings.batch import to_device


@torch.no_grad()
def answer(run: Run, manner: Manner, part: Part) -> Iterator[Prediction]:
    """Captions of each recording of the part, in order: for every window the best, by falling similarity.

    A caption's similarity is its score; negative ones, and those below the rules' threshold, are left out.
    """
    module = loaded(run, manner.stage, manner.device)
    views: list[View] = []
    found: list[list[Segment]] = []

    def viewed() -> Iterator[View]:
        for recording in part.read(manner.split):
            views.append(View(recording, part.spec or own_spec(run.spec, recording), run.spec))
            found.append([])
            yield views[-1]

    least, done = manner.rules.threshold or 0.0, 0
    for batch, pieces in slide(viewed(), manner.how):
        ranked = module.predict(to_device(batch, manner.device))  # type: ignore[operator]
        rows = iter(zip(ranked.texts, ranked.scores.tolist(), strict=True))
        for piece in pieces:
            while done < piece.number:
                yield _finished(views[done], found[done])
                done += 1
            for begin, frames in zip(piece.start, piece.frames, strict=True):
                start = float(begin / piece.view.fps)
                end = min(float((begin + frames) / piece.view.fps), piece.view.recording.duration)
                texts, scores = next(rows)
                found[piece.number] += [Segment(start, end, t, min(s, 1.0), t)
                                        for t, s in zip(texts, scores, strict=True) if s >= least]  # fmt: skip
    for i in range(done, len(views)):
        yield _finished(views[i], found[i])


def _finished(view: View, segments: list[Segment]) -> Prediction:
    return Prediction(view.recording.name, view.recording.duration, tuple(segments), view.fps)
