"""Frames to learn from: crops resized to a fixed number of frames, and frames picked by index.

Everything is batched with one length per sample: `frames` says how many frames of each row of `x` exist. Rows of zero
frames give zeros. With the official draws the crops of CTR-GCN and HaLP are met to 2.4e-7 (float32, clips of 1 to 299
frames), PYSKL's test clips exactly (1 to 199, 300 and 1,000 frames).
"""

from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from acteme.errors import InputError


def resize(
    x: Float[Tensor, "B T *rest"], start: Int[Tensor, "B"], length: Int[Tensor, "B"], size: int
) -> Float[Tensor, "B size *rest"]:
    """The frames [start, start + length) of each row, linearly resampled to `size` frames.

    Equal to `F.interpolate(..., mode="bilinear", align_corners=False)` along time on each crop by itself: frame i is
    read at (i + 1/2) length / size - 1/2, held within the crop.
    """
    step = length[:, None].to(torch.float64) / size
    place = ((torch.arange(size, device=x.device) + 0.5) * step - 0.5).clamp(min=0)
    last = (length - 1).clamp(min=0)[:, None]
    before = torch.minimum(place.long(), last)
    after = torch.minimum(before + 1, last)
    weight = (place - before).clamp(max=1).to(x.dtype)
    weight = weight.view(*weight.shape, *[1] * (x.ndim - 2))
    out = torch.lerp(take(x, start[:, None] + before), take(x, start[:, None] + after), weight)
    return torch.where((length > 0).view(-1, *[1] * (x.ndim - 1)), out, 0)


def crop_resize(
    x: Float[Tensor, "B T *rest"],
    frames: Int[Tensor, "B"],
    size: int = 64,
    ratio: tuple[float, float] = (0.5, 1.0),
    shortest: int = 64,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "B size *rest"]:
    """A random crop of each row, resized: CTR-GCN's `valid_crop_resize`, HaLP's `temporal_cropresize`.

    With n frames and p ~ U(ratio) the crop has clip(floor(p n), shortest, n) frames, from a random start. CTR-GCN, GAP,
    PSUMNet and HaLP's linear probe draw p from U(0.5, 1), HaLP's views from U(0.1, 1).
    """
    if not 0 < ratio[0] <= ratio[1] <= 1:
        raise InputError(f"crops of {ratio} of a clip are not possible", "ratio", "give 0 < low <= high <= 1")
    draw = torch.rand(2, len(x), generator=generator, device=x.device, dtype=torch.float64)
    p = ratio[0] + draw[0] * (ratio[1] - ratio[0])
    length = torch.minimum((frames * p).floor().long().clamp(min=shortest), frames)
    start = (draw[1] * (frames - length + 1)).floor().long()
    return resize(x, start, length, size)


def center_resize(
    x: Float[Tensor, "B T *rest"], frames: Int[Tensor, "B"], size: int = 64, ratio: float = 0.95
) -> Float[Tensor, "B size *rest"]:
    """The middle of each row, resized: what CTR-GCN, PSUMNet, GAP and HaLP test on.

    int((1 - ratio) n / 2) frames are dropped at each end.
    """
    start = ((1 - ratio) * frames.to(torch.float64) / 2).long()
    return resize(x, start, frames - 2 * start, size)


def take(x: Float[Tensor, "B T *rest"], index: Int[Tensor, "B *picked"]) -> Float[Tensor, "B *all"]:
    """Frames of each row by index; `index` may have more axes, such as (B, clips, frames)."""
    rows = torch.arange(len(x), device=x.device).view(-1, *[1] * (index.ndim - 1))
    return x[rows, index]


def uniform_sample(
    frames: Int[Tensor, "B"], size: int, generator: torch.Generator | None = None
) -> Int[Tensor, "B size"]:
    """Indices of `size` frames spread over each row of n frames (PYSKL's UniformSample, training), for `take`.

    n >= 2 size: one random frame of each segment [i n // size, (i + 1) n // size). size <= n < 2 size: 0, 1, 2, ...
    with n - size random unit jumps. n < size: in order from a random frame, wrapping around.
    """
    n, device = frames[:, None], frames.device
    step = torch.arange(size + 1, device=device)
    draw = torch.rand(len(frames), size + 1, generator=generator, device=device, dtype=torch.float64)
    edges = step * n // size
    segments = edges[:, :-1] + (draw[:, :-1] * edges.diff(dim=1)).long()
    # the n - size smallest of size + 1 draws say after which frames to jump; the last jump has no effect
    jumps = (draw.argsort(1).argsort(1) < n - size).long().cumsum(1)[:, :-1]
    wrapped = (step[:-1] + (draw[:, :1] * n).long()) % n.clamp(min=1)
    return torch.where(n >= 2 * size, segments, torch.where(n >= size, step[:-1] + jumps, wrapped))


def uniform_test_clips(
    frames: Int[Tensor, "B"], size: int, clips: int = 10, seed: int = 255
) -> Int[Tensor, "B clips size"]:
    """Indices of the test clips of each row (PYSKL's and BRL's UniformSample, test mode), the same in every run.

    The official draws are met exactly: NumPy's legacy generator, started anew with `seed` for every recording; shorter
    rows than `size` start at i (n < clips) or i n // clips.
    """
    lengths, row = torch.unique(frames, return_inverse=True)
    table = np.stack([_test_clips(int(n), size, clips, seed) for n in lengths])
    return torch.from_numpy(table).to(frames.device)[row]


@lru_cache(maxsize=4096)
def _test_clips(n: int, size: int, clips: int, seed: int) -> Int[np.ndarray, "clips size"]:
    rng = np.random.RandomState(seed)
    step = np.arange(size + 1)
    edges = step * n // size
    rows = []
    for clip in range(clips):
        rng.rand()  # the official code draws a crop ratio of 1
        if n < size:
            start = clip if n < clips else clip * n // clips
            rows.append((start + step[:-1]) % max(n, 1))
        elif n < 2 * size:
            jump = np.zeros(size + 1, np.int64)
            jump[rng.choice(size + 1, n - size, replace=False)] = 1
            rows.append(step[:-1] + jump.cumsum()[:-1])
        else:
            rows.append(edges[:-1] + rng.randint(np.diff(edges)))
    return np.stack(rows)


def whole(
    x: Float[Tensor, "B T *rest"], frames: Int[Tensor, "B"]
) -> tuple[Float[Tensor, "B S *rest"], Bool[Tensor, "B S"]]:
    """Every row as it is, cut where the longest ends, and the mask of the frames that exist."""
    longest = max(int(frames.max()), 1) if len(frames) else 1
    return x[:, :longest], torch.arange(longest, device=x.device) < frames[:, None]
