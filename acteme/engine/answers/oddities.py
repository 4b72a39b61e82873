"""Oddities: the events of a log by how little they fit, and which two of their values go together least."""

from collections.abc import Iterator

import numpy as np

from acteme.engine.answers import Manner, Oddity
from acteme.engine.answers.words import Words
from acteme.engine.logs import every, has_users, held_out
from acteme.engine.measures.anomalies import oddities
from acteme.engine.run import Run, loaded
from acteme.recordings.corpus import Corpus


def answer(run: Run, manner: Manner, corpus: Corpus) -> Iterator[Oddity]:
    """The events of each recording by falling oddity; of users together, and where a split is named, their last ones.

    With `count` the oddest only.
    """
    module, words, windows = loaded(run, manner.stage, manner.device), Words(corpus), manner.how.windows
    names, users = (corpus.column(n).tolist() for n in ("name", "subject"))
    together = has_users(corpus)
    groups = [corpus] if together else [corpus.select(rows=np.array([i])) for i in range(len(corpus))]
    for g, part in enumerate(groups):
        index, last = every(part) if manner.split is None else held_out(part)
        scores, pairs = oddities(module, part, index, last, windows, manner.how.batch)
        order = np.argsort(-scores, kind="stable")[: manner.count]
        index, last = index[order], last[order]
        where = part.column("offset")[index] + last
        times, fields = words.moments(where, last), part.arrays["field"][where]
        for n, (i, e) in enumerate(zip(index.tolist(), last.tolist(), strict=True)):
            pair = () if pairs is None else tuple(corpus.spec.fields[k] for k in pairs[order[n]].tolist())
            at = i if together else g
            yield Oddity(names[at], users[at], e, times[n], float(scores[order[n]]), words.said(fields[n]), pair)
