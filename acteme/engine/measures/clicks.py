"""Clicks: how events turn out, foretold from all that is known of them but their outcome.

Measured is the last event of each recording of a user, and every event where there are no users. Its outcome is taken
out of the batch before the module sees it. Protocols:

- `outcomes`: outcomes are 0 or 1. AUC (equal scores half), logarithmic loss, and the AUC within users (GAUC, weighted
  by the number of their events) where users have several;
- `ratings`: outcomes are ratings, of which the module tells the expected one: squared and absolute errors;
- `negatives`, `negatives-N`: the data tells only what was chosen. Each user's last event is held against 2 (N) others
  that are the same but for the item, drawn as often as items occur in the training split among those that the user has
  not met before. Fields that belong to the item (in the training split it has nearly always the same value) have the
  value that was last seen with it there. AUC and logarithmic loss over all of them; the GAUC is within categories of
  the item: its first field with `cat` in its name, or its first category in the catalog, or else within users. Its
  weight is the number of rows (Liu et al., DARE, ICLR 2025). The draw is the same for every run;
- `full`: each user's last event among all items: HR, NDCG and MRR as in the task ranking, by what the module foretells
  of the same event with every item that the user has not met before, and what belongs to that. Where there are no
  users, the fields `user` and `item` say who chose what, and what the user chose in training is no candidate.

Unless one is named, a module that says so (its attribute `protocol`) decides, and then the data.
"""

import numpy as np
from jaxtyping import Int
from torch import nn

from acteme.engine.foretell import Others, chances
from acteme.engine.items import belongings, categories
from acteme.engine.logs import blocks, has_users, held_out, met, positions
from acteme.engine.measures import Asked
from acteme.errors import InputError
from acteme.recordings.behavior.negatives import unmet
from acteme.recordings.corpus import Corpus
from acteme.tasks import clicks, places, ranking, ratings
from acteme.tasks.outcome import Outcome
from acteme.tasks.places import Lists, Places

PROTOCOLS = ("outcomes", "ratings", "negatives", "full")
NUMBERED = ("negatives",)
CLASSES = False
"""Whether the data must have the classes of the run."""
DRAWN = 2
"""Negatives of each event, unless told otherwise."""
SEED = 0
"""Of their draw."""
CELLS = 1 << 20
"""Items of all users that are foretold at a time, with one user at least."""


def choose(corpus: Corpus, module: nn.Module) -> str:
    """The protocol that suits."""
    said = getattr(module, "protocol", None)
    if said is not None:
        return str(said)
    if "outcome" not in corpus.arrays:
        return "negatives"
    index, last = held_out(corpus)
    outcome = corpus.arrays["outcome"][corpus.column("offset")[index] + last]
    return "outcomes" if np.isin(outcome, (0, 1)).all() else "ratings"


def measure(asked: Asked) -> Outcome:
    """The metrics of the protocol; InputError where the data has not what it needs."""
    if asked.kind == "negatives":
        return _against_negatives(asked)
    if asked.kind == "full":
        return _among_all(asked)
    corpus = asked.corpus
    if "outcome" not in corpus.arrays:
        raise InputError("the data has no outcomes", f"--protocol {asked.protocol}", "use negatives")
    index, last = events(asked)
    value = chances(asked.module, corpus, index, last, asked.windows, asked.batch)
    outcome = corpus.arrays["outcome"][corpus.column("offset")[index] + last]
    user = np.unique(corpus.column("subject"), return_inverse=True)[1][index] if has_users(corpus) else None
    if asked.kind == "ratings":
        return ratings.measure(value, outcome, user, asked.resamples)
    several = user is not None and len(np.unique(user)) < len(user)
    return clicks.measure(value, outcome, user if several else None, "size", user, resamples=asked.resamples)


def events(asked: Asked) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Recording and number of the events that are measured."""
    index, last = held_out(asked.corpus, 2 if asked.windows.prefixes else 1)
    if not len(index):
        raise InputError("no user has two events, one to foretell the other", "clicks", "give longer histories")
    return index, last


def _against_negatives(asked: Asked) -> Outcome:
    corpus, count = asked.corpus, asked.number or DRAWN
    if "item" not in corpus.arrays or not has_users(corpus):
        what = "the data has no users and items, of which others could be drawn"
        raise InputError(what, "--protocol negatives", "use outcomes, or ratings")
    known = belongings(asked.train())
    index, last = events(asked)
    rng, drawn = np.random.default_rng(SEED), []
    for some in blocks(last):
        own = met(corpus, index[some], last[some] + 1)
        drawn.append(unmet(own.offset, own.item, count, known.events, rng))
    found = np.concatenate(drawn)
    enough = found.all(1)
    index, last, found = index[enough], last[enough], found[enough]
    if not len(index):
        raise InputError("every user has met all items of the training split", "clicks", "give a larger catalog")
    target = corpus.arrays["item"][corpus.column("offset")[index] + last].astype(np.int64)
    item = np.concatenate([np.zeros((len(found), 1), np.int64), found], 1).ravel()
    others = Others(item, known.value[item - 1], known.fixed)
    row = np.repeat(np.arange(len(index)), count + 1)
    value = chances(asked.module, corpus, index[row], last[row], asked.windows, asked.batch, others)
    group = categories(corpus, known)
    shown = np.where(item > 0, item, np.repeat(target, count + 1))
    within = index[row] if group is None else group[shown - 1]
    return clicks.measure(value, (item == 0).astype(np.int64), within, "size", index[row], resamples=asked.resamples)


def _among_all(asked: Asked) -> Outcome:
    corpus, column = asked.corpus, None
    if "item" not in corpus.arrays or not has_users(corpus):
        if not {"user", "item"} <= set(corpus.spec.fields):
            what = "the data says of no event who chose what"
            raise InputError(what, "--protocol full", "give columns user and item, or use outcomes or ratings")
        column = corpus.spec.fields.index("item")
    known = belongings(asked.train(), column)
    index, last = events(asked)
    at = corpus.column("offset")[index] + last
    target = (corpus.arrays["item"][at] if column is None else corpus.arrays["field"][at, column]).astype(np.int64)
    index, last, at, target = (x[target > 0] for x in (index, last, at, target))
    if column is None:
        seen = met(corpus, index, last)
    else:
        seen = _chosen_by(asked.train(), corpus.arrays["field"][at], column)
    items, fixed = len(known.events), known.fixed.copy()
    value = known.value
    if column is not None:
        fixed[corpus.spec.fields.index("user")], fixed[column] = False, True
        value[:, column] = np.arange(1, items + 1)
    parts, step = [], max(1, CELLS // items)
    for a in range(0, len(index), step):
        wanted, row = target[a : a + step], np.repeat(np.arange(a, min(a + step, len(index))), items)
        item = np.tile(np.arange(1, items + 1), len(wanted))
        item[np.arange(len(wanted)) * items + wanted - 1] = 0  # itself, with what it came with
        others = Others(item, value[item - 1], fixed)
        scores = chances(asked.module, corpus, index[row], last[row], asked.windows, asked.batch, others)
        table = np.pad(scores.reshape(len(wanted), items), ((0, 0), (1, 0)))
        parts.append(places.count(table, Lists.one(wanted), seen.part(a, a + step)))
    return ranking.measure(Places.joined(parts), resamples=asked.resamples)


def _chosen_by(train: Corpus, asked: Int[np.ndarray, "n f"], column: int) -> Lists:
    """What the users of events chose in training, by the fields of a log without users."""
    user = train.spec.fields.index("user")
    field = train.arrays["field"][positions(train, np.arange(len(train)))]
    pairs = np.unique(field[:, [user, column]][(field[:, [user, column]] > 0).all(1)].astype(np.int64), axis=0)
    first = np.searchsorted(pairs[:, 0], np.arange(train.spec.sizes[user] + 1))
    who = asked[:, user].astype(np.int64)
    size = np.where(who > 0, first[who + 1] - first[who], 0)
    offset = np.append(0, np.cumsum(size))
    return Lists(offset, pairs[np.repeat(first[who] - offset[:-1], size) + np.arange(offset[-1]), 1])
