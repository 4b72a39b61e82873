"""Click metrics against loops over pairs, and scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from acteme.errors import InputError
from acteme.tasks import clicks, curves
from tests.tasks.data import same

WEIGHTS = ("impressions", "positives", "size")


def plain_auc(scores, label):
    """Over all pairs; None where a class is missing."""
    pairs = [(a > b) + (a == b) / 2 for a, y in zip(scores, label, strict=True) if y
             for b, z in zip(scores, label, strict=True) if not z]  # fmt: skip
    return sum(pairs) / len(pairs) if pairs else None


@st.composite
def rows(draw):
    n = draw(st.integers(2, 25))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    grid = draw(st.sampled_from([1, 4, 1000]))
    label = rng.integers(0, 2, n)
    label[:2] = 0, 1
    return (
        rng.integers(0, grid + 1, n) / grid,
        label,
        rng.integers(0, 4, n) * 7 - 3,
        rng.integers(1, 9, n).astype(float),
    )


@given(rows(), st.sampled_from(WEIGHTS))
def test_equal_the_definitions(data, weight):
    p, label, group, shown = data
    out = clicks.measure(p, label, group, weight, impressions=shown, resamples=2).metrics
    same(out["auc"], plain_auc(p, label))
    above = below = 0
    for g in set(group.tolist()):
        of = group == g
        w = {"impressions": shown[of].sum(), "positives": label[of].sum(), "size": of.sum()}[weight]
        area = plain_auc(p[of], label[of])
        if area is not None:
            above, below = above + w * area, below + w
    same(out[f"gauc_{weight}"], above / below if below else math.nan)
    same(clicks.gauc(p, label, group, weight, shown), out[f"gauc_{weight}"])
    kept = [min(max(x, 1e-7), 1 - 1e-7) for x in p]
    loss = sum(-math.log(x if y else 1 - x) for x, y in zip(kept, label, strict=True)) / len(p)
    rate = label.mean()
    base = -rate * math.log(rate) - (1 - rate) * math.log(1 - rate)
    same(out["log_loss"], loss)
    same(out["information_gain"], 1 - loss / base)
    same(out["auc"], sklearn.roc_auc_score(label, p))
    same(curves.average_precision(p, label > 0), sklearn.average_precision_score(label, p))


def test_a_constant_is_worth_a_half_whatever_the_order_of_rows():
    for label in ([1, 0, 1, 0], [0, 0, 1, 1], [1, 1, 0, 0]):
        out = clicks.measure(np.full(4, 0.5), label, np.zeros(4), resamples=2).metrics
        assert out["auc"] == out["gauc_size"] == 0.5
        assert out["information_gain"] == pytest.approx(0) and out["log_loss"] == pytest.approx(math.log(2))


def test_certainty_and_its_opposite_are_clipped():
    out = clicks.measure(np.array([1.0, 0.0]), [1, 0], resamples=2).metrics
    assert out["auc"] == 1 and out["log_loss"] == pytest.approx(1e-7, rel=1e-3)
    wrong = clicks.measure(np.array([0.0, 1.0], np.float32), [1, 0], resamples=2).metrics
    assert wrong["auc"] == 0 and wrong["log_loss"] == pytest.approx(-math.log(1e-7), rel=1e-6)


def test_weights_differ_and_groups_of_one_class_count_nothing():
    p = np.array([0.9, 0.1, 0.2, 0.4, 0.6, 0.5, 0.9])
    label, group = np.array([1, 0, 0, 0, 1, 1, 1]), np.array([0, 0, 0, 1, 1, 1, 2])
    p[3] = 0.55  # group 0: AUC 1, one click of three; group 1: AUC 1/2, two of three
    assert clicks.gauc(p, label, group, "size") == pytest.approx(0.75)
    assert clicks.gauc(p, label, group, "positives") == pytest.approx(2 / 3)
    assert clicks.gauc(p, label, group, "impressions", np.array([1, 8, 8, 1, 1, 1, 1.0])) == pytest.approx(18.5 / 20)
    assert math.isnan(clicks.gauc(p, label, np.arange(7), "size"))


def test_the_interval_of_the_auc_is_close_to_that_of_resampled_recordings():
    rng = np.random.default_rng(0)
    label, recording = rng.integers(0, 2, 600), np.repeat(np.arange(60), 10)
    p = 1 / (1 + np.exp(-(label + rng.normal(size=600) + 0.7 * rng.normal(size=60)[recording])))
    out = clicks.measure(p, label, recording=recording, resamples=500)
    drawn = np.random.default_rng(0).integers(60, size=(500, 60))
    rows_of = (drawn[:, :, None] * 10 + np.arange(10)).reshape(500, -1)
    areas = [sklearn.roc_auc_score(label[r], p[r]) for r in rows_of[:200]]
    assert out.intervals["auc"] == pytest.approx(tuple(np.quantile(areas, [0.025, 0.975])), abs=0.012)
    for name, (low, high) in out.intervals.items():
        assert low < out.metrics[name] < high
    losses = clicks.log_losses(p, label > 0)
    expected = np.quantile(losses[rows_of].mean(1), [0.025, 0.975])
    assert out.intervals["log_loss"] == pytest.approx(tuple(expected))
    assert all(np.isnan(v).all() for v in clicks.measure(p, label, recording=np.zeros(600)).intervals.values())


def test_what_cannot_be_measured():
    half = np.full(3, 0.5)
    with pytest.raises(InputError, match="all 3 rows are clicks; a curve needs rows without a click too"):
        clicks.measure(half, [1, 1, 1])
    with pytest.raises(InputError, match="all 3 rows are rows without a click"):
        clicks.measure(half, [0, 0, 0])
    with pytest.raises(InputError, match="no scored rows"):
        clicks.measure(np.zeros(0), [])
    with pytest.raises(InputError, match=r"shape \(3,\) do not match labels of shape \(2,\)"):
        clicks.measure(half, [0, 1])
    with pytest.raises(InputError, match="row 1 is NaN"):
        clicks.measure(np.array([0, np.nan, 1]), [0, 1, 1])
    with pytest.raises(InputError, match="label of row 2 is 5"):
        clicks.measure(half, [0, 1, 5])
    with pytest.raises(InputError, match="row 0 has -2 for a probability; apply the sigmoid"):
        clicks.measure(np.array([-2.0, 0, 1]), [0, 1, 1])
    with pytest.raises(InputError, match="3 rows but groups of shape"):
        clicks.measure(half, [0, 1, 1], np.zeros(2))
    with pytest.raises(InputError, match="3 rows but recordings of 2"):
        clicks.measure(half, [0, 1, 1], recording=np.zeros(2))
    with pytest.raises(InputError, match="by impressions, but these are not given"):
        clicks.measure(half, [0, 1, 1], np.zeros(3), "impressions")
    with pytest.raises(InputError, match="no weight 'users'"):
        clicks.gauc(half, [0, 1, 1], np.zeros(3), "users")
