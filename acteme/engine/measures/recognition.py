"""Recognition: scores of whole recordings against their one class."""

import numpy as np
from torch import nn

from acteme.engine.blend import scores
from acteme.engine.measures import Asked
from acteme.errors import InputError
from acteme.recordings.corpus import Corpus
from acteme.recordings.windows import Windows
from acteme.tasks import hierarchy, recognition
from acteme.tasks.outcome import Outcome

PROTOCOLS = ("predictions",)


def measure(asked: Asked) -> Outcome:
    """Accuracies of the classes that score highest; of their groups too, where labels have two levels."""
    spec = asked.corpus.spec
    found = clip_scores(asked.module, asked.corpus, asked.windows, asked.batch)
    of_classes, of_groups = np.split(found, [len(spec.classes)], axis=1)
    trained = training_counts(asked.train()) if asked.same else None
    if not spec.groups:
        return recognition.measure(
            of_classes, labels(asked.corpus), spec.classes, trained=trained, resamples=asked.resamples
        )
    apart = of_groups if of_groups.shape[1] else None
    return hierarchy.measure(
        of_classes, labels(asked.corpus), spec.classes, spec.groups, apart, trained=trained, resamples=asked.resamples
    )


def training_counts(train: Corpus) -> np.ndarray:
    """How many training recordings each class has."""
    return np.bincount(train.label[train.label >= 0], minlength=len(train.spec.classes))


def clip_scores(module: nn.Module, corpus: Corpus, windows: Windows, batch: int) -> np.ndarray:
    """Scores (n, k) of whole recordings: the mean over their windows (and frames); groups' after those of classes."""
    index, start = windows.cut(corpus.frames)
    total = np.zeros((0, 0))
    for i in range(0, len(index), batch):
        which = index[i : i + batch]
        window = corpus.cut(windows, which, start[i : i + batch])
        weight = window["mask"].numpy().astype(np.float32)
        mean = np.einsum("bt,btk->bk", weight, scores(module, window)) / weight.sum(1, keepdims=True)
        total = total if total.size else np.zeros((len(corpus), mean.shape[1]))
        np.add.at(total, which, mean)
    return total / np.bincount(index, minlength=len(corpus))[:, None]


def labels(corpus: Corpus) -> np.ndarray:
    """The class of every recording; InputError where none has a single one."""
    if not (corpus.label >= 0).any():
        if not np.isin(corpus.segments.recording, corpus.rows).any():  # as in tests whose labels are not public
            raise InputError("no recording has a label", "recognition", "give labeled ones, or another --split")
        raise InputError("no recording has a single label", "recognition", "give trimmed clips, or use segmentation")
    return corpus.label
