"""Counting as a measure of oddity."""

from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.recordings.events.counts import condition, rarity, strangeness


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 4), st.integers(0, 20), st.integers(1, 6), st.integers(0, 1000))
def test_scores_are_those_of_counting_one_by_one(fields, known, events, seed):
    rng = np.random.default_rng(seed)
    train, test = rng.integers(0, 4, (known, fields)), rng.integers(0, 5, (events, fields))

    def n(**at):
        return sum(all(row[int(k[1:])] == v for k, v in at.items()) for row in train.tolist()) + 0.5

    rare, strange, least = (score(test, train) for score in (rarity, strangeness, condition))
    for e, event in enumerate(test.tolist()):
        assert np.isclose(rare[e], -sum(np.log(n(**{f"f{k}": event[k]})) for k in range(fields)))
        pairs = [
            np.log(n(**{f"f{i}": event[i], f"f{j}": event[j]}) / n(**{f"f{i}": event[i]}) / n(**{f"f{j}": event[j]}))
            for i, j in combinations(range(fields), 2)
        ]
        assert np.isclose(strange[e], -sum(pairs)) and np.isclose(least[e], -min(pairs, default=0))


def test_values_that_never_met_are_strange_but_not_rare():
    train = np.array([[1, 1], [2, 2]] * 50)
    usual, mixed, rare = np.array([[1, 1]]), np.array([[1, 2]]), np.array([[3, 3]])
    assert strangeness(mixed, train) > strangeness(usual, train) and rarity(mixed, train) == rarity(usual, train)
    assert rarity(rare, train) > rarity(mixed, train)
