"""LAC, second stage: momentum contrast of composed motions, frame by frame and clip by clip.

Source: Yang et al. (ICCV 2023), section 3.3; the released container `MoCo`. How positive pairs are made was not
released (see the Deviations of the package).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.contrast import Queue, frozen, info_nce, momentum_update
from acteme.nn.recipe import Recipe
from acteme.recordings.batch import Batch
from acteme.recordings.latents import Latents
from acteme.recordings.skeleton.augment import gaussian_noise, random_rotation, random_scale, random_shear
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.represent.lac.autoencoder import Autoencoder
from acteme.systems.represent.lac.generator import Generator
from acteme.systems.represent.lac.inputs import EncoderConfig, image, people
from acteme.systems.represent.lac.motion import MID_HIP, hold, turned
from acteme.systems.represent.lac.unik import STRIDE, tensors, unik_state


@dataclass(frozen=True)
class Augmentation:
    """How the two views of a composed motion are made to differ; drawn per clip and view, the same for all frames."""

    shear: float = 0.5
    """Half range of the off-diagonal entries of a random shear."""
    scale: float = 0.0
    """Half range of a random factor on each axis, around 1."""
    rotate: float = 0.0
    """Half range of random rotations, degrees."""
    noise: float = 0.0
    """Standard deviation of noise on every coordinate, in units of the data."""
    drop: float = 0.0
    """Probability that a joint is left out (moved to the origin) throughout the clip."""

    def __call__(self, x: Float[Tensor, "b t m v c"], generator: torch.Generator | None = None) -> Tensor:
        """An augmented copy; persons of zeros stay zeros."""
        for change, limit in (
            (random_shear, self.shear),
            (random_scale, self.scale),
            (random_rotation, math.radians(self.rotate)),
            (gaussian_noise, self.noise),
        ):
            if limit:
                x = change(x, limit, generator=generator)
        if self.drop:
            draw = torch.rand(x.shape[0], 1, *x.shape[2:4], 1, generator=generator, device=x.device)
            x = x * (draw >= self.drop)
        return x


@dataclass(frozen=True)
class ContrastConfig:
    """Settings of the contrastive stage."""

    compose: bool = True
    """Learn from compositions; off: from the motions as they are, all else equal (the claim's baseline)."""
    partner: Literal["other", "self"] = "other"
    """Whom a motion is composed with; `self` gives its reconstruction, with the gain of composition gone."""
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    """The visual encoder."""
    turn: float = 0.0
    """Half range, degrees, of random turns about the vertical before 3D data are seen, one for each view."""
    augment: Augmentation = field(default_factory=Augmentation)
    """Augmentation of the composed motion, drawn twice."""
    dim: int = 128
    """Size of the contrasted vectors."""
    mlp: bool = False
    """One hidden layer before them."""
    temperature: float = 0.07
    """Temperature of both losses."""
    momentum: float = 0.999
    """Momentum of the key encoder."""
    queue: int = 65536
    """Keys held (K)."""
    store: Literal["frames", "pooled"] = "frames"
    """What the queue holds, in half precision: whole sequences as the official one, or their means (30 times less)."""
    frame_logit: Literal["mean", "sum"] = "mean"
    """Frame-space logits averaged over the sequence, or summed as in the official code, where softmax saturates."""
    frame: float = 1.0
    """Weight of the frame-space loss."""
    video: float = 1.0
    """Weight of the video-space loss (0 in the official code)."""
    motion: int = 128
    """Motion directions of the generator."""
    static: int = 32
    """Static directions of the generator."""
    unit: float = 128.0
    """The generator's channel units per meter."""
    windows: Windows = field(default_factory=lambda: Windows(frames=120, stride=60))
    """Training windows; all of one length, since the queue holds whole sequences."""
    recipe: Recipe = field(
        default_factory=lambda: Recipe(
            optimizer="sgd", lr=0.1, nesterov=True, weight_decay=1e-4, batch=64, epochs=65,
            schedule="step", milestones=(45, 55),
        )
    )  # fmt: skip
    """Optimization."""

    @classmethod
    def small(cls) -> "ContrastConfig":
        """A quarter of the width, a small queue and short windows: a minute and a half on two cores."""
        return cls(
            encoder=EncoderConfig.small(),
            turn=180.0,
            augment=Augmentation(shear=0.3, scale=0.2, rotate=15.0, noise=0.02),
            temperature=0.2,
            momentum=0.99,
            queue=512,
            windows=Windows(frames=64, stride=32),
            recipe=Recipe(optimizer="adamw", lr=2e-3, weight_decay=1e-4, batch=32, epochs=5, schedule="cosine"),
        )


class Contrast(nn.Module):
    """The contrastive stage: query and key encoders, the queue, and the frozen generator that composes.

    Raises:
        InputError: whole recordings asked for as windows, compositions (which are 2D) for a 3D encoder, turns of 2D
            data.
    """

    def __init__(self, config: ContrastConfig, spec: Spec):
        super().__init__()
        self.config, self.spec = config, spec
        if config.windows.frames is None:
            raise InputError("contrast needs windows of one length", "contrast.windows.frames", "set it, e.g. to 120")
        if config.compose and config.encoder.channels == 3:
            raise InputError("composed motions are 2D", "contrast.encoder.channels", "set it to 2, or compose=false")
        if config.turn and spec.channels != 3:
            raise InputError("2D data cannot be turned", "contrast.turn", "set it to 0")
        self.encoder_q = config.encoder.build(spec, config.dim, config.mlp)
        self.encoder_k = frozen(config.encoder.build(spec, config.dim, config.mlp))
        self.encoder_k.load_state_dict(self.encoder_q.state_dict())
        shape = (-(-config.windows.frames // STRIDE), config.dim)
        self.queue = Queue(config.queue, *(shape if config.store == "frames" else shape[1:]), dtype=torch.half)
        self.generator: Autoencoder | None = None
        if config.compose:
            self.generator = Autoencoder(config.motion, config.static, config.unit)
            frozen(self.generator).eval()

    def train(self, mode: bool = True) -> "Contrast":
        super().train(mode)
        if self.generator is not None:
            self.generator.eval()
        return self

    def inherit(self, previous: Mapping[str, nn.Module]) -> None:
        """Takes the trained generator. Raises InputError where there is none, or one of another size."""
        if self.generator is None:
            return
        generator = previous.get("generator")
        if not isinstance(generator, Generator):
            raise InputError("no trained generator to compose with", "contrast", "train the generator stage first")
        ours, theirs = self.generator.state_dict(), generator.network.state_dict()
        if any(ours[name].shape != theirs[name].shape for name in ours):
            raise InputError("the generator has other numbers of directions", "contrast.motion, contrast.static",
                             "set them as in the generator's settings")  # fmt: skip
        self.generator.load_state_dict(theirs)

    # --- positive pairs ----------------------------------------------------------------------------------------------

    @torch.no_grad()
    def motions(self, batch: Batch) -> tuple[Float[Tensor, "b m t 15 c"], Float[Tensor, "b m t 15 c"]]:
        """What the two views are made of: every person's motion composed with a random other one's, or as it is.

        They are the same unless `turn` lets two cameras see them. Clips shorter than the window hold their last frame;
        persons who are not seen throughout are left as they are.
        """
        x, mask, complete = people(batch, self.spec, self.config.encoder.up)
        x = hold(x.flatten(0, 1), mask.repeat_interleave(x.shape[1], 0)).unflatten(0, x.shape[:2])
        partner = torch.arange(int(complete.sum()), device=x.device)
        if self.config.partner == "other":
            order = torch.randperm(len(partner), device=x.device)
            partner = partner.scatter(0, order, order.roll(1))
        first = self._seen(x, complete, partner)
        return first, self._seen(x, complete, partner) if self.config.turn else first

    def _seen(self, x: Tensor, complete: Tensor, partner: Tensor) -> Tensor:
        """The motions as a randomly turned camera sees them, composed with those of the partners."""
        if self.config.turn:
            x = turned(x, (2 * torch.rand(len(x), device=x.device) - 1) * math.radians(self.config.turn))
        x = image(x) if self.config.encoder.channels == 2 else x
        if self.generator is None or not len(partner):
            return x
        p, x = x[complete], x.clone()
        x[complete] = (self.generator.compose_positions(p, p[partner]) + p[:, :1, MID_HIP : MID_HIP + 1]).to(x)
        return x

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """InfoNCE of two augmented views in frame space and in video space; in training the queue takes the keys.

        Raises:
            InputError: clips of another length than the windows that the queue was made for.
        """
        config = self.config
        frames = batch["skeleton"].shape[1]
        if frames != config.windows.frames:
            what = f"clips of {frames} frames where the queue holds windows of {config.windows.frames}"
            raise InputError(what, "contrast.windows.frames")
        x, y = (config.encoder.input(motion) for motion in self.motions(batch))
        q = self.encoder_q(config.augment(x)).to(x.dtype)
        with torch.no_grad():
            k = self.encoder_k(config.augment(y)).to(x.dtype)
        with torch.autocast(x.device.type, enabled=False):  # similarities need more digits than bfloat16 has
            q, k = F.normalize(q, dim=-1), F.normalize(k, dim=-1)
            losses = self.compare(q, k)
        if self.training:
            self.queue.enqueue(k if config.store == "frames" else pool(k))
        return losses

    def compare(self, q: Float[Tensor, "b s d"], k: Float[Tensor, "b s d"]) -> dict[str, Tensor]:
        """InfoNCE of unit sequences against the queue, in frame space and in video space."""
        config, keys = self.config, self.queue.keys.to(q.dtype)
        logits = frame_logits(q, k, keys, config.frame_logit == "sum") / config.temperature
        frame = F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long, device=q.device))
        pooled = F.normalize(keys.mean(1), dim=-1) if config.store == "frames" else keys
        video = info_nce(pool(q), pool(k), pooled, config.temperature)
        return {"total": config.frame * frame + config.video * video, "frame": frame, "video": video}

    def after_step(self) -> None:
        """The key encoder follows the query encoder."""
        momentum_update(self.encoder_k, self.encoder_q, self.config.momentum)

    # --- use ---------------------------------------------------------------------------------------------------------

    def encode(self, batch: Batch) -> Latents:
        """Features of the query encoder, before its last layer."""
        return encode(self.encoder_q, self.config.encoder, self.spec, batch)

    @staticmethod
    def official_state_dict(state: Mapping[str, Any]) -> dict[str, Tensor]:
        """State of the released `MoCo` container under our names, without its generator.

        The container's generator (`CoM.*`) sees 17 joints, 34 channels, and its weights were never released: the
        result completes a stage with `compose=False`.

        Raises:
            InputError: the state is not that of the container.
        """
        plain = tensors(state)
        if not {"queue", "queue_ptr"} <= plain.keys():
            raise InputError("hold no queue", "contrast weights",
                             "give a state of the released MoCo; a bare encoder is for the segment stage")  # fmt: skip
        keys = plain["queue"].permute(1, 2, 0)
        out = {"queue.keys": keys, "queue.pointer": plain["queue_ptr"].view(()), "queue.seen": torch.tensor(len(keys))}
        for which in ("encoder_q", "encoder_k"):
            part = {name[len(which) + 1 :]: value for name, value in plain.items() if name.startswith(f"{which}.")}
            out |= {f"{which}.{name}": value for name, value in unik_state(part).items()}
        return out


def pool(z: Float[Tensor, "b s d"]) -> Float[Tensor, "b d"]:
    """Unit mean over time."""
    return F.normalize(z.mean(1), dim=-1)


def frame_logits(
    q: Float[Tensor, "b s d"], k: Float[Tensor, "b s d"], keys: Float[Tensor, "n *s d"], total: bool = False
) -> Float[Tensor, "b 1+n"]:
    """Similarities of sequences, step by step: [sum_t <q_t, k_t>, sum_t <q_t, keys_t>], divided by s unless `total`.

    Where `keys` are one vector per clip (n, d), that stands for every step.
    """
    positive = (q * k).sum((1, 2))[:, None]
    negative = q.flatten(1) @ keys.flatten(1).T if keys.ndim == 3 else q.sum(1) @ keys.T
    logits = torch.cat([positive, negative], 1)
    return logits if total else logits / q.shape[1]


def encode(encoder: nn.Module, config: EncoderConfig, spec: Spec, batch: Batch) -> Latents:
    """Features per 4 frames of a batch, and their mean over the steps that exist."""
    x, mask, _ = people(batch, spec, config.up)
    tokens = encoder.features(config.input(x), mask)  # type: ignore[operator]
    steps = mask[:, ::STRIDE]
    pooled = (tokens * steps[..., None]).sum(1) / steps.sum(1, keepdim=True).clamp(min=1)
    return Latents(tokens, pooled, steps)
