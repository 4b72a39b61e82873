"""Click prediction: AUC, AUC within groups (GAUC), logarithmic loss and relative information gain.

GAUC = sum over groups g of w_g AUC_g / sum over g of w_g        (groups with clicks and other rows only)
log-loss = mean of -y log p - (1 - y) log(1 - p),   p clipped to [1e-7, 1 - 1e-7]
relative information gain = 1 - log-loss / entropy of the base rate: 0 for a constant, 1 for certainty
"""

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from acteme.errors import InputError
from acteme.tasks import curves, intervals
from acteme.tasks.outcome import Outcome

Weight = Literal["impressions", "positives", "size"]
"""What groups count by, none of which is comparable with another: `impressions` that the rows of the group stand for
(Zhou et al., DIN, KDD 2018), its `positives` (RecBole), its `size`, the number of its rows (the code of DARE)."""

CLIP = 1e-7
"""How far probabilities are kept from 0 and 1 in logarithms."""


def log_losses(probability: Float[np.ndarray, " n"], label: Bool[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Logarithmic loss of each row, in nats."""
    p = np.clip(np.asarray(probability, np.float64), CLIP, 1 - CLIP)
    return -np.log(np.where(label, p, 1 - p))


def entropy(rate: Float[np.ndarray, "*b"]) -> Float[np.ndarray, "*b"]:
    """Entropy of a base rate in nats: the loss of the constant that knows it."""
    p = np.clip(rate, CLIP, 1 - CLIP)
    return -p * np.log(p) - (1 - p) * np.log(1 - p)


def group_weights(
    label: Bool[np.ndarray, " n"],
    group: Int[np.ndarray, " n"],
    groups: int,
    weight: Weight,
    impressions: Float[np.ndarray, " n"] | None = None,
) -> Float[np.ndarray, " g"]:
    """What each group counts in the GAUC; see `Weight`."""
    if weight not in ("impressions", "positives", "size"):
        raise InputError(f"there is no weight {weight!r}", "weight", "take impressions, positives or size")
    if weight != "impressions":
        rows = label.astype(float) if weight == "positives" else None
        return np.bincount(group, weights=rows, minlength=groups).astype(np.float64)
    if impressions is None or np.shape(impressions) != label.shape or not (np.asarray(impressions) >= 0).all():
        what = "groups are to count by impressions, but these are not given, one number per row"
        raise InputError(what, "weight", "give impressions, or take size where each row is one")
    return np.bincount(group, weights=impressions, minlength=groups)


def gauc(
    scores: Float[np.ndarray, " n"],
    label: Int[np.ndarray, " n"],
    group: Int[np.ndarray, " n"],
    weight: Weight,
    impressions: Float[np.ndarray, " n"] | None = None,
) -> float:
    """Weighted mean of the AUC within groups; NaN where no group has both clicks and other rows."""
    scores, positive = curves.checked(scores, label, "clicks")
    above, below = _gauc_parts(scores, positive, group, weight, impressions)
    return float(above.sum() / below.sum()) if below.sum() > 0 else np.nan


def measure(
    probability: Float[np.ndarray, " n"],
    label: Int[np.ndarray, " n"],
    group: Int[np.ndarray, " n"] | None = None,
    weight: Weight = "size",
    recording: Int[np.ndarray, " n"] | None = None,
    impressions: Float[np.ndarray, " n"] | None = None,
    resamples: int = intervals.RESAMPLES,
    seed: int = 0,
) -> Outcome:
    """All click metrics with bootstrap intervals over recordings (users); that of the GAUC is over groups.

    Args:
        probability: of a click, in [0, 1].
        label: 1 for a click.
        group: user or category of each row, any numbers; without it there is no GAUC.
        weight: what groups count by.
        recording: whose each row is; None takes rows for independent.
        impressions: that each row stands for, where negatives were sampled; for the weight of that name.
        resamples, seed: of the bootstrap.

    Metrics: `auc`, `log_loss`, `information_gain`, `click_rate`, and `gauc_WEIGHT`.

    Raises:
        InputError: shapes that do not match, no rows, only one class, a NaN, what is no probability.
    """
    p, positive = curves.checked(probability, label, "clicks")
    curves.check_both(positive, "clicks", "rows without a click")
    wrong = (p < 0) | (p > 1)
    if wrong.any():
        row = int(wrong.argmax())
        raise InputError(f"row {row} has {p[row]:g} for a probability", mend="apply the sigmoid to logits first")
    at = curves.pooled(recording, len(p), seed)
    loss = log_losses(p, positive)
    rows, lost, clicked = (np.bincount(at, weights=w) for w in (np.ones(len(p)), loss, positive))
    metrics = {
        "auc": curves.auc(p, positive),
        "log_loss": float(loss.mean()),
        "information_gain": float(1 - loss.mean() / entropy(positive.mean())),
        "click_rate": float(positive.mean()),
    }
    bounds = {
        "auc": curves.auc_interval(p, positive, at, resamples, seed),
        "log_loss": intervals.ratio_interval(lost, rows, resamples, seed),
        "information_gain": _gain_interval(lost, clicked, rows, resamples, seed),
        "click_rate": intervals.ratio_interval(clicked, rows, resamples, seed),
    }
    if group is not None:
        above, below = _gauc_parts(p, positive, group, weight, impressions)
        name = f"gauc_{weight}"
        metrics[name] = float(above.sum() / below.sum()) if below.sum() > 0 else np.nan
        pool = intervals.pools(len(above), seed=seed)
        sums, of = (np.bincount(pool, weights=part) for part in (above, below))
        bounds[name] = intervals.ratio_interval(sums, of, resamples, seed)
    return Outcome(metrics, bounds)


def _gauc_parts(
    scores: Float[np.ndarray, " n"],
    label: Bool[np.ndarray, " n"],
    group: Int[np.ndarray, " n"],
    weight: Weight,
    impressions: Float[np.ndarray, " n"] | None,
) -> tuple[Float[np.ndarray, " g"], Float[np.ndarray, " g"]]:
    """w AUC and w of the groups in which both classes occur."""
    if np.shape(group) != label.shape:
        raise InputError(f"{len(label)} rows but groups of shape {np.shape(group)}", mend="give the group of each row")
    names, of = np.unique(group, return_inverse=True)
    each = curves.group_auc(scores, label, of, len(names))
    weights = group_weights(label, of, len(names), weight, impressions)
    both = np.isfinite(each)
    return weights[both] * each[both], weights[both]


def _gain_interval(
    lost: Float[np.ndarray, " r"],
    clicked: Float[np.ndarray, " r"],
    rows: Float[np.ndarray, " r"],
    resamples: int,
    seed: int,
) -> tuple[float, float]:
    if len(rows) < 2:
        return np.nan, np.nan

    def gain(counts: Float[np.ndarray, "b r"]) -> Float[np.ndarray, " b"]:
        rate = intervals.resampled_ratios(counts, clicked, rows)
        known = np.where((rate > 0) & (rate < 1), entropy(rate), np.nan)
        return 1 - intervals.resampled_ratios(counts, lost, rows) / known

    return intervals.percentiles(intervals.resampled(gain, len(rows), resamples, seed))
