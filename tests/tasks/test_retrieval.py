"""Retrieval: the reference numbers, ties, groups, distractors, chronology; against loops from the definitions."""

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.tasks import retrieval

THREE = np.array([[0.9, 0.1, 0.3], [0.8, 0.7, 0.2], [0.1, 0.6, 0.6]])


def loop(similarity, alike=None):
    """Ranks by the definition."""
    out = []
    for i, row in enumerate(similarity):
        true = [j for j in range(len(row)) if (j == i if alike is None else alike[i][j])]
        best = max(row[j] for j in true)
        places = [at for at, j in enumerate(sorted(range(len(row)), key=lambda j: -row[j])) if row[j] == best]
        out.append(sum(places) / len(places))
    return np.array(out)


def test_reference_numbers():
    m = retrieval.measure(THREE).metrics
    assert (m["t2m_r@1"], m["t2m_median_rank"], m["m2t_r@1"]) == (pytest.approx(2 / 3), 1.5, 1.0)
    alone = retrieval.distractors(np.vstack([THREE, [0.95, 0.65, 0.1]])).metrics
    assert (alone["m2t_r@1"], alone["m2t_median_rank"]) == (pytest.approx(2 / 3), 1.0)
    assert not any(name.startswith("t2m") for name in alone)
    alike = np.eye(3, dtype=bool)
    alike[0, 1] = alike[1, 0] = True
    grouped = retrieval.measure(THREE, alike).metrics
    assert grouped["t2m_r@1"] == grouped["m2t_r@1"] == 1.0


@pytest.mark.parametrize("seed", range(4))
def test_ranks_against_a_loop(seed):
    rng = np.random.default_rng(seed)
    similarity = rng.integers(0, 5, (9, 9 + seed)) / 4  # many ties
    np.testing.assert_array_equal(retrieval.ranks(similarity), loop(similarity))
    alike = np.eye(9, 9 + seed, dtype=bool) | (rng.random((9, 9 + seed)) < 0.2)
    np.testing.assert_array_equal(retrieval.ranks(similarity, alike), loop(similarity, alike))


def test_recalls_rise_and_intervals_hold_them():
    similarity = np.random.default_rng(0).normal(size=(40, 40)) + 2 * np.eye(40)
    found = retrieval.measure(similarity)
    values = [found.metrics[f"t2m_r@{k}"] for k in retrieval.AT]
    assert values == sorted(values) and 0 < values[0] < 1
    for name, (low, high) in found.intervals.items():
        assert low <= found.metrics[name] <= high and low < high
    rank = retrieval.ranks(similarity)
    assert found.metrics["t2m_median_rank"] == np.median(rank) + 1
    assert np.isnan(retrieval.recall(np.zeros(0), 1)) and np.isnan(retrieval.median_rank(np.zeros(0)))


def test_the_interval_of_the_median_is_that_of_resampled_medians():
    rank = np.array([0.0, 1.0, 5.0, 9.0, 9.0, 30.0])
    low, high = retrieval._median_interval(rank, 400, 0)
    rng = np.random.default_rng(0)
    drawn = rng.integers(6, size=(400, 6))
    medians = np.median(rank[drawn], axis=1) + 1
    assert (low, high) == pytest.approx(tuple(np.quantile(medians, [0.025, 0.975])))


def test_batches_are_those_of_the_official_order():
    names = [f"{i:03d}" for i in range(70)][::-1]
    groups = retrieval.guo_groups(names)
    order = np.arange(70)
    np.random.RandomState(0).shuffle(order)
    assert [len(g) for g in groups] == [32, 32]
    assert [names[i] for i in groups[1]] == [sorted(names)[i] for i in order[32:64]]
    similarity = np.random.default_rng(1).normal(size=(70, 70)) + 3 * np.eye(70)
    found = retrieval.in_batches(similarity, groups).metrics
    each = [retrieval.measure(similarity[np.ix_(g, g)]).metrics["m2t_r@1"] for g in groups]
    assert found["m2t_r@1"] == pytest.approx(np.mean(each))
    with pytest.raises(InputError, match="batches of 32 of 31 recordings"):
        retrieval.guo_groups(names[:31])


def test_chronology_is_strict_and_counts_ties_apart():
    pairs = np.array([[0.5, 0.4], [0.4, 0.5], [0.3, 0.3]])
    found = retrieval.chronological(pairs[:, 0], pairs[:, 1]).metrics
    assert found == {"car": pytest.approx(1 / 3), "car_half": pytest.approx(0.5)}
    rounding = retrieval.chronological(np.array([0.3]), np.array([0.3 - 1e-9])).metrics
    assert rounding == {"car": 0.0, "car_half": 0.5}, "a difference of rounding is a tie"
    assert all(np.isnan(v) for v in retrieval.chronological(np.zeros(0), np.zeros(0)).metrics.values())


@pytest.mark.parametrize("bad", [np.zeros(3), np.zeros((4, 3)), np.full((2, 2), np.nan)])
def test_what_cannot_be_ranked(bad):
    with pytest.raises(InputError, match="are no queries by candidates"):
        retrieval.ranks(bad)
