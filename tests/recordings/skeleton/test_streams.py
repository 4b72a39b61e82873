"""Streams are the differences they should be."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.skeleton.adjacency import k_hop as k_hop_matrix
from acteme.recordings.skeleton.layouts import LAYOUTS, layout
from acteme.recordings.skeleton.streams import STREAMS, bone, k_hop, motion, skip, stack, stream, stream_confidence

NTU = layout("ntu25")
BRL_NTU = """0,20 3,20 5,20 6,4 7,5 9,20 10,8 11,9 12,1 13,0 14,12 15,13 16,1 17,0 18,16 19,17 21,7 22,6 23,11 24,10"""
BRL_UCLA = "0,2 5,2 6,4 7,5 9,2 10,8 11,9 12,1 13,0 14,12 15,13 16,1 17,0 18,16 19,17"


def clips(body=NTU, batch=2, frames=5, persons=2, channels=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, frames, persons, body.count, channels, generator=generator, dtype=torch.float64)


@settings(max_examples=30)
@given(st.sampled_from(sorted(LAYOUTS)), st.integers(0, 100))
def test_bones_add_up_from_the_root_to_every_joint(name, seed):
    body = layout(name)
    x = clips(body, seed=seed)
    b = bone(x, body)
    for tip in range(body.count):
        total, v = torch.zeros_like(x[..., 0, :]), tip
        while v != body.root:
            total, v = total + b[..., v, :], body.parents[v]
        torch.testing.assert_close(total, x[..., tip, :] - x[..., body.root, :])
    assert not b[..., body.root, :].any()


@pytest.mark.parametrize(("name", "published", "none"), [("ntu25", BRL_NTU, 5), ("kinect20", BRL_UCLA, 5)])
def test_skip_bones_are_brl_s(name, published, none):
    body = layout(name)
    x = clips(body)
    expected = torch.zeros_like(x)
    pairs = [tuple(map(int, pair.split(","))) for pair in published.split()]
    for joint, other in pairs:
        expected[..., joint, :] = x[..., joint, :] - x[..., other, :]
    torch.testing.assert_close(skip(x, body), expected)
    assert body.count - len(pairs) == none


def test_a_skip_bone_is_two_bones():
    x = clips()
    b, k = bone(x, NTU), skip(x, NTU)
    for joint in (13, 14, 6, 10):
        torch.testing.assert_close(k[..., joint, :], b[..., joint, :] + b[..., NTU.parents[joint], :])


@pytest.mark.parametrize("k", [0, 1, 2, 5, 7, 8, 20])
def test_k_hop_is_the_matrix(k):
    x = clips()
    torch.testing.assert_close(k_hop(x, NTU, k), torch.from_numpy(k_hop_matrix(NTU, k)).double() @ x)


def test_k_hop_climbs_the_infogcn_tree():
    x = clips()
    path = [21, 22, 7, 6, 5, 4, 20, 1]
    for k, ancestor in enumerate(path[1:], 1):
        torch.testing.assert_close(k_hop(x, NTU, k)[..., 21, :], x[..., 21, :] - x[..., ancestor, :])
    torch.testing.assert_close(k_hop(x, NTU, 8), x)


def test_motion_of_constant_velocity_is_constant_but_for_the_last_frame():
    velocity = torch.tensor([0.1, -0.2, 0.3], dtype=torch.float64)
    x = clips(frames=1) + torch.arange(6.0, dtype=torch.float64)[:, None, None, None] * velocity
    y = motion(x)
    torch.testing.assert_close(y[:, :-1], velocity.expand_as(y[:, :-1]))
    assert not y[:, -1].any()
    assert not motion(x[:, :1]).any()


def test_motion_does_not_jump_into_the_padding():
    x = clips(frames=6)
    mask = torch.arange(6) < torch.tensor([6, 3])[:, None]
    x = torch.where(mask[..., None, None, None], x, 0)
    y = motion(x, mask)
    assert not y[1, 2:].any()
    torch.testing.assert_close(y[1, :2], x[1, 1:3] - x[1, :2])
    torch.testing.assert_close(y[0], motion(x)[0])
    assert motion(x)[1, 2].any()


def test_bone_and_motion_commute():
    x = clips()
    torch.testing.assert_close(bone(motion(x), NTU), motion(bone(x, NTU)))
    torch.testing.assert_close(stream(x, NTU, "bone_motion"), motion(bone(x, NTU)))
    torch.testing.assert_close(stream(x, NTU, "skip_motion"), motion(skip(x, NTU)))


def test_the_unified_modality_has_joints_bones_and_their_motions():
    x = clips()
    y = stack(x, NTU)
    assert y.shape == (2, 5, 2, 25, 12)
    for i, part in enumerate([x, bone(x, NTU), motion(x), motion(bone(x, NTU))]):
        torch.testing.assert_close(y[..., 3 * i : 3 * i + 3], part)
    shifted = stack(x + 5, NTU)
    torch.testing.assert_close(shifted[..., 3:], y[..., 3:])
    torch.testing.assert_close(shifted[..., :3], y[..., :3] + 5)


def test_every_stream_has_the_shape_of_the_joints_and_leaves_them_alone():
    x = clips()
    before = x.clone()
    for name in STREAMS:
        assert stream(x, NTU, name).shape == x.shape
    torch.testing.assert_close(x, before, rtol=0, atol=0)
    torch.testing.assert_close(stream(x, NTU, "joint"), x)


def test_confidence_is_the_mean_of_two_joints_and_two_frames():
    coco = layout("coco17")
    c = torch.rand(1, 4, 1, 17, generator=torch.Generator().manual_seed(0))
    assert torch.equal(stream_confidence(c, coco, "joint"), c)
    b = stream_confidence(c, coco, "bone")
    torch.testing.assert_close(b[..., 9], (c[..., 9] + c[..., 7]) / 2)
    torch.testing.assert_close(b[..., 0], c[..., 0])
    m = stream_confidence(c, coco, "joint_motion")
    torch.testing.assert_close(m[:, :3], (c[:, :3] + c[:, 1:]) / 2)
    assert not m[:, 3].any()
    bm = stream_confidence(c, coco, "bone_motion")
    torch.testing.assert_close(bm[:, 1, :, 9], c[:, 1:3][..., [7, 9]].mean((1, 3)))
    k = stream_confidence(c, coco, "skip")
    torch.testing.assert_close(k[..., 9], (c[..., 9] + c[..., 5]) / 2)


def test_unknown_streams_are_refused():
    with pytest.raises(InputError, match=r"no skeleton stream 'velocity'.*joint_motion"):
        stream(clips(), NTU, "velocity")
    with pytest.raises(InputError, match="no skeleton stream 'velocity'"):
        stream_confidence(torch.zeros(1, 2, 1, 25), NTU, "velocity")


def test_gradients_reach_the_joints():
    x = clips().requires_grad_()
    stack(x, NTU).square().sum().backward()
    assert np.isfinite(x.grad.numpy()).all() and (x.grad != 0).any(-1).all()
