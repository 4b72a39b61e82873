"""Crops equal interpolation of each row by itself; sampled frames follow the published rule and draws."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.skeleton.sample import (
    center_resize,
    crop_resize,
    resize,
    take,
    uniform_sample,
    uniform_test_clips,
    whole,
)


def ramp(n, pad=0):
    """1 .. n, then padding, as (1, T, M, V, C)."""
    return F.pad(torch.arange(1.0, n + 1), (0, pad)).view(1, -1, 1, 1, 1)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 30)), min_size=1, max_size=5), st.integers(1, 40))
def test_resize_is_interpolation_of_each_row_by_itself(crops, size):
    start, length = (torch.tensor(v) for v in zip(*crops, strict=True))
    # in float64: F.interpolate rounds positions to the type of its input, here they are always exact
    x = torch.randn(len(crops), 50, 2, 3, 3, generator=torch.Generator().manual_seed(size), dtype=torch.float64)
    y = resize(x, start, length, size)
    assert y.shape == (len(crops), size, 2, 3, 3)
    for row, (first, n) in enumerate(crops):
        flat = x[row, first : first + n].reshape(1, n, -1).mT[..., None]
        expected = F.interpolate(flat, size=(size, 1), mode="bilinear", align_corners=False)[0, ..., 0].mT
        torch.testing.assert_close(y[row].reshape(size, -1), expected, atol=1e-12, rtol=0)


def test_center_crops_of_a_ramp():
    y = center_resize(ramp(70, pad=30), torch.tensor([70]), 8).flatten()
    torch.testing.assert_close(y, 5.75 + 8.5 * torch.arange(8.0))
    y = center_resize(ramp(64, pad=5), torch.tensor([64])).flatten()
    torch.testing.assert_close(y[:3], torch.tensor([2, 2.953125, 3.921875]))


def test_a_crop_of_the_target_length_is_the_identity():
    x = torch.randn(2, 64, 1, 5, 3)
    assert torch.equal(crop_resize(x, torch.tensor([64, 64])), x)
    assert torch.equal(resize(x, torch.tensor([0, 0]), torch.tensor([64, 64]), 64), x)


def test_a_linear_ramp_stays_linear_away_from_the_borders():
    y = crop_resize(ramp(100), torch.tensor([100]), ratio=(0.8, 0.8)).flatten()
    torch.testing.assert_close(y.diff()[1:-1], torch.full((61,), 80 / 64))


def test_padding_is_never_read():
    x = ramp(70, pad=30)
    x[:, 70:] = torch.nan
    x = x.expand(200, -1, -1, -1, -1)
    assert crop_resize(x, torch.full((200,), 70), ratio=(0.1, 1)).isfinite().all()
    assert center_resize(x, torch.full((200,), 70)).isfinite().all()


@pytest.mark.parametrize("ratio", [(0.5, 1.0), (0.1, 1.0)])
def test_crop_lengths_and_starts_are_distributed_as_published(ratio):
    b, n = 20_000, 200
    generator = torch.Generator().manual_seed(0)
    y = crop_resize(ramp(n).expand(b, -1, -1, -1, -1), torch.full((b,), n), ratio=ratio, generator=generator)
    y = y.flatten(1)
    length = ((y[:, 40] - y[:, 20]) / 20 * 64).round().long()
    start = (y[:, 20] - (20.5 * length / 64 - 0.5) - 1).round().long()
    assert length.min() == max(64, int(ratio[0] * n)) and length.max() == n - 1
    assert (start >= 0).all() and (start + length <= n).all()
    expected = np.clip(np.floor((ratio[0] + (np.arange(b) + 0.5) / b * (ratio[1] - ratio[0])) * n), 64, n)
    assert (
        np.abs(np.quantile(length, [0.1, 0.3, 0.5, 0.7, 0.9]) - np.quantile(expected, [0.1, 0.3, 0.5, 0.7, 0.9])).max()
        < 3
    )
    assert abs((start / (n - length)).mean() - 0.5) < 0.01


def test_short_rows_are_taken_whole_and_rows_differ():
    x = torch.cat([ramp(10, 90), ramp(100)]).repeat(4, 1, 1, 1, 1)
    y = crop_resize(x, torch.tensor([10, 100] * 4), generator=torch.Generator().manual_seed(0)).flatten(1)
    torch.testing.assert_close(y[0], y[2])
    assert y[0, 0] == 1 and y[0, -1] == 10
    assert not torch.equal(y[1], y[3])


def test_rows_without_frames_and_of_one_frame():
    x = torch.ones(2, 5, 1, 2, 3)
    for y in (crop_resize(x, torch.tensor([0, 1]), 4), center_resize(x, torch.tensor([0, 1]), 4)):
        assert not y[0].any() and (y[1] == 1).all()
    assert uniform_sample(torch.tensor([1, 1]), 3).tolist() == [[0, 0, 0]] * 2
    assert uniform_sample(torch.tensor([0]), 3).tolist() == [[0, 0, 0]]


def test_impossible_ratios_are_refused():
    with pytest.raises(InputError, match="ratio: crops of"):
        crop_resize(ramp(10), torch.tensor([10]), ratio=(0.5, 1.5))


@settings(max_examples=40)
@given(st.integers(1, 90), st.integers(1, 20), st.integers(0, 5))
def test_uniform_samples_follow_the_rule(n, size, seed):
    index = uniform_sample(torch.full((50,), n), size, torch.Generator().manual_seed(seed)).numpy()
    steps = np.diff(index, axis=1)
    assert index.min() >= 0 and index.max() < n
    if n >= 2 * size:
        edges = np.arange(size + 1) * n // size
        assert (index >= edges[:-1]).all() and (index < edges[1:]).all()
    elif n >= size:
        assert ((steps == 1) | (steps == 2)).all()
        assert (index[:, -1] - index[:, 0] <= n - 1).all() and (index[:, 0] <= 1).all()
    else:
        assert ((steps == 1) | (steps == 1 - n)).all()


def test_uniform_samples_reach_every_choice_evenly():
    n, size, b = 11, 8, 20_000
    index = uniform_sample(torch.full((b,), n), size, torch.Generator().manual_seed(0))
    # 3 of 9 jumps: the first is taken by 1 in 3
    assert abs((index[:, 0] == 1).float().mean() - 1 / 3) < 0.02
    assert abs((index[:, 7] - 7).float().mean() - 8 * 3 / 9) < 0.05
    index = uniform_sample(torch.full((b,), 24), size, torch.Generator().manual_seed(0))
    counts = torch.bincount(index[:, 3], minlength=24)[9:12] / b
    assert (counts - 1 / 3).abs().max() < 0.02
    starts = uniform_sample(torch.full((b,), 5), size, torch.Generator().manual_seed(0))[:, 0]
    assert (torch.bincount(starts) / b - 0.2).abs().max() < 0.02


def test_rows_of_all_lengths_in_one_batch():
    frames = torch.tensor([3, 8, 12, 16, 100])
    index = uniform_sample(frames, 8, torch.Generator().manual_seed(1))
    assert (index < frames[:, None]).all()
    assert index[1].tolist() == list(range(8))


def test_test_clips_are_the_published_draws():
    # printed by PYSKL's UniformSampleFrames(clip_len=8, num_clips=10, seed=255) in test mode
    clips = uniform_test_clips(torch.tensor([20, 12, 5]), 8)
    assert clips.shape == (3, 10, 8)
    assert clips[0, :3].tolist() == [
        [1, 3, 5, 8, 11, 12, 16, 18],
        [1, 2, 5, 9, 11, 13, 15, 17],
        [0, 4, 5, 9, 10, 12, 15, 17],
    ]
    assert clips[1, :2].tolist() == [[0, 1, 3, 5, 7, 8, 9, 10], [1, 2, 4, 6, 7, 9, 10, 11]]
    assert clips[2, :2].tolist() == [[0, 1, 2, 3, 4, 0, 1, 2], [1, 2, 3, 4, 0, 1, 2, 3]]
    assert uniform_test_clips(torch.tensor([7, 20]), 8, clips=3)[0, :, 0].tolist() == [0, 2, 4]
    assert torch.equal(uniform_test_clips(torch.tensor([12, 20]), 8), clips[[1, 0]])


def test_take_follows_the_shape_of_the_index():
    x = torch.arange(2 * 6 * 3.0).view(2, 6, 1, 1, 3)
    clips = take(x, torch.tensor([[[0, 5], [1, 1]], [[2, 3], [4, 0]]]))
    assert clips.shape == (2, 2, 2, 1, 1, 3)
    assert torch.equal(clips[1, 0, 1], x[1, 3]) and torch.equal(clips[0, 1, 0], x[0, 1])


def test_whole_cuts_the_common_padding():
    x = torch.arange(12.0).view(2, 6, 1, 1, 1)
    y, mask = whole(x, torch.tensor([2, 4]))
    assert y.shape[1] == 4 and mask.tolist() == [[True, True, False, False], [True] * 4]
    y, mask = whole(x, torch.tensor([0, 0]))
    assert y.shape[1] == 1 and not mask.any()


def test_a_generator_repeats():
    x, frames = torch.randn(3, 90, 1, 2, 3), torch.tensor([90, 80, 70])
    a, b = (crop_resize(x, frames, 16, generator=torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(a, b)
    torch.manual_seed(4)
    c = crop_resize(x, frames, 16)
    torch.manual_seed(4)
    assert torch.equal(crop_resize(x, frames, 16), c) and not torch.equal(a, c)
