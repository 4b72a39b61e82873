"""LAC's generator network: a temporal autoencoder whose latent space a learned orthogonal dictionary splits in two.

    r = E(x) (160 channels, T/8 steps);  Q, R = qr(V);  Q = [D_m | D_s], 128 Motion and 32 Static directions
    m(t) = D_m D_mᵀ r(t)     b = D_s D_sᵀ mean_t r(t)     x̂ = D(m + b)

Composition of motions x, y, ... in the body and view of x is D(D_m (a_m(x) + a_m(y) + ...) / n + b(x)).

Source: Yang et al. (ICCV 2023), sections 3.1 and 3.2.
"""

from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.systems.represent.lac.motion import CHANNELS, positions, represent

STRIDE = 8
"""Frames per latent step."""
SHORTEST = 16
"""Frames below which the reflection padding has nothing to reflect; shorter clips are extended."""


class Decomposition(NamedTuple):
    """A motion split along the dictionary; m + b is what the decoder takes."""

    m: Float[Tensor, "n 160 s"]
    """Motion part D_m a_m of the latent, per step."""
    b: Float[Tensor, "n 160 s"]
    """Static part D_s a_s, the same at every step."""
    a_m: Float[Tensor, "n s 128"]
    """Magnitudes along the Motion directions."""
    a_s: Float[Tensor, "n 32"]
    """Magnitudes along the Static directions."""


class Autoencoder(nn.Module):
    """The network, with the standardization of its channels.

    Args:
        motion: number of Motion directions (J).
        static: number of Static directions (K).
        unit: channel units per meter.

    `mean` and `std` (30,) belong to the state; codes named `x` are standardized by them, (n, 30, T).
    """

    mean: Tensor
    std: Tensor

    def __init__(self, motion: int = 128, static: int = 32, unit: float = 128.0):
        super().__init__()
        self.motion, self.unit = motion, unit
        latent = motion + static
        wide = (CHANNELS, 64, 96, latent)
        self.encoder = nn.ModuleList(nn.Conv1d(a, b, 8, stride=2) for a, b in pairwise(wide))
        self.directions = nn.Parameter(nn.init.orthogonal_(torch.empty(latent, latent)))
        narrow = (latent, 128, 64, CHANNELS)
        self.decoder = nn.ModuleList(nn.Conv1d(a, b, 7) for a, b in pairwise(narrow))
        self.register_buffer("mean", torch.zeros(CHANNELS))
        self.register_buffer("std", torch.ones(CHANNELS))

    # --- the latent space --------------------------------------------------------------------------------------------

    def basis(self) -> Float[Tensor, "160 160"]:
        """Q of V = QR with a positive diagonal of R, which makes it (and with it a_m, a_s) a function of V alone."""
        q, r = torch.linalg.qr(self.directions + 1e-8)  # the released code's offset: transferred weights agree
        return q * torch.where(r.diagonal() < 0, -1.0, 1.0).to(q)

    def latent(self, x: Float[Tensor, "n 30 t"]) -> Float[Tensor, "n 160 s"]:
        """The latent r; T must be a multiple of 8 and at least 16 for the way back (see `fit`)."""
        for conv in self.encoder:
            x = F.leaky_relu(conv(F.pad(x, (3, 3), mode="reflect")), 0.2)
        return x

    def decompose(self, x: Float[Tensor, "n 30 t"]) -> Decomposition:
        """Motion and static parts of a motion."""
        r, q = self.latent(x).transpose(1, 2), self.basis()
        d_m, d_s = q[:, : self.motion], q[:, self.motion :]
        a_m, a_s = r @ d_m, r.mean(1) @ d_s
        b = (a_s @ d_s.T)[:, :, None].expand(-1, -1, r.shape[1])
        return Decomposition((a_m @ d_m.T).transpose(1, 2), b, a_m, a_s)

    def decode(self, z: Float[Tensor, "n 160 s"]) -> Float[Tensor, "n 30 t"]:
        for i, conv in enumerate(self.decoder):
            z = conv(F.pad(z.repeat_interleave(2, -1), (3, 3), mode="reflect"))
            if i < len(self.decoder) - 1:
                z = F.leaky_relu(F.dropout(z, 0.2, self.training), 0.2)
        return z

    def forward(self, x: Float[Tensor, "n 30 t"]) -> Float[Tensor, "n 30 t"]:
        """Reconstruction D(m + b)."""
        parts = self.decompose(x)
        return self.decode(parts.m + parts.b)

    def swap(self, x: Float[Tensor, "n 30 t"], y: Float[Tensor, "n 30 t"]) -> Float[Tensor, "n 30 t"]:
        """Retargeting: the motion of x with the body and the view of y."""
        return self.decode(self.decompose(x).m + self.decompose(y).b)

    def compose(self, x: Float[Tensor, "n 30 t"], *others: Float[Tensor, "n 30 t"]) -> Float[Tensor, "n 30 t"]:
        """The motions of x and of all others at once, with the body and the view of x."""
        parts = [self.decompose(each) for each in (x, *others)]
        m = torch.stack([p.m for p in parts]).mean(0) if others else parts[0].m
        return self.decode(m + parts[0].b)

    # --- from and to positions ---------------------------------------------------------------------------------------

    def standardize(self, code: Float[Tensor, "n 30 t"]) -> Float[Tensor, "n 30 t"]:
        return (code - self.mean[:, None]) / self.std[:, None]

    def restore(self, x: Float[Tensor, "n 30 t"]) -> Float[Tensor, "n 30 t"]:
        return x * self.std[:, None] + self.mean[:, None]

    def fit(self, x: Float[Tensor, "n 30 t"]) -> Float[Tensor, "n 30 s"]:
        """Extends a motion by its last frame to a length that the network takes: a multiple of 8, at least 16."""
        frames = max(SHORTEST, -(-x.shape[-1] // STRIDE) * STRIDE)
        return F.pad(x, (0, frames - x.shape[-1]), mode="replicate")

    def code(self, p: Float[Tensor, "n t 15 2"]) -> Float[Tensor, "n 30 s"]:
        """Standardized code of 2D positions, extended to a length that the network takes."""
        return self.fit(self.standardize(represent(p, self.unit)))

    def compose_positions(
        self, p: Float[Tensor, "n t 15 2"], *others: Float[Tensor, "n t 15 2"]
    ) -> Float[Tensor, "n t 15 2"]:
        """`compose` on 2D positions; the mid-hip starts where that of `p` does not say: at the origin."""
        x = self.compose(self.code(p), *(self.code(o) for o in others))
        return positions(self.restore(x[..., : p.shape[1]]), self.unit)

    def use_statistics(self, mean: Float[Tensor, "15 2"], std: Float[Tensor, "15 2"]) -> None:
        """Takes the statistics of the official files `meanpose_with_view.npy`, `stdpose_with_view.npy`.

        Raises:
            InputError: another shape than (15, 2), 14 joints and the velocity.
        """
        for name, value in (("meanpose", mean), ("stdpose", std)):
            if tuple(value.shape) != (CHANNELS // 2, 2):
                raise InputError(f"has shape {tuple(value.shape)}, not (15, 2)", name, "give the official pose files")
        self.mean.copy_(torch.as_tensor(mean).reshape(-1))
        std = torch.as_tensor(std).reshape(-1)
        self.std.copy_(torch.where(std == 0, 1e-9, std))
