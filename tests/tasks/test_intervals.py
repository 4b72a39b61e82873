import numpy as np
import pytest
from scipy import stats

from acteme.errors import InputError
from acteme.tasks import intervals
from acteme.tasks.intervals import Ranked, paired_interval, ranking_interval, ratio_interval, resampled
from benchmarks import _plain_metrics as plain
from tests.tasks.data import same


def test_paired_interval_is_the_t_test_of_the_differences():
    rng = np.random.default_rng(0)
    a, b = rng.normal(1, 1, 8), rng.normal(0, 1, 8)
    found = paired_interval(a, b)
    reference = stats.ttest_rel(a, b).confidence_interval(0.95)
    same([found.mean, found.low, found.high], [np.mean(a - b), reference.low, reference.high])
    mean, low, high = paired_interval([0.3, 0.5], [0.1, 0.3])
    same([mean, low, high], [0.2, 0.2, 0.2])


def test_paired_interval_of_one_pair_has_no_bounds():
    same(paired_interval([1.0], [0.25]), [0.75, np.nan, np.nan])


def test_paired_interval_refuses_what_does_not_pair():
    for a, b in (([1.0, 2.0], [1.0]), ([], []), ([[1.0]], [[1.0]])):
        with pytest.raises(InputError, match="cannot pair"):
            paired_interval(a, b)
    with pytest.raises(InputError, match="not finite"):
        paired_interval([1.0, np.nan], [0.0, 0.0])


def test_every_resample_draws_as_many_recordings_as_there_are(monkeypatch):
    monkeypatch.setattr(intervals, "CELLS", 30)
    counts = resampled(lambda c: c, 7, resamples=20, seed=3)
    assert counts.shape == (20, 7) and (counts.sum(1) == 7).all() and (counts.min() == 0)
    monkeypatch.setattr(intervals, "CELLS", 7)
    assert resampled(lambda c: c, 7, resamples=1, seed=3).tolist() == counts[:1].tolist()


def test_ratio_interval_covers_the_mean_at_about_the_stated_rate():
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(100):
        sample = rng.normal(0.5, 1, 60)
        low, high = ratio_interval(sample, np.ones(60), resamples=300, seed=trial)
        covered += low <= 0.5 <= high
    assert 86 <= covered <= 99


def test_ratio_interval_of_columns_is_that_of_their_mean():
    above, below = np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0]]), np.array([[2.0, 0.0], [1.0, 0.0], [2.0, 1.0]])
    low, high = ratio_interval(above, below, resamples=500)
    means = []
    for counts in resampled(lambda c: c, 3, 500):
        ratios = [plain.NAN if not d else n / d for n, d in zip(counts @ above, counts @ below, strict=True)]
        means.append(plain.mean_defined(ratios))
    same([low, high], np.quantile(means, [0.025, 0.975]))


def test_one_recording_or_an_undefined_metric_has_no_interval():
    same(ratio_interval(np.ones(1), np.ones(1)), [np.nan, np.nan])
    same(ratio_interval(np.zeros(4), np.zeros(4)), [np.nan, np.nan])
    same(ratio_interval(np.zeros(0), np.zeros(0)), [np.nan, np.nan])
    nothing = Ranked(np.zeros(3), np.zeros(3, bool), np.arange(3), np.zeros(3))
    same(ranking_interval([nothing], 3, np.nan), [np.nan, np.nan])
    same(ranking_interval([nothing], 1, np.nan), [np.nan, np.nan])


@pytest.mark.parametrize("kind", ["plain", "interpolated"])
def test_ranking_interval_equals_resampling_the_frames_themselves(kind):
    rng = np.random.default_rng(1)
    recordings, n = 6, 90
    ranked = []
    for _ in range(2):
        hit = rng.random(n) < 0.3
        ranked.append(
            Ranked(rng.permutation(n) + 20.5 * hit, hit, rng.integers(0, recordings, n), np.zeros(recordings))
        )
    ranked = [r._replace(positives=np.bincount(r.recording, r.hit, recordings) + 1) for r in ranked]

    def precision(counts):
        values = []
        for r in ranked:
            rows = [i for i in np.argsort(-r.score) for _ in range(int(counts[r.recording[i]]))]
            # Copies of one frame tie, so they count together: repeat the hit in place and rank by shared position.
            total, found, listed, steps = 0.0, 0, 0, []
            for i in dict.fromkeys(rows):
                copies = rows.count(i)
                listed += copies
                found += copies * r.hit[i]
                steps.append((copies * r.hit[i], found / listed))
            for j, (weight, value) in enumerate(steps):
                best = max(v for _, v in steps[j:]) if kind == "interpolated" else value
                total += weight * best
            values.append(total / (counts @ r.positives))
        return np.mean(values)

    expected = [precision(c) for c in resampled(lambda c: c, recordings, 60)]
    value = precision(np.ones(recordings))
    found = ranking_interval(ranked, recordings, value, kind, resamples=60)
    same(found, np.quantile(expected, [0.025, 0.975]))


def test_binning_hardly_moves_the_interval():
    rng = np.random.default_rng(2)
    n, recordings = 4000, 40
    hit = rng.random(n) < 0.2
    recording = rng.integers(0, recordings, n)
    one = Ranked(rng.normal(size=n) + hit, hit, recording, np.bincount(recording, hit, recordings))
    exact = plain.average_precision(one.score.tolist(), hit.tolist())
    fine = ranking_interval([one], recordings, exact, bins=5000)
    coarse = ranking_interval([one], recordings, exact, bins=64)
    assert fine[0] < exact < fine[1] and fine[1] - fine[0] > 0.02
    np.testing.assert_allclose(coarse, fine, atol=0.004)
