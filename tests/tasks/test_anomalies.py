"""Detection metrics against all orders of equal scores, and scikit-learn."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from acteme.errors import InputError
from acteme.tasks import anomalies
from tests.tasks.data import same


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=6), st.data())
def test_precision_at_k_equals_the_definition(rows, data):
    scores, label = np.array([s for s, _ in rows], float), np.array([y for _, y in rows])
    k = data.draw(st.integers(1, len(rows)))
    orders = [o for o in itertools.permutations(rows) if all(a[0] >= b[0] for a, b in itertools.pairwise(o))]
    each = [sum(y for _, y in o[:k]) / k for o in orders]
    for ties, expected in (("mean", np.mean(each)), ("optimistic", max(each)), ("pessimistic", min(each))):
        same(anomalies.precision_at(scores, label, k, ties), expected)


def test_metrics_are_those_of_scikit_learn_and_intervals_hold_them():
    rng = np.random.default_rng(0)
    label = (rng.random(400) < 0.2).astype(int)
    scores = np.round(rng.normal(size=400) + label, 1)
    recording = np.repeat(np.arange(40), 10)
    kinds = np.where(label, rng.choice(["one", "two"], 400), "normal")
    out = anomalies.measure(scores, label, (20, 50), kinds, recording, resamples=200)
    same(out.metrics["auc"], sklearn.roc_auc_score(label, scores))
    same(out.metrics["average_precision"], sklearn.average_precision_score(label, scores))
    assert set(out.metrics) == {"auc", "average_precision", "anomaly_rate", "precision@20", "precision@50"}
    assert all(low < out.metrics[name] < high for name, (low, high) in out.intervals.items())
    assert set(out.per_class) == {"one", "two"}
    kept = (kinds == "one") | (label == 0)
    same(out.per_class["one"]["auc"], sklearn.roc_auc_score(label[kept], scores[kept]))
    same(out.per_class["one"]["average_precision"], sklearn.average_precision_score(label[kept], scores[kept]))
    assert out.per_class["one"]["events"] + out.per_class["two"]["events"] == label.sum()
    assert f"precision@{label.sum()}" in anomalies.measure(scores, label, resamples=2).metrics


def test_a_constant_score_is_worth_the_base_rate():
    out = anomalies.measure(np.zeros(10), np.arange(10) < 3, (4,), resamples=2).metrics
    assert out["auc"] == 0.5 and out["average_precision"] == out["precision@4"] == pytest.approx(0.3)


def test_scores_that_differ_beyond_32_bits_are_no_ties():
    out = anomalies.measure(np.array([1.0, 1.0 + 1e-12, 1.0]), [0, 1, 0], resamples=2).metrics
    assert out["auc"] == out["average_precision"] == out["precision@1"] == 1


def test_what_cannot_be_measured():
    with pytest.raises(InputError, match="all 3 rows are normal events; a curve needs anomalies too"):
        anomalies.measure(np.zeros(3), np.zeros(3))
    with pytest.raises(InputError, match="no scored rows"):
        anomalies.measure(np.zeros(0), np.zeros(0))
    with pytest.raises(InputError, match="row 1 is NaN"):
        anomalies.measure(np.array([0, np.nan]), [0, 1])
    with pytest.raises(InputError, match="precision at 3 of 2 events"):
        anomalies.measure(np.zeros(2), [0, 1], (3,))
    with pytest.raises(InputError, match="2 events but kinds of shape"):
        anomalies.measure(np.zeros(2), [0, 1], kind=["a"])
    with pytest.raises(InputError, match="no tie rule 'expected'"):
        anomalies.precision_at(np.zeros(2), [0, 1], 1, "expected")
