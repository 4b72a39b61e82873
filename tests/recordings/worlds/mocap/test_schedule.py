import numpy as np
import pytest

from acteme.recordings.worlds.mocap import schedule
from acteme.recordings.worlds.mocap.clips import bank
from acteme.recordings.worlds.mocap.schedule import Blocks


def used(plan: schedule.Schedule, fps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Clip and first and last second of every action, without loops."""
    clip, begin, end = [], [], []
    for s in range(len(plan.frames)):
        for which, first, last in ((0, 0, plan.leave[s]), (1, plan.join[s], plan.frames[s])):
            if last > first:
                clip.append(plan.clip[s, which])
                begin.append(plan.phase[s, which])
                end.append(plan.phase[s, which] + (last - first - 1) * plan.rate[s, which] / fps)
    return np.array(clip), np.array(begin), np.array(end)


def test_blocks_of_train_and_test_do_not_touch() -> None:
    b = bank()
    train, test = Blocks.of(b, "train", True), Blocks.of(b, "test", True)
    assert (train.end + 0.04 < test.start).all() and not (train.loop | test.loop).any()
    assert (train.start == 0).all() and (test.end == b.duration).all()
    whole = Blocks.of(b, "test", False)
    np.testing.assert_array_equal(whole.loop, b.wrap)
    assert np.isinf(whole.length[b.wrap]).all() and (whole.length[~b.wrap] == b.duration[~b.wrap]).all()


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("form", ["windows", "untrimmed"])
def test_actions_stay_in_their_block(split: str, form: str) -> None:
    blocks, rng = Blocks.of(bank(), split, True), np.random.default_rng(0)
    if form == "windows":
        plan = schedule.windows(rng, blocks, 600, 32, 48, 4, 0.2, 30.0)
    else:
        plan = schedule.untrimmed(rng, blocks, 8, 0.5, 10, 20, 0.2, 30.0)
    clip, begin, end = used(plan, 30.0)
    assert (begin >= blocks.start[clip] - 1e-9).all() and (end <= blocks.end[clip] + 1e-9).all()
    assert set(clip.tolist()) == set(range(15))


def test_windows_are_of_the_wanted_length_and_on_the_grid() -> None:
    blocks = Blocks.of(bank(), "train", False)
    plan = schedule.windows(np.random.default_rng(0), blocks, 3000, 32, 48, 4, 0.0, 30.0)
    assert np.bincount(plan.clip[:, 0]).tolist() == [200] * 15
    np.testing.assert_allclose(plan.phase * 30 / 4, np.round(plan.phase * 30 / 4), atol=1e-9)
    assert plan.frames.max() == 48 and plan.frames.min() == 32
    begin = (plan.phase[:, 0] * 30).round().astype(int)
    for clip, end in ((0, 38), (5, 15), (14, 82)):  # a loop of 38 frames; 46 and 113 frames that hold 32
        assert set(begin[plan.clip[:, 0] == clip].tolist()) == set(range(0, end, 4))


def test_untrimmed_recordings_have_the_wanted_length() -> None:
    blocks = Blocks.of(bank(), "train", False)
    plan = schedule.untrimmed(np.random.default_rng(0), blocks, 50, 0.5, 20, 40, 0.2, 30.0)
    total = np.bincount(plan.recording, plan.frames)
    assert total.min() >= 600 and total.max() <= 1200
    assert (np.diff(plan.recording) >= 0).all() and len(total) == 50


@pytest.mark.parametrize("overlap", [0.0, 0.3, 1.0])
def test_overlap_is_the_fraction_of_slots_with_two_actions(overlap: float) -> None:
    blocks = Blocks.of(bank(), "train", False)
    plan = schedule.untrimmed(np.random.default_rng(0), blocks, 60, overlap, 20, 40, 0.2, 30.0)
    two = plan.join < plan.frames
    assert abs(two.mean() - overlap) < 0.04
    assert (plan.clip[two, 0] != plan.clip[two, 1]).all()
    assert (plan.join[two] < plan.leave[two]).all() and (plan.leave <= plan.frames).all()
    last = np.where(two, plan.clip[:, 1], plan.clip[:, 0])
    follows = plan.recording[1:] == plan.recording[:-1]
    assert (plan.clip[1:, 0] != last[:-1])[follows].all()


def test_intervals_by_hand() -> None:
    plan = schedule.Schedule(
        recording=np.array([0, 0, 1]),
        frames=np.array([10, 20, 5]),
        clip=np.array([[3, 3], [4, 5], [6, 6]]),
        phase=np.zeros((3, 2)),
        rate=np.ones((3, 2)),
        join=np.array([10, 6, 5]),
        leave=np.array([10, 15, 5]),
        upper=np.zeros(3, int),
    )
    got = [x.tolist() for x in schedule.intervals(plan)]
    assert got == [[0, 0, 0, 1], [0, 10, 16, 0], [10, 25, 30, 5], [3, 4, 5, 6]]
