"""Segmentation: scores of every frame, and segments made of them, against the annotated ones."""

import numpy as np

from acteme.engine.blend import corpus_scores
from acteme.engine.measures import Asked
from acteme.engine.segmenter import Rules, Segmenter
from acteme.engine.slide import Slide
from acteme.errors import InputError
from acteme.recordings.annotations import Segments
from acteme.recordings.corpus import Corpus
from acteme.tasks import segmentation
from acteme.tasks.outcome import Outcome

PROTOCOLS = ("predictions",)


def measure(asked: Asked) -> Outcome:
    """Average precision per frame, and the metrics over segments."""
    corpus, rules = asked.corpus, asked.rules
    if "frame_labels" not in corpus.arrays:
        raise InputError("the data has no labels to compare with", corpus.spec.layout, "annotate it")
    found = corpus_scores(asked.module, corpus, Slide(asked.windows, asked.run.clip, batch=asked.batch))
    spec, lengths, rates = corpus.spec, corpus.frames, corpus.column("fps")
    truth = np.concatenate([corpus.arrays["frame_labels"][a : a + n] for a, n in
                            zip(corpus.column("offset"), lengths, strict=True)])  # fmt: skip
    annotated = corpus.truth()
    return segmentation.measure(
        found,
        truth,
        lengths,
        rates,
        spec.classes,
        multilabel=spec.multilabel,
        background=rules.threshold,
        threshold=0.5 if rules.threshold is None else rules.threshold,
        true_segments=annotated if len(annotated) else None,
        detections=None if rules == Rules() else detections(found, corpus, rules),
        resamples=asked.resamples,
    )


def detections(found: np.ndarray, corpus: Corpus, rules: Rules) -> Segments:
    """Segments of all recordings, made by the rules."""
    columns: list[tuple[int, float, float, int, float]] = []
    numbers, at = {name: k for k, name in enumerate(corpus.spec.classes)}, 0
    for i, (frames, fps) in enumerate(zip(corpus.frames, corpus.column("fps"), strict=True)):
        segmenter = Segmenter(corpus.spec, float(fps), rules)
        segmenter.push(found[at : at + frames])
        columns += [(i, s.start, s.end, numbers[s.label], s.score) for s in segmenter.finish()]
        at += frames
    table = np.array(columns, dtype=np.float64).reshape(-1, 5)
    return Segments(table[:, 0].astype(np.int64), table[:, 1], table[:, 2], table[:, 3].astype(np.int64), table[:, 4])
