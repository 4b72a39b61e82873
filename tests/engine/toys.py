"""Tiny systems that follow the contract, and tiny data, for the tests of the engine."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acteme.catalog import Entry
from acteme.nn.recipe import Recipe
from acteme.recordings.annotations import FrameScores, LabelScores, Segment
from acteme.recordings.batch import Batch
from acteme.recordings.corpus import Corpus
from acteme.recordings.latents import Latents
from acteme.recordings.recording import Recording
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows

SPEC = Spec(layout="coco17", joints=17, persons=1, channels=2, classes=("low", "high"), fps=10.0)


@dataclass(frozen=True)
class EncoderConfig:
    """First stage."""

    windows: Windows = field(default_factory=lambda: Windows(frames=8, stride=4))
    recipe: Recipe = field(default_factory=lambda: Recipe(optimizer="sgd", lr=0.05, epochs=2, batch=4))
    width: int = 3
    noise: float = 0.1
    second: str = ""


@dataclass(frozen=True)
class TaggerConfig:
    """Second stage."""

    windows: Windows = field(default_factory=lambda: Windows(frames=8, stride=4))
    recipe: Recipe = field(default_factory=lambda: Recipe(optimizer="adam", lr=0.05, epochs=2, batch=4))
    clip_level: bool = False


@dataclass(frozen=True)
class Config:
    """Both stages."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    tagger: TaggerConfig = field(default_factory=TaggerConfig)

    @staticmethod
    def small() -> "Config":
        return Config()


class Encoder(nn.Module):
    """A linear auto-encoder of frames with noise from torch's generator, a step counter and an epoch.

    With ACTEME_TOY_SIGNAL="STEP NUMBER" in the environment the process signals itself in the middle of that step.
    """

    def __init__(self, config: EncoderConfig, spec: Spec):
        super().__init__()
        size = spec.persons * spec.joints * spec.channels
        self.config, self.size = config, size
        self.down, self.up = nn.Linear(size, config.width), nn.Linear(config.width, size)
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self.register_buffer("answer", torch.zeros(()))
        self.epoch = -1

    def calibrate(self, batches: Iterable[Batch]) -> None:
        frames = torch.cat([self.flat(b)[b["mask"]] for b in batches])
        self.mean.copy_(frames.mean(0))

    def before_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def flat(self, batch: Batch) -> Tensor:
        return batch["skeleton"].flatten(2)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        assert self.epoch >= 0
        if os.environ.get("ACTEME_TOY_SIGNAL", "").startswith(f"{int(self.steps)} "):
            os.kill(os.getpid(), int(os.environ["ACTEME_TOY_SIGNAL"].split()[1]))
        x = self.flat(batch) - self.mean
        noisy = x + self.config.noise * torch.randn(x.shape, device=x.device)
        error = F.mse_loss(self.up(self.down(noisy)), x)
        small = self.down.weight.square().mean()
        return {"total": error + 0.01 * small, "error": error, "small": small}

    def after_step(self) -> None:
        self.steps += 1

    def respond(self, batch: Batch) -> dict[str, Tensor]:
        """Notes, in a sum that depends on the order, which batch it was, what the weights and what the draw."""
        error = (self.up(self.down(self.flat(batch) - self.mean))).square().mean()
        (slope,) = torch.autograd.grad(error, self.up.bias)
        self.answer.mul_(0.5).add_(error.detach() + slope.sum() + torch.rand(()))
        return {"seen": error}

    def encode(self, batch: Batch) -> Latents:
        tokens = self.down(self.flat(batch) - self.mean)
        mask = batch["mask"]
        pooled = (tokens * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return Latents(tokens, pooled, mask)


class Tagger(nn.Module):
    """A linear classifier of frames (or of clips) on the encoder of the first stage."""

    def __init__(self, config: TaggerConfig, spec: Spec):
        super().__init__()
        self.config = config
        self.encoder = Encoder(EncoderConfig(), spec)
        self.head = nn.Linear(EncoderConfig().width, len(spec.classes))

    def inherit(self, previous: Mapping[str, nn.Module]) -> None:
        self.encoder.load_state_dict(previous["encoder"].state_dict())

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        scores = self.head(self.encoder.encode(batch).tokens)
        return {"total": F.binary_cross_entropy_with_logits(scores, batch["frame_labels"])}

    def predict(self, batch: Batch) -> FrameScores | LabelScores:
        scores = self.head(self.encoder.encode(batch).tokens)
        if self.config.clip_level:
            return LabelScores(scores.mean(1))
        return FrameScores(scores.softmax(-1), batch["mask"])


@dataclass(frozen=True)
class Toy(Entry):
    """An entry whose module is this one."""

    @property
    def module_name(self) -> str:
        return __name__


def toy(task: str = "segmentation", slug: str = "toy") -> Toy:
    return Toy(
        slug=slug, verb="represent", title="Toy", authors="", venue="", arxiv="", reads="skeleton", task=task,
        stages=(("encoder", "Encoder"), ("tagger", "Tagger")), claim="",
    )  # fmt: skip


def untrimmed(count: int = 6, frames: int = 40, seed: int = 0, spec: Spec = SPEC) -> Corpus:
    """Recordings in which the joints are low, then high, then low; two of three are for training."""
    rng = np.random.default_rng(seed)
    recordings = []
    for i in range(count):
        edge = min(4, frames // 4)
        a, b = sorted(rng.choice(np.arange(edge, frames - edge), 2, replace=False))
        x = rng.normal(0, 0.1, (frames, spec.persons, spec.joints, spec.channels)).astype(np.float32)
        x -= 1
        x[a:b] += 2
        times = [(0, a, "low"), (a, b, "high"), (b, frames, "low")]
        segments = tuple(Segment(s / spec.fps, e / spec.fps, k) for s, e, k in times)
        split = "test" if i % 3 == 2 else "train"
        recordings.append(Recording(f"r{i}", spec.fps, {"skeleton": x}, segments=segments, split=split))
    return Corpus.of(recordings, spec)


def trimmed(count: int = 12, frames: int = 12, seed: int = 0) -> Corpus:
    """Clips that are low or high throughout."""
    rng = np.random.default_rng(seed)
    recordings = []
    for i in range(count):
        high = i % 2 == 1
        x = rng.normal(1.0 if high else -1.0, 0.2, (frames, 1, SPEC.joints, SPEC.channels)).astype(np.float32)
        split = "test" if i % 3 == 2 else "train"
        recordings.append(Recording(f"c{i}", SPEC.fps, {"skeleton": x}, label=SPEC.classes[high], split=split))
    return Corpus.of(recordings, SPEC)
