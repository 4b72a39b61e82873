"""Ranking metrics against their definitions: sorted lists, and all orders of equal scores."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from acteme.errors import InputError
from acteme.tasks import intervals, places, ranking
from acteme.tasks.places import Lists
from tests.tasks.data import same

NAN = float("nan")


def of_order(relevant, k, wanted):
    """Metrics of one user by the definition; `relevant` is true where the ranking has a positive."""
    ranks = [place for place, hit in enumerate(relevant, 1) if hit]
    inside = [r for r in ranks if r <= k]
    ideal = sum(1 / math.log2(i + 1) for i in range(1, min(wanted, k) + 1))
    return {
        "mrr": 1 / ranks[0],
        f"hr@{k}": float(bool(inside)),
        f"ndcg@{k}": sum(1 / math.log2(r + 1) for r in inside) / ideal,
        f"mrr@{k}": 1 / inside[0] if inside else 0.0,
        f"recall@{k}": len(inside) / wanted,
        f"map@{k}": sum(n / r for n, r in enumerate(inside, 1)) / min(wanted, k),
    }


def of_ranks(ranks, k):
    """The same where ranks may be fractions."""
    ranks = sorted(ranks)
    inside = [r for r in ranks if r <= k]
    ideal = sum(1 / math.log2(i + 1) for i in range(1, min(len(ranks), k) + 1))
    return {
        "mrr": 1 / ranks[0],
        f"hr@{k}": float(bool(inside)),
        f"ndcg@{k}": sum(1 / math.log2(r + 1) for r in inside) / ideal,
        f"mrr@{k}": 1 / inside[0] if inside else 0.0,
        f"recall@{k}": len(inside) / len(ranks),
        f"map@{k}": sum(n / r for n, r in enumerate(inside, 1)) / min(len(ranks), k),
    }


def arrangements(block):
    """All orders of a block of equal scores that differ in where its positives are; all are as likely."""
    n = range(len(block))
    return [[i in chosen for i in n] for chosen in itertools.combinations(n, sum(block))]


def loop(scores, targets, seen, k, ties):
    """Metrics of one user, item by item."""
    left = [i for i in range(1, len(scores)) if i in targets or i not in seen]
    if ties == "expected":
        by_score = itertools.groupby(sorted(left, key=lambda i: -scores[i]), key=lambda i: scores[i])
        blocks = [arrangements([i in targets for i in block]) for _, block in by_score]
        each = [of_order(list(itertools.chain(*order)), k, len(targets)) for order in itertools.product(*blocks)]
        return {name: sum(m[name] for m in each) / len(each) for name in each[0]}
    ranks = []
    for score in {scores[i] for i in targets}:
        tied = sum(scores[i] == score for i in targets)
        others = sum(scores[i] == score for i in left) - tied
        for j in range(1, tied + 1):
            c = {"optimistic": 0, "mean": j / (tied + 1), "pessimistic": 1}[ties]
            ranks.append(sum(scores[i] > score for i in left) + j + c * others)
    return of_ranks(ranks, k)


@st.composite
def users(draw, items=7, most=3):
    """Scores full of ties, positives (some seen before), seen items."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(1, 5))
    scores = (rng.integers(0, draw(st.sampled_from([1, 3, 50])), (n, items + 1)) / 4).astype(np.float32)
    some = [rng.permutation(np.arange(1, items + 1))[: rng.integers(1, most + 1)].tolist() for _ in range(n)]
    seen = [rng.integers(1, items + 1, rng.integers(0, 5)).tolist() for _ in range(n)]
    return scores, some, seen


@given(users(), st.sampled_from(["mean", "optimistic", "pessimistic", "expected"]), st.integers(1, 8))
def test_equal_the_definitions(data, ties, k):
    scores, targets, seen = data
    out = ranking.by_user(places.count(scores, Lists.of(targets), Lists.of(seen)), (k,), ties)
    expected = [loop(s.tolist(), set(t), set(h), k, ties) for s, t, h in zip(scores, targets, seen, strict=True)]
    assert set(out) == set(expected[0]) - (set() if max(map(len, targets)) > 1 else {f"recall@{k}", f"map@{k}"})
    for name, values in out.items():
        same(values, [e[name] for e in expected])
        assert (values <= 1 + 1e-12).all()


@given(users(), st.sampled_from([1, 40, 1000]))
def test_products_equal_tables(data, cells):
    scores, targets, seen = data
    n, width = scores.shape
    vectors = torch.from_numpy(scores.T.copy())  # users are unit vectors: the products are the scores, exactly
    bias = torch.arange(width).float() / 8
    found = places.count_products(torch.eye(n), vectors, Lists.of(targets), Lists.of(seen), bias, cells)
    expected = places.count(scores + bias.numpy(), Lists.of(targets), Lists.of(seen))
    for a, b in zip(
        (found.user, found.above, found.equal), (expected.user, expected.above, expected.equal), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_many_batches_and_blocks_equal_one():
    rng = np.random.default_rng(0)
    n, items = 50, places.BLOCK + 7
    vectors, queries = torch.from_numpy(rng.integers(-2, 3, (items + 1, 3))).float(), torch.eye(3).repeat(17, 1)[:n]
    targets = Lists.of([rng.permutation(items)[: 1 + u % 3] + 1 for u in range(n)])
    seen = Lists.of([rng.integers(1, items + 1, 20) for _ in range(n)])
    a = places.count_products(queries, vectors, targets, seen, cells=1)
    b = places.count((queries @ vectors.T).double(), targets, seen)
    assert a.users == b.users == n and (a.equal > 0).all()
    np.testing.assert_array_equal(a.above, b.above)
    np.testing.assert_array_equal(a.equal, b.equal)
    assert ranking.measure(a, resamples=2).metrics == ranking.measure(b, resamples=2).metrics


def one(rank, items=100):
    """Places of an item that ranks there."""
    return places.count(-np.arange(items + 1.0)[None], Lists.one([rank]))


def test_values_of_one_positive():
    for rank, ndcg in ((1, 1.0), (3, 0.5), (10, 0.2891), (11, 0.0)):
        out = ranking.measure(one(rank), (10,), resamples=1).metrics
        assert out["ndcg@10"] == pytest.approx(ndcg, abs=1e-4)
        assert out["hr@10"] == (rank <= 10) and out["mrr"] == pytest.approx(1 / rank)
        assert out["mrr@10"] == (out["mrr"] if rank <= 10 else 0)
        assert set(out) == {"mrr", "hr@10", "ndcg@10", "mrr@10"}


def test_a_pessimistic_tie_counts_against_the_target():
    out = ranking.measure(places.count(np.array([[9, 1, 2, 0.5, 1]]), Lists.one([1])), (3,), "pessimistic", resamples=1)
    assert out.metrics["hr@3"] == 1 and out.metrics["ndcg@3"] == 0.5


@pytest.mark.parametrize("wanted", [1, 3])
def test_a_constant_score_finds_k_of_n(wanted):
    n, k = 1000, 10
    targets = Lists.of([range(5, 5 + wanted)] * 4)
    found = {t: ranking.measure(places.count(np.zeros((4, n + 1)), targets), (k,), t, 1).metrics
             for t in ("expected", "mean", "optimistic", "pessimistic")}  # fmt: skip
    none = stats.hypergeom(n, wanted, k).pmf(0)
    assert found["expected"]["hr@10"] == pytest.approx(1 - none, rel=1e-9)
    if wanted == 1:
        assert found["expected"]["hr@10"] == pytest.approx(k / n)
        assert found["expected"]["mrr"] == pytest.approx(sum(1 / r for r in range(1, n + 1)) / n)
        assert found["mean"]["mrr"] == 2 / (n + 1)
    else:
        assert found["expected"]["recall@10"] == pytest.approx(k / n)
    assert found["mean"]["hr@10"] <= k / n and found["pessimistic"]["hr@10"] == 0
    assert found["optimistic"]["hr@10"] == found["optimistic"]["ndcg@10"] == 1, "which is why it is not the default"


@given(users())
def test_a_shift_of_the_scores_changes_nothing(data):
    scores, targets, seen = data
    a = ranking.by_user(places.count(scores, Lists.of(targets), Lists.of(seen)))
    b = ranking.by_user(places.count(scores - 100, Lists.of(targets), Lists.of(seen)))
    assert all(np.array_equal(a[name], b[name]) for name in a)


def test_scores_at_minus_infinity_do_not_tie_with_seen_items():
    scores = np.full((1, 6), -np.inf)
    found = places.count(scores, Lists.one([2]), Lists.of([[1, 3, 3]]))
    assert found.above.tolist() == [0] and found.equal.tolist() == [2]
    assert (scores == -np.inf).all(), "the caller's scores are left as they are"


def test_a_target_that_was_seen_before_stays_a_candidate_and_padding_is_none():
    scores = np.array([[99.0, 1, 2, 3, 4]])
    found = places.count(scores, Lists.of([[2, 3]]), Lists.of([[2, 3, 4]]))
    assert found.above.tolist() == [1, 0]


def test_users_without_anything_to_be_found_are_left_out():
    scores = np.tile(-np.arange(5.0), (3, 1))
    found = places.count(scores, Lists.of([[], [1], []]))
    assert found.users == 3 and ranking.measure(found, (1,), resamples=1).metrics["hr@1"] == 1
    with pytest.raises(InputError, match="no user has an item to be found"):
        ranking.measure(places.count(scores, Lists.of([[], [], []])))


def test_intervals_are_those_of_resampled_users_and_many_users_are_pooled(monkeypatch):
    rng = np.random.default_rng(0)
    found = places.count(rng.normal(size=(300, 41)), Lists.one(rng.integers(1, 41, 300)))
    out = ranking.measure(found, (10,), resamples=400)
    drawn = np.random.default_rng(0).integers(300, size=(400, 300))
    hits = ranking.by_user(found, (10,))["hr@10"]
    assert out.intervals["hr@10"] == pytest.approx(tuple(np.quantile(hits[drawn].mean(1), [0.025, 0.975])))
    at = intervals.pools(300, 50)
    assert sorted(np.bincount(at)) == [6] * 50 and intervals.pools(300).tolist() == list(range(300))
    monkeypatch.setattr(intervals.pools, "__defaults__", (50, 0))
    pooled = ranking.measure(found, (10,), resamples=400)
    assert pooled.metrics == out.metrics
    (a, b), (low, high) = pooled.intervals["hr@10"], out.intervals["hr@10"]
    assert a < out.metrics["hr@10"] < b and 0.7 < (b - a) / (high - low) < 1.4


def test_what_cannot_be_ranked():
    scores = np.zeros((2, 4))
    with pytest.raises(InputError, match="target item 4 of user 1 is not among the items 1 to 3"):
        places.count(scores, Lists.one([1, 4]))
    with pytest.raises(InputError, match="seen item 0 of user 0"):
        places.count(scores, Lists.one([1, 2]), Lists.of([[0], []]))
    with pytest.raises(InputError, match="scores of 2 users but target items of 1"):
        places.count(scores, Lists.one([1]))
    with pytest.raises(InputError, match="item 3 is to be found twice for user 1"):
        places.count(scores, Lists.of([[1], [3, 2, 3]]))
    with pytest.raises(InputError, match=r"scores of shape \(4,\)"):
        places.count(np.zeros(4), Lists.one([1]))
    scores[1, 2] = NAN
    with pytest.raises(InputError, match="the score of item 2 for user 1 is NaN"):
        places.count(scores, Lists.one([1, 1]))
    many = torch.zeros(40, 1)
    many[30] = NAN
    with pytest.raises(InputError, match="item 1 for user 30 is NaN"):
        places.count_products(many, torch.ones(9, 1), Lists.one(np.ones(40)), cells=1)
    with pytest.raises(InputError, match=r"users of shape \(2, 3\) and of items of shape \(5, 4\)"):
        places.count_products(torch.zeros(2, 3), torch.zeros(5, 4), Lists.one([1, 1]))
    with pytest.raises(InputError, match="no users"):
        places.count_products(torch.zeros(0, 3), torch.zeros(5, 3), Lists.of([]))
    with pytest.raises(InputError, match="metrics at 0"):
        ranking.measure(one(1), (0,))
    with pytest.raises(InputError, match="no tie rule 'best'"):
        ranking.measure(one(1), ties="best")
