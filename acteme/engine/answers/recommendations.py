"""Recommendations: what each user wants next, out of all that the user has not met."""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from acteme.engine.answers import Manner, Recommendation
from acteme.engine.answers.words import Words
from acteme.engine.logs import met, reach
from acteme.engine.measures.ranking import told
from acteme.engine.run import Run, loaded
from acteme.recordings.annotations import Preferences
from acteme.recordings.corpus import Corpus
from acteme.tasks.places import CELLS, LEAST, Lists

BEST = 10
"""Items for each user, unless told otherwise."""


@torch.no_grad()
def answer(run: Run, manner: Manner, corpus: Corpus) -> Iterator[Recommendation]:
    """The items that fit best after all events of each recording."""
    module, words = loaded(run, manner.stage, manner.device), Words(corpus)
    names, users = (corpus.column(n).tolist() for n in ("name", "subject"))
    length = reach(manner.how.windows)
    step = min(manner.how.batch, max(LEAST, CELLS // (corpus.spec.items + 1)))
    for a in range(0, len(corpus), step):
        index = np.arange(a, min(a + step, len(corpus)))
        frames = corpus.frames[index]
        made = told(module, corpus, index, frames, length)
        for i, items, scores in zip(index, *best(made, met(corpus, index, frames), manner.count or BEST), strict=True):
            kept = np.isfinite(scores)
            chosen = items[kept].tolist()
            yield Recommendation(names[i], users[i], tuple(words.items[k] for k in chosen),
                                 tuple(words.titles[k] for k in chosen), tuple(scores[kept].tolist()))  # fmt: skip


def best(made: Preferences, seen: Lists, count: int) -> tuple[Int[np.ndarray, "n k"], Float[np.ndarray, "n k"]]:
    """Numbers and scores of the items of highest score, falling; -inf where all others were seen."""
    scores: Float[Tensor, "n items"] = made.query.to(made.table) @ made.table.T
    if made.bias is not None:
        scores = scores + made.bias
    user, item = (torch.from_numpy(x).to(scores.device) for x in (seen.user, seen.item))
    scores[user, item - 1] = -torch.inf
    value, at = scores.float().topk(min(count, scores.shape[1]))
    return at.cpu().numpy() + 1, value.cpu().numpy()
