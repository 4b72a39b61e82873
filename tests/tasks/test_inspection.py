"""What a latent stands for, in numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.tasks.inspection import Confidence, confidence, edges, exposure, levels, lift, purity, strongest


def test_levels_go_up_with_the_activation():
    values = np.array([0.0, 0, *range(1, 11)])
    assert levels(values, edges(values)).tolist() == [0, 0, *range(1, 11)]
    assert levels(np.array([0.0, 1e-9, 99]), edges(values)).tolist() == [0, 1, 10]


def test_equal_activations_have_one_edge():
    assert edges(np.array([0.0, 2, 2, 2])).tolist() == [2]
    assert levels(np.array([0.0, 1, 2, 3]), np.array([2.0])).tolist() == [0, 1, 1, 2]
    assert len(edges(np.zeros(3))) == 0 and levels(np.array([0.0, 5]), np.zeros(0)).tolist() == [0, 1]


@given(st.lists(st.floats(0, 9), min_size=1, max_size=30))
def test_levels_are_monotone_and_positive_where_active(numbers):
    values = np.sort(np.array(numbers))
    found = levels(values, edges(values))
    assert (np.diff(found) >= 0).all() and ((found > 0) == (values > 0)).all() and found.max() <= 10


def test_lift_prefers_what_is_rare_elsewhere():
    tags = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0]], bool)
    found = lift(tags, np.array([0.9, 0.1, 0.0]))
    assert found == pytest.approx([np.log(1 / 0.9), 2 / 3 * np.log(10), 0])
    assert lift(np.zeros((0, 2), bool), np.array([0.5, 0.5])).tolist() == [0, 0]


def test_confidence_counts():
    predicted, active = np.array([1, 1, 0, 0, 1], bool), np.array([1, 0, 1, 0, 1], bool)
    assert confidence(predicted, active) == pytest.approx(Confidence(2 / 3, 2 / 3, 3 / 5))
    none = np.zeros(3, bool)
    assert confidence(none, none) == Confidence(0, 0, 1) and confidence(none[:0], none[:0]) == Confidence(0, 0, 0)


def test_a_tag_is_chosen_on_one_half_and_judged_on_the_other():
    tags = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], bool)  # even places say 0, odd ones 1
    found = purity(np.array([[0, 1, 2, 3], [1, 3, 1, 3]]), tags, np.array([0.5, 0.5]))
    assert found.tag.tolist() == [0, 1]
    assert found.construct.tolist() == [0.5, 0.5] and found.verify.tolist() == [-0.5, 0.5]


@given(st.integers(0, 10**6), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_strongest_is_the_plain_loop(seed, count):
    rng = np.random.default_rng(seed)
    activations = rng.integers(0, 6, (12, 3)) * 1.0
    group = rng.integers(0, 5, 12)
    at, able = strongest(activations, group, count)
    for unit in range(3):
        best = {}
        for row in range(12):
            if group[row] not in best or activations[row, unit] > activations[best[group[row]], unit]:
                best[group[row]] = row
        top = sorted(best.values(), key=lambda r: (-activations[r, unit], group[r]))[:count]
        assert at[unit].tolist() == top
        assert able[unit] == (len(top) == count and all(activations[r, unit] > 0 for r in top))


def test_exposure_is_a_share_of_places():
    tagged = np.array([False, True, False, True])
    assert exposure(np.array([[1, 2], [3, 1]]), tagged) == 0.75 and exposure(np.zeros((0, 5), int), tagged) == 0.0
