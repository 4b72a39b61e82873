import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.annotations import Segments
from acteme.tasks import events
from benchmarks import _plain_metrics as plain
from tests.tasks.data import same, scored_segments

LEVELS = (0.1, 0.3, 0.5, 0.75)


def columns(s, keep, *names):
    return list(zip(*(getattr(s, n)[keep].tolist() for n in names), strict=True))


def segment(*rows):
    """Segments of rows (recording, start, end, label, score)."""
    c = [np.array(x) for x in zip(*rows, strict=True)] or [np.zeros(0)] * 5
    return Segments(c[0].astype(int), c[1].astype(float), c[2].astype(float), c[3].astype(int), c[4].astype(float))


@given(scored_segments(), st.sampled_from(["plain", "interpolated"]))
def test_greedy_equals_the_definition(data, kind):
    found, true, _, classes = data
    value = events.event_average_precision(found, true, classes, LEVELS, "greedy", kind)
    for h, level in enumerate(LEVELS):
        for k in range(classes):
            d = columns(found, found.label == k, "start", "end", "score", "recording")
            t = columns(true, true.label == k, "start", "end", "recording")
            same(value[h, k], plain.event_average_precision(d, t, level, kind))
    same(
        events.event_map(found, true, classes, LEVELS, "greedy", kind),
        [plain.mean_defined(row) for row in value.tolist()],
    )


@given(scored_segments(), st.sampled_from(["plain", "interpolated"]))
def test_pku_equals_the_definition(data, kind):
    found, true, _, classes = data
    value = events.event_average_precision(found, true, classes, LEVELS, "pku", kind)
    for h, level in enumerate(LEVELS):
        for k in range(classes):
            d = columns(found, found.label == k, "start", "end", "score", "recording", "label")
            t = columns(true, true.label == k, "start", "end", "recording", "label")
            same(value[h, k], plain.pku_average_precision(d, t, level, kind))


@given(scored_segments())
def test_pku_script_equals_its_procedure(data):
    found, true, recordings, classes = data
    for by, groups in (("class", classes), ("recording", recordings)):
        value = events.pku_script_map(found, true, groups, LEVELS, by)
        for h, level in enumerate(LEVELS):
            expected = []
            for g in range(groups):
                key = "label" if by == "class" else by
                d = columns(found, getattr(found, key) == g, "start", "end", "score", "recording", "label")
                t = columns(true, getattr(true, key) == g, "start", "end", "recording", "label")
                expected.append(plain.pku_script_average_precision(d, t, level))
            same(value[h], np.mean(expected))


def test_greedy_gives_the_next_best_true_segment_and_pku_does_not():
    true = segment((0, 0, 10, 0, 1), (0, 4, 14, 0, 1))
    found = segment((0, 0, 10, 0, 0.9), (0, 1, 11, 0, 0.8))
    assert events.match(found, true, (0.5,)).hit.tolist() == [True, True]
    m = events.match(found, true, (0.5,), "pku")
    assert m.row.tolist() == [0, 1] and m.hit.tolist() == [True, False]


def test_a_chain_of_refusals_is_followed_to_its_end():
    # Every detection likes segment 0 best, then 1, 2, 3 (IoU 1, 9/11, 8/12, 7/13); the less certain takes what is left.
    true = segment(*[(0, i, i + 10, 0, 1) for i in range(4)])
    found = segment(*[(0, 0, 10, 0, score) for score in (0.1, 0.4, 0.3, 0.2)])
    for level, hits in ((0.5, [0, 1, 2, 3]), (0.6, [1, 2, 3]), (0.8, [1, 2]), (0.9, [1])):
        m = events.match(found, true, (level,))
        assert m.row[m.hit].tolist() == hits


def test_published_numbers_of_a_perfect_ranking_with_a_trailing_false_alarm():
    true = segment((0, 0, 10, 0, 1))
    found = segment((0, 0, 10, 0, 0.9), (0, 50, 60, 0, 0.1))
    same(events.event_map(found, true, 1, (0.5,)), [1.0])
    same(events.pku_script_map(found, true, 1, (0.5,)), [0.5])


def test_segments_match_only_within_their_recording_and_class():
    true = segment((0, 0, 10, 0, 1))
    assert len(events.match(segment((1, 0, 10, 0, 1)), true, (0.1,)).row) == 0
    assert len(events.match(segment((0, 0, 10, 1, 1)), true, (0.1,)).row) == 0


def test_missed_is_zero_absent_is_undefined():
    true, nothing = segment((0, 0, 10, 0, 1)), segment()
    same(events.event_average_precision(nothing, true, 2, (0.5,)), [[0.0, np.nan]])
    same(events.event_map(nothing, nothing, 2, (0.5,)), [np.nan])
    same(events.pku_script_map(nothing, true, 2, (0.5,)), [0.0])
    same(events.event_average_precision(segment((0, 0, 1, 1, 1)), true, 2, (0.5,)), [[0.0, np.nan]])


def test_wrong_input_is_refused():
    one = segment((0, 0, 10, 3, 1))
    with pytest.raises(InputError, match="names class 3 where there are 2"):
        events.event_map(one, one, 2)
    with pytest.raises(InputError, match="detection 0 has a NaN score"):
        events.event_map(segment((0, 0, 10, 0, np.nan)), one, 4)
    with pytest.raises(InputError, match="not all above 0 and at most 1"):
        events.event_map(one, one, 4, (0.5, 1.5))
