"""Anomalies: events that do not fit, by a score for each.

Measured is every event of a log, and of recordings of users the last one. Protocols:

- `labels`: the outcome of an event is 1 where it is an anomaly. Area under the ROC curve, average precision, precision
  among as many events as there are anomalies;
- `swaps`: without labels. Anomalies are made of the events by exchanging 1, 2 or 3 of their fields for other values, so
  that the whole occurs nowhere in the log: drawn evenly (`uniform`), where rare values give them away, or as often as
  they occur (`marginal`), where no value by itself tells anything. Each is held against the events themselves, and
  (`new`) against those alone that the training split has not.

Beside the method's own metrics stand those of three scores that only count in the training split: how rare the values
are (`rarity`), how little they go together, two by two (`strangeness`), and how little those two do that do so least
(`condition`). See `recordings.events.counts`.
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import nn

from acteme.engine.device import device_of
from acteme.engine.logs import at_once, ending, held_out, length_of, positions
from acteme.engine.measures import Asked
from acteme.errors import InputError
from acteme.recordings.batch import to_device
from acteme.recordings.corpus import Corpus
from acteme.recordings.events.counts import condition, rarity, strangeness
from acteme.recordings.events.swaps import occurs, swapped
from acteme.recordings.windows import Windows
from acteme.tasks import anomalies, curves
from acteme.tasks.outcome import Outcome

PROTOCOLS = ("labels", "swaps")
CLASSES = False
"""Whether the data must have the classes of the run."""
COUNTS = (1, 2, 3)
"""Fields that are exchanged."""
DRAWS = ("uniform", "marginal")
COUNTED = {"rarity": rarity, "strangeness": strangeness, "condition": condition}
SEED = 0
"""Of what is exchanged: every run is held against the same anomalies."""


def choose(corpus: Corpus, module: nn.Module) -> str:
    """`labels` where there are any of both kinds."""
    if "outcome" not in corpus.arrays:
        return "swaps"
    index, last = held_out(corpus)
    outcome = corpus.arrays["outcome"][corpus.column("offset")[index] + last]
    return "labels" if np.isin(outcome, (0, 1)).all() and len(np.unique(outcome)) == 2 else "swaps"


def measure(asked: Asked) -> Outcome:
    """The metrics of the protocol; InputError where the data has not what it needs."""
    corpus, train = asked.corpus, asked.train()
    if "field" not in corpus.arrays:
        raise InputError("the data has no fields", "anomalies", "give a log with columns of categories")
    if asked.protocol == "labels" and "outcome" not in corpus.arrays:
        raise InputError("the data does not say which events are anomalies", "--protocol labels", "use swaps")
    index, last = held_out(corpus)
    at = corpus.column("offset")[index] + last
    own, known = corpus.arrays["field"][at], train.arrays["field"][positions(train, np.arange(len(train)))]
    if asked.protocol == "swaps":
        return _swaps(asked, index, last, own, known)
    label = corpus.arrays["outcome"][at]
    out = anomalies.measure(_scores(asked, index, last), label, resamples=asked.resamples)
    for name, score in COUNTED.items():
        counted = score(own, known)
        out.metrics[f"auc_{name}"] = curves.auc(counted, label == 1)
        out.metrics[f"average_precision_{name}"] = curves.average_precision(counted, label == 1)
    return out


@torch.no_grad()
def oddities(
    module: nn.Module,
    corpus: Corpus,
    index: Int[np.ndarray, " n"],
    last: Int[np.ndarray, " n"],
    windows: Windows,
    batch: int,
    field: Int[np.ndarray, "n f"] | None = None,
) -> tuple[Float[np.ndarray, " n"], Int[np.ndarray, "n 2"] | None]:
    """How odd events are, each as the last one of its window, and the pair that does not fit where the
    module tells it.

    Args:
        field: the fields of the events instead of their own.
    """
    step, device, scores, pairs = at_once(batch, length_of(windows)), device_of(module), [], []
    for a in range(0, len(index), step):
        made = ending(corpus, index[a : a + step], last[a : a + step], windows)
        made.pop("outcome", None)
        at = (torch.arange(len(made["frames"])), made["frames"] - 1)
        if field is not None:
            made["field"] = made["field"].clone()
            made["field"][at] = torch.from_numpy(field[a : a + step].astype(np.int64))
        found = module.predict(to_device(made, device))  # type: ignore[operator]
        scores.append(found.scores.float().cpu()[at].numpy())
        if found.pairs is not None:
            pairs.append(found.pairs.cpu()[at].numpy())
    return np.concatenate(scores), np.concatenate(pairs) if pairs else None


def _scores(asked: Asked, index: Int[np.ndarray, " n"], last: Int[np.ndarray, " n"],
            field: Int[np.ndarray, "n f"] | None = None) -> Float[np.ndarray, " n"]:  # fmt: skip
    return oddities(asked.module, asked.corpus, index, last, asked.windows, asked.batch, field)[0]


def _swaps(
    asked: Asked,
    index: Int[np.ndarray, " n"],
    last: Int[np.ndarray, " n"],
    own: Int[np.ndarray, "n f"],
    known: Int[np.ndarray, "m f"],
) -> Outcome:
    """A row for every way to make anomalies; and as metrics, what is in these rows."""
    spec = asked.corpus.spec
    usable = sum(len(np.unique(column[column > 0])) > 1 for column in np.concatenate([known, own]).T)
    if not usable:
        raise InputError("no field has two values, to exchange one for another", "anomalies", "give other fields")
    new = ~occurs(own, known)
    out = Outcome({"new_events": float(new.mean())})
    plain = {"": _scores(asked, index, last)} | {f"_{name}": score(own, known) for name, score in COUNTED.items()}
    everything = np.concatenate([known, own])
    for draw in DRAWS:
        for count in COUNTS[:usable]:
            made = swapped(own, everything, spec.sizes, count, draw, SEED)  # type: ignore[arg-type]
            if not len(made.source):
                continue
            odd = {"": _scores(asked, index[made.source], last[made.source], made.codes)}
            odd |= {f"_{name}": score(made.codes, known) for name, score in COUNTED.items()}
            row: dict[str, float] = {"events": float(len(made.source))}
            for against, kept in (("", np.ones(len(own), bool)), ("_new", new)):
                if not kept.any():
                    continue
                for who, score in odd.items():
                    values = np.concatenate([plain[who][kept], score])
                    label = np.repeat([False, True], [int(kept.sum()), len(score)])
                    row[f"auc{against}{who}"] = curves.auc(values, label)
                    row[f"average_precision{against}{who}"] = curves.average_precision(values, label)
                    if not who:
                        event = np.concatenate([np.flatnonzero(kept), made.source])
                        told = anomalies.measure(values, label, recording=event, resamples=asked.resamples)
                        for name in ("auc", "average_precision"):
                            out.intervals[f"{name}{against}_{draw}@{count}"] = told.intervals[name]
            out.per_class[f"{count} exchanged, {draw}"] = row
            out.metrics.update({f"{n}_{draw}@{count}": v for n, v in row.items() if n != "events"})
    if not out.per_class:
        raise InputError("all combinations of values occur in the log", "--protocol swaps", "give more fields")
    return out
