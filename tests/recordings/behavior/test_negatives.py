"""Items that users have not met."""

import numpy as np

from acteme.recordings.behavior.negatives import unmet


def test_draws_are_new_different_and_follow_the_weights():
    rng = np.random.default_rng(0)
    offset, item = np.array([0, 2, 2, 5]), np.array([1, 4, 2, 2, 5])
    weight = np.array([1, 1, 2, 0, 4.0])
    drawn = np.stack([unmet(offset, item, 2, weight, rng) for _ in range(2000)])
    own = [{1, 4}, set(), {2, 5}]
    for u in range(3):
        assert not own[u] & set(drawn[:, u].ravel().tolist())
    assert (drawn[..., 0] != drawn[..., 1]).all() and 4 not in drawn
    first = np.bincount(drawn[:, 1, 0], minlength=6)[1:] / 2000
    assert np.allclose(first, weight / 8, atol=0.04)


def test_a_place_stays_empty_where_nothing_is_left():
    drawn = unmet(np.array([0, 2, 3]), np.array([1, 2, 1]), 2, np.ones(3), np.random.default_rng(0))
    assert sorted(drawn[0]) == [0, 3] and sorted(drawn[1]) == [2, 3]
    assert unmet(np.array([0, 0]), np.zeros(0, int), 1, np.ones(1), np.random.default_rng(0)).tolist() == [[1]]
