"""Augmentations have HaLP's and PYSKL's distributions, one draw per sample, and leave what is absent alone."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.skeleton.augment import (
    corrupt_joints,
    flip,
    gaussian_noise,
    random_flip,
    random_rotation,
    random_scale,
    random_shear,
    shear_or_corrupt,
)
from acteme.recordings.skeleton.layouts import LAYOUTS, layout

NTU = layout("ntu25")
ALL = {
    "rotation": random_rotation,
    "scale": random_scale,
    "shear": random_shear,
    "corrupt": corrupt_joints,
    "halp": shear_or_corrupt,
    "flip": lambda x, **k: random_flip(x, NTU, **k),
    "noise": gaussian_noise,
}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def clips(batch=4, frames=3, persons=2, joints=25, channels=3, seed=0):
    return torch.randn(batch, frames, persons, joints, channels, generator=seeded(seed))


def matrices(change, batch=4000, channels=3):
    """The matrix that a linear change applies, per sample, read off unit vectors standing as joints."""
    units = torch.eye(channels).repeat(9, 1)[:25].expand(batch, 1, 1, -1, -1)
    return change(units)[:, 0, 0, :channels].mT


@pytest.mark.parametrize("name", ALL)
def test_absent_persons_padding_and_the_input_stay(name):
    x = clips()
    x[0, :, 1] = 0
    x[1, 2:] = 0
    before = x.clone()
    for seed in range(4):
        y = ALL[name](x, generator=seeded(seed))
        assert y.shape == x.shape and y.dtype == x.dtype
        assert not y[0, :, 1].any() and not y[1, 2:].any()
    assert torch.equal(x, before)


@pytest.mark.parametrize("name", ALL)
def test_a_generator_repeats_and_the_global_one_serves_without(name):
    x = clips()
    assert torch.equal(ALL[name](x, generator=seeded(5)), ALL[name](x, generator=seeded(5)))
    torch.manual_seed(1)
    a = ALL[name](x)
    torch.manual_seed(1)
    assert torch.equal(ALL[name](x), a)


@pytest.mark.parametrize("name", ["rotation", "scale", "shear", "halp"])
def test_samples_differ_but_frames_and_persons_of_one_do_not(name):
    x = clips(batch=1, frames=1, persons=1).expand(8, 3, 2, -1, -1)
    y = ALL[name](x, generator=seeded(0))
    torch.testing.assert_close(y, y[:, :1, :1].expand_as(y))
    assert not torch.allclose(y[0], y[1])


def test_rotation_is_rz_ry_rx_of_uniform_angles():
    r = matrices(lambda x: random_rotation(x, 0.3, seeded()))
    torch.testing.assert_close(r @ r.mT, torch.eye(3).expand_as(r), atol=1e-5, rtol=0)
    assert (torch.linalg.det(r) - 1).abs().max() < 1e-5
    # R = Rz Ry Rx read backwards: R31 = -sin y, R32 / R33 = tan x, R21 / R11 = tan z
    angles = torch.stack(
        [torch.atan2(r[:, 2, 1], r[:, 2, 2]), -torch.asin(r[:, 2, 0]), torch.atan2(r[:, 1, 0], r[:, 0, 0])], 1
    )
    assert angles.abs().max() <= 0.3 + 1e-5 and angles.abs().amax(0).min() > 0.299
    assert angles.mean(0).abs().max() < 0.02
    torch.testing.assert_close(angles.std(0), torch.full((3,), 0.3 / 3**0.5), atol=0.01, rtol=0)


def test_rotation_in_the_plane():
    r = matrices(lambda x: random_rotation(x, 0.3, seeded()), channels=2)
    angle = torch.atan2(r[:, 1, 0], r[:, 0, 0])
    assert angle.min() < -0.29 and 0.29 < angle.max() <= 0.3
    torch.testing.assert_close(r[:, 0, 1], -r[:, 1, 0])
    with pytest.raises(InputError, match="positions of 12 coordinates"):
        random_rotation(clips(channels=12))


def test_scale_is_per_axis():
    s = matrices(lambda x: random_scale(x, 0.1, seeded()))
    diagonal = s.diagonal(dim1=1, dim2=2)
    assert not (s - torch.diag_embed(diagonal)).any()
    assert 0.9 <= diagonal.min() < 0.901 and 1.099 < diagonal.max() <= 1.1
    assert torch.corrcoef(diagonal.T)[0, 1].abs() < 0.06
    s = matrices(lambda x: random_scale(x, (0.5, 0, 0), seeded())).diagonal(dim1=1, dim2=2)
    assert (s[:, 1:] == 1).all() and s[:, 0].max() > 1.4


def test_shear_has_ones_and_uniform_entries():
    s = matrices(lambda x: random_shear(x, generator=seeded()))
    assert (s.diagonal(dim1=1, dim2=2) == 1).all()
    off = s[:, ~torch.eye(3, dtype=torch.bool)]
    assert -1 <= off.min() < -0.99 and 0.99 < off.max() <= 1
    torch.testing.assert_close(off.std(0), torch.full((6,), 3**-0.5), atol=0.02, rtol=0)
    assert (torch.corrcoef(off.T) - torch.eye(6)).abs().max() < 0.07
    assert matrices(lambda x: random_shear(x, 0.0)).eq(torch.eye(3)).all()


def test_corruption_takes_15_joints_and_one_matrix_or_zero():
    b = 4000
    x = clips(batch=1).expand(b, -1, -1, -1, -1)
    y = corrupt_joints(x, generator=seeded())
    changed = (y != x).any(-1)
    assert (changed == changed[:, :1, :1]).all()
    chosen = changed[:, 0, 0]
    assert (chosen.sum(1) == 15).all()
    assert (chosen.float().mean(0) - 0.6).abs().max() < 0.04
    zeroed = ~(y.transpose(1, 3).flatten(2).any(-1) & chosen).any(1)
    assert abs(zeroed.float().mean() - 0.5) < 0.03
    # where joints are not zeroed, one matrix explains all of them, in all frames and persons
    for row in (~zeroed).nonzero()[:20, 0]:
        a = x[row][:, :, chosen[row]].reshape(-1, 3)
        c = y[row][:, :, chosen[row]].reshape(-1, 3)
        matrix = torch.linalg.lstsq(a, c).solution
        torch.testing.assert_close(a @ matrix, c, atol=1e-4, rtol=0)
        assert matrix.abs().max() <= 1 + 1e-4


def test_corruption_of_none_all_and_too_many_joints():
    x = clips()
    assert torch.equal(corrupt_joints(x, joints=0), x)
    assert (corrupt_joints(x, joints=25, limit=0.0) == 0).all()
    with pytest.raises(InputError, match="joints: 26 of 25 joints"):
        corrupt_joints(x, joints=26)


def test_one_view_of_halp_is_sheared_or_corrupted():
    b = 4000
    x = clips(batch=1, frames=1, persons=1).expand(b, -1, -1, -1, -1)
    touched = (shear_or_corrupt(x, generator=seeded()) != x).any(-1).flatten(1).sum(1)
    assert set(touched.unique().tolist()) == {15, 25}
    assert abs((touched == 25).float().mean() - 0.5) < 0.03
    assert ((shear_or_corrupt(x, probability=1.0) != x).any(-1).flatten(1).sum(1) == 25).all()


@settings(max_examples=20)
@given(st.sampled_from(sorted(LAYOUTS)), st.booleans(), st.sampled_from([2, 3]))
def test_flip_twice_is_the_identity(name, mirror, channels):
    body = layout(name)
    x = clips(joints=body.count, channels=channels)
    y = flip(x, body, mirror)
    assert torch.equal(flip(y, body, mirror), x)
    sided = body.flip != tuple(range(body.count))
    assert torch.equal(y, x) == (not mirror and not sided)


def test_flip_swaps_sides_and_mirrors_x():
    x = clips()
    y = flip(x, NTU)
    torch.testing.assert_close(y[..., 4, :], x[..., 8, :] * torch.tensor([-1.0, 1, 1]))
    torch.testing.assert_close(flip(x, NTU, mirror=False)[..., 21, :], x[..., 23, :])


def test_half_of_the_samples_are_flipped():
    x = clips(batch=2000, frames=1, persons=1)
    y = random_flip(x, NTU, generator=seeded())
    flipped = (y == flip(x, NTU)).flatten(1).all(1)
    same = (y == x).flatten(1).all(1)
    assert (flipped ^ same).all() and abs(flipped.float().mean() - 0.5) < 0.04
    assert torch.equal(random_flip(x, NTU, probability=0.0), x)


def test_noise_has_its_size_and_spares_missing_joints():
    x = clips(batch=200) * 3
    x[:, :, :, 7] = 0
    noise = gaussian_noise(x, 0.05, generator=seeded()) - x
    assert not noise[..., 7, :].any()
    assert abs(noise[..., :7, :].std() - 0.05) < 1e-3
    small, large = (
        (gaussian_noise(s * x, 0.05, relative=True, generator=seeded()) - s * x)[..., :7, :] for s in (1, 10)
    )
    torch.testing.assert_close(large, 10 * small, atol=1e-3, rtol=0)
    box = torch.tensor([[[[[1.0, 1], [4, 5], [0, 0]]]]]).expand(20_000, -1, -1, -1, -1)
    noise = gaussian_noise(box, 0.1, relative=True, generator=seeded()) - box
    assert abs(noise[..., :2, :].std() - 0.5) < 0.01
