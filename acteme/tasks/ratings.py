"""Prediction of ratings: mean squared and absolute error, and their comparison with a constant."""

import numpy as np
from jaxtyping import Float, Int

from acteme.errors import InputError
from acteme.tasks import curves, intervals
from acteme.tasks.outcome import Outcome


def measure(
    predicted: Float[np.ndarray, " n"],
    rating: Float[np.ndarray, " n"],
    recording: Int[np.ndarray, " n"] | None = None,
    resamples: int = intervals.RESAMPLES,
    seed: int = 0,
) -> Outcome:
    """Errors in units of the ratings, with bootstrap intervals over recordings (users).

    Args:
        predicted: what was expected of each row.
        rating: what came.
        recording: whose each row is; None takes rows for independent.
        resamples, seed: of the bootstrap.

    Metrics: `mse`, `rmse`, its root, `mae`, and `constant_mse`, that of the mean rating of these rows: their variance.

    Raises:
        InputError: shapes that do not match, no rows, a NaN.
    """
    predicted, rating = np.asarray(predicted, np.float64), np.asarray(rating, np.float64)
    if predicted.ndim != 1 or predicted.shape != rating.shape:
        what = f"predictions of shape {predicted.shape} do not match ratings of shape {rating.shape}"
        raise InputError(what, mend="give one of each per row")
    if not len(rating):
        raise InputError("there are no rated rows", mend="give ratings")
    for name, values in (("prediction", predicted), ("rating", rating)):
        if not np.isfinite(values).all():
            row = int(np.argmin(np.isfinite(values)))
            raise InputError(f"the {name} of row {row} is {values[row]}", mend="check the model's weights and input")
    at = curves.pooled(recording, len(rating), seed)
    rows = np.bincount(at).astype(float)
    square, absolute = (np.bincount(at, weights=e) for e in ((predicted - rating) ** 2, np.abs(predicted - rating)))
    low, high = intervals.ratio_interval(square, rows, resamples, seed)
    mse = float(square.sum() / len(rating))
    return Outcome(
        {"mse": mse, "rmse": mse**0.5, "mae": float(absolute.sum() / len(rating)), "constant_mse": float(rating.var())},
        {
            "mse": (low, high),
            "rmse": (low**0.5, high**0.5),
            "mae": intervals.ratio_interval(absolute, rows, resamples, seed),
        },
    )
