"""Forecasting: where agents will be. ADE and FDE, of one prediction or the best of K, per scene and then their mean.

Errors are Euclidean distances in units of the data (meters, or pixels of the original image), so that they are no
rates; the lower, the better. A scene with many windows counts like one with few.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from acteme.errors import InputError
from acteme.tasks import intervals
from acteme.tasks.outcome import Outcome

MISS = 0.05
"""A miss ends further from the truth than this share of the scene's longer side."""


def displacement(
    predicted: Float[np.ndarray, "n k t c"], truth: Float[np.ndarray, "n t c"]
) -> Float[np.ndarray, "n k t"]:
    """Distance of every predicted position from the true one."""
    predicted, truth = np.asarray(predicted, np.float64), np.asarray(truth, np.float64)
    if predicted.ndim != 4 or predicted.shape[:1] + predicted.shape[2:] != truth.shape or not predicted.shape[1]:
        what = f"predictions of shape {predicted.shape} do not match futures of shape {truth.shape}"
        raise InputError(what, mend="give (windows, alternatives, steps, axes) and (windows, steps, axes)")
    if not (np.isfinite(predicted).all() and np.isfinite(truth).all()):
        raise InputError("a position is NaN or infinite", mend="check the model's weights and input")
    return np.linalg.norm(predicted - truth[:, None], axis=-1)


def ade(predicted: Float[np.ndarray, "n k t c"], truth: Float[np.ndarray, "n t c"]) -> Float[np.ndarray, " n"]:
    """Average displacement error of the best alternative: the least mean distance over the steps."""
    return displacement(predicted, truth).mean(2).min(1)


def fde(predicted: Float[np.ndarray, "n k t c"], truth: Float[np.ndarray, "n t c"]) -> Float[np.ndarray, " n"]:
    """Final displacement error of the best alternative: the least distance at the last step."""
    return displacement(predicted, truth)[:, :, -1].min(1)


def goal_error(goals: Float[np.ndarray, "n k c"], truth: Float[np.ndarray, "n t c"]) -> Float[np.ndarray, " n"]:
    """Least distance of a drawn goal from the last position: what Y-net's code calls FDE."""
    return displacement(np.asarray(goals)[:, :, None], np.asarray(truth)[:, -1:])[:, :, 0].min(1)


def constant_velocity(past: Float[np.ndarray, "n p c"], steps: int) -> Float[np.ndarray, "n 1 t c"]:
    """The baseline: everyone goes on with the velocity of the last two observed positions."""
    past = np.asarray(past, np.float64)
    step = past[:, -1] - past[:, -2] if past.shape[1] > 1 else np.zeros_like(past[:, -1])
    return (past[:, -1:] + np.arange(1, steps + 1)[:, None] * step[:, None])[:, None]


def measure(
    predicted: Float[np.ndarray, "n k t c"],
    truth: Float[np.ndarray, "n t c"],
    scene: Int[np.ndarray, " n"],
    recording: Int[np.ndarray, " n"],
    scenes: Sequence[str] = (),
    *,
    past: Float[np.ndarray, "n p c"] | None = None,
    goals: Float[np.ndarray, "n k c"] | None = None,
    frozen: Float[np.ndarray, "n k t c"] | None = None,
    side: Float[np.ndarray, " n"] | None = None,
    resamples: int = intervals.RESAMPLES,
    seed: int = 0,
) -> Outcome:
    """All forecasting metrics with bootstrap intervals over recordings.

    Args:
        predicted: k alternatives for each window; the first counts where one is asked for.
        truth: what came.
        scene: where each window is, a number of `scenes`, or -1.
        recording: whose track each window is of; these are resampled.
        scenes: names; numbers unless given.
        past: observed positions, for the baseline of constant velocity.
        goals: where each alternative is meant to end.
        frozen: predictions before adaptation, for the relative gain.
        side: longer side of each window's scene, for misses.
        resamples: of the intervals.
        seed: of these.

    Metrics: `ade`, `fde` of the first alternative; `min_ade@K`, `min_fde@K` of the best of K; `goal_fde@K` (official
    code of Y-net); `miss_rate`; `cv_ade`, `cv_fde` of constant velocity and `gain_over_cv`, the share of it that is
    saved in the mean over scenes; `frozen_ade` and `gain` likewise before adaptation. Per scene: `ade`, `fde`,
    `cv_ade`, `frozen_ade`, `gain`, `windows`.
    """
    if not len(truth):
        raise InputError("there is no window with a whole future", "forecasting", "give longer tracks")
    k = np.asarray(predicted).shape[1]
    values = {"ade": ade(predicted[:, :1], truth), "fde": fde(predicted[:, :1], truth)}
    if k > 1:
        values |= {f"min_ade@{k}": ade(predicted, truth), f"min_fde@{k}": fde(predicted, truth)}
        if goals is not None:
            values[f"goal_fde@{k}"] = goal_error(goals, truth)
    if side is not None:
        values["miss_rate"] = (values["fde"] > MISS * side).astype(float)
    if past is not None:
        straight = constant_velocity(past, truth.shape[1])
        values |= {"cv_ade": ade(straight, truth), "cv_fde": fde(straight, truth)}
    if frozen is not None:
        values["frozen_ade"] = ade(frozen[:, :1], truth)
    numbers, of = np.unique(scene, return_inverse=True)
    _, who = np.unique(recording, return_inverse=True)
    count = _table(who, of, np.ones(len(of)))
    tables = {name: _table(who, of, value) for name, value in values.items()}
    means = {name: t.sum(0) / count.sum(0) for name, t in tables.items()}
    metrics = {name: float(mean.mean()) for name, mean in means.items()}
    bounds = {name: intervals.ratio_interval(t, count, resamples, seed) for name, t in tables.items()}
    for name, base in (("gain_over_cv", "cv_ade"), ("gain", "frozen_ade")):
        if base in tables:
            metrics[name] = float(_gain(means["ade"], means[base]).mean())
            bounds[name] = _gain_interval(tables["ade"], tables[base], count, resamples, seed)
    names = [scenes[n] if 0 <= n < len(scenes) else f"scene {n}" if n >= 0 else "unknown" for n in numbers]
    rows = {}
    for i, name in enumerate(names):
        row = {str(key): float(means[key][i]) for key in ("ade", "fde", "cv_ade", "frozen_ade") if key in means}
        if "frozen_ade" in means:
            row["gain"] = float(_gain(means["ade"], means["frozen_ade"])[i])
        rows[name] = row | {"windows": float(count[:, i].sum())}
    return Outcome(metrics, bounds, rows)


def _table(who: np.ndarray, of: np.ndarray, value: np.ndarray) -> Float[np.ndarray, "r s"]:
    """Sums of a value per recording and scene."""
    shape = (int(who.max()) + 1, int(of.max()) + 1)
    return np.bincount(who * shape[1] + of, weights=value, minlength=shape[0] * shape[1]).reshape(shape)


def _gain(ours: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Share of the base's error that is saved; 0 where it makes none."""
    return np.divide(base - ours, base, out=np.zeros_like(base), where=base > 0)


def _gain_interval(
    ours: np.ndarray, base: np.ndarray, count: np.ndarray, resamples: int, seed: int
) -> tuple[float, float]:
    """Bootstrap interval over recordings of the mean gain of scenes."""
    if len(ours) < 2:
        return np.nan, np.nan

    def gain(drawn: Float[np.ndarray, "b r"]) -> Float[np.ndarray, " b"]:
        a, b = (intervals.resampled_ratios(drawn, table, count) for table in (ours, base))
        saved = np.divide(b - a, b, out=np.full_like(a, np.nan), where=b > 0)
        return intervals.mean_defined(saved, axis=1)

    return intervals.percentiles(intervals.resampled(gain, len(ours), resamples, seed))
