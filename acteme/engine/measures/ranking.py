"""Ranking: each user's last event among all items, foretold from the events before it.

Protocols:

- `full`: every item of the catalog is a candidate but those that the user has met before, however long ago, unless it
  is the one to be found;
- `repeats`: every item is a candidate, as where people come back to what they know;
- `profiles`: what a user wants is told by a text. All of the user's events (but those of outcome 0) are to be found,
  none of which is shown; every item is a candidate;
- `sampled`, `sampled-N`: the item to be found among 100 (N) that the user has not met, drawn evenly. It is here to
  reproduce papers that measure so: it is not comparable with the others, and may order methods differently (Krichene
  and Rendle, KDD 2020).

Equal scores share their places: a constant score finds K / n at K (see `tasks.ranking.Ties`).
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from acteme.engine.device import device_of
from acteme.engine.logs import at_once, blocks, ending, held_out, met, positions, reach
from acteme.engine.measures import Asked
from acteme.errors import InputError
from acteme.recordings.annotations import Preferences
from acteme.recordings.batch import Batch, to_device
from acteme.recordings.behavior.negatives import unmet
from acteme.recordings.corpus import Corpus
from acteme.recordings.windows import Windows
from acteme.tasks import places, ranking
from acteme.tasks.outcome import Outcome
from acteme.tasks.places import Lists, Places

PROTOCOLS = ("full", "repeats", "profiles", "sampled")
NUMBERED = ("sampled",)
CLASSES = False
"""Whether the data must have the classes of the run."""
SAMPLED = 100
"""Items that one to be found is held against by `sampled`, unless told otherwise."""
SEED = 0
"""Of their draw: every run is held against the same ones."""
SCORED = 256
"""Users whose drawn items are scored at a time."""


def choose(corpus: Corpus, module: nn.Module) -> str:
    """`profiles` where users have texts, unless the module says something else (its attribute `protocol`)."""
    told = bool((corpus.column("text") != "").any())
    return getattr(module, "protocol", None) or ("profiles" if told else "full")


def measure(asked: Asked) -> Outcome:
    """HR, NDCG and MRR at several K, and MRR, with intervals over users."""
    return ranking.measure(found(asked), resamples=asked.resamples)


@torch.no_grad()
def found(asked: Asked) -> Places:
    """Where the last item of each user stands; see `tasks.ranking.by_user` for a comparison user by user.

    Raises:
        InputError: the data has no items, or no user has two events.
    """
    corpus, kind = asked.corpus, asked.kind
    if "item" not in corpus.arrays:
        raise InputError("the data has no items", "ranking", "give a log with a column item")
    if kind == "profiles":
        return _of_profiles(asked)
    index, last = held_out(corpus, 2)
    if not len(index):
        raise InputError("no user has two events, one to foretell the other", "ranking", "give longer histories")
    rng, parts = np.random.default_rng(SEED), []
    for some in blocks(last):
        rows, before = index[some], last[some]
        made = preferences(asked, rows, before)
        target = corpus.arrays["item"][corpus.column("offset")[rows] + before].astype(np.int64)
        seen = met(corpus, rows, before)
        if kind == "sampled":
            drawn = _drawn(seen, target, asked.number or SAMPLED, corpus.spec.items, rng)
            parts.append(_among(made, target, drawn))
            continue
        parts.append(places.count_products(made.query, made.table, Lists.one(target),
                                           None if kind == "repeats" else seen, made.bias, padding=False))  # fmt: skip
    return Places.joined(parts)


def preferences(asked: Asked, index: Int[np.ndarray, " n"], before: Int[np.ndarray, " n"]) -> Preferences:
    """What users want after their first `before` events, of which the stage sees the latest."""
    made, query, step = None, [], at_once(asked.batch, reach(asked.windows))
    for a in range(0, len(index), step):
        rows, count = index[a : a + step], before[a : a + step]
        made = told(asked.module, shown(asked.module, asked.corpus, rows, count, asked.windows, asked.kind))
        if len(made.table) != asked.corpus.spec.items:
            what = f"a table of {len(made.table)} items where the catalog has {asked.corpus.spec.items}"
            raise InputError(what, type(asked.module).__name__, "predict must give row k - 1 for item k")
        query.append(made.query)
    assert made is not None
    return Preferences(torch.cat(query), made.table, made.bias)


def shown(
    module: nn.Module,
    corpus: Corpus,
    index: Int[np.ndarray, " n"],
    before: Int[np.ndarray, " n"],
    windows: Windows,
    kind: str,
) -> Batch:
    """What a module sees of the first `before` events of users: the latest, or of profiles none."""
    batch = ending(corpus, index, before - 1, windows, reach(windows))
    if kind == "profiles":
        hidden = {n: torch.zeros_like(batch[n]) for n in ("item", "outcome", "field", "when") if n in batch}
        batch |= hidden | {"mask": torch.zeros_like(batch["mask"]), "frames": torch.zeros_like(batch["frames"])}
    return to_device(batch, device_of(module))


def told(module: nn.Module, batch: Batch) -> Preferences:
    """What a module says of a batch."""
    return module.predict(batch)  # type: ignore[operator]


def _of_profiles(asked: Asked) -> Places:
    corpus = asked.corpus
    index, parts = np.arange(len(corpus)), []
    for some in blocks(corpus.frames):
        rows, frames = index[some], corpus.frames[some]
        at = positions(corpus, rows)
        item = corpus.arrays["item"][at].astype(np.int64)
        kept = item > 0
        if "outcome" in corpus.arrays:
            kept &= corpus.arrays["outcome"][at] != 0
        pairs = np.unique(np.stack([np.repeat(np.arange(len(rows)), frames)[kept], item[kept]]), axis=1)
        size = np.bincount(pairs[0], minlength=len(rows))
        made = preferences(asked, rows, frames)
        wanted = Lists(np.append(0, np.cumsum(size)), pairs[1])
        parts.append(places.count_products(made.query, made.table, wanted, None, made.bias, padding=False))
    return Places.joined(parts)


def _drawn(
    seen: Lists, target: Int[np.ndarray, " u"], count: int, items: int, rng: np.random.Generator
) -> Int[np.ndarray, "u {count}"]:
    """Items that are neither met nor to be found."""
    size = np.diff(seen.offset)
    own = np.insert(seen.item, seen.offset[1:], target)
    drawn = unmet(np.append(0, np.cumsum(size + 1)), own, count, np.ones(items), rng)
    if not drawn.all():
        what = f"a user has met all but fewer than {count} of {items} items"
        raise InputError(what, "--protocol sampled", "use full, or sampled-N with a lower N")
    return drawn


def _among(made: Preferences, target: Int[np.ndarray, " u"], drawn: Int[np.ndarray, "u n"]) -> Places:
    """The places of targets among what was drawn."""
    candidates = torch.from_numpy(np.concatenate([target[:, None], drawn], 1) - 1)
    scores: list[Float[Tensor, "b n1"]] = []
    for a in range(0, len(candidates), SCORED):
        at = candidates[a : a + SCORED].to(made.table.device)
        value = (made.table[at] @ made.query[a : a + SCORED].to(made.table)[..., None])[..., 0]
        scores.append(value if made.bias is None else value + made.bias[at])
    table = torch.nn.functional.pad(torch.cat(scores), (1, 0))
    return places.count(table, Lists.one(np.ones(len(target), np.int64)))
