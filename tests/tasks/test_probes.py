from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import RidgeClassifier

from acteme.errors import InputError
from acteme.tasks import probes, recognition
from benchmarks import _plain_metrics as plain


def blobs(n=120, d=6, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, classes, n)
    return (4 * np.eye(classes, d)[label] + rng.normal(size=(n, d))).astype(np.float32), label


@pytest.mark.parametrize("name", list(probes.PROTOCOLS))
def test_every_protocol_learns_what_is_there_and_only_that(name):
    x, label = blobs()
    scores = probes.PROTOCOLS[name](x[:60], label[:60], x[60:], 3)
    assert scores.shape == (60, 3)
    assert recognition.top_k(scores, label[60:]) > 0.9
    noise = np.random.default_rng(1).normal(size=x.shape)
    assert recognition.top_k(probes.PROTOCOLS[name](noise[:60], label[:60], noise[60:], 3), label[60:]) < 0.6


def test_linear_probe_takes_the_steps_of_its_recipe():
    x, label = blobs(20)
    config = probes.LinearProbe(epochs=3, batch=8, milestones=(1,), lr=0.1)
    found = probes.linear(x, label, x, 3, config)
    rng = torch.Generator().manual_seed(0)
    w, b = (torch.randn(3, 6, generator=rng) * 0.01).numpy().astype(float), np.zeros(3)
    vw, vb = np.zeros_like(w), np.zeros(3)
    for lr in (0.1, 0.01, 0.01):
        order = torch.randperm(20, generator=rng).numpy()
        for rows in (order[:8], order[8:16], order[16:]):
            z = x[rows] @ w.T + b
            p = np.exp(z - z.max(1, keepdims=True))
            g = (p / p.sum(1, keepdims=True) - np.eye(3)[label[rows]]) / len(rows)
            vw, vb = 0.9 * vw + g.T @ x[rows], 0.9 * vb + g.sum(0)
            w, b = w - lr * vw, b - lr * vb
    np.testing.assert_allclose(found, x @ w.T + b, atol=1e-4)


def test_linear_probe_shows_every_epoch_and_returns_the_last():
    x, label = blobs(30)
    seen = []
    config = probes.LinearProbe(epochs=4, milestones=())
    last = probes.linear(x, label, x[:5], 3, config, after_epoch=lambda e, s: seen.append((e, s)))
    assert [e for e, _ in seen] == [0, 1, 2, 3]
    np.testing.assert_array_equal(seen[-1][1], last)
    assert not np.allclose(seen[0][1], last)
    np.testing.assert_array_equal(probes.linear(x, label, x[:5], 3, config), last)


def test_ridge_is_scikit_learns_in_either_space():
    for n, d in ((80, 6), (12, 30)):
        x, label = blobs(n, d)
        z = (x - x.mean(0)) / x.std(0)
        expected = RidgeClassifier(alpha=2.0).fit(z, label).decision_function(z)
        found = probes.ridge(x, label, x, 3, penalty=2.0)
        np.testing.assert_allclose(found * 2 - 1, expected, atol=1e-4)


def test_logistic_gives_probabilities_and_none_to_unseen_classes():
    x, label = blobs()
    scores = probes.logistic(x, label, x, 5)
    np.testing.assert_allclose(scores.sum(1), 1, atol=1e-6)
    assert (scores[:, 3:] == 0).all()
    assert probes.logistic(x, np.full(120, 2), x, 5)[:, 2].tolist() == [1.0] * 120


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
    assert np.isfinite(probes.ridge(np.ones((2, 3)), np.array([0, 1]), np.zeros((1, 3)), 2)).all()


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
    np.testing.assert_array_equal(probes.ridge(x, hidden, x, 3), probes.ridge(x[1::2], label[1::2], x, 3))


def test_wrong_input_is_refused():
    x, label = blobs(10)
    for message, call in {
        r"\(10, 6\) do not match test features of shape \(10, 5\)": lambda: probes.ridge(x, label, x[:, :5], 3),
        r"10 training features but labels of shape \(9,\)": lambda: probes.ridge(x, label[:9], x, 3),
        "no training feature has a class": lambda: probes.knn(x, np.full(10, -1), x, 3),
        "label 2 is out of range for 2 classes": lambda: probes.linear(x, np.full(10, 2), x, 2),
        "test feature 0 is not finite": lambda: probes.knn(x, label, np.full((1, 6), np.inf), 3),
        "k-NN with k = 0": lambda: probes.knn(x, label, x, 3, k=0),
        "a share of labels of 0": lambda: probes.label_subset(label, 0),
    }.items():
        with pytest.raises(InputError, match=message):
            call()
