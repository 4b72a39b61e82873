import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.tasks import recognition
from benchmarks import _plain_metrics as plain
from tests.tasks.data import same


@st.composite
def clips(draw):
    n, classes = draw(st.integers(0, 20)), draw(st.integers(1, 7))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return rng.integers(0, 4, (n, classes)) / 4.0, rng.integers(0, classes, n)


@given(clips(), st.integers(1, 6))
def test_equal_the_definitions(data, k):
    scores, label = data
    rows, labels = scores.tolist(), label.tolist()
    same(recognition.top_k(scores, label, k), plain.top_k(rows, labels, k))
    assert recognition.confusion(scores, label).tolist() == plain.confusion(rows, labels, scores.shape[1])
    same(recognition.mean_class_accuracy(scores, label), plain.mean_class_accuracy(rows, labels, scores.shape[1]))


def test_ties_go_to_the_lower_class_in_every_metric():
    scores, label = np.zeros((4, 3)), np.array([0, 1, 2, 2])
    assert recognition.top_k(scores, label) == 0.25
    assert recognition.confusion(scores, label).tolist() == [[1, 0, 0], [1, 0, 0], [2, 0, 0]]
    assert recognition.rank_of_truth(scores, label).tolist() == [0, 1, 2, 2]


def test_measure_gives_metrics_intervals_classes_and_confusion():
    rng = np.random.default_rng(0)
    label = rng.integers(0, 6, 200)
    label[label == 4] = 3
    scores = rng.normal(size=(200, 6)) + 2 * np.eye(6)[label]
    out = recognition.measure(scores, label, list("abcdef"), resamples=300)
    assert list(out.metrics) == ["top1", "top5", "mean_class_accuracy"]
    assert out.metrics["top1"] == recognition.top_k(scores, label)
    for name, value in out.metrics.items():
        low, high = out.intervals[name]
        assert low <= value <= high and high - low < 0.25
    assert out.confusion.sum() == 200 and out.confusion.trace() == round(200 * out.metrics["top1"])
    assert out.per_class["a"]["clips"] == (label == 0).sum()
    assert np.isnan(out.per_class["e"]["accuracy"]) and out.to_json()["per_class"]["e"]["accuracy"] is None


def test_clips_of_one_recording_are_resampled_together():
    label, right = np.zeros(40, int), np.arange(40) < 20
    scores = np.where(right[:, None], [1.0, 0.0], [0.0, 1.0])
    alone = recognition.measure(scores, label, resamples=300).intervals["top1"]
    joint = recognition.measure(scores, label, recording=right.astype(int), resamples=300).intervals["top1"]
    assert joint == (0.0, 1.0)
    assert alone[1] - alone[0] < 0.4


def test_clips_without_a_class_are_left_out():
    scores = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    assert recognition.top_k(scores, np.array([0, -1, 0])) == 0.5
    out = recognition.measure(scores, np.array([0, -1, 0]))
    assert out.metrics["top1"] == 0.5 and out.confusion.sum() == 2 and "top5" not in out.metrics


def test_undefined_without_clips():
    out = recognition.measure(np.zeros((0, 2)), np.zeros(0, int))
    assert all(np.isnan(v) for v in out.metrics.values())
    assert all(np.isnan(v).all() for v in out.intervals.values())


def test_mismatched_input_is_refused():
    with pytest.raises(InputError, match=r"\(3, 2\) do not match labels of shape \(2,\)"):
        recognition.top_k(np.zeros((3, 2)), np.zeros(2, int))
    with pytest.raises(InputError, match="label 2 is out of range for scores of 2 classes"):
        recognition.top_k(np.zeros((3, 2)), np.array([0, 1, 2]))
    with pytest.raises(InputError, match="clip 1 has a NaN score"):
        recognition.confusion(np.array([[0, 1], [np.nan, 0]]), np.array([0, 1]))
    with pytest.raises(InputError, match="2 classes but 3 class names"):
        recognition.measure(np.zeros((1, 2)), np.array([0]), ["a", "b", "c"])
    with pytest.raises(InputError, match="3 labels but recordings of 1 clips"):
        recognition.measure(np.zeros((3, 2)), np.zeros(3, int), recording=np.zeros(1, int))


# --- by shots --------------------------------------------------------------------------------------------------------


def shots_by_hand(rows, labels, trained, low=20, high=100):
    """Mean over the classes of each group of the share of their clips that is recognized; class by class."""
    groups = {"many_shot": [], "medium_shot": [], "few_shot": []}
    for k, count in enumerate(trained):
        mine = [row for row, label in zip(rows, labels, strict=True) if label == k]
        if not mine:
            continue
        right = sum(row.index(max(row)) == k for row in mine)
        group = "many_shot" if count > high else "few_shot" if count < low else "medium_shot"
        groups[group].append(right / len(mine))
    return {name: sum(found) / len(found) for name, found in groups.items() if found}


@given(clips(), st.lists(st.integers(0, 200), min_size=7, max_size=7))
def test_accuracy_by_shots_equals_the_definition(data, trained):
    scores, label = data
    trained = trained[: scores.shape[1]]
    wanted = shots_by_hand(scores.tolist(), label.tolist(), trained)
    out = recognition.measure(scores, label, trained=np.array(trained), resamples=20)
    found = {name: value for name, value in out.metrics.items() if name.endswith("shot")}
    assert found == (pytest.approx(wanted) if len(wanted) > 1 else {})
    assert [row["trained"] for row in out.per_class.values()] == trained
    plain = recognition.measure(scores, label, resamples=20)
    assert all(np.isnan(v) or v == out.metrics[n] for n, v in plain.metrics.items()) and plain.confusion is not None


def test_the_bounds_of_the_groups():
    groups = recognition.shot_groups(np.array([0, 19, 20, 100, 101]))
    assert {name: of.tolist() for name, of in groups.items()} == {
        "many_shot": [False] * 4 + [True],
        "medium_shot": [False, False, True, True, False],
        "few_shot": [True, True, False, False, False],
    }
    assert recognition.shot_groups(np.array([3, 4, 5]), (4, 4))["medium_shot"].tolist() == [False, True, False]
    with pytest.raises(InputError, match="shots from 9 to 4"):
        recognition.shot_groups(np.array([1]), (9, 4))


def test_shots_have_intervals_of_their_own_classes():
    label = np.repeat(np.arange(4), 50)
    sure = np.isin(label, (0, 3))
    rng = np.random.default_rng(0)
    scores = np.eye(4)[np.where(sure | (rng.random(200) < 0.5), label, (label + 1) % 4)]
    out = recognition.measure(scores, label, trained=np.array([500, 30, 5, 5]), resamples=300)
    assert out.metrics["many_shot"] == 1 and out.intervals["many_shot"] == (1, 1)
    low, high = out.intervals["few_shot"]
    assert low < out.metrics["few_shot"] == (out.per_class["2"]["accuracy"] + 1) / 2 < high < 1
    with pytest.raises(InputError, match="4 classes but training clips of 3"):
        recognition.measure(scores, label, trained=np.ones(3))
