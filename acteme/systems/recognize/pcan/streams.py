"""From a batch to features: pictures of the clip through 3D networks, or the skeleton through a graph network."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.skeleton import Encoder
from acteme.nn.skeleton.clips import origin_joint, to_origin
from acteme.recordings.batch import Batch
from acteme.recordings.skeleton.augment import random_flip
from acteme.recordings.skeleton.layouts import Layout
from acteme.recordings.skeleton.sample import resize, take, uniform_sample, uniform_test_clips
from acteme.recordings.skeleton.streams import Stream, stack
from acteme.systems.recognize.pcan import picture
from acteme.systems.recognize.pcan.rgbpose import RATE, RGBPose


@dataclass(frozen=True)
class Sight:
    """What is shown of a clip: some of its frames, and of a picture a square about the people."""

    frames: int = 32
    """Frames of the skeleton, spread over the clip; a quarter of them of the video."""
    size: int = 224
    """Pixels of a side of a picture in training; heatmaps have a quarter."""
    test_size: int = 256
    """The same in prediction."""
    sigma: float = 0.7
    """Of the heatmaps, pixels."""
    padding: float = 0.25
    """How much wider the square is than the people."""
    area: tuple[float, float] = (0.56, 1.0)
    """Smallest and largest part of the square that is shown in training."""
    flip: float = 0.5
    """How often left and right change places in training."""

    def check(self) -> None:
        """Raises InputError where it is not possible."""
        if self.frames < RATE or self.frames % RATE:
            raise InputError(f"{self.frames} frames of the skeleton", "sight.frames", f"take a multiple of {RATE}")
        if min(self.size, self.test_size) < 32 or self.size % 4 or self.test_size % 4:
            raise InputError(f"pictures of {self.size} and {self.test_size} pixels", "sight.size",
                             "take multiples of 4 from 32")  # fmt: skip
        if not 0 < self.area[0] <= self.area[1] <= 1 or not 0 <= self.flip <= 1 or min(self.sigma, self.padding) <= 0:
            raise InputError("is out of its range", "sight", "give area and flip parts of 1, sigma and padding above 0")


@dataclass(frozen=True)
class Seen:
    """Features of a batch by one stream."""

    pooled: Float[Tensor, "b d"]
    """What is classified: means over time, space and persons."""
    shown: Float[Tensor, "b d"]
    """What prototypes are made of in training."""
    tokens: Float[Tensor, "b t d"]
    """Means over space."""


def chosen(frames: Int[Tensor, " b"], count: int, clip: int, training: bool) -> Int[Tensor, "b count"]:
    """Which frames are shown: random ones spread over the clip, in prediction those of one of the test clips."""
    return uniform_sample(frames, count) if training else uniform_test_clips(frames, count, clip + 1)[:, clip]


class Graph(nn.Module):
    """The whole skeleton clip, resized, through a graph network; one stream, `pose`."""

    def __init__(self, encoder: Encoder, body: Layout, modalities: tuple[Stream, ...], sight: Sight):
        super().__init__()
        self.encoder, self.body, self.modalities, self.sight = encoder, body, modalities, sight
        self.origin = origin_joint(body)

    @property
    def widths(self) -> dict[str, int]:
        return {"pose": self.encoder.width}

    def forward(self, batch: Batch, clip: int) -> dict[str, Seen]:
        frames = batch["frames"]
        x = to_origin(batch["skeleton"], self.origin)
        x = resize(x, torch.zeros_like(frames), frames, self.sight.frames)
        if self.training and self.sight.flip:
            x = random_flip(x, self.body, self.sight.flip)
        found = self.encoder(stack(x, self.body, self.modalities))
        return {"pose": Seen(found.pooled, found.pooled, found.tokens)}


class Pictures(nn.Module):
    """Video frames and joint heatmaps of one square through 3D networks."""

    def __init__(self, streams: tuple[str, ...], body: Layout, planes: tuple[int, int], sight: Sight, peaks: bool):
        super().__init__()
        self.network = RGBPose(streams, body.count, *planes)
        self.streams, self.partner, self.sight, self.peaks = streams, list(body.flip), sight, peaks

    @property
    def widths(self) -> dict[str, int]:
        return self.network.widths

    def view(self, batch: Batch, clip: int) -> tuple[Tensor | None, Tensor | None]:
        """Normalized frames (b, 3, t, y, x) and heatmaps (b, v, 4 t, y / 4, x / 4), as far as there are streams."""
        sight, frames = self.sight, batch["frames"]
        size = sight.size if self.training else sight.test_size
        at = chosen(frames, sight.frames, clip, self.training)
        conf = batch.get("confidence")
        xy, score = picture.places(take(batch["skeleton"], at), None if conf is None else take(conf, at))
        crop = picture.around(xy, score, sight.padding)
        if self.training:
            crop = picture.random_crop(crop, sight.area, sight.flip)
        video = heat = None
        if "pose" in self.streams:
            heat = picture.heatmaps(xy, score, crop, size // 4, sight.sigma, self.partner)
        if "rgb" in self.streams:
            if "video" not in batch:
                raise InputError("the data has no video", "streams", "set streams to pose")
            at = chosen(frames, sight.frames // RATE, clip, self.training)
            video = picture.images(take(batch["video"], at), crop, size)
        return video, heat

    def forward(self, batch: Batch, clip: int) -> dict[str, Seen]:
        return {name: self.pooled(maps) for name, maps in self.network(*self.view(batch, clip)).items()}

    def pooled(self, maps: Float[Tensor, "b d t y x"]) -> Seen:
        tokens = maps.mean((3, 4)).mT
        mean = tokens.mean(1)
        return Seen(mean, maps.mean(2).amax((2, 3)) if self.peaks and self.training else mean, tokens)
