"""Errors of ratings."""

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.tasks.ratings import measure


def test_errors_are_means_over_rows():
    out = measure(np.array([1.0, 2.0, 5.0]), np.array([2.0, 2.0, 3.0]), np.array([0, 0, 1]))
    assert out.metrics == pytest.approx({"mse": 5 / 3, "rmse": (5 / 3) ** 0.5, "mae": 1.0, "constant_mse": 2 / 9})
    assert out.intervals["mse"] == pytest.approx((0.5, 4.0)) and out.intervals["rmse"] == pytest.approx((0.5**0.5, 2))


def test_bad_rows_are_named():
    with pytest.raises(InputError, match="do not match"):
        measure(np.ones(2), np.ones(3))
    with pytest.raises(InputError, match="no rated rows"):
        measure(np.ones(0), np.ones(0))
    with pytest.raises(InputError, match="prediction of row 1 is nan"):
        measure(np.array([1, np.nan]), np.ones(2))
