import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.tasks import frames
from benchmarks import _plain_metrics as plain
from tests.tasks.data import same, scored_frames


@given(scored_frames(), st.sampled_from(["frames", "tsu", "charades"]))
def test_frame_map_equals_the_definition(data, rule):
    scores, truth, lengths = data
    expected = plain.frame_map(scores.tolist(), truth.tolist(), lengths.tolist(), rule)
    if not len(scores):
        expected = np.nan
    same(frames.frame_map(scores, truth, lengths, rule), expected)


@given(scored_frames(), st.integers(0, 2))
def test_frame_map_by_number_of_actions_equals_the_definition(data, actions):
    scores, truth, _ = data
    kept = frames.simultaneous(truth, actions)
    same(frames.frame_map_where(scores, truth, kept), plain.frame_map_where(scores, truth, actions))


def test_rules_differ_where_they_should():
    scores = np.array([[0.9, 0.2], [0.8, 0.1], [0.1, 0.3]])
    truth = np.array([[1, 0], [0, 0], [1, 0]])
    assert frames.frame_map(scores, truth) == pytest.approx((1 + 2 / 3) / 2)
    assert frames.frame_map(scores, truth, rule="tsu") == pytest.approx((1 + 2 / 3) / 2)
    assert np.isnan(frames.frame_map(scores, truth, [3], "charades"))
    truth[1, 1] = 1
    assert frames.frame_map(scores, truth, [3], "charades") > 0


def test_charades_looks_at_25_equally_spaced_times():
    rows = frames.spaced_frames(np.array([100, 0, 50, 1]))
    assert len(rows) == 75
    assert rows[:25].tolist() == list(range(0, 100, 4))
    assert rows[25:50].tolist() == list(range(100, 150, 2))
    assert set(rows[50:]) == {150}
    assert frames.spaced_frames(np.array([10]))[:4].tolist() == [0, 0, 0, 1]


def test_charades_needs_lengths_that_fit():
    scores = np.zeros((4, 1))
    with pytest.raises(InputError, match="needs the lengths"):
        frames.frame_map(scores, scores, rule="charades")
    with pytest.raises(InputError, match="add up to 3 where there are 4"):
        frames.frame_map(scores, scores, [3], "charades")


@given(scored_frames(multilabel=False), st.booleans(), st.sampled_from([None, 0.5]))
def test_frame_accuracy_equals_the_definition(data, background, threshold):
    scores, truth, _ = data
    label, guess = frames.single_labels(truth), frames.predicted_labels(scores, threshold)
    expected_label = [row.index(1) if 1 in row else -1 for row in truth.tolist()]
    expected = [
        max(range(len(row)), key=lambda k: (row[k], -k)) if threshold is None or max(row) >= threshold else -1
        for row in scores.tolist()
    ]
    assert label.tolist() == expected_label and guess.tolist() == expected
    same(frames.frame_accuracy(guess, label, background), plain.frame_accuracy(expected, expected_label, background))


def test_frame_accuracy_is_undefined_without_frames():
    assert np.isnan(frames.frame_accuracy(np.zeros(0, int), np.zeros(0, int)))
    assert np.isnan(frames.frame_accuracy([-1, 0], [-1, -1], background=False))
    with pytest.raises(InputError, match=r"\(2,\), \(3,\) do not match"):
        frames.frame_accuracy([0, 1], [0, 1, 1])


def test_single_labels_refuses_several_at_once():
    with pytest.raises(InputError, match="frame 1 has 2 classes at once"):
        frames.single_labels(np.array([[1, 0], [1, 1]]))
