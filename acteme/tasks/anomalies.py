"""Detection of anomalies by a score per event: ROC AUC, average precision, precision among the k highest.

Anomalies are the positives. Average precision takes equal scores together; for precision at k a rule says how many of
the anomalies that share the score of the k-th event are among the k.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from acteme.errors import InputError
from acteme.tasks import curves, intervals
from acteme.tasks.outcome import Outcome

Ties = Literal["mean", "optimistic", "pessimistic"]
"""Of the events that share the k-th score, anomalies come first (`optimistic`), last (`pessimistic`), or the places
left are shared evenly (`mean`: the expected precision of a random order)."""


def precision_at(scores: Float[np.ndarray, " n"], label: Int[np.ndarray, " n"], k: int, ties: Ties = "mean") -> float:
    """Share of anomalies among the k events of highest score."""
    scores, anomaly = curves.checked(scores, label, "anomalies")
    if not 1 <= k <= len(scores):
        raise InputError(f"precision at {k} of {len(scores)} events", "at", "name a number of events there are")
    if ties not in ("mean", "optimistic", "pessimistic"):
        raise InputError(f"there is no tie rule {ties!r}", "ties", "take mean, optimistic or pessimistic")
    last = np.partition(scores, len(scores) - k)[len(scores) - k]
    above, equal = scores > last, scores == last
    places, size, anomalies = k - int(above.sum()), int(equal.sum()), int((equal & anomaly).sum())
    found = {
        "mean": places * anomalies / size,
        "optimistic": min(places, anomalies),
        "pessimistic": max(0, places - (size - anomalies)),
    }[ties]
    return float(((above & anomaly).sum() + found) / k)


def measure(
    scores: Float[np.ndarray, " n"],
    label: Int[np.ndarray, " n"],
    at: Sequence[int] = (),
    kind: Sequence[str] | None = None,
    recording: Int[np.ndarray, " n"] | None = None,
    ties: Ties = "mean",
    resamples: int = intervals.RESAMPLES,
    seed: int = 0,
) -> Outcome:
    """All detection metrics with bootstrap intervals over recordings.

    Args:
        scores: of each event; the higher, the stranger.
        label: 1 for an anomaly.
        at: the k of precision at k; the number of anomalies unless given.
        kind: name of each event's kind, such as how many of its values were replaced; each kind of anomalies is also
            held against all normal events. Kinds of normal events do not matter.
        recording: which log each event is of; None takes events for independent.
        ties: how equal scores count in precision at k.
        resamples, seed: of the bootstrap.

    Metrics: `auc`, `average_precision`, `precision@K`, and `anomaly_rate`, what a constant score has for both
    precisions. Per kind `auc`, `average_precision`, `events`. The interval of precision at k is that of the precision
    of the events that score no lower than the k-th.

    Raises:
        InputError: shapes that do not match, no events, only one class, a NaN, a k that is no number of events.
    """
    scores, anomaly = curves.checked(scores, label, "anomalies")
    curves.check_both(anomaly, "anomalies", "normal events")
    where = curves.pooled(recording, len(scores), seed)
    recordings = int(where.max()) + 1
    positives = np.bincount(where, weights=anomaly, minlength=recordings)
    rows = np.bincount(where, minlength=recordings)
    precision = curves.average_precision(scores, anomaly)
    levels = np.unique(scores, return_inverse=True)[1].astype(np.float64)
    ranked = [intervals.Ranked(levels, anomaly, where, positives)]
    metrics = {
        "auc": curves.auc(scores, anomaly),
        "average_precision": precision,
        "anomaly_rate": float(anomaly.mean()),
    }
    bounds = {
        "auc": curves.auc_interval(scores, anomaly, where, resamples, seed),
        "average_precision": intervals.ranking_interval(ranked, recordings, precision, resamples=resamples, seed=seed),
        "anomaly_rate": intervals.ratio_interval(positives, rows, resamples, seed),
    }
    for k in dict.fromkeys(at or (int(anomaly.sum()),)):
        metrics[f"precision@{k}"] = precision_at(scores, anomaly, k, ties)
        top = scores >= np.partition(scores, len(scores) - k)[len(scores) - k]
        found, shown = (np.bincount(where, weights=w, minlength=recordings) for w in (top & anomaly, top))
        bounds[f"precision@{k}"] = intervals.ratio_interval(found, shown, resamples, seed)
    return Outcome(metrics, bounds, {} if kind is None else _by_kind(scores, anomaly, kind))


def _by_kind(
    scores: Float[np.ndarray, " n"], anomaly: Bool[np.ndarray, " n"], kind: Sequence[str]
) -> dict[str, dict[str, float]]:
    kinds = np.asarray(kind)
    if kinds.shape != anomaly.shape:
        raise InputError(f"{len(anomaly)} events but kinds of shape {kinds.shape}", mend="give the kind of each event")
    rows = {}
    for name in np.unique(kinds[anomaly]):
        one = anomaly & (kinds == name)
        kept = one | ~anomaly
        rows[str(name)] = {
            "auc": curves.auc(scores[kept], one[kept]),
            "average_precision": curves.average_precision(scores[kept], one[kept]),
            "events": int(one.sum()),
        }
    return rows
