"""Recommendations: what each user wants next, out of all that the user has not met."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from acteme.engine.answers import Manner, Recommendation
from acteme.engine.answers.words import Words
from acteme.engine.concepts import read
from acteme.engine.logs import met
from acteme.engine.measures.ranking import choose, shown, told
from acteme.engine.run import Run, loaded
from acteme.recordings.annotations import Preferences
from acteme.recordings.batch import Batch
from acteme.recordings.corpus import Corpus
from acteme.tasks.places import CELLS, LEAST, Lists

BEST = 10
"""Items for each user, unless told otherwise."""


@torch.no_grad()
def answer(run: Run, manner: Manner, corpus: Corpus) -> Iterator[Recommendation]:
    """The items that fit best after all events of each recording, or where texts tell what a user wants, fit those."""
    module, words = loaded(run, manner.stage, manner.device), Words(corpus)
    if hasattr(module, "turn"):
        module.turn(manner.edits, manner.keep_missed)  # type: ignore[operator]
    named = named_parts(run, words)
    names, users = (corpus.column(n).tolist() for n in ("name", "subject"))
    kind = choose(corpus, module)
    step = min(manner.how.batch, max(LEAST, CELLS // (corpus.spec.items + 1)))
    for a in range(0, len(corpus), step):
        index = np.arange(a, min(a + step, len(corpus)))
        frames = corpus.frames[index]
        batch = shown(module, corpus, index, frames, manner.how.windows, kind)
        seen = met(corpus, index, frames) if kind in ("full", "sampled") else Lists.of([()] * len(index))
        items, scores = best(told(module, batch), seen, manner.count or BEST)
        why = reasons(module, batch, items, named)
        for n, i in enumerate(index.tolist()):
            kept = int(np.isfinite(scores[n]).sum())
            chosen = items[n, :kept].tolist()
            yield Recommendation(names[i], users[i], tuple(words.items[k] for k in chosen),
                                 tuple(words.titles[k] for k in chosen), tuple(scores[n, :kept].tolist()),
                                 tuple(why[n][:kept]))  # fmt: skip


def named_parts(run: Run, words: Words) -> dict[str, str]:
    """Better words for parts of scores: concepts of latents, titles of items."""
    titles = {f"item {k}": title for k, title in enumerate(words.titles) if title}
    return titles | concepts(run)


def concepts(run: Run) -> dict[str, str]:
    """Better words for latents, where a dictionary of the run has them."""
    return {f"latent {c.latent}": c.concept for c in read(run) if c.interpretable}


def reasons(
    module: nn.Module, batch: Batch, items: Int[np.ndarray, "n k"], named: Mapping[str, str]
) -> list[list[tuple[tuple[str, float], ...]]]:
    """Why each item is recommended to each user, where the module can tell; `named` has better words for some."""
    if not hasattr(module, "reasons"):
        return [[]] * len(items)
    found = module.reasons(batch, torch.from_numpy(items).to(batch["frames"].device))  # type: ignore[operator]
    parts = found.parts.float().cpu().tolist()
    return [[_sums(((named.get(n, n), v) for n, v in zip(names, values, strict=True)))
             for names, values in zip(*both, strict=True)]
            for both in zip(found.names, parts, strict=True)]  # fmt: skip


def _sums(parts: Iterable[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    """The parts that speak for an item, those of one name together, the greatest first."""
    out: dict[str, float] = {}
    for name, value in parts:
        if value > 0:
            out[name] = out.get(name, 0.0) + value
    return tuple(sorted(out.items(), key=lambda part: -part[1]))


def best(made: Preferences, seen: Lists, count: int) -> tuple[Int[np.ndarray, "n k"], Float[np.ndarray, "n k"]]:
    """Numbers and scores of the items of highest score, falling; -inf where all others were seen."""
    scores: Float[Tensor, "n items"] = made.query.to(made.table) @ made.table.T
    if made.bias is not None:
        scores = scores + made.bias
    user, item = (torch.from_numpy(x).to(scores.device) for x in (seen.user, seen.item))
    scores[user, item - 1] = -torch.inf
    value, at = scores.float().topk(min(count, scores.shape[1]))
    return at.cpu().numpy() + 1, value.cpu().numpy()
