"""Collects what a report shows of documents: some texts with what was found in them and what is true."""

from dataclasses import replace
from itertools import groupby

import numpy as np

from acteme.engine.host import can_predict
from acteme.engine.latents import untimed_latents
from acteme.engine.measures.arguments import joined, predicted, words_of
from acteme.engine.run import Run
from acteme.recordings.annotations import Arguments
from acteme.recordings.corpus import Corpus
from acteme.recordings.documents.document import role_name
from acteme.reports.content import LatentMap, Page, Piece, Text
from acteme.reports.projections import projections

TEXTS, DOTS = 5, 800
"""Documents that are shown, and that are in the map of latents at most."""


def with_texts(page: Page, run: Run, corpus: Corpus) -> Page:
    """The page with documents and their latents."""
    if can_predict(run):
        part = _spread(corpus, TEXTS)
        stage = run.stage_with("predict")
        found = joined(list(predicted(run.module(stage), part, getattr(run.config, stage).windows, TEXTS)))
        true = part.told()
        page = replace(page, texts=tuple(_text(part, i, found, true) for i in range(len(part))))
    if run.can("encode") and len(corpus) > 2:
        part, stage = _spread(corpus, DOTS), run.stage_with("encode")
        windows = getattr(run.config, stage).windows
        made = list(untimed_latents(run.module(stage), part, windows, 16))
        _, start, end, vectors = (np.concatenate(column) for column in zip(*made, strict=True))
        names = tuple(part.column("name").tolist())
        about = (
            f"Latents of stage {stage} for {len(part):,} documents of the test split, each in the color of the type of "
            "its event. Hover for the document."
        )
        drawn = LatentMap(projections(vectors), part.label, names, start, end, "words")
        page = replace(page, latents=drawn, latents_about=about, classes=run.spec.classes)
    return page


def _spread(corpus: Corpus, most: int) -> Corpus:
    return corpus.select(rows=np.unique(np.linspace(0, len(corpus) - 1, most).astype(int)))


def _text(corpus: Corpus, i: int, found: Arguments, true: Arguments) -> Text:
    """A document in pieces, whose words are alike in what is said of them."""
    words, kind = words_of(corpus, i), int(corpus.label[i])
    said: list[tuple[set[str], set[str]]] = [(set(), set()) for _ in words]
    for side, some in enumerate((found, true)):
        mine = some.select((some.document == i) & (some.span[:, 0] >= 0) & (some.role >= 0))
        for (first, last), role in zip(mine.span.tolist(), mine.role.tolist(), strict=True):
            for word in said[first : last + 1]:
                word[side].add(role_name(corpus.spec.roles[role][1]))
    start, end = (int(corpus.column(name)[i]) for name in ("trigger_start", "trigger_end"))
    marks = [(start <= k < end, *(tuple(sorted(s)) for s in said[k])) for k in range(len(words))]
    pieces = []
    for (trigger, ours, theirs), run in groupby(range(len(words)), key=lambda k: marks[k]):
        pieces.append(Piece(" ".join(words[k] for k in run), trigger, ours, theirs))
    name = corpus.spec.classes[kind] if kind >= 0 else ""
    return Text(str(corpus.column("name")[i]), name, tuple(pieces))
