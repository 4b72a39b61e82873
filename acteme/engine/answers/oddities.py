"""Oddities: the events of a log by how little they fit, and which two of their values go together least."""

from collections.abc import Iterator

import numpy as np

from acteme.engine.answers import Manner, Oddity
from acteme.engine.answers.words import Words
from acteme.engine.logs import every, held_out
from acteme.engine.measures.anomalies import oddities
from acteme.engine.run import Run, loaded
from acteme.recordings.corpus import Corpus


def answer(run: Run, manner: Manner, corpus: Corpus) -> Iterator[Oddity]:
    """The events of all recordings by falling oddity; where a split is named, those of users are their last ones.

    With `count` the oddest only.
    """
    module, words, windows = loaded(run, manner.stage, manner.device), Words(corpus), manner.how.windows
    names, users = (corpus.column(n).tolist() for n in ("name", "subject"))
    index, last = every(corpus) if manner.split is None else held_out(corpus)
    scores, pairs = oddities(module, corpus, index, last, windows, manner.how.batch)
    order = np.argsort(-scores, kind="stable")[: manner.count]
    index, last = index[order], last[order]
    where = corpus.column("offset")[index] + last
    times = words.moments(where, last)
    for n, (i, e, at) in enumerate(zip(index.tolist(), last.tolist(), where.tolist(), strict=True)):
        pair = () if pairs is None else tuple(corpus.spec.fields[k] for k in pairs[order[n]].tolist())
        score = float(scores[order[n]])
        yield Oddity(names[i], users[i], e, times[n], score, words.said(at), pair, tuple(words.new(at)))
