"""LAC, first stage: learns the latent action space by retargeting motions between bodies, views and scales.

Source: Yang et al. (ICCV 2023), section 3.2.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.recipe import Recipe
from acteme.recordings.batch import Batch
from acteme.recordings.latents import Latents
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.represent.lac.autoencoder import STRIDE, Autoencoder
from acteme.systems.represent.lac.inputs import image, people
from acteme.systems.represent.lac.motion import (
    ANKLES,
    CHANNELS,
    Up,
    hold,
    project,
    represent,
    resize,
    sizes,
    view_axes,
)  # fmt: skip
from acteme.systems.represent.lac.unik import tensors

LIMBS = torch.tensor([0, 8, 2, 3, 4, 2, 3, 4, 1, 5, 6, 7, 5, 6, 7])
"""Which random length factor each bone of `body15` takes: the two sides share theirs; the path (the place of the
neck, the root) takes the ninth."""


@dataclass(frozen=True)
class GeneratorConfig:
    """Settings of the generator stage. The defaults are the official `view` model."""

    mode: Literal["view", "skeleton"] = "view"
    """Static attributes that are exchanged: body, view and scale, or body and scale under random rotations."""
    azimuths: tuple[float, ...] = (-90.0, -60.0, -30.0, 0.0, 30.0, 60.0, 90.0)
    """Views, degrees to the body's mean orientation."""
    scale: tuple[float, float] = (0.5, 1.5)
    """Range of the random scale (official skeleton mode: 0.8 to 1.2)."""
    roll: tuple[float, float, float] = (20.0, 20.0, 30.0)
    """Largest random rotation about x, y, z in skeleton mode, degrees."""
    spread: float = 0.0
    """Half range of random factors on bone lengths: bodies beyond those of the data (official: the data's own)."""
    margin: float = 1.0
    """Margin of the triplet terms."""
    triplet: float = 1.0
    """Weight of the triplet terms of the released code; 0: reconstruction only, as in the paper."""
    foot: float = 0.0
    """Weight of the foot velocity term (official: 0.1 where it is used)."""
    motion: int = 128
    """Number of Motion directions (J)."""
    static: int = 32
    """Number of Static directions (K)."""
    unit: float = 128.0
    """Channel units per meter."""
    up: Up = "y"
    """Axis of 3D data that points up (the `mixamo` reader turns the official clips, z up)."""
    windows: Windows = field(default_factory=lambda: Windows(frames=64, stride=32, jitter=False))
    """Training windows."""
    recipe: Recipe = field(
        default_factory=lambda: Recipe(
            optimizer="adam", lr=1e-3, batch=128, epochs=300, schedule="exponential", gamma=0.99
        )
    )
    """Optimization; a batch of 128 windows is 64 pairs of motions."""

    @classmethod
    def small(cls) -> "GeneratorConfig":
        """For cameras all around, a minute on two cores."""
        return cls(
            azimuths=tuple(float(degrees) for degrees in range(-180, 180, 30)),
            scale=(0.7, 1.3),
            triplet=0.0,
            windows=Windows(frames=64, stride=32),
            recipe=Recipe(optimizer="adam", lr=2e-3, batch=32, epochs=20, schedule="cosine"),
        )


class Pairs(NamedTuple):
    """Standardized codes of motions 1, 2 with the bodies, views and scales 1, 2: `x12` is motion 1 with static 2."""

    x1: Float[Tensor, "n 30 t"]
    x2: Float[Tensor, "n 30 t"]
    x12: Float[Tensor, "n 30 t"]
    x21: Float[Tensor, "n 30 t"]


class Generator(nn.Module):
    """The generator stage: an `Autoencoder` (`network`) with its retargeting loss.

    Raises:
        InputError: by `losses` and `calibrate` on 2D data (exact retargeting needs positions in space).
    """

    def __init__(self, config: GeneratorConfig, spec: Spec):
        super().__init__()
        self.config, self.spec = config, spec
        self.network = Autoencoder(config.motion, config.static, config.unit)

    # --- training ----------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def calibrate(self, batches: Iterable[Batch]) -> None:
        """Mean and standard deviation of every channel over the training windows, seen from all azimuths."""
        count, total, squares = 0, torch.zeros(CHANNELS).double(), torch.zeros(CHANNELS).double()
        azimuths = torch.deg2rad(torch.tensor(self.config.azimuths))
        for batch in batches:
            x, mask = self._motions(batch)
            n, views = len(x), len(azimuths)
            axes = view_axes(x.repeat(views, 1, 1, 1), azimuths.to(x).repeat_interleave(n))
            code = represent(project(x.repeat(views, 1, 1, 1), axes), self.config.unit)
            code = code.transpose(1, 2)[mask.repeat(views, 1)].double().cpu()
            count, total, squares = count + len(code), total + code.sum(0), squares + code.square().sum(0)
        if not count:
            raise InputError("no person is seen throughout any training window", mend="check the skeletons")
        mean = total / count
        std = (squares / count - mean.square()).clamp(min=0).sqrt()
        self.network.use_statistics(mean.view(-1, 2).float(), std.view(-1, 2).float())

    def _motions(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """3D motions (n, T, 15, 3) of the persons seen throughout, padding held still, and their masks (n, T)."""
        if self.spec.channels != 3:
            what = "the generator learns from positions in space, these data are 2D"
            mend = "give 3D data, or train contrast and segment only, with contrast.compose=false"
            raise InputError(what, "generator", mend)
        x, mask, complete = people(batch, self.spec, self.config.up)
        mask = mask[:, None].expand(x.shape[:3])[complete]
        return hold(x[complete], mask), mask

    def pairs(self, batch: Batch) -> Pairs:
        """Random pairs of the batch's motions and their exact cross-retargetings (half as many as motions)."""
        config, (x, _) = self.config, self._motions(batch)
        half = (len(x) + 1) // 2
        order = torch.randperm(len(x), device=x.device)
        x = x[torch.cat([order[:half], order[len(x) - half :]])]
        own = sizes(x)
        target = own * self._spread(x)
        scale = torch.empty(len(x), device=x.device).uniform_(*config.scale)
        views = torch.tensor(config.azimuths, device=x.device).deg2rad()
        v1 = torch.randint(len(views), (half,), device=x.device)
        v2 = (v1 + torch.randint(1, max(len(views), 2), (half,), device=x.device)) % len(views)
        azimuth = views[torch.cat([v1, v2])]
        if config.mode == "skeleton":
            x = x @ self._rolls(x).transpose(1, 2)[:, None]

        def cross(values: Tensor) -> Tensor:
            """Static attributes of x1, x2, x12, x21."""
            return torch.cat([values, values[half:], values[:half]])

        x, own = x.repeat(2, 1, 1, 1), own.repeat(2, 1)
        x = resize(x, torch.where(own > 1e-6, cross(target) / own.clamp(min=1e-6), 1.0))
        x = x * cross(scale)[:, None, None, None]
        axes = view_axes(x, cross(azimuth)) if config.mode == "view" else None
        code = self.network.fit(self.network.standardize(represent(project(x, axes), config.unit)))
        return Pairs(*code.chunk(4))

    def _spread(self, x: Tensor) -> Tensor:
        """Random factors (n, 15) on bone lengths; the path grows with the legs."""
        factor = 1 + self.config.spread * (2 * torch.rand(len(x), 8, device=x.device) - 1)
        factor = torch.cat([factor, factor[:, 6:].mean(1, keepdim=True)], 1)
        return factor[:, LIMBS.to(x.device)]

    def _rolls(self, x: Tensor) -> Tensor:
        """Random rotations R_x R_y R_z (n, 3, 3)."""
        most = torch.tensor(self.config.roll, device=x.device).deg2rad()
        angle = (2 * torch.rand(len(x), 3, device=x.device) - 1) * most
        cross = torch.zeros(3, 3, 3, device=x.device)
        for axis, (i, j) in enumerate(((1, 2), (2, 0), (0, 1))):
            cross[axis, i, j], cross[axis, j, i] = -1.0, 1.0
        rx, ry, rz = torch.linalg.matrix_exp(angle[:, :, None, None] * cross).unbind(1)
        return rx @ ry @ rz

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """L_self + L_target, and the triplet and foot terms where their weights are not 0."""
        with torch.autocast(batch["skeleton"].device.type, enabled=False):  # bfloat16 would round velocities away
            pairs = self.pairs(batch)
        if not len(pairs.x1):
            return {"total": torch.stack([p.sum() * 0 for p in self.network.parameters()]).sum()}
        return self.retargeting(pairs)

    def retargeting(self, pairs: Pairs) -> dict[str, Tensor]:
        """The loss of pairs.

        self, target: mean square errors of D(m1+b1), D(m2+b2) against x1, x2 and of D(m1+b2), D(m2+b1) against
            x12, x21;
        motion, static: triplets (anchor, positive, negative) m(x12), m1, m2; m(x21), m2, m1; b(x21), b1, b2;
            b(x12), b2, b1, flattened over steps;
        foot: mean square error of the ankles' velocities, in standardized channels.
        """
        config, n = self.config, len(pairs.x1)
        parts = self.network.decompose(torch.cat(pairs[:4] if config.triplet else pairs[:2]))
        m, b = parts.m[: 2 * n], parts.b[: 2 * n]
        out = self.network.decode(torch.cat([m + b, m + b.roll(n, 0)]))
        error = F.mse_loss(out, torch.cat(pairs), reduction="none").view(4, -1).mean(1)
        losses = {"self": error[:2].sum(), "target": error[2:].sum()}
        if config.triplet:
            m1, m2, m12, m21 = parts.m.flatten(1).chunk(4)
            b1, b2, b12, b21 = parts.b.flatten(1).chunk(4)
            losses["motion"] = config.triplet * (self._triplet(m12, m1, m2) + self._triplet(m21, m2, m1))
            losses["static"] = config.triplet * (self._triplet(b21, b1, b2) + self._triplet(b12, b2, b1))
        if config.foot:
            feet = F.mse_loss(_foot_velocity(out), _foot_velocity(torch.cat(pairs)), reduction="none")
            losses["foot"] = config.foot * feet.view(4, -1).mean(1).sum()
        return {"total": torch.stack(list(losses.values())).sum(), **losses}

    def _triplet(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_loss(anchor, positive, negative, self.config.margin)

    # --- use ---------------------------------------------------------------------------------------------------------

    def code(self, batch: Batch) -> Float[Tensor, "n 30 t"]:
        """Standardized codes of the first persons of a batch, as its camera sees them."""
        x, mask, _ = people(batch, self.spec, self.config.up)
        return self.network.code(image(hold(x[:, 0], mask)))

    def encode(self, batch: Batch) -> Latents:
        """Magnitudes along the Motion directions (one per 8 frames) and the Static directions, of the first person.

        `tokens` are a_m (B, T/8, 128), `pooled` is [mean a_m, a_s] (B, 160).
        """
        parts = self.network.decompose(self.code(batch))
        mask = F.pad(batch["mask"], (0, parts.a_m.shape[1] * STRIDE - batch["mask"].shape[1]))[:, ::STRIDE]
        weight = mask[..., None] / mask.sum(1).clamp(min=1)[:, None, None]
        return Latents(parts.a_m, torch.cat([(parts.a_m * weight).sum(1), parts.a_s], 1), mask)

    @staticmethod
    def official_state_dict(state: Mapping[str, Any], partial: bool = False) -> dict[str, Tensor]:
        """State of the released `AutoEncoder2x` under our names; channels unstandardized (see `use_statistics`).

        Args:
            partial: take what fits of the shipped `pretrained_generator.pth`, the decoder and the first two motion
                convolutions, to be loaded with `strict=False`.

        Raises:
            InputError: the state is that of the shipped file, an earlier model without a dictionary, or that of
                something else, such as a generator of 17 joints.
        """
        state = tensors(state)
        known = {f"mot_encoder.model.{1 + 3 * i}": f"network.encoder.{i}" for i in range(3)}
        known |= {f"decoder.model.{i}": f"network.decoder.{k}" for k, i in enumerate((2, 7, 12))}
        first = state.get("mot_encoder.model.1.weight")
        if first is None or any(f"{name}.{part}" not in state for name in known for part in ("weight", "bias")):
            raise InputError("are not of LAC's generator", "generator weights", "give a state of `AutoEncoder2x`")
        if first.shape[1] != CHANNELS:
            what = f"are of a generator of {first.shape[1]} channels, this one has {CHANNELS} (15 joints)"
            raise InputError(what, "generator weights", "train the generator")
        if "mot_encoder.v" not in state:
            if not partial:
                what = (
                    "holds an earlier model, without the action dictionary ('mot_encoder.v'): it is not LAC's generator"
                )
                raise InputError(
                    what, "generator weights", "train the generator, or load its decoder with partial=True"
                )
            del known["mot_encoder.model.7"]
        names = {f"{theirs}.{part}": f"{ours}.{part}" for theirs, ours in known.items() for part in ("weight", "bias")}
        out = {ours: state[theirs] for theirs, ours in names.items()}
        if "mot_encoder.v" in state:
            out |= {"network.directions": state["mot_encoder.v"]}
            out |= {"network.mean": torch.zeros(CHANNELS), "network.std": torch.ones(CHANNELS)}
        return out


def _foot_velocity(x: Float[Tensor, "n 30 t"]) -> Float[Tensor, "n 4 t"]:
    return x[:, ANKLES].diff(dim=-1) + x[:, -2:, 1:].repeat(1, 2, 1)
