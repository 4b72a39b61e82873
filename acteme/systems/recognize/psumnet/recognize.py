"""The only stage, `recognize`: part streams that are trained side by side, and the sum of their scores."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.labels import accuracy, cross_entropy
from acteme.nn.recipe import Recipe
from acteme.nn.skeleton import OFFICIAL, Backbone
from acteme.nn.skeleton.clips import origin_joint, to_origin
from acteme.recordings.annotations import LabelScores
from acteme.recordings.batch import Batch
from acteme.recordings.latents import Latents
from acteme.recordings.skeleton.augment import random_rotation
from acteme.recordings.skeleton.layouts import Layout, layout
from acteme.recordings.skeleton.sample import center_resize, crop_resize
from acteme.recordings.skeleton.streams import Stream, stack
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.recognize.psumnet.parts import PARTS, Part, part_stream

BLOCKS: dict[str, Literal[6, 4]] = {"hands": 6, "legs": 4}
"""Blocks of the streams that have fewer than that of the body."""


@dataclass(frozen=True)
class Fusion:
    """Weight of each part's scores.

    Official (body, hands, legs): NTU RGB+D 60 cross-subject 2, 1.8, 0.7, cross-view 2.1, 1.6, 0.7; NTU RGB+D 120
    cross-subject 2.2, 1.5, 0.7, cross-setup 2.1, 2, 0.8; NTU60-X 3.4, 2, 1; NTU120-X 2.4, 2.2, 1.
    """

    body: float = 2.0
    """Of the body stream."""
    hands: float = 1.8
    """Of the hands stream."""
    legs: float = 0.7
    """Of the legs stream."""
    motion: float = 2 / 3
    """Of a motion's stream against a position's, where modalities have streams of their own (CTR-GCN: 0.4 to 0.6)."""


@dataclass(frozen=True)
class RecognizeConfig:
    """Part streams. The defaults are those of NTU RGB+D 60, cross-subject."""

    parts: tuple[Part, ...] = PARTS
    """Which streams there are. A layout of a hand has only `hands`."""
    modalities: tuple[Stream, ...] = ("joint", "bone", "joint_motion", "bone_motion")
    """What a stream sees of its joints."""
    unified: bool = True
    """One stream per part sees all modalities side by side; off: every modality has a stream of its own, the usual way
    that the paper compares with."""
    fusion: Fusion = field(default_factory=Fusion)
    """Weights of the parts' scores."""
    backbone: Backbone = field(default_factory=lambda: Backbone(relations=1))
    """The network of each stream; `blocks` are the body's, hands have 6 and legs 4. Official: CTR-GCN, whose first
    block comes to 1 channel of relations by an integer division (12 // 8). It is the same for
    streams of one modality (`unified=false`), where CTR-GCN officially has 8: set `backbone.relations=8` for those."""
    official_lists: bool = False
    """Bones and graphs with the slips of the official lists, which official weights were trained with."""
    to_origin: bool = True
    """Put the first person's middle of the spine in the clip's first frame to the origin."""
    size: int = 64
    """Frames that a clip is resized to."""
    sampling: Literal["resize", "pad"] = "resize"
    """Crop and resize a clip, or fill it up with zeros to `size` frames (official for SHREC)."""
    crop: tuple[float, float] = (0.5, 1.0)
    """Smallest and largest part of a clip that is shown in training."""
    shortest: int = 64
    """Frames that are shown at least in training, where the clip has them."""
    middle: float = 0.95
    """The part of a clip that is shown in evaluation."""
    rotation: float = 0.3
    """Largest angle of the random rotation about each axis in training, radians; 0: none."""
    windows: Windows = field(default_factory=lambda: Windows(frames=None, limit=300))
    """What counts as a clip."""
    recipe: Recipe = field(
        default_factory=lambda: Recipe(
            optimizer="sgd", lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4, epochs=65, batch=200,
            schedule="step", milestones=(35, 55), warmup=1000,
        )
    )  # fmt: skip
    """How it is optimized."""

    @classmethod
    def small(cls) -> "RecognizeConfig":
        """A quarter of the width; learns on two processor cores in a minute or two."""
        return cls(
            backbone=Backbone(width=16, relations=4, skip_absent=True), size=32, shortest=16,
            recipe=Recipe(optimizer="adamw", lr=4e-3, weight_decay=1e-3, epochs=5, batch=32, schedule="cosine"),
        )  # fmt: skip


class PartNet(nn.Module):
    """One stream: bones and motions of a part's joints, the encoder, and a linear layer on its mean."""

    def __init__(self, body: Layout, part: Part, modalities: tuple[Stream, ...], config: RecognizeConfig, spec: Spec):
        super().__init__()
        seen = part_stream(body, part, config.official_lists)
        self.joints, self.tree, self.modalities = list(seen.joints), seen.tree, modalities
        channels = spec.channels * len(modalities)
        backbone = replace(config.backbone, blocks=BLOCKS[part]) if part in BLOCKS else config.backbone
        self.encoder = backbone.build(self.tree, spec.persons, channels)
        self.fc = nn.Linear(self.encoder.width, len(spec.classes))
        nn.init.normal_(self.fc.weight, 0, (2 / len(spec.classes)) ** 0.5)

    def forward(self, x: Float[Tensor, "b t m v c"]) -> Latents:
        """Latents of clips of the whole skeleton."""
        return self.encoder(stack(x[..., self.joints, :], self.tree, self.modalities))

    def scores(self, x: Float[Tensor, "b t m v c"]) -> Float[Tensor, "b k"]:
        """Class logits."""
        return self.fc(self(x).pooled).float()


class Recognizer(nn.Module):
    """Classifies clips by several streams.

    Args:
        config: the settings.
        spec: of the data; it names layout and classes.

    Raises:
        InputError: no skeleton, no classes, or a part that the layout does not have.
    """

    def __init__(self, config: RecognizeConfig, spec: Spec):
        super().__init__()
        check(config, spec)
        body = layout(spec.layout)
        self.config, self.origin = config, origin_joint(body)
        self.streams = nn.ModuleDict()
        self.weights: dict[str, float] = {}
        for part in config.parts:
            groups = [config.modalities] if config.unified else [(m,) for m in config.modalities]
            for group in groups:
                name = part if config.unified else f"{part}_{group[0]}"
                self.streams[name] = PartNet(body, part, group, config, spec)
                motion = not config.unified and group[0].endswith("motion")
                self.weights[name] = getattr(config.fusion, part) * (config.fusion.motion if motion else 1.0)

    def view(self, batch: Batch) -> Float[Tensor, "b s m v c"]:
        """What is shown of each clip: a random crop, rotated (training), or the middle (evaluation)."""
        c, x, frames = self.config, batch["skeleton"], batch["frames"]
        x = to_origin(x, self.origin) if c.to_origin else x
        if c.sampling == "pad":
            x = F.pad(x[:, : c.size], (0, 0) * 3 + (0, max(c.size - x.shape[1], 0)))
        elif self.training:
            x = crop_resize(x, frames, c.size, c.crop, c.shortest)
        else:
            x = center_resize(x, frames, c.size, c.middle)
        return random_rotation(x, c.rotation) if self.training and c.rotation else x

    def scores(self, x: Float[Tensor, "b s m v c"]) -> dict[str, Float[Tensor, "b k"]]:
        """Class logits of each stream."""
        return {name: stream.scores(x) for name, stream in self.streams.items()}  # type: ignore[operator]

    def fused(self, scores: Mapping[str, Float[Tensor, "b k"]]) -> Float[Tensor, "b k"]:
        """The weighted sum of the streams' logits."""
        return torch.stack([self.weights[name] * score for name, score in scores.items()]).sum(0)

    def logits(self, batch: Batch) -> Float[Tensor, "b k"]:
        """Fused class logits of each clip."""
        return self.fused(self.scores(self.view(batch)))

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Cross entropy of each stream on its own, their sum (as `total`), and the accuracy of the fused scores.

        Streams share no weights: the sum trains each as it would be trained alone.
        """
        scores, label = self.scores(self.view(batch)), batch["label"]
        each = {name: cross_entropy(score, label) for name, score in scores.items()}
        return {
            "total": torch.stack(list(each.values())).sum(),
            **each,
            "accuracy": accuracy(self.fused(scores), label),
        }

    def encode(self, batch: Batch) -> Latents:
        """The streams' features side by side."""
        x = self.view(batch)
        found = [stream(x) for stream in self.streams.values()]
        tokens, pooled = (torch.cat([getattr(f, n) for f in found], -1) for n in ("tokens", "pooled"))
        return Latents(tokens, pooled, found[0].mask)

    def predict(self, batch: Batch) -> LabelScores:
        """Class probabilities of each clip, of the streams' weighted mean logits."""
        return LabelScores((self.logits(batch) / sum(self.weights.values())).softmax(-1))

    @staticmethod
    def official_state_dict(state: Mapping[str, Any]) -> dict[str, Tensor]:
        """Official checkpoints under this module's names.

        Args:
            state: that of one stream, or several as {"body": state, "hands": state, "legs": state}. Which stream a
                state is of follows from its number of blocks.

        Raises:
            InputError: it is no stream's state.
        """
        out: dict[str, Tensor] = {}
        for one in state.values() if all(isinstance(v, Mapping) for v in state.values()) else [state]:
            ours = OFFICIAL["ctrgcn"](one)
            blocks = len({name.split(".")[1] for name in ours if name.startswith("blocks.")})
            part = next((p for p in PARTS if BLOCKS.get(p, 10) == blocks), None)
            if part is None:
                raise InputError(f"a network of {blocks} blocks is no stream of PSUMNet", mend="give its checkpoints")
            for name, value in ours.items():
                out[f"streams.{part}.{'' if name.startswith('fc.') else 'encoder.'}{name}"] = value
        return out


def check(config: RecognizeConfig, spec: Spec) -> None:
    """Raises InputError where settings contradict themselves or the data."""
    if not spec.layout:
        raise InputError("the data names no skeleton layout", "psumnet", "give recordings with a skeleton")
    if not spec.classes:
        raise InputError("the data names no classes", "recognize", "give labeled recordings")
    for name, chosen in (("parts", config.parts), ("modalities", config.modalities)):
        if not chosen or len(set(chosen)) < len(chosen):
            raise InputError(f"{', '.join(chosen) or 'nothing'} is no set of {name}", name, "name each once")
    weights = [getattr(config.fusion, part) for part in config.parts]
    if min(weights) < 0 or not sum(weights):
        raise InputError("weights of the streams are negative, or all zero", "fusion", "give positive ones")
    if config.size < 1:
        raise InputError(f"clips of {config.size} frames", "size", "take 1 or more")
