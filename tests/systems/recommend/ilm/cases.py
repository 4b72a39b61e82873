"""A small log with a catalog, and stages small enough for tests."""

from dataclasses import replace
from functools import cache

import numpy as np
import pyarrow as pa
import torch

from acteme.recordings.batch import Batch
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.recommend.ilm import (
    AlignConfig,
    Aligner,
    FactorsConfig,
    LanguageConfig,
    QFormerConfig,
    SpeakConfig,
    Speaker,
    TellConfig,
)

ITEMS, USERS = 24, 16
KINDS = ("Comedy", "Drama", "War", "Western")
QFORMER = QFormerConfig(queries=4, width=16, layers=3, heads=2, tokens=2, limit=20, dropout=0.0)
FACTORS = FactorsConfig(width=6, sweeps=3)
TELL = TellConfig(noun="film", titles=False, new=0.25, held=0.125, taught=6)
LANGUAGE = LanguageConfig(name="", words=60, width=12, layers=2, heads=2, limit=120, steps=2, batch=4)
WINDOWS = Windows(frames=7, stride=1, prefixes=True)


@cache
def catalog() -> pa.Table:
    """24 films of four kinds and two decades; items 1 and 9 have equal texts, for instance."""
    n = np.arange(ITEMS)
    return pa.table(
        {
            "item": [f"i{k + 1}" for k in n],
            "title": [f"Film {chr(65 + k)}" for k in n],
            "categories": [[KINDS[k % 4]] for k in n],
            "year": [float(1950 + 40 * ((k // 4) % 2)) for k in n],
        }
    )


@cache
def corpus() -> Corpus:
    """Everyone goes around among the films of one kind; ratings of 1 to 5."""
    rng, made = np.random.default_rng(0), []
    for u in range(USERS):
        item = (rng.permutation(6) * 4 + u % 4 + 1).astype(np.int32)
        arrays = {"item": item, "outcome": rng.integers(3, 6, 6).astype(np.float32)}
        for split, frames in (("train", 4), ("val", 5), ("test", 6)):
            part = {name: value[:frames] for name, value in arrays.items()}
            made.append(Recording(f"{split} u{u}", 1.0, part, split=split, subject=f"u{u}"))
    return Corpus.of(made, Spec(items=ITEMS), catalog=catalog())


def batch(split: str = "train") -> Batch:
    """All windows of a split."""
    data = corpus().select(split)
    index, start = WINDOWS.cut(data.frames)
    return data.cut(WINDOWS, index, start)


def aligner(seed: int = 0, qformer: QFormerConfig = QFORMER, **changes: object) -> Aligner:
    """Phase 1 at its beginning."""
    torch.manual_seed(seed)
    config = AlignConfig(FACTORS, TELL, qformer, bert="", words=60, space=8, smoothing=0.0, windows=WINDOWS)
    made = Aligner(replace(config, **changes), corpus().spec)
    made.consult(catalog())
    made.remember(corpus().select("train"))
    made.calibrate([])
    return made


def speaker(seed: int = 0, after: Aligner | None = None, told: pa.Table | None = None, **changes: object) -> Speaker:
    """Phase 2 at its beginning."""
    torch.manual_seed(seed)
    config = SpeakConfig(FACTORS, TELL, QFORMER, LANGUAGE, tasks=("genres", "decade"), windows=WINDOWS)
    made = Speaker(replace(config, **changes), corpus().spec)
    made.inherit({} if after is None else {"align": after})
    made.consult(catalog() if told is None else told)
    made.remember(corpus().select("train"))
    made.calibrate([])
    return made
