"""What the networks see of a clip: upright, augmented, as a stream, at frames spread over all of it."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from acteme.errors import InputError
from acteme.nn.skeleton.clips import Stance, as_it_stands, upright
from acteme.recordings.batch import Batch
from acteme.recordings.skeleton.augment import flip, random_rotation, random_scale
from acteme.recordings.skeleton.layouts import Layout
from acteme.recordings.skeleton.normalize import Axes
from acteme.recordings.skeleton.sample import take, uniform_sample, uniform_test_clips
from acteme.recordings.skeleton.streams import Stream, bone, skip, stream_confidence
from acteme.recordings.spec import Spec


@dataclass(frozen=True)
class View:
    """How clips are shown. The defaults are those of NTU RGB+D."""

    size: int = 64
    """Frames that are shown of a clip."""
    clips: int = 10
    """How many times a clip is shown in evaluation, each time at other frames; probabilities are averaged."""
    upright: bool = True
    """Turn the spine of the first frame up and the shoulders to +x, with the middle of the spine for origin (3D)."""
    official_turn: bool = False
    """Turn as the official code does, which tilts the spine again, and put the last joint to the origin where there are
    not 25 (on NW-UCLA the right foot)."""
    scale: float = 0.1
    """Training: every axis is scaled by 1 +- this."""
    rotation: float = 0.3
    """Training: largest angle of the random rotation about each axis, radians."""
    flip: float = 0.5
    """Training: probability that left and right joints change places."""
    mirror: bool = False
    """Mirror coordinates, too, when they do; the official code for 3D does not."""
    motion: Literal["native", "sampled"] = "native"
    """Motion is to the next frame of the recording, or to the next one that is shown (2D data of Kinetics)."""
    confidence: bool = False
    """Show the confidence of joints as a further channel (2D data)."""


class Viewer:
    """Makes the streams of a batch.

    Args:
        config: how.
        spec: of the data.
        body: its layout.

    Raises:
        InputError: numbers out of their range, or a layout that cannot be set upright.
    """

    def __init__(self, config: View, spec: Spec, body: Layout):
        if config.size < 1 or config.clips < 1:
            what = f"{config.clips} clips of {config.size} frames"
            raise InputError(what, "view", "give 1 or more of each")
        if not 0 <= config.flip <= 1 or min(config.scale, config.rotation) < 0:
            raise InputError("a probability or a range out of its bounds", "view", "see flip, scale and rotation")
        if config.confidence and spec.channels != 2:
            raise InputError("3D joints have no confidence", "view.confidence", "set it to false")
        self.config, self.body = config, body
        self.axes = Axes.of(body.name) if config.upright and spec.channels == 3 else None
        self.channels = spec.channels + config.confidence

    def stance(self, batch: Batch) -> Stance:
        """How the clips stand."""
        x, frames = batch["skeleton"], batch["frames"]
        if self.axes is None:
            return as_it_stands(x, frames)
        return upright(x, frames, self.axes, self.config.official_turn)

    def streams(
        self, batch: Batch, names: tuple[Stream, ...], training: bool, clips: int = 1
    ) -> dict[Stream, Float[Tensor, "n s m v c"]]:
        """Each stream of each clip (n = B), or of `clips` showings of each (n = B clips, those of a clip in a row)."""
        c, stance = self.config, self.stance(batch)
        if training:
            index = uniform_sample(stance.length, c.size)
        else:
            index = uniform_test_clips(stance.length, c.size, clips).flatten(1)
        shown = index.view(len(index), -1, c.size)
        if c.motion == "native":
            after = torch.minimum(shown + 1, (stance.length - 1).clamp(min=0)[:, None, None])
            last = after == shown
        else:
            after, last = torch.cat([shown[..., 1:], shown[..., -1:]], -1), torch.zeros_like(shown, dtype=torch.bool)
            last[..., -1] = True
        turn = self._augmentation(len(index), batch["skeleton"]) if training else None
        swapped = torch.rand(len(index), device=index.device) < c.flip if training else None
        wanted = [index, after.flatten(1)] if any(name.endswith("motion") for name in names) else [index]
        places = [self._shaped(stance.placed(stance.frames(batch["skeleton"], i), turn), swapped) for i in wanted]
        sure = [self._confidence(batch, stance, i, swapped) for i in wanted] if c.confidence else None
        return {name: self._stream(name, places, sure, last.flatten(1)) for name in names}

    def _augmentation(self, count: int, x: Tensor) -> Float[Tensor, "b c c"] | None:
        """A random rotation after a random scaling, as a matrix for each clip."""
        c, channels = self.config, x.shape[-1]
        if not (c.scale or c.rotation):
            return None
        eye = torch.eye(channels, dtype=x.dtype, device=x.device).expand(count, 1, 1, -1, -1)
        return random_rotation(random_scale(eye, c.scale), c.rotation)[:, 0, 0].mT

    def _shaped(self, x: Float[Tensor, "b s m v c"], swapped: Bool[Tensor, " b"] | None) -> Tensor:
        if swapped is None or not swapped.any():
            return x
        return torch.where(swapped[:, None, None, None, None], flip(x, self.body, self.config.mirror), x)

    def _confidence(self, batch: Batch, stance: Stance, index: Int[Tensor, "b s"], swapped: Tensor | None) -> Tensor:
        if "confidence" not in batch:
            raise InputError("the data has no confidence of joints", "view.confidence", "set it to false")
        sure = take(batch["confidence"], stance.order.gather(1, index))
        if swapped is not None:
            sure = torch.where(swapped[:, None, None, None], sure[..., list(self.body.flip)], sure)
        return sure

    def _stream(
        self, name: Stream, places: list[Tensor], sure: list[Tensor] | None, last: Bool[Tensor, "b s"]
    ) -> Float[Tensor, "n s m v c"]:
        kind, _, motion = name.partition("_")
        form = {"joint": lambda x, _: x, "bone": bone, "skip": skip}[kind]
        x = form(places[0], self.body)
        if motion:
            x = form(places[1], self.body) - x
        if sure is not None:
            certain = [stream_confidence(s, self.body, kind) for s in sure]  # type: ignore[arg-type]
            mean = (certain[0] + certain[-1]) / 2
            mean = torch.where(last[..., None, None], 0, mean) if motion else certain[0]
            x = torch.cat([x, mean[..., None]], -1)
        return x.reshape(-1, self.config.size, *x.shape[2:])
