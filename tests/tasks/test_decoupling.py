"""What tells whether one embedding serves two ends, against closed forms and loops."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.tasks import curves
from acteme.tasks.decoupling import Evidence, conflict, discriminability, found, information, norms, official_auc


def test_norms_leave_out_rows_that_did_not_occur():
    assert norms(np.array([[3.0, 4], [0, 0], [0, 1]])) == 3.0
    assert math.isnan(norms(np.zeros((2, 2))))


def test_conflict_is_the_mean_cosine_where_both_occur():
    a = np.array([[1.0, 0], [1, 1], [0, 0], [5, 0]])
    r = np.array([[-2.0, 0], [0, 3], [1, 1], [0, 0]])
    assert conflict(a, r) == pytest.approx((-1 + math.sqrt(0.5)) / 2)
    assert math.isnan(conflict(a[2:], r[2:]))


@pytest.mark.parametrize(
    ("clicked", "passed", "bits"),
    [(30, 10, 0.0818), (10, 20, 0.0), (100, 0, 0.9183), (0, 200, 0.9183), (0, 0, 0.0), (100, 200, 0.0)],
)
def test_information_in_closed_form(clicked, passed, bits):
    assert information(clicked, passed, 100, 200) == pytest.approx(bits, abs=5e-5)


def test_information_without_a_class():
    assert information(np.array([3]), np.array([0]), np.array([7]), np.array([0])).tolist() == [0.0]


def plain(p, q, clicks, passes):
    total, out = clicks + passes, 0.0
    for xy, x, y in ((p, p + q, clicks), (q, p + q, passes), (clicks - p, total - p - q, clicks),
                     (passes - q, total - p - q, passes)):  # fmt: skip
        out += 0 if xy == 0 else xy / total * math.log2(xy * total / (x * y))
    return out


@given(st.integers(0, 2**32))
def test_evidence_counts_rows(seed):
    rng = np.random.default_rng(seed)
    n, t, categories = 60, 4, 4
    target, label = rng.integers(1, categories, n), rng.integers(0, 2, n)
    behavior = rng.integers(0, categories, (n, t))
    ago = np.broadcast_to(np.arange(t, 0, -1), (n, t))
    evidence = Evidence.count(target, label, behavior, ago, categories)
    gains = evidence.gains(target, behavior, ago)
    for row in range(0, n, 7):
        of = target == target[row]
        clicks, passes = int(label[of].sum()), int((1 - label[of]).sum())
        rare = 0
        for slot in range(t):
            c = behavior[row, slot]
            if c == 0:
                assert gains[row, slot] == 0
                continue
            has = of & (behavior[:, slot] == c)
            p, q = int(label[has].sum()), int((1 - label[has]).sum())
            assert gains[row, slot] == pytest.approx(plain(p, q, clicks, passes) if clicks and passes else 0, abs=1e-12)
            rare += p < 2 or q < 2
        wanted = clicks + passes >= 15 and rare <= 1
        assert evidence.reliable(target, behavior, ago, rows=15, few=2, slots=1)[row] == wanted


def test_what_was_never_counted_tells_what_its_absence_tells():
    one = Evidence.count(np.array([1, 1]), np.array([1, 0]), np.array([[1], [0]]), np.array([[1], [1]]), 4)
    assert one.gains(np.array([1, 1]), np.array([[1], [3]]), np.array([[1], [9]])).tolist() == [[1.0], [0.0]]
    assert not one.reliable(np.array([1]), np.array([[3]]), np.array([[1]])).any()


@given(st.integers(0, 2**32), st.integers(1, 7))
def test_found_is_ndcg(seed, top):
    rng = np.random.default_rng(seed)
    gain, score = rng.random((3, 6)), rng.permuted(np.arange(18.0).reshape(3, 6), axis=1)
    there = np.array([[True] * 6, [True] * 4 + [False] * 2, [True] + [False] * 5])
    out = found(gain, score, there, top)
    for row in range(3):
        slots = [s for s in range(6) if there[row, s]]
        best = sorted(slots, key=lambda s: -score[row, s])[:top]
        ideal = sorted((gain[row, s] for s in slots), reverse=True)[:top]
        dcg = [sum(g / math.log2(i + 2) for i, g in enumerate(gs)) for gs in ([gain[row, s] for s in best], ideal)]
        assert out[row] == pytest.approx(dcg[0] / dcg[1])


def test_equal_scores_find_their_mean():
    gain, there = np.array([[1.0, 0, 0, 0]]), np.ones((1, 4), bool)
    assert found(gain, np.zeros((1, 4)), there, 1)[0] == pytest.approx(0.25)
    assert found(gain[:, ::-1], np.zeros((1, 4)), there, 1)[0] == pytest.approx(0.25)
    assert math.isnan(found(np.zeros((1, 4)), np.zeros((1, 4)), there)[0])
    with pytest.raises(InputError, match="gains of shape"):
        found(gain, np.zeros((1, 3)), there)


def test_discriminability_of_what_separates_and_of_noise():
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 400)
    clear = discriminability(label[:, None] * 9 + rng.normal(size=(400, 3)), label, (2, 5, 1000))
    assert set(clear) == {2, 5} and clear[2] == pytest.approx(math.log(2), abs=0.01)
    assert discriminability(rng.normal(size=(400, 3)), label, (2,))[2] < 0.02


def test_official_auc_depends_on_the_order_of_rows():
    assert official_auc(np.zeros(4), np.array([1, 0, 1, 0])) == 0.5
    assert official_auc(np.zeros(4), np.array([0, 0, 1, 1])) == 0.0
    assert official_auc(np.array([0.9, 0.8, 0.2, 0.1]), np.array([1, 1, 0, 0])) == 0.75, "a perfect order"
    rng = np.random.default_rng(0)
    score, label = rng.normal(size=4000), rng.integers(0, 2, 4000)
    assert official_auc(score, label) == pytest.approx(curves.auc(score, label > 0), abs=1 / 2000)
