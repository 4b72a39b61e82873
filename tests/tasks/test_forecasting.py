"""Forecasting metrics against their definitions, as loops."""

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.tasks import forecasting as f


def made(seed=0, n=40, k=3, t=6):
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 5, (n, t, 2)).cumsum(1)
    return truth[:, None] + rng.normal(0, 3, (n, k, t, 2)), truth, rng.integers(0, 3, n), np.sort(rng.integers(0, 9, n))


def distance(a, b):
    return float(((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5)


def test_a_shift_by_three_and_four_is_five_off():
    truth = np.cumsum(np.ones((2, 12, 2)), 1)
    shifted = (truth + np.array([3.0, 4.0]))[:, None]
    assert f.ade(shifted, truth).tolist() == [5, 5] and f.fde(shifted, truth).tolist() == [5, 5]
    both = np.concatenate([shifted, truth[:, None]], 1)
    assert f.ade(both, truth).tolist() == [0, 0]


def test_the_best_alternative_may_differ_between_mean_and_end():
    predicted, truth, _, _ = made()
    for i in range(len(truth)):
        means = [np.mean([distance(p, q) for p, q in zip(path, truth[i], strict=True)]) for path in predicted[i]]
        ends = [distance(path[-1], truth[i][-1]) for path in predicted[i]]
        assert f.ade(predicted, truth)[i] == pytest.approx(min(means))
        assert f.fde(predicted, truth)[i] == pytest.approx(min(ends))
    goals = predicted[:, :, -1] + 1.0
    wanted = [min(distance(g, truth[i][-1]) for g in goals[i]) for i in range(len(truth))]
    np.testing.assert_allclose(f.goal_error(goals, truth), wanted)


def test_the_measure_is_the_mean_over_scenes():
    predicted, truth, scene, who = made()
    past = truth[:, :1] - np.arange(3, 0, -1)[:, None] * np.array([1.0, 0.5])
    side = np.full(len(truth), 60.0)
    found = f.measure(predicted, truth, scene, who, ("a", "b", "c"), past=past, goals=predicted[:, :, -1],
                      frozen=predicted + 1.0, side=side, resamples=200)  # fmt: skip
    one = f.ade(predicted[:, :1], truth)
    by_scene = [one[scene == s].mean() for s in range(3)]
    assert found.metrics["ade"] == pytest.approx(np.mean(by_scene))
    assert found.metrics["ade"] != pytest.approx(one.mean())
    assert (
        found.metrics["min_ade@3"] < found.metrics["ade"] and found.metrics["goal_fde@3"] == found.metrics["min_fde@3"]
    )
    assert found.metrics["miss_rate"] == pytest.approx(
        np.mean([np.mean(f.fde(predicted[:, :1], truth)[scene == s] > 3.0) for s in range(3)])
    )
    straight = past[:, -1:] + np.arange(1, 7)[:, None] * np.array([1.0, 0.5])
    cv = f.ade(straight[:, None], truth)
    assert found.metrics["cv_ade"] == pytest.approx(np.mean([cv[scene == s].mean() for s in range(3)]))
    saved = [1 - one[scene == s].mean() / cv[scene == s].mean() for s in range(3)]
    assert found.metrics["gain_over_cv"] == pytest.approx(np.mean(saved))
    frozen = f.ade(predicted[:, :1] + 1.0, truth)
    gains = {n: 1 - one[scene == s].mean() / frozen[scene == s].mean() for s, n in enumerate("abc")}
    assert found.metrics["gain"] == pytest.approx(np.mean(list(gains.values())))
    for name, row in found.per_class.items():
        assert row["gain"] == pytest.approx(gains[name]) and row["windows"] == (scene == "abc".index(name)).sum()
    for name, (low, high) in found.intervals.items():
        assert low <= found.metrics[name] <= high, name


def test_more_windows_of_a_scene_do_not_count_more():
    predicted, truth, scene, who = made()
    again = scene == 0
    twice = [np.concatenate([x, x[again]]) for x in (predicted, truth, scene, who)]
    assert f.measure(*twice, resamples=10).metrics["ade"] == pytest.approx(
        f.measure(predicted, truth, scene, who, resamples=10).metrics["ade"]
    )


def test_constant_velocity_goes_on():
    past = np.array([[[0.0, 0.0], [1.0, 2.0]], [[5.0, 5.0], [5.0, 5.0]]])
    assert f.constant_velocity(past, 2)[:, 0].tolist() == [[[2, 4], [3, 6]], [[5, 5], [5, 5]]]
    assert f.constant_velocity(past[:, :1], 1)[0, 0].tolist() == [[0, 0]], "seen once: stands"


def test_edges_and_what_does_not_fit():
    predicted, truth, scene, who = made(n=2)
    one = f.measure(predicted[:1, :1], truth[:1], np.array([-1]), who[:1], resamples=10)
    assert list(one.per_class) == ["unknown"] and np.isnan(one.intervals["ade"][0])
    assert "min_ade@1" not in one.metrics
    with pytest.raises(InputError, match="no window with a whole future"):
        f.measure(predicted[:0], truth[:0], scene[:0], who[:0])
    with pytest.raises(InputError, match=r"\(2, 3, 6, 2\) do not match futures of shape \(2, 5, 2\)"):
        f.ade(predicted, truth[:, :5])
    with pytest.raises(InputError, match="NaN"):
        f.ade(predicted * np.nan, truth)
    still = np.zeros((3, 4, 2))
    perfect = f.measure(still[:, None], still, np.zeros(3, int), np.arange(3), past=still, resamples=10)
    assert perfect.metrics["gain_over_cv"] == 0, "where the baseline makes no error nothing can be saved"
