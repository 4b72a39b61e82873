import numpy as np
import pytest
import torch

from acteme.nn.skeleton.clips import as_it_stands, origin_joint, to_origin, upright
from acteme.recordings.skeleton.layouts import layout
from acteme.recordings.skeleton.normalize import Axes, normalize_ctrgcn, normalize_pyskl


def test_every_clip_is_translated_as_one():
    x = torch.randn(4, 6, 2, 25, 3)
    x[1, :2, 0] = 0  # the first person comes later
    x[2, :, 1] = 0
    x[3, :, 0] = 0  # never
    ours = to_origin(x, 1)
    for a, b in zip(ours, x, strict=True):
        assert np.allclose(a, normalize_ctrgcn(b.numpy(), 1), atol=1e-6)
    assert (ours[1, 2, 0, 1] == 0).all() and (ours[1, :2, 0] == 0).all() and (ours[2, :, 1] == 0).all()
    assert torch.equal(ours[3], x[3])


def test_the_joint_of_the_origin():
    assert origin_joint(layout("ntu25")) == 1 and origin_joint(layout("shrec22")) == 0
    assert origin_joint(layout("coco17")) == 0


def some_clips(v=25, seed=0):
    """Clips of unlike length: frames without the first person, a second one who is seen more, one of the second alone,
    joints that are missing, nobody, a single frame, a spine that points down and shoulders that point the wrong way."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 0.5, (8, 12, 2, v, 3)) + np.array([0.3, 0.1, 3.0])
    frames = np.array([12, 12, 9, 7, 5, 1, 6, 4])
    x[0, [0, 3, 7], 0] = 0
    x[1, [0, 1, 5], 0] = 0
    x[1, [2], 1] = 0
    x[2, :, 0] = 0
    x[3, :, 1] = 0
    x[3, :, :, [3, 10]] = 0
    x[4] = 0
    body = x[6, 0, 0]
    body[0], body[1] = body[1] + [0, 0, 1.0], body[1]
    body[4], body[8] = body[1] + [1.0, 0, 0], body[1] - [1.0, 0, 0]
    for clip, n in zip(x, frames, strict=True):
        clip[n:] = 0
    return x, frames


@pytest.mark.parametrize("official", [False, True])
@pytest.mark.parametrize("name", ["ntu25", "kinect20"])
def test_a_batch_is_set_upright_as_every_clip_by_itself(name, official):
    axes = Axes.of(name)
    x, frames = some_clips(25 if name == "ntu25" else 20)
    clips, lengths = torch.from_numpy(x), torch.from_numpy(frames)
    stance = upright(clips, lengths, axes, official)
    found = stance.placed(stance.frames(clips, torch.arange(12).expand(8, -1)))
    for i, (clip, n) in enumerate(zip(x, frames, strict=True)):
        wanted, kept = normalize_pyskl(clip[:n], axes, official=official)
        assert stance.length[i] == len(kept) and stance.order[i, : len(kept)].tolist() == kept.tolist()
        assert np.allclose(found[i, : len(kept)], wanted, atol=1e-12), i
    single = upright(clips.float(), lengths, axes, official)
    again = single.placed(single.frames(clips.float(), torch.arange(12).expand(8, -1)))
    assert torch.allclose(again[[0, 1, 3]], found[[0, 1, 3]].float(), atol=1e-5)


def test_a_further_matrix_comes_after_and_missing_joints_stay():
    x, frames = some_clips()
    clips, lengths = torch.from_numpy(x), torch.from_numpy(frames)
    stance = upright(clips, lengths, Axes())
    chosen = stance.frames(clips, torch.zeros(8, 3, dtype=torch.long))
    more = torch.randn(8, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    turned = torch.einsum("bij,bsmvj->bsmvi", more, stance.placed(chosen))
    assert torch.allclose(stance.placed(chosen, more), turned)
    assert (turned[3, :, :, [3, 10]] == 0).all() and turned.shape == (8, 3, 2, 25, 3)


def test_a_stance_that_changes_nothing():
    x, frames = some_clips()
    clips = torch.from_numpy(x)
    stance = as_it_stands(clips, torch.from_numpy(frames))
    every = torch.arange(12).expand(8, -1)
    assert torch.equal(stance.placed(stance.frames(clips, every)), clips) and stance.length.tolist() == frames.tolist()
