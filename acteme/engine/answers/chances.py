"""Chances: how events turn out, each foretold from those before it and all that is known of it but its outcome."""

from collections.abc import Iterator

from acteme.engine.answers import Judgement, Manner
from acteme.engine.answers.words import Words
from acteme.engine.foretell import chances
from acteme.engine.logs import every, held_out
from acteme.engine.run import Run, loaded
from acteme.recordings.corpus import Corpus

PIECE = 1 << 16
"""Events that are worked on at a time."""


def answer(run: Run, manner: Manner, corpus: Corpus) -> Iterator[Judgement]:
    """One of every event; where a split is named, of the last event of each of its users.

    Where a method foretells an event from others, a user's first event has none and is left out.
    """
    module, words, windows = loaded(run, manner.stage, manner.device), Words(corpus), manner.how.windows
    kind = "rating" if getattr(module, "protocol", "").startswith("ratings") else "probability"
    index, last = every(corpus) if manner.split is None else held_out(corpus)
    kept = last >= windows.prefixes
    index, last = index[kept], last[kept]
    names, users = (corpus.column(n).tolist() for n in ("name", "subject"))
    for a in range(0, len(index), PIECE):
        rows, at = index[a : a + PIECE], last[a : a + PIECE]
        value = chances(module, corpus, rows, at, windows, manner.how.batch)
        where = corpus.column("offset")[rows] + at
        items = corpus.arrays["item"][where].tolist() if "item" in corpus.arrays else [0] * len(rows)
        number = words.numbers(where, at)
        times = words.moments(where, number)
        for i, e, time, k, v in zip(rows.tolist(), number.tolist(), times, items, value.tolist(), strict=True):
            item, title = (words.items[k], words.titles[k]) if k else ("", "")
            yield Judgement(names[i], users[i], e, time, item, title, kind, v)
