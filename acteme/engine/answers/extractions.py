"""Extractions: the arguments of events in documents, as words with their roles."""

from collections.abc import Iterator

import numpy as np

from acteme.engine.answers import Extraction, Manner, Span
from acteme.engine.measures.arguments import MOST, predicted, words_of
from acteme.engine.run import Run, loaded
from acteme.recordings.annotations import Arguments
from acteme.recordings.corpus import Corpus
from acteme.recordings.documents.document import role_name


def answer(run: Run, manner: Manner, corpus: Corpus) -> Iterator[Extraction]:
    """The arguments of the event of each document."""
    module, done = loaded(run, manner.stage, manner.device), 0
    for found in predicted(module, corpus, manner.how.windows, min(manner.how.batch, MOST)):
        count = min(min(manner.how.batch, MOST), len(corpus) - done)
        for i in range(done, done + count):
            yield extraction(corpus, i, found.select(found.document == i))
        done += count


def extraction(corpus: Corpus, i: int, found: Arguments) -> Extraction:
    """The event of document `i` with these arguments."""
    words, kind = words_of(corpus, i), int(corpus.label[i])
    start, end = (int(corpus.column(name)[i]) for name in ("trigger_start", "trigger_end"))
    order = np.lexsort((found.role, found.span[:, 1], found.span[:, 0]))
    some = found.select(order)

    def said(role: str, first: int, last: int, score: float) -> Span:
        return Span(role, " ".join(words[first : last + 1]), first, last, score)

    spans = tuple(
        said(role_name(corpus.spec.roles[role][1]), first, last, score)
        for (first, last), role, score in zip(some.span.tolist(), some.role.tolist(), some.score.tolist(), strict=True)
    )
    name = corpus.spec.classes[kind] if kind >= 0 else ""
    return Extraction(str(corpus.column("name")[i]), name, said("trigger", start, end - 1, 1.0), spans)
