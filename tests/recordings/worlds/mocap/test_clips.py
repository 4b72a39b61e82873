import numpy as np
import pytest

from acteme.recordings.skeleton.readers import pybullet
from acteme.recordings.worlds.mocap.clips import bank


@pytest.mark.parametrize("clip", [0, 8, 14])
def test_a_sample_is_the_clip_at_that_time(clip: int) -> None:
    motion = pybullet.clip(pybullet.CLIPS[clip])
    time = np.concatenate([[-1.0, motion.duration, motion.duration + 1], np.random.default_rng(0).uniform(0, 1, 20)])
    root, rotation = bank().sample(np.full(len(time), clip), time)
    wanted = motion.at(time)
    np.testing.assert_allclose(root, wanted.root, atol=1e-9)
    np.testing.assert_allclose(np.abs((rotation * wanted.rotation).sum(-1)), 1, atol=1e-9)


def test_clips_do_not_run_into_each_other() -> None:
    b = bank()
    root, _ = b.sample(np.arange(15), b.duration)
    np.testing.assert_allclose(root, b.root[b.last], atol=1e-9)
    assert b.duration.max() < 50
