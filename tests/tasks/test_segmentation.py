import json

import numpy as np
import pytest
from hypothesis import given, settings

from acteme.errors import InputError
from acteme.recordings.annotations import Segments
from acteme.tasks import events, frames, segmentation, segments
from benchmarks import _plain_metrics as plain
from tests.tasks.data import same, scored_frames


@given(scored_frames())
@settings(max_examples=40)
def test_multilabel_metrics_are_those_of_the_definitions(data):
    scores, truth, lengths = data
    out = segmentation.measure(scores, truth, lengths, fps=10.0, resamples=20)
    m, rows, true_rows = out.metrics, scores.tolist(), truth.tolist()
    same(m["frame_map"], plain.frame_map(rows, true_rows))
    same(m["frame_map_2_actions"], plain.frame_map_where(rows, true_rows, 2))
    if len(rows):
        same(m["frame_map_charades"], plain.frame_map(rows, true_rows, lengths.tolist(), "charades"))
    cuts = np.cumsum(lengths)[:-1]
    pairs = [
        (plain.active_runs((s >= 0.5).tolist()), plain.active_runs(t.tolist()))
        for s, t in zip(np.split(scores, cuts), np.split(truth, cuts), strict=True)
    ]
    same(m["f1@25"], plain.f1(pairs, 0.25))
    assert out.confusion is None and "edit" not in m
    assert set(out.intervals) <= set(m)


@given(scored_frames(multilabel=False))
@settings(max_examples=40)
def test_single_label_metrics_are_those_of_the_definitions(data):
    scores, truth, lengths = data
    out = segmentation.measure(scores, truth, lengths, multilabel=False, background=0.5, resamples=20)
    label, guess = frames.single_labels(truth), frames.predicted_labels(scores, 0.5)
    same(out.metrics["frame_accuracy"], plain.frame_accuracy(guess, label))
    same(out.metrics["frame_accuracy_actions"], plain.frame_accuracy(guess, label, False))
    cuts = np.cumsum(lengths)[:-1]
    runs = [
        (plain.label_runs(g.tolist()), plain.label_runs(t.tolist()))
        for g, t in zip(np.split(guess, cuts), np.split(label, cuts), strict=True)
    ]
    actions = [tuple([x for x in side if x[2] >= 0] for side in pair) for pair in runs]
    for name, pairs in (("", actions), ("_background", runs)):
        same(out.metrics[f"f1{name}@50"], plain.f1(pairs, 0.5))
        edits = [plain.edit_score([x[2] for x in a], [x[2] for x in b]) for a, b in pairs]
        same(out.metrics[f"edit{name}"], plain.mean_defined(edits))
    assert out.confusion.sum() == ((label >= 0) & (guess >= 0)).sum()
    assert out.confusion.trace() == ((label >= 0) & (guess == label)).sum()


def recordings(seed=0, count=12):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(30, 60, count)
    truth = np.repeat(rng.random((lengths.sum() // 10 + 1, 3)) < 0.4, 10, axis=0)[: lengths.sum()]
    return (truth + rng.normal(size=truth.shape)).astype(np.float32), truth, lengths


def test_intervals_surround_the_values_and_shrink_with_more_recordings():
    few, many = (segmentation.measure(*recordings(count=n), threshold=0.5) for n in (12, 120))
    for name, (low, high) in few.intervals.items():
        assert low <= few.metrics[name] <= high, name
        assert many.intervals[name][1] - many.intervals[name][0] < high - low, name


def test_perfect_scores_are_perfect_in_every_metric():
    _, truth, lengths = recordings()
    out = segmentation.measure(truth.astype(np.float32), truth, lengths, resamples=10)
    assert set(out.metrics.values()) == {1.0}
    single = truth & (truth.cumsum(1) == 1)
    out = segmentation.measure(single.astype(np.float32), single, lengths, multilabel=False, background=0.5)
    undefined = {k for k, v in out.metrics.items() if np.isnan(v)}
    assert undefined == {"frame_map_2_actions"}
    assert all(v == 1.0 for k, v in out.metrics.items() if k not in undefined)


def test_given_segments_replace_those_made_from_frames():
    scores, truth, lengths = recordings(count=2)
    true = Segments(np.array([0, 1]), np.array([0.0, 0.1]), np.array([0.5, 0.9]), np.array([1, 2]))
    found = Segments(np.array([0]), np.array([0.0]), np.array([0.5]), np.array([1]), np.array([0.7]))
    out = segmentation.measure(scores, truth, lengths, true_segments=true, detections=found, classes=["a", "b", "c"])
    same(out.metrics["event_map@0.5"], events.event_map(found, true, 3, (0.5,))[0])
    same(out.metrics["event_map@0.5"], 0.5)
    assert out.per_class["b"]["event_ap@0.5"] == 1 and np.isnan(out.per_class["a"]["event_ap@0.5"])


def test_detections_from_frames_carry_their_mean_score():
    scores, truth, lengths = recordings()
    out = segmentation.measure(scores, truth, lengths, fps=15.0, threshold=0.2)
    found = segments.active_runs(scores >= 0.2, lengths, 15.0, scores)
    true = segments.active_runs(truth, lengths, 15.0)
    same(out.metrics["event_map@0.3"], events.event_map(found, true, 3, (0.3,))[0])
    same(out.metrics["event_map_activitynet"], events.event_map(found, true, 3, events.ACTIVITYNET).mean())
    same(out.metrics["event_map_pku@0.1"], events.pku_script_map(found, true, 3, (0.1,))[0])


def test_nothing_at_all_is_undefined_not_zero():
    out = segmentation.measure(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0, int))
    script = {k for k in out.metrics if "pku" in k}
    assert all(np.isnan(v) for k, v in out.metrics.items() if k not in script)
    assert json.loads(json.dumps(out.to_json()))["metrics"]["frame_map"] is None


def test_mismatched_input_is_refused():
    scores, truth, lengths = recordings()
    with pytest.raises(InputError, match="do not match a truth"):
        segmentation.measure(scores, truth[:, :2], lengths)
    with pytest.raises(InputError, match="add up to"):
        segmentation.measure(scores, truth, lengths[:-1])
    with pytest.raises(InputError, match="3 classes but 1 class names"):
        segmentation.measure(scores, truth, lengths, classes=["a"])
    with pytest.raises(InputError, match="classes at once"):
        segmentation.measure(scores, truth, lengths, multilabel=False)
