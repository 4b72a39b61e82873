"""The only stage, `recognize`: streams, the head of each, and the mean of what they say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.labels import accuracy
from acteme.nn.recipe import Recipe
from acteme.nn.skeleton import Backbone
from acteme.recordings.annotations import LabelScores
from acteme.recordings.batch import Batch
from acteme.recordings.latents import Latents
from acteme.recordings.skeleton.layouts import layout
from acteme.recordings.skeleton.streams import Stream as Modality
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.recognize.pcan.head import Head
from acteme.systems.recognize.pcan.official import official_state_dict
from acteme.systems.recognize.pcan.refine import Calibration
from acteme.systems.recognize.pcan.streams import Graph, Pictures, Sight

Stream = Literal["rgb", "pose"]


@dataclass(frozen=True)
class RecognizeConfig:
    """The defaults are those of MA-52. Where the data has no video, the pose stream stands alone."""

    network: Literal["rgbpose", "graph"] = "rgbpose"
    """3D networks of video frames and of joint heatmaps (RGBPoseConv3D), or one of the skeleton's graph."""
    streams: tuple[Stream, ...] = ("rgb", "pose")
    """Of `rgbpose`: which networks there are, as far as the data has what they see."""
    planes: tuple[int, int] = (64, 32)
    """Of `rgbpose`: channels of the first stage of the network of frames and of that of heatmaps."""
    backbone: Backbone = field(default_factory=Backbone)
    """Of `graph`: the network."""
    modalities: tuple[Modality, ...] = ("joint",)
    """Of `graph`: what it sees of the joints, side by side."""
    sight: Sight = field(default_factory=Sight)
    """What is shown of a clip."""
    clips: int = 10
    """Of `rgbpose`: clips whose probabilities are averaged in prediction; a graph network sees the whole at once."""
    dropout: float = 0.5
    """Of the features that are classified."""
    tree: float = 1.0
    """Weight of the loss over the tree of groups and classes; 0 leaves it out."""
    refine: float = 0.2
    """Weight of the contrast with the prototypes, at both levels; 0 leaves it out."""
    calibration: Calibration = field(default_factory=Calibration)
    """How prototypes are kept and clips drawn to them."""
    warmup: int = 0
    """Epochs in which prototypes gather and are not yet used; they begin at random, and the rare ones stay so long."""
    rectify: tuple[float, float] = (5.0, 1.0)
    """Factor of the cosines to the prototypes that are added to the class logits in prediction (rgb, pose)."""
    peaks: bool = False
    """Of `rgbpose`: prototypes are made of the maxima of the maps over space, as officially; those of the test are
    means. Off: of means, both."""
    windows: Windows = field(default_factory=lambda: Windows(frames=None, limit=300))
    """What counts as a clip."""
    recipe: Recipe = field(
        default_factory=lambda: Recipe(
            optimizer="sgd", lr=0.0075, momentum=0.9, weight_decay=1e-4, epochs=30, batch=10, schedule="step",
            milestones=(10, 20), clip=40.0,
        )
    )  # fmt: skip
    """How it is optimized."""

    @classmethod
    def small(cls) -> "RecognizeConfig":
        """A small graph network; learns on two processor cores in a minute or two."""
        return cls(
            network="graph",
            backbone=Backbone("stgcn", width=16, blocks=4, skip_absent=True),
            modalities=("joint", "bone", "joint_motion", "bone_motion"),
            calibration=Calibration(width=64, group_width=32),
            sight=Sight(frames=16),
            dropout=0.2,
            rectify=(1.0, 1.0),
            recipe=Recipe(optimizer="adamw", lr=6e-3, weight_decay=1e-3, epochs=24, batch=32, schedule="cosine"),
        )


class Recognizer(nn.Module):
    """Classifies clips at two levels.

    Args:
        config: the settings.
        spec: of the data. Without `groups` all classes are of one group, and what is about groups does nothing.

    Raises:
        InputError: no skeleton, no classes, or settings that contradict each other.
    """

    def __init__(self, config: RecognizeConfig, spec: Spec):
        super().__init__()
        streams = check(config, spec)
        self.config, self.grouped, self.epoch = config, bool(spec.groups), 0
        body = layout(spec.layout)
        self.backbone: Graph | Pictures
        if config.network == "graph":
            channels = spec.channels * len(config.modalities)
            encoder = config.backbone.build(body, spec.persons, channels)
            self.backbone = Graph(encoder, body, config.modalities, config.sight)
        else:
            self.backbone = Pictures(streams, body, config.planes, config.sight, config.peaks)
        group_of = spec.group_of or (0,) * len(spec.classes)
        factors = {"rgb": config.rectify[0], "pose": config.rectify[1]}
        self.heads = nn.ModuleDict(
            {
                name: Head(width, group_of, config.calibration, config.dropout, factors[name])
                for name, width in self.backbone.widths.items()
            }
        )

    def before_epoch(self, epoch: int) -> None:
        """The warm-up ends with epoch `warmup`."""
        self.epoch = epoch

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The sum over streams of the losses of `Head.losses`, and each of them.

            total = class + group + tree weight x tree + refine weight (refine + group_refine + diversity)

        with all means over clips; `accuracy` is that of the mean probabilities.
        """
        config = self.config
        drawn = 0.0 if self.epoch < config.warmup else config.refine
        weights = {"class": 1.0, "group": 1.0, "tree": config.tree, "refine": drawn, "group_refine": drawn}
        weights["diversity"] = drawn * config.calibration.diversity
        found: dict[str, Tensor] = {}
        probabilities, total = [], torch.zeros((), device=batch["label"].device)
        for name, seen in self.backbone(batch, 0).items():
            parts, logits = self.heads[name].losses(seen.pooled, seen.shown, batch["label"])  # type: ignore[operator]
            total = total + torch.stack([weights[n] * part for n, part in parts.items() if weights[n]]).sum()
            found |= {f"{name}_{n}": part for n, part in parts.items()}
            probabilities.append(logits.detach().softmax(1))
        found["accuracy"] = accuracy(torch.stack(probabilities).mean(0), batch["label"])
        return {"total": total, **found}

    def encode(self, batch: Batch) -> Latents:
        """The streams' features side by side, at the steps of the slower one."""
        found = list(self.backbone(batch, 0).values())
        tokens = torch.cat([steps(seen.tokens, found[0].tokens.shape[1]) for seen in found], 2)
        pooled = torch.cat([seen.pooled for seen in found], 1)
        return Latents(tokens, pooled, torch.ones_like(tokens[..., 0], dtype=torch.bool))

    def predict(self, batch: Batch) -> LabelScores:
        """Probabilities of classes and groups: the mean over clips and streams, after rectification."""
        found: list[tuple[Tensor, Tensor]] = []
        for clip in range(self.config.clips if self.config.network == "rgbpose" else 1):
            for name, seen in self.backbone(batch, clip).items():
                logits = self.heads[name].rectified(seen.pooled)  # type: ignore[operator]
                found.append(tuple(level.softmax(1) for level in logits))  # type: ignore[arg-type]
        classes, groups = (torch.stack(level).mean(0) for level in zip(*found, strict=True))
        return LabelScores(classes, groups if self.grouped else None)

    @staticmethod
    def official_state_dict(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """An official checkpoint's tensors under this module's names (`network="rgbpose"`, both streams)."""
        return official_state_dict(state)


def steps(tokens: Float[Tensor, "b t d"], count: int) -> Float[Tensor, "b count d"]:
    """Means of equally many tokens each."""
    return tokens.unflatten(1, (count, -1)).mean(2)


def check(config: RecognizeConfig, spec: Spec) -> tuple[Stream, ...]:
    """The streams that the data has; InputError where settings contradict themselves or the data."""
    if not spec.layout:
        raise InputError("the data names no skeleton layout", "pcan", "give recordings with a skeleton")
    if not spec.classes:
        raise InputError("the data names no classes", "recognize", "give labeled recordings")
    if spec.groups and len(spec.groups) != len(spec.classes):
        raise InputError(f"names {len(spec.groups)} groups for {len(spec.classes)} classes", "the data",
                         "name the group of every class")  # fmt: skip
    for name, chosen in (("streams", config.streams), ("modalities", config.modalities)):
        if not chosen or len(set(chosen)) < len(chosen):
            raise InputError(f"{', '.join(chosen) or 'nothing'} is no set of {name}", name, "name each once")
    if config.clips < 1:
        raise InputError(f"{config.clips} clips", "clips", "take 1 or more")
    if min(config.tree, config.refine, *config.rectify) < 0:
        raise InputError("a weight is negative", "tree, refine or rectify", "give 0 or more")
    if config.network == "graph" and config.peaks:
        raise InputError("maxima of maps are of pictures", "peaks", "take network rgbpose, or leave it off")
    config.sight.check()
    streams = tuple(name for name in ("rgb", "pose") if name in config.streams and (spec.video or name == "pose"))
    if not streams and config.network == "rgbpose":
        raise InputError("the data has no video", "streams", "add pose")
    return streams  # type: ignore[return-value]
