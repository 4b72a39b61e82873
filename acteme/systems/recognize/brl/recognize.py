"""The only stage, `recognize`: streams that are trained side by side, on mixed clips and by classes of unlike size."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.labels import accuracy
from acteme.nn.longtail import LongTailLoss, Rebalance
from acteme.nn.recipe import Recipe
from acteme.nn.skeleton import OFFICIAL, Backbone
from acteme.recordings.annotations import LabelScores
from acteme.recordings.batch import Batch
from acteme.recordings.latents import Latents
from acteme.recordings.skeleton.layouts import Layout, layout
from acteme.recordings.skeleton.streams import STREAMS, Stream
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.recognize.brl.inputs import View, Viewer
from acteme.systems.recognize.brl.mixing import Mixing, draw, halves, mixed

SIX: tuple[Stream, ...] = ("joint", "bone", "skip", "joint_motion", "bone_motion", "skip_motion")


@dataclass(frozen=True)
class Fusion:
    """Weights of the streams' probabilities."""

    position: float = 2.0
    """Of joints, bones and skip bones; Kinetics: 3."""
    motion: float = 1.0
    """Of their motions."""


@dataclass(frozen=True)
class RecognizeConfig:
    """BRL's setting for long-tailed NTU RGB+D."""

    streams: tuple[Stream, ...] = SIX
    """Joints, bones, skip bones (from the joint two steps up), and the motion of each. Officially each is a training of
    its own."""
    fusion: Fusion = field(default_factory=Fusion)
    """Weights of the streams."""
    backbone: Backbone = field(default_factory=lambda: Backbone("stgcnpp"))
    """The network of each stream."""
    mixing: Mixing = field(default_factory=Mixing)
    """The mixing of clips."""
    rebalance: Rebalance = field(default_factory=Rebalance)
    """The loss; its epochs are `repeat` passes over the data."""
    repeat: int = 5
    """Passes over the data that the schedule of the loss counts as one epoch."""
    view: View = field(default_factory=View)
    """How clips are shown."""
    windows: Windows = field(default_factory=lambda: Windows(frames=None, limit=300))
    """What counts as a clip."""
    recipe: Recipe = field(
        default_factory=lambda: Recipe(
            optimizer="sgd", lr=0.0125, momentum=0.9, nesterov=True, weight_decay=5e-4, epochs=120, batch=16,
            schedule="cosine",
        )
    )  # fmt: skip
    """How it is optimized: 24 epochs of 5 passes."""

    @classmethod
    def small(cls) -> "RecognizeConfig":
        """One stream of four blocks, an eighth as wide; learns on two processor cores in a minute or two."""
        return cls(
            streams=("joint",), backbone=Backbone("stgcnpp", width=8, blocks=4, skip_absent=True), repeat=1,
            rebalance=Rebalance(begin=24), view=View(size=16, clips=2),
            recipe=Recipe(optimizer="adamw", lr=4e-3, weight_decay=1e-3, epochs=30, batch=32, schedule="cosine"),
        )  # fmt: skip


class Net(nn.Module):
    """One stream: the encoder, and a linear layer on its mean."""

    def __init__(self, config: Backbone, body: Layout, persons: int, channels: int, classes: int):
        super().__init__()
        self.encoder = config.build(body, persons, channels)
        self.fc = nn.Linear(self.encoder.width, classes)
        nn.init.normal_(self.fc.weight, 0, 0.01)
        nn.init.zeros_(self.fc.bias)

    def forward(self, x: Float[Tensor, "b t m v c"]) -> Float[Tensor, "b k"]:
        """Class logits."""
        return self.fc(self.encoder(x).pooled).float()


class Recognizer(nn.Module):
    """Classifies clips whose classes are of very different frequency.

    Args:
        config: the settings.
        spec: of the data; it names layout and classes.

    Raises:
        InputError: no skeleton, no classes, settings that contradict themselves, or a body that cannot be halved.
    """

    def __init__(self, config: RecognizeConfig, spec: Spec):
        super().__init__()
        check(config, spec)
        self.config = config
        # PYSKL hangs thumb and tip of the hand on the hand; bones are the same
        body = layout("ntu25_pyskl" if spec.layout == "ntu25" else spec.layout)
        self.viewer = Viewer(config.view, spec, layout(spec.layout))
        self.upper, self.lower = halves(body) if config.mixing.share else ([], [])
        alpha = config.mixing.alpha
        self.alpha = len(self.upper) / body.count if alpha is None else alpha
        sizes = (spec.persons, self.viewer.channels, len(spec.classes))
        self.streams = nn.ModuleDict({name: Net(config.backbone, body, *sizes) for name in config.streams})
        self.loss = LongTailLoss(config.rebalance, len(spec.classes))

    def calibrate(self, batches: Iterable[Batch]) -> None:
        """Counts the training clips of each class."""
        self.loss.count(batches)

    def before_epoch(self, epoch: int) -> None:
        """Sets the weights of the classes."""
        self.loss.before_epoch(epoch // self.config.repeat)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The loss of each stream, their sum (as `total`), and the accuracy of the fused scores on whole clips' labels.

        Streams share no weights: the sum trains each as it would be trained alone.
        """
        c, label = self.config.mixing, batch["label"]
        seen = self.viewer.streams(batch, self.config.streams, self.training)
        mix = draw(c, label, self.loss.counts, self.alpha)
        scores = {n: self.streams[n](mixed(x, mix, self.upper, self.lower, c.scrambled)) for n, x in seen.items()}
        each = {n: self.loss(s, label, mix.other, mix.alpha) for n, s in scores.items()}
        right = accuracy(self.fused(scores), label)
        named: dict[str, Tensor] = dict(each.items())
        return {"total": torch.stack(list(each.values())).sum(), **named, "accuracy": right}

    def weight(self, name: str) -> float:
        """Of a stream."""
        return self.config.fusion.motion if name.endswith("motion") else self.config.fusion.position

    def fused(self, scores: Mapping[Stream, Float[Tensor, "b k"]]) -> Float[Tensor, "b k"]:
        """Class probabilities: the weighted mean of those of the streams."""
        weights = {n: self.weight(n) for n in scores}
        total = torch.stack([weights[n] * s.softmax(-1) for n, s in scores.items()]).sum(0)
        return total / sum(weights.values())

    def predict(self, batch: Batch) -> LabelScores:
        """Class probabilities of each clip: the mean over streams and showings."""
        shown = self.config.view.clips
        seen = self.viewer.streams(batch, self.config.streams, False, shown)
        apart = {n: x.unflatten(0, (-1, shown)).unbind(1) for n, x in seen.items()}
        found = [self.fused({n: self.streams[n](x[i]) for n, x in apart.items()}) for i in range(shown)]
        return LabelScores(torch.stack(found).mean(0))

    def encode(self, batch: Batch) -> Latents:
        """The streams' features side by side, of one showing of each clip."""
        seen = self.viewer.streams(batch, self.config.streams, self.training)
        found = [self.streams[n].encoder(x) for n, x in seen.items()]  # type: ignore[union-attr, operator]
        tokens, pooled = (torch.cat([getattr(f, n) for f in found], -1) for n in ("tokens", "pooled"))
        return Latents(tokens, pooled, found[0].mask)

    @staticmethod
    def official_state_dict(state: Mapping[str, Any]) -> dict[str, Tensor]:
        """Official checkpoints (of mmcv, or their states) under this module's names.

        Args:
            state: the one of the joints, or several as {"joint": ..., "bone": ..., "skip": ..., "joint_motion": ...}.

        Raises:
            InputError: it is no such state.
        """
        several = state if state.keys() & set(STREAMS) else {"joint": state}
        out: dict[str, Tensor] = {}
        for name, one in several.items():
            inner = one.get("state_dict", one)
            if name not in STREAMS or "backbone.gcn.0.gcn.A" not in inner or "cls_head.fc_cls.weight" not in inner:
                mend = f"give checkpoints of ST-GCN++ with a head, by the names {', '.join(SIX)}"
                raise InputError(f"'{name}' is no stream of BRL", mend=mend)
            for key, value in OFFICIAL["stgcnpp"](inner).items():
                out[f"streams.{name}.{'' if key.startswith('fc.') else 'encoder.'}{key}"] = value
            classes = len(inner["cls_head.fc_cls.weight"])
        return out | {
            "loss.counts": torch.zeros(classes), "loss.weight": torch.ones(classes), "loss.acts": torch.tensor(False),
        }  # fmt: skip


def check(config: RecognizeConfig, spec: Spec) -> None:
    """Raises InputError where settings contradict themselves or the data."""
    if not spec.layout:
        raise InputError("the data names no skeleton layout", "brl", "give recordings with a skeleton")
    if not spec.classes:
        raise InputError("the data names no classes", "recognize", "give labeled recordings")
    if not config.streams or len(set(config.streams)) < len(config.streams):
        raise InputError(f"{', '.join(config.streams) or 'nothing'} is no set of streams", "streams", "name each once")
    if min(config.fusion.position, config.fusion.motion) <= 0:
        raise InputError("weights of the streams that are not positive", "fusion", "give positive ones")
    m = config.mixing
    if not (0 <= m.share <= 1 and (m.alpha is None or 0 <= m.alpha <= 1) and m.ratio >= 1):
        raise InputError("a number out of its range", "mixing", "share and alpha are from 0 to 1, ratio is 1 or more")
    if config.repeat < 1:
        raise InputError(f"an epoch of {config.repeat} passes", "repeat", "give 1 or more")
