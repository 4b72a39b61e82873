import numpy as np
import torch

from acteme.nn.skeleton.clips import origin_joint, to_origin
from acteme.recordings.skeleton.layouts import layout
from acteme.recordings.skeleton.normalize import normalize_ctrgcn


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
