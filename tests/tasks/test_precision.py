import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from acteme.errors import InputError
from acteme.tasks.precision import RADIX, average_precision, falling, rising
from benchmarks import _plain_metrics as plain
from tests.tasks.data import same, scored_frames


@given(scored_frames(), st.sampled_from(["shared", "order"]))
def test_equals_the_definition(data, ties):
    scores, truth, _ = data
    expected = [plain.average_precision(scores[:, k], truth[:, k], ties) for k in range(scores.shape[1])]
    same(average_precision(scores, truth, ties), expected)


def test_shared_ties_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    scores, truth = rng.integers(0, 9, (200, 3)).astype(np.float32), rng.random((200, 3)) < 0.3
    expected = [average_precision_score(truth[:, k], scores[:, k]) for k in range(3)]
    same(average_precision(scores, truth), expected)


def test_a_constant_score_is_worth_the_base_rate_whatever_the_order_of_frames():
    truth = np.array([[1], [1], [0], [0]])
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        same(average_precision(np.zeros((4, 1)), truth[order]), [0.5])
    same(average_precision(np.zeros((4, 1)), truth, ties="order"), [1.0])
    same(average_precision(np.zeros((4, 1)), truth[::-1], ties="order"), [(1 / 3 + 2 / 4) / 2])


def test_undefined_without_positives_and_perfect_with_one_frame():
    same(average_precision(np.zeros((3, 2)), np.zeros((3, 2))), [np.nan, np.nan])
    same(average_precision(np.zeros((0, 2)), np.zeros((0, 2))), [np.nan, np.nan])
    same(average_precision(np.array([[0.1, 0.9]]), np.array([[1, 0]])), [1.0, np.nan])


def test_infinite_scores_rank_at_the_ends():
    scores = np.array([[-np.inf], [0.0], [np.inf]])
    same(average_precision(scores, np.array([[0], [0], [1]])), [1.0])
    same(average_precision(scores, np.array([[1], [0], [0]])), [1 / 3])


@given(st.lists(st.floats(width=32, allow_nan=False), max_size=40))
def test_falling_is_the_stable_order(values):
    score = np.array(values, np.float32)
    assert falling(score).tolist() == sorted(range(len(values)), key=lambda i: -score[i])


@given(st.lists(st.integers(-5, 5), max_size=40))
def test_rising_is_the_stable_order(keys):
    assert rising(np.array(keys, np.int64)).tolist() == sorted(range(len(keys)), key=lambda i: keys[i])


@pytest.mark.parametrize("count", [RADIX // 4, RADIX // 4 + 1, RADIX - 1, RADIX])
def test_rising_is_the_stable_order_of_many_keys(count):
    keys = np.random.default_rng(count).integers(0, 100, count)
    keys[:: count // 9] = np.iinfo(np.int32).max
    assert np.array_equal(rising(keys), np.argsort(keys, kind="stable"))


def test_negative_zero_ties_with_zero():
    assert falling(np.array([0.0, -0.0, 0.0, -0.0])).tolist() == [0, 1, 2, 3]


def test_mismatched_input_is_refused():
    with pytest.raises(InputError, match=r"\(3, 2\) do not match a truth of shape \(3, 1\)"):
        average_precision(np.zeros((3, 2)), np.zeros((3, 1)))
    with pytest.raises(InputError, match="class 1 at frame 2 is NaN"):
        average_precision(np.array([[0, 0], [0, 0], [0, np.nan]]), np.zeros((3, 2)))
