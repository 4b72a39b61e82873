"""Metrics of two levels against their definitions, as loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.tasks import hierarchy, recognition
from tests.tasks.data import same

GROUPS = ("a", "b", "a", "c", "b")


def plain_f1(predicted, label, classes):
    """Macro and micro F1 by counting."""
    each, tp_all, rest = [], 0, 0
    for k in range(classes):
        tp = sum(p == k and y == k for p, y in zip(predicted, label, strict=True))
        fp = sum(p == k and y != k for p, y in zip(predicted, label, strict=True))
        fn = sum(p != k and y == k for p, y in zip(predicted, label, strict=True))
        tp_all, rest = tp_all + tp, rest + fp + fn
        if tp + fp + fn:
            each.append(2 * tp / (2 * tp + fp + fn))
    return (sum(each) / len(each) if each else float("nan"),
            2 * tp_all / (2 * tp_all + rest) if tp_all + rest else float("nan"))  # fmt: skip


@st.composite
def clips(draw):
    n = draw(st.integers(0, 20))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return rng.integers(0, 4, (n, 5)) / 4.0, rng.integers(-1, 5, n), rng.normal(size=(n, 3))


@given(clips(), st.booleans())
def test_equal_the_definitions(data, apart):
    scores, label, group_scores = data
    out = hierarchy.measure(scores, label, list("vwxyz"), GROUPS, group_scores if apart else None, resamples=2).metrics
    known = [i for i, y in enumerate(label) if y >= 0]
    guess, true = [int(scores[i].argmax()) for i in known], [int(label[i]) for i in known]
    coarse = ["abc".index(GROUPS[y]) for y in true]
    seen = [int(group_scores[i].argmax()) for i in known] if apart else ["abc".index(GROUPS[p]) for p in guess]
    macro, micro = plain_f1(guess, true, 5)
    group_macro, group_micro = plain_f1(seen, coarse, 3)
    same(out["f1_macro"], macro)
    same(out["f1_micro"], micro)
    same(out["group_f1_macro"], group_macro)
    same(out["group_f1_micro"], group_micro)
    same(out["f1_micro"], out["top1"])
    same(out["group_top1"], sum(map(int.__eq__, seen, coarse)) / len(known) if known else float("nan"))
    same(out["f1_mean"], (macro + micro + group_macro + group_micro) / 4)


def test_the_mean_is_over_both_kinds_of_both_levels():
    label = np.repeat(np.arange(4), 25)
    guess = np.where(np.arange(100) % 25 < 20, label, (label + 1) % 4)
    out = hierarchy.measure(np.eye(4)[guess], label, list("wxyz"), ("a", "a", "b", "b"), resamples=2).metrics
    parts = [out[n] for n in ("group_f1_macro", "group_f1_micro", "f1_macro", "f1_micro")]
    assert out["f1_mean"] == pytest.approx(np.mean(parts)) and parts[1] == 0.9 and parts[3] == 0.8


def test_intervals_hold_the_values_and_recordings_stay_together():
    rng = np.random.default_rng(0)
    label = rng.integers(0, 5, 200)
    scores = rng.normal(size=(200, 5)) + 2 * np.eye(5)[label]
    out = hierarchy.measure(scores, label, list("vwxyz"), GROUPS, resamples=300)
    for name, value in out.metrics.items():
        low, high = out.intervals[name]
        assert low <= value <= high and high - low < 0.25, name
    assert out.intervals["f1_micro"] == out.intervals["top1"]
    joint = hierarchy.measure(scores, label, list("vwxyz"), GROUPS, recording=np.arange(200) // 100, resamples=300)
    assert joint.metrics == out.metrics and joint.intervals["f1_mean"] != out.intervals["f1_mean"]
    assert len(set(joint.intervals["f1_mean"])) == 2


def test_the_rest_is_that_of_recognition():
    rng = np.random.default_rng(1)
    scores, label = rng.normal(size=(30, 5)), rng.integers(0, 4, 30)
    out, flat = hierarchy.measure(scores, label, list("vwxyz"), GROUPS), recognition.measure(scores, label, "vwxyz")
    assert {n: out.metrics[n] for n in flat.metrics} == flat.metrics and (out.confusion == flat.confusion).all()
    assert out.per_class["v"]["f1"] == hierarchy.f1_scores(scores.argmax(1), label, 5)[0]


def test_groups_must_fit():
    with pytest.raises(InputError, match="2 groups of 3 classes"):
        hierarchy.measure(np.zeros((1, 3)), np.zeros(1, int), "abc", ("x", "y"))
    with pytest.raises(InputError, match=r"shape \(1, 3\) of 2 groups for 1 clips"):
        hierarchy.measure(np.zeros((1, 3)), np.zeros(1, int), "abc", ("x", "y", "y"), np.zeros((1, 3)))


def test_undefined_without_clips():
    out = hierarchy.measure(np.zeros((0, 5)), np.zeros(0, int), list("vwxyz"), GROUPS)
    assert all(np.isnan(v) for v in out.metrics.values())
    assert all(np.isnan(v).all() for v in out.intervals.values())
