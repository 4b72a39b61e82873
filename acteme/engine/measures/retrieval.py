"""Retrieval: the first caption of each recording against all motions, and each motion against all captions.

Protocols: `all`; `threshold`, where captions that mean the same count as one; `nsim`, among the recordings that the
data set names as unlike each other; `guo`, within batches of 32; `car`, each motion's text against the same events in
another order; `distractors`, captions for motions with those shuffled texts among them. `all` reports the two measures
of `car` as well, where captions tell of several events.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from acteme.engine.device import device_of
from acteme.engine.measures import Asked
from acteme.errors import InputError
from acteme.recordings.batch import to_device
from acteme.recordings.clauses import decompose, shuffled
from acteme.recordings.corpus import Corpus
from acteme.tasks import retrieval
from acteme.tasks.outcome import Outcome

PROTOCOLS = ("all", "threshold", "nsim", "guo", "car", "distractors")
CLASSES = False
"""Whether the data must have the classes of the run."""
SAME = 2 * 0.95 - 1
"""Cosine similarity from which captions mean the same (TMR)."""
ORDER = 1234
"""Seed of the shuffled texts, one for each recording of several events."""


@dataclass(frozen=True)
class Caption:
    """The caption that is measured."""

    text: str
    events: tuple[str, ...]
    """By rule where the data does not tell them."""
    start: float
    """Seconds."""
    end: float
    """Seconds."""


def measure(asked: Asked) -> Outcome:
    """The metrics of the protocol; InputError where the data has not what it needs."""
    found, corpus = first_captions(asked.corpus)
    if asked.protocol == "nsim":
        chosen = named_unlike(corpus)
        corpus, found = corpus.select(rows=chosen), [found[i] for i in np.flatnonzero(chosen)]
    module: Any = asked.module
    motions = F.normalize(latents(asked, corpus, found), dim=-1)
    read = [module.phrase(c.text, c.events) for c in found]
    similarity = similar(module, read, motions)
    if asked.protocol == "car":
        return chronology(asked, found, motions, needed=True)
    if asked.protocol == "distractors":
        _, other = reordered(found, needed=True)
        return retrieval.distractors(np.concatenate([similarity, similar(module, other, motions)]), asked.resamples)
    if asked.protocol == "threshold":
        return retrieval.measure(similarity, module.similar(read).cpu().numpy() > SAME, asked.resamples)
    if asked.protocol == "guo":
        groups = retrieval.guo_groups([str(n) for n in corpus.column("name")])
        return retrieval.in_batches(similarity, groups, asked.resamples)
    out = retrieval.measure(similarity, resamples=asked.resamples)
    return out if asked.protocol == "nsim" else retrieval.merged(out, chronology(asked, found, motions))


def first_captions(corpus: Corpus) -> tuple[list[Caption], Corpus]:
    """The first caption of every recording that has one, and these recordings.

    Raises:
        InputError: none has.
    """
    found: list[Caption] = []
    rows: list[int] = []
    for i in range(len(corpus)):
        if said := corpus.captions(corpus.rows[i]):
            first = said[0]
            found.append(Caption(first.text, first.events or decompose(first.text), first.start, first.end))
            rows.append(i)
    if not found:
        raise InputError("no recording has a caption to compare with", "retrieval", "give captioned segments")
    return found, corpus.select(rows=np.array(rows))


def named_unlike(corpus: Corpus) -> np.ndarray:
    """Mask of the recordings of the data set's list of unlike ones; InputError where there is no such list."""
    marks = corpus.table.get("factor:nsim")
    chosen = np.zeros(len(corpus), bool) if marks is None else corpus.column("factor:nsim") == 1
    if not chosen.any():
        raise InputError("the data names no recordings that are unlike", "--protocol nsim", "give splits/nsim_test.txt")
    return chosen


@torch.no_grad()
def latents(asked: Asked, corpus: Corpus, found: list[Caption]) -> Tensor:
    """Latents of the captioned stretches; of recordings longer than a window, each seen from where it begins."""
    module, windows, parts = asked.module, replace(asked.windows, captions=False), []
    spans = torch.tensor([[c.start, c.end] for c in found])
    first, last = np.floor(spans.double().numpy() * corpus.column("fps")[:, None] + 1e-3).astype(np.int64).T
    begin = np.where(last > (windows.frames or windows.limit), np.minimum(first, corpus.frames - 1), 0)
    for a in range(0, len(corpus), asked.batch):
        index = np.arange(a, min(a + asked.batch, len(corpus)))
        batch = to_device(corpus.cut(windows, index, begin[index]), device_of(module))
        parts.append(module.encode(batch, spans[index].to(device_of(module))).pooled.float())  # type: ignore[operator]
    return torch.cat(parts)


def similar(module: Any, texts: list[str], motions: Tensor) -> np.ndarray:
    """Cosine similarity of texts (rows) and motions of unit length."""
    return (F.normalize(module.encode_texts(texts).float(), dim=-1) @ motions.T).cpu().numpy()


def reordered(found: list[Caption], needed: bool) -> tuple[list[int], list[str]]:
    """Which captions tell of several events that can be told in another order, and the texts of one such order each."""
    rng = np.random.default_rng(ORDER)
    rows, texts = [], []
    for i, caption in enumerate(found):
        other = " ".join(shuffled(caption.events, lambda n: rng.permutation(n).tolist()))
        if other != " ".join(caption.events):
            rows.append(i)
            texts.append(other)
    if needed and not rows:
        raise InputError("no caption tells of two events, whose order could be changed", "--protocol", "use all")
    return rows, texts


def chronology(asked: Asked, found: list[Caption], motions: Tensor, needed: bool = False) -> Outcome:
    """Chronological accuracy: of events in order (`car`) and of captions as written (`car_original`)."""
    rows, other = reordered(found, needed)
    if not rows:
        return Outcome({})
    module: Any = asked.module
    seen = motions[rows]

    def each(texts: list[str]) -> np.ndarray:
        return (F.normalize(module.encode_texts(texts).float(), dim=-1) * seen).sum(-1).cpu().numpy()

    against = each(other)
    return retrieval.merged(
        retrieval.chronological(each([" ".join(found[i].events) for i in rows]), against, "car", asked.resamples),
        retrieval.chronological(each([found[i].text for i in rows]), against, "car_original", asked.resamples),
    )
