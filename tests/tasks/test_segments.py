import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.annotations import Segments
from acteme.tasks import segments
from benchmarks import _plain_metrics as plain
from tests.tasks.data import same, scored_frames, scored_segments

labels = st.lists(st.lists(st.integers(-1, 2), max_size=15), min_size=1, max_size=4)


def rows(s, recording):
    """(start, end, label) of one recording."""
    at = s.recording == recording
    return list(zip(s.start[at].tolist(), s.end[at].tolist(), s.label[at].tolist(), strict=True))


@given(labels)
def test_label_runs_equal_the_definition(sequences):
    lengths = [len(x) for x in sequences]
    runs = segments.label_runs(np.array([x for s in sequences for x in s], int), np.array(lengths))
    for i, x in enumerate(sequences):
        assert rows(runs, i) == plain.label_runs(x)


@given(scored_frames())
def test_active_runs_equal_the_definition_and_average_the_scores(data):
    scores, truth, lengths = data
    runs = segments.active_runs(truth, lengths, 1.0, scores)
    offset = 0
    for i, length in enumerate(lengths):
        part = slice(offset, offset + length)
        assert rows(runs, i) == plain.active_runs(truth[part].tolist())
        at = np.flatnonzero(runs.recording == i)
        for j in at:
            a, b = int(runs.start[j]) + offset, int(runs.end[j]) + offset
            assert runs.score[j] == pytest.approx(scores[a:b, runs.label[j]].mean(), abs=1e-6)
        offset += length


def test_runs_are_in_seconds_of_each_recording():
    runs = segments.label_runs(np.array([0, 0, 1, 1, 1, 1]), np.array([3, 3]), np.array([10.0, 30.0]))
    same(runs.start, [0, 0.2, 0])
    same(runs.end, [0.2, 0.3, 0.1])
    assert runs.recording.tolist() == [0, 0, 1]


@given(scored_segments(), st.booleans())
def test_overlaps_lists_every_overlapping_pair_best_first(data, later):
    found, true, _, _ = data
    d, t, iou = segments.overlaps(found, true, later)
    expected = []
    for i in range(len(found)):
        mine = []
        for j in range(len(true)):
            if (found.recording[i], found.label[i]) == (true.recording[j], true.label[j]):
                value = plain.iou((found.start[i], found.end[i]), (true.start[j], true.end[j]))
                if value > 0:
                    mine.append((-value, -j if later else j))
        expected += [(i, abs(j), -value) for value, j in sorted(mine)]
    assert d.tolist() == [e[0] for e in expected] and t.tolist() == [e[1] for e in expected]
    same(iou, [e[2] for e in expected])


@given(labels, st.integers(0, 2**32), st.booleans())
def test_f1_and_edit_equal_the_definition(sequences, seed, background):
    rng = np.random.default_rng(seed)
    guesses = [np.where(rng.random(len(x)) < 0.3, rng.integers(-1, 3, len(x)), x).astype(int) for x in sequences]
    lengths = np.array([len(x) for x in sequences])
    true = segments.label_runs(np.array([x for s in sequences for x in s], int), lengths)
    found = segments.label_runs(np.concatenate(guesses).astype(int), lengths)
    if not background:
        true, found = true.select(true.label >= 0), found.select(found.label >= 0)
    pairs = [(rows(found, i), rows(true, i)) for i in range(len(lengths))]
    levels = (0.1, 0.25, 0.5, 1.0)
    counts = segments.f1_counts(found, true, len(lengths), levels)
    for h, level in enumerate(levels):
        assert counts[h].tolist() == [list(plain.f1_counts(*pair, level)) for pair in pairs]
        same(segments.f1(counts)[h], plain.f1(pairs, level))
    expected = [plain.edit_score([p[2] for p in a], [p[2] for p in b]) for a, b in pairs]
    same(segments.edit_scores(found, true, len(lengths)), expected)


@given(scored_segments())
def test_f1_of_overlapping_segments_equals_the_definition(data):
    found, true, recordings, _ = data
    counts = segments.f1_counts(found, true, recordings, (0.3,))[0]
    assert counts.tolist() == [list(plain.f1_counts(rows(found, i), rows(true, i), 0.3)) for i in range(recordings)]


def test_rounding_of_seconds_does_not_decide():
    true = segments.active_runs(np.arange(12)[:, None] < 10, np.array([12]), 30.0)
    for start in range(1, 8):
        found = segments.active_runs((np.arange(12)[:, None] >= start) & (np.arange(12)[:, None] < 10), [12], 30.0)
        assert segments.f1_counts(found, true, 1, ((10 - start) / 10,))[0, 0, 0] == 1


def test_a_second_prediction_of_one_segment_is_a_false_alarm():
    true = Segments(np.array([0]), np.array([0.0]), np.array([10.0]), np.array([1]))
    found = Segments(np.zeros(2, int), np.array([0.0, 5.0]), np.array([5.0, 10.0]), np.array([1, 1]))
    assert segments.f1_counts(found, true, 1, (0.5,)).tolist() == [[[1, 1, 0]]]


def test_nothing_predicted_and_nothing_true_is_undefined():
    nothing = Segments(np.zeros(0, int), np.zeros(0), np.zeros(0), np.zeros(0, int))
    one = Segments(np.array([1]), np.array([0.0]), np.array([1.0]), np.array([0]))
    same(segments.f1(segments.f1_counts(nothing, nothing, 2)), [np.nan] * 3)
    same(segments.edit_scores(nothing, nothing, 2), [np.nan] * 2)
    same(segments.edit_scores(nothing, one, 2), [np.nan, 0.0])
    same(segments.f1(segments.f1_counts(nothing, one, 2)), [0.0] * 3)


def test_wrong_input_is_refused():
    one = Segments(np.array([2]), np.array([1.0]), np.array([2.0]), np.array([0]))
    with pytest.raises(InputError, match="names recording 2 where there are 2"):
        segments.f1_counts(one, one, 2)
    with pytest.raises(InputError, match="names class 0 where there are 0"):
        segments.check_rows(one, classes=0)
    with pytest.raises(InputError, match="not all above 0"):
        segments.f1_counts(one, one, 3, (0.0, 0.5))
    with pytest.raises(InputError, match="before it starts"):
        segments.check_rows(Segments(np.array([0]), np.array([2.0]), np.array([1.0]), np.array([0])))
    with pytest.raises(InputError, match="add up to 5 where there are 4"):
        segments.label_runs(np.zeros(4, int), np.array([2, 3]))
