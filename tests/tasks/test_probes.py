from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.tasks import probes, recognition
from benchmarks import _plain_metrics as plain


def blobs(n=120, d=6, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, classes, n)
    return (4 * np.eye(classes, d)[label] + rng.normal(size=(n, d))).astype(np.float32), label


def test_neighbors_learn_what_is_there_and_only_that():
    x, label = blobs()
    assert recognition.top_k(probes.knn(x[:60], label[:60], x[60:], 3), label[60:]) > 0.9
    noise = np.random.default_rng(1).normal(size=x.shape)
    assert recognition.top_k(probes.knn(noise[:60], label[:60], noise[60:], 3), label[60:]) < 0.6


@given(st.integers(0, 2**32))
def test_nearest_neighbor_equals_the_definition(seed):
    rng = np.random.default_rng(seed)
    x, label, test = rng.normal(size=(9, 3)), rng.integers(0, 4, 9), rng.normal(size=(5, 3))
    found = probes.knn(x, label, test, 4)
    assert found.argmax(1).tolist() == plain.nearest(x.tolist(), label.tolist(), test.tolist())
    assert (found.sum(1) == 1).all()


def test_knn_counts_or_weighs_its_votes():
    x = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
    label, test = np.array([0, 1, 1]), np.array([[3.0, 0.0]])
    assert probes.knn(x, label, test, 3, k=3).tolist() == [[1.0, 2.0, 0.0]]
    cosine = np.array([1.0, 1 / np.sqrt(1.01), 0.0])
    weight = np.exp((cosine - 1) / 0.5)
    np.testing.assert_allclose(
        probes.knn(x, label, test, 3, k=3, temperature=0.5), [[weight[0], weight[1] + weight[2], 0]], atol=1e-6
    )
    assert probes.knn(x, label, test, 3, k=99).sum() == 3
    many = np.repeat(test, 7, axis=0)
    np.testing.assert_array_equal(probes.knn(x, label, many, 3, chunk=2), probes.knn(x, label, many, 3))


def test_a_zero_feature_is_no_nan():
    assert np.isfinite(probes.knn(np.zeros((2, 3)), np.array([0, 1]), np.zeros((1, 3)), 2)).all()


def test_label_subset_is_stratified_nested_and_fixed_by_its_seed():
    label = np.concatenate([np.repeat([0, 1, 2], [200, 40, 3]), [-1] * 50])[np.random.default_rng(0).permutation(293)]
    sets = [probes.label_subset(label, f, seed=4) for f in (0.01, 0.05, 0.1, 1.0)]
    counts = [[int((label[s] == k).sum()) for k in range(3)] for s in sets]
    assert counts == [[2, 1, 1], [10, 2, 1], [20, 4, 1], [200, 40, 3]]
    for small, large in pairwise(sets):
        assert set(small) < set(large)
    assert all((label[s] >= 0).all() and (np.diff(s) > 0).all() for s in sets)
    np.testing.assert_array_equal(sets[1], probes.label_subset(label, 0.05, seed=4))
    assert set(sets[1]) != set(probes.label_subset(label, 0.05, seed=5))
    assert len(probes.label_subset(np.full(3, -1), 0.5)) == 0


def test_unlabeled_training_features_are_left_out():
    x, label = blobs()
    hidden = np.where(np.arange(120) % 2, label, -1)
    np.testing.assert_array_equal(probes.knn(x, hidden, x, 3), probes.knn(x[1::2], label[1::2], x, 3))


def test_wrong_input_is_refused():
    x, label = blobs(10)
    for message, call in {
        r"\(10, 6\) do not match test features of shape \(10, 5\)": lambda: probes.knn(x, label, x[:, :5], 3),
        r"10 training features but labels of shape \(9,\)": lambda: probes.knn(x, label[:9], x, 3),
        "no training feature has a class": lambda: probes.knn(x, np.full(10, -1), x, 3),
        "label 2 is out of range for 2 classes": lambda: probes.knn(x, np.full(10, 2), x, 2),
        "test feature 0 is not finite": lambda: probes.knn(x, label, np.full((1, 6), np.inf), 3),
        "k-NN with k = 0": lambda: probes.knn(x, label, x, 3, k=0),
        "a share of labels of 0": lambda: probes.label_subset(label, 0),
    }.items():
        with pytest.raises(InputError, match=message):
            call()
