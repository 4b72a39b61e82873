"""Vectors with named axes against what objects really have."""

from itertools import combinations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from acteme.errors import InputError
from acteme.tasks import concepts


def some(seed=0, n=30, c=12):
    rng = np.random.default_rng(seed)
    truth = rng.random((n, c)) < 0.3
    truth[:, 0] |= ~truth.any(1)
    return rng.random((n, c)).astype(np.float32), truth


def test_average_precision_is_that_of_each_object():
    vectors, truth = some()
    expected = [average_precision_score(t, v) for v, t in zip(vectors, truth, strict=True)]
    assert concepts.object_ap(vectors, truth) == pytest.approx(expected)
    truth[3] = False
    assert np.isnan(concepts.object_ap(vectors, truth)[3])
    out = concepts.measure(vectors, truth, resamples=50)
    assert out.metrics["concept_ap"] == pytest.approx(np.mean(expected[:3] + expected[4:]))
    low, high = out.intervals["concept_ap"]
    assert low < out.metrics["concept_ap"] < high


@pytest.mark.parametrize(("size", "count"), [(1, 1), (6, 1), (6, 2), (6, 5), (6, 6), (9, 4)])
def test_the_base_is_the_mean_over_all_orders(size, count):
    chosen = np.array([[i in some for i in range(size)] for some in combinations(range(size), count)])
    falling = np.tile(-np.arange(size, dtype=np.float32), (len(chosen), 1))
    assert concepts.random_ap(chosen[:1])[0] == pytest.approx(concepts.object_ap(falling, chosen).mean())


def test_gap_by_hand():
    vectors = np.array([[0.9, 0.5, 0.1], [0.3, 0.5, 0.2], [0.1, 0.5, 0.3]])
    truth = np.array([[1, 1, 0], [1, 1, 0], [0, 1, 0]])
    assert concepts.gap(vectors, truth) == pytest.approx(0.6 - 0.1), "concepts of all and of none are left out"
    assert np.isnan(concepts.gap(vectors[:, 1:], truth[:, 1:]))


def test_axes_in_another_order_are_found_again():
    _, truth = some(1, 200)
    order = np.random.default_rng(2).permutation(12)
    vectors = np.concatenate([(2.0 * truth - 5)[:, order], np.random.default_rng(3).random((200, 4))], 1)
    axes = concepts.matched_axes(vectors, truth)
    assert np.array_equal(order[axes], np.arange(12)) and len(set(axes.tolist())) == 12
    assert np.nanmean(concepts.object_ap(vectors[:, axes], truth)) == pytest.approx(1.0)
    constant = np.concatenate([truth[:, :1], np.ones((200, 1))], 1)
    assert concepts.matched_axes(constant[:, ::-1], truth[:, :1]).tolist() == [1]


def test_deletion_by_hand():
    parts = np.array([[4.0, 2.0, 0.0, 0.0, 0.0], [3.0, 2.0, 1.0, 0.0, 2.0]])
    # one part of each: 4 + 3 against the means 3 and 2
    assert concepts.deletion(parts, most=1) == pytest.approx(7 / 5)
    # all active parts of the first: nothing is left to choose
    assert concepts.deletion(parts[:1], most=3) == pytest.approx(1.0)
    assert np.isnan(concepts.deletion(np.zeros((2, 3))))


def test_a_sum_of_many_parts_of_random_size_has_a_large_deletion_without_names():
    parts = np.random.default_rng(0).exponential(size=(100, 126))
    assert concepts.deletion(parts) > 3


@pytest.mark.parametrize(
    ("vectors", "truth", "message"),
    [
        (np.zeros((2, 3)), np.zeros((2, 4)), "do not match a truth of shape"),
        (np.full((1, 2), np.nan), np.ones((1, 2)), "the value of concept 0 of object 0 is NaN"),
        (np.zeros((2, 3)), np.zeros((2, 3)), "no object has a concept"),
    ],
)
def test_what_does_not_fit_is_refused(vectors, truth, message):
    with pytest.raises(InputError, match=message):
        concepts.measure(vectors, truth)


def test_fewer_axes_than_concepts_are_refused():
    with pytest.raises(InputError, match="an axis for each concept"):
        concepts.matched_axes(np.zeros((4, 2)), np.zeros((4, 3)))
