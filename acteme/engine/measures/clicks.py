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
  weight is the number of rows (Liu et al., DARE, ICLR 2025). The draw is the same for every run.

Unless one is named, a module that says so (its attribute `protocol`) decides, and then the data.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import nn

from acteme.engine.device import device_of
from acteme.engine.logs import at_once, blocks, ending, has_users, held_out, length_of, met, positions
from acteme.engine.measures import Asked
from acteme.errors import InputError
from acteme.recordings.batch import Batch, to_device
from acteme.recordings.behavior.negatives import unmet
from acteme.recordings.corpus import Corpus
from acteme.recordings.windows import Windows
from acteme.tasks import clicks, ratings
from acteme.tasks.outcome import Outcome

PROTOCOLS = ("outcomes", "ratings", "negatives")
NUMBERED = ("negatives",)
CLASSES = False
"""Whether the data must have the classes of the run."""
DRAWN = 2
"""Negatives of each event, unless told otherwise."""
SEED = 0
"""Of their draw."""
BELONGS = 0.99
"""Share of an item's events in the training split in which a field that belongs to it has the same value."""


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


@torch.no_grad()
def chances(
    module: nn.Module,
    corpus: Corpus,
    index: Int[np.ndarray, " n"],
    last: Int[np.ndarray, " n"],
    windows: Windows,
    batch: int,
    others: "Others | None" = None,
) -> Float[np.ndarray, " n"]:
    """What a module foretells of events; it sees each with those before it in its window, but without its outcome.

    Args:
        others: what to put in the place of the events.
    """
    found, step, device = [], at_once(batch, length_of(windows)), device_of(module)
    for a in range(0, len(index), step):
        some = slice(a, a + step)
        made = hidden(ending(corpus, index[some], last[some], windows))
        if others is not None:
            others.put(made, some)
        found.append(module.predict(to_device(made, device)).value.float().cpu().numpy())  # type: ignore[operator]
    return np.concatenate(found)


def hidden(batch: Batch) -> Batch:
    """The batch without the outcomes of its last events."""
    if "outcome" in batch:
        outcome = batch["outcome"].clone()
        outcome[torch.arange(len(outcome)), batch["frames"] - 1] = 0
        batch = batch | {"outcome": outcome}
    return batch


class Belongings(NamedTuple):
    """What the training split tells of items."""

    events: Int[np.ndarray, " items"]
    """How many each has."""
    value: Int[np.ndarray, "items f"]
    """Values of the fields that were last seen with them; 0 where none was."""
    fixed: Bool[np.ndarray, " f"]
    """Which fields belong to the item."""


class Others(NamedTuple):
    """What stands in the place of events."""

    item: Int[np.ndarray, " n"]
    value: Int[np.ndarray, "n f"]
    fixed: Bool[np.ndarray, " f"]
    """Which fields are replaced."""

    def put(self, batch: Batch, some: slice) -> None:
        """Into the last events of a batch of those; a row whose item is 0 stays as it is."""
        drawn = torch.from_numpy(self.item[some])
        rows = torch.nonzero(drawn).flatten()
        at = batch["frames"][rows] - 1
        batch["item"] = batch["item"].clone()
        batch["item"][rows, at] = drawn[rows]
        if "field" in batch and self.fixed.any():
            fields = torch.from_numpy(np.flatnonzero(self.fixed))
            batch["field"] = batch["field"].clone()
            batch["field"][rows[:, None], at[:, None], fields] = torch.from_numpy(self.value[some][:, self.fixed])[rows]


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


def belongings(train: Corpus) -> Belongings:
    """What a training split tells of items: read in pieces, whatever its length."""
    items, fields = train.spec.items, len(train.spec.fields)
    count, when = np.zeros(items, np.int64), np.full(items, np.iinfo(np.int64).min)
    value = np.zeros((items, fields), np.int64)
    if not fields:
        for at in _pieces(train):
            count += np.bincount(train.arrays["item"][at] - 1, minlength=items)
        return Belongings(count, value, np.zeros(0, bool))
    for at in _pieces(train):
        item, time = train.arrays["item"][at] - 1, np.asarray(train.arrays["when"][at])
        count += np.bincount(item, minlength=items)
        order = np.lexsort((np.arange(len(item)), time, item))
        newest = order[np.append(np.diff(item[order]) != 0, True)]
        newest = newest[time[newest] >= when[item[newest]]]
        when[item[newest]] = time[newest]
        value[item[newest]] = train.arrays["field"][at[newest]]
    same = np.zeros(fields, np.int64)
    for at in _pieces(train):
        same += (train.arrays["field"][at] == value[train.arrays["item"][at] - 1]).sum(0)
    seen = int((count > 0).sum())  # the last event of each has its own value, which tells nothing
    return Belongings(count, value, same - seen >= BELONGS * max(int(count.sum()) - seen, 1))


def categories(corpus: Corpus, known: Belongings) -> Int[np.ndarray, " items"] | None:
    """Category of each item; None where there are none."""
    named = [f for f, name in enumerate(corpus.spec.fields) if known.fixed[f] and "cat" in name.lower()]
    if named:
        return known.value[:, named[0]]
    if corpus.catalog is None or "categories" not in corpus.catalog.column_names:
        return None
    first = [(some or [""])[0] for some in corpus.catalog["categories"].to_pylist()]
    return np.unique(first, return_inverse=True)[1]


def _pieces(corpus: Corpus):  # type: ignore[no-untyped-def]
    """Where the events of all recordings stand, some recordings at a time."""
    index = np.arange(len(corpus))
    for some in blocks(corpus.frames):
        yield positions(corpus, index[some])
