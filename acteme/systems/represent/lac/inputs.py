"""From batches to persons, and to what the visual encoder sees."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from acteme.errors import InputError
from acteme.recordings.batch import Batch
from acteme.recordings.skeleton.layouts import convert, layout
from acteme.recordings.spec import Spec
from acteme.systems.represent.lac.motion import BODY, MID_HIP, Up, project, upright
from acteme.systems.represent.lac.unik import Unik


@dataclass(frozen=True)
class EncoderConfig:
    """The visual encoder and its input."""

    layout: Literal["posetics17", "body15"] = "posetics17"
    """Joints that the encoder sees; both follow from the 15 joints that the generator composes."""
    persons: int | None = None
    """Persons that the encoder has room for (official: 2); None: as many as the data."""
    channels: Literal[2, 3] = 2
    """Coordinates: 2 for image positions (3D data are projected along the depth axis), 3 for positions in space."""
    center: Literal["none", "first", "frame"] = "none"
    """What is subtracted: nothing, the first person's mid-hip in the first frame, or each person's own per frame."""
    up: Up = "y"
    """Axis of 3D data that points up."""
    width: int = 64
    """Channels of the first blocks; features have four times as many."""
    heads: int = 3
    """Heads of each spatial unit."""
    skip_absent: bool = True
    """Leave out persons who are not there (all zeros); official weights were trained with them averaged in."""

    @classmethod
    def small(cls) -> "EncoderConfig":
        """A quarter of the width, on the 15 joints themselves, each person centered."""
        return cls(layout="body15", center="frame", width=16)

    def build(self, spec: Spec, out: int, mlp: bool = False) -> Unik:
        """The encoder for a data set, with `out` outputs.

        Raises:
            InputError: more persons in the data than the encoder has room for, or 3D wanted of 2D data.
        """
        if self.persons is not None and spec.persons > self.persons:
            raise InputError(f"the data have {spec.persons} persons", "encoder.persons", f"set it to {spec.persons}")
        if self.channels > spec.channels:
            raise InputError(f"the data have {spec.channels} coordinates", "encoder.channels", "set it to 2")
        joints, persons = layout(self.layout).count, self.persons or spec.persons
        return Unik(joints, persons, self.channels, out, self.width, self.heads, self.skip_absent, mlp)

    def input(self, x: Float[Tensor, "b m t 15 c"]) -> Float[Tensor, "b t n v k"]:
        """Positions in `body15` as the encoder takes them. Persons of zeros stay zeros; room for more is filled so."""
        if self.channels == 2:
            x = image(x)
        there = (x != 0).flatten(3).any(-1)[..., None, None]
        if self.center == "first":
            x = torch.where(there, x - x[:, :1, :1, MID_HIP : MID_HIP + 1], 0.0)
        elif self.center == "frame":
            x = x - x[:, :, :, MID_HIP : MID_HIP + 1]
        x = F.pad(x, (0, 0) * 3 + (0, (self.persons or x.shape[1]) - x.shape[1]))
        return convert(x.transpose(1, 2), BODY.name, self.layout)


class People(NamedTuple):
    """The persons of a batch of clips, in the `body15` layout."""

    positions: Float[Tensor, "b m t 15 c"]
    """3D with the third axis up, or 2D (right, down); zeros where a person is not there."""
    mask: Bool[Tensor, "b t"]
    """Frames that exist."""
    complete: Bool[Tensor, "b m"]
    """Persons seen in every frame that exists: those whose motion can be encoded."""


def people(batch: Batch, spec: Spec, up: Up) -> People:
    """The persons of a batch. Raises InputError where the layout has no map to `body15`."""
    x = convert(batch["skeleton"], spec.layout, BODY.name).transpose(1, 2)
    mask = batch["mask"] if "mask" in batch else x.new_ones(x.shape[0], x.shape[2], dtype=torch.bool)
    seen = (x != 0).flatten(3).any(-1) | ~mask[:, None]
    complete = seen.all(-1) & mask.any(-1)[:, None]
    return People(upright(x, up) if x.shape[-1] == 3 else x, mask, complete)


def image(x: Float[Tensor, "*any t 15 c"]) -> Float[Tensor, "*any t 15 2"]:
    """What a camera sees that looks along the depth axis, without perspective; 2D positions stay as they are."""
    return x if x.shape[-1] == 2 else project(x)
