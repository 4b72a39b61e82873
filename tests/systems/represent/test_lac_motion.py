import math

import pytest
import torch

from acteme.recordings.skeleton.kinematics import bones
from acteme.systems.represent.lac import motion
from tests.systems.represent.lac_cases import batch


def card() -> torch.Tensor:
    """The card's X[j, a, t] = sin(.5 j + .9 a + .2 t), as (1, 5, 15, 3)."""
    t, j, a = torch.meshgrid(torch.arange(5), torch.arange(15), torch.arange(3), indexing="ij")
    return torch.sin(0.5 * j.double() + 0.9 * a + 0.2 * t)[None]


def test_reference_numbers_of_the_representation():
    x = card()
    axes = motion.view_axes(x, torch.tensor([math.pi / 6]).double())
    assert axes[0, 0].tolist() == pytest.approx([0.919636, 0.392772, 0], abs=1e-6)
    assert axes[0, 1].tolist() == pytest.approx([-0.392772, 0.919636, 0], abs=1e-6)
    code = motion.represent(motion.project(x, axes))
    assert code.shape == (1, 30, 5)
    assert code[0, :2, 0].tolist() == pytest.approx([118.246124, -59.669633], abs=1e-5)
    assert code[0, -2:, 0].tolist() == [0, 0]
    assert code[0, -2:, 1].tolist() == pytest.approx([17.577928, -12.103743], abs=1e-5)
    assert code.mean().item() == pytest.approx(68.327427, abs=1e-5)
    plain = motion.represent(motion.project(x))
    assert plain[0, :2, 0].tolist() == pytest.approx([80.444519, -59.669633], abs=1e-5)


def test_the_view_looks_at_the_front_from_the_left_side():
    x = torch.zeros(1, 1, 15, 3)
    x[..., [motion.RIGHT_SHOULDER, motion.RIGHT_HIP], :] = torch.tensor([0.2, 0, 1.0])
    x[..., [motion.LEFT_SHOULDER, motion.LEFT_HIP], :] = torch.tensor([-0.2, 0, 1.0])
    axes = motion.view_axes(x, torch.zeros(1))
    torch.testing.assert_close(axes[0], torch.tensor([[-1.0, 0, 0], [0, -1, 0], [0, 0, 1]]))
    p = motion.project(x, axes)
    assert p[0, 0, motion.LEFT_HIP].tolist() == pytest.approx([0.2, -1.0])


def test_axes_are_orthonormal_whatever_the_pose_even_lying_on_the_side():
    x = batch(5)["skeleton"][:, :, 0]
    x[0] = 0
    x[0, :, [motion.RIGHT_SHOULDER, motion.RIGHT_HIP], 2] = 1.0
    axes = motion.view_axes(x, torch.linspace(-3, 3, 5))
    torch.testing.assert_close(axes @ axes.mT, torch.eye(3).expand(5, 3, 3), atol=1e-6, rtol=0)


def test_positions_come_back_up_to_the_place_of_the_first_frame():
    p = batch(3, 20, channels=2)["skeleton"][:, :, 0].double()
    back = motion.positions(motion.represent(p, 128.0), 128.0)
    middle = p.clone()
    middle[:, :, motion.NECK] = (p[:, :, motion.RIGHT_SHOULDER] + p[:, :, motion.LEFT_SHOULDER]) / 2
    middle[:, :, motion.MID_HIP] = (p[:, :, motion.RIGHT_HIP] + p[:, :, motion.LEFT_HIP]) / 2
    torch.testing.assert_close(back, middle - middle[:, :1, motion.MID_HIP : motion.MID_HIP + 1])


def test_translation_changes_no_channel_and_the_input_is_left_alone():
    p = batch(3, 20, channels=2)["skeleton"][:, :, 0].double()
    kept = p.clone()
    torch.testing.assert_close(motion.represent(p + torch.tensor([5.0, -3.0])), motion.represent(p))
    assert torch.equal(p, kept)


def test_a_resized_body_has_the_wanted_bones_and_the_same_directions():
    x = batch(4, 16)["skeleton"][:, :, 0].double()
    factor = torch.rand(4, 15).double() + 0.5
    y = motion.resize(x, factor)
    torch.testing.assert_close(bones(y, "body15"), bones(x, "body15") * factor[:, None, :, None])
    torch.testing.assert_close(y[:, :, motion.MID_HIP], x[:, :, motion.MID_HIP] * factor[:, None, motion.PATH, None])
    limbs = [j for j in range(15) if j != motion.PATH]
    torch.testing.assert_close(motion.sizes(y)[:, limbs], (motion.sizes(x) * factor)[:, limbs])
    torch.testing.assert_close(motion.resize(x, torch.ones(4, 15).double()), x)


def test_the_path_has_the_size_of_the_legs():
    x = batch(2, 8)["skeleton"][:, :, 0]
    length = motion.sizes(x)
    torch.testing.assert_close(length[:, motion.PATH], length[:, motion.LEGS].mean(1))


def test_upright_is_a_rotation_that_turns_y_up():
    x = torch.randn(7, 3)
    y = motion.upright(x, "y")
    assert torch.equal(y[:, 2], x[:, 1])
    rotation = motion.upright(torch.eye(3), "y")
    torch.testing.assert_close(rotation @ rotation.T, torch.eye(3))
    assert torch.linalg.det(rotation) == 1
    assert motion.upright(x, "z") is x


def test_turning_a_clip_turns_it_about_the_vertical():
    x = torch.randn(2, 4, 15, 3)
    y = motion.turned(x, torch.tensor([math.pi / 2, 0.0]))
    torch.testing.assert_close(y[0], torch.stack([-x[0, ..., 1], x[0, ..., 0], x[0, ..., 2]], -1), atol=1e-6, rtol=0)
    assert torch.equal(y[1], x[1])


@pytest.mark.parametrize("frames", [None, 3, 9])
def test_hold_repeats_the_last_frame_that_exists(frames):
    x = torch.arange(10.0).view(2, 5, 1)
    mask = torch.tensor([[True] * 5, [True, True, False, False, False]])
    held = motion.hold(x, mask, frames)
    assert held.shape == (2, max(5, frames or 0), 1)
    assert held[1, :, 0].tolist() == [5.0] + [6.0] * (held.shape[1] - 1)
    assert torch.equal(held[0, :5], x[0]) and (held[0, 5:] == 4).all()


def test_ankles_are_the_official_channels():
    assert motion.ANKLES == [20, 21, 26, 27]
