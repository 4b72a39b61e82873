"""HaLP's hallucinated positives: latents on the way from a key towards a prototype that keep the key's own prototype.

The walk from a key k to a target prototype p_s follows the great circle,

    z(t) = [sin((1 - t) w) k + sin(t w) p_s] / sin w,   w = arccos(k.p_s),

and may go as far as t*, where z is as close to p_s as to the key's nearest prototype p_0 (z.p_0 = z.p_s):

    t* = (1/w) atan2(sin w, kappa + cos w),   kappa = (1 - p_s.p_0) / (k.(p_0 - p_s)).

All that training needs of a positive are inner products, and z = a k + b p_s lies in a plane: z.p = a k.p + b p_s.p
and q.z = a q.k + b q.p_s. So positives are kept as their two weights, and neither they nor their prototypes are ever
written out: from the Gram matrices k.P (B, P), P.P (P, P) and q.P (B, P) everything follows.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

EDGE = 0.01
"""How far before t* the positives of hardness `edge` stop."""
CLOSE = 1 - 1e-7
"""Largest cosine of an angle that is told from zero."""
FLAT = 1e-3
"""Sine of the angle below which no great circle is followed, z = k; a float32 cosine tells no smaller angles apart."""


@dataclass(frozen=True)
class Positives:
    """N positives of each of B keys, in the plane of the key and a prototype."""

    target: Int[Tensor, "b n"]
    """Prototype walked towards."""
    key: Float[Tensor, "b n"]
    """Weight a of the key."""
    prototype: Float[Tensor, "b n"]
    """Weight b of the prototype; z = a k + b p_s has unit length."""
    kept: Bool[Tensor, "b n"]
    """Whether the positive takes part in the loss."""

    def points(self, k: Float[Tensor, "b d"], prototypes: Float[Tensor, "p d"]) -> Float[Tensor, "b n d"]:
        """The positives themselves (for inspection; the loss does without)."""
        return self.key[..., None] * k[:, None] + self.prototype[..., None] * prototypes[self.target]


def boundary(
    k_s: Float[Tensor, "*b"],
    k_0: Float[Tensor, "*b"],
    s_0: Float[Tensor, "*b"],
    official_atan: bool = False,
) -> Float[Tensor, "*b"]:
    """Largest t of the walk at which p_0 is at least as close as p_s.

    Args:
        k_s: cosine of key and target prototype.
        k_0: cosine of key and nearest prototype, not below `k_s`.
        s_0: cosine of target and nearest prototype.
        official_atan: arctangent of the quotient as in the official code. It differs where kappa + cos w < 0 (the
            boundary is more than 90 degrees from the key): there t* is negative, and z moves away from the target.
    """
    k_s = k_s.clamp(-CLOSE, CLOSE)
    w = k_s.acos()
    # Both arguments times k.(p_0 - p_s) >= 0, which may vanish: then t* = 0.
    lead = (k_0 - k_s).clamp(min=0)
    rise, run = w.sin() * lead, (1 - s_0) + k_s * lead
    if official_atan:
        return torch.where(run.abs() > 0, (rise / run).atan(), rise.sign() * torch.pi / 2) / w
    return torch.atan2(rise, run) / w


def walk(k_s: Float[Tensor, "*b"], t: Float[Tensor, "*b"]) -> tuple[Float[Tensor, "*b"], Float[Tensor, "*b"]]:
    """Weights (a, b) of key and prototype at t on the great circle between them, such that a k + b p_s is unit."""
    w = k_s.clamp(-CLOSE, CLOSE).acos()
    a, b = ((1 - t) * w).sin(), (t * w).sin()
    size = (a * a + b * b + 2 * a * b * k_s).clamp(min=1e-12).sqrt()
    flat = w.sin() < FLAT
    return torch.where(flat, 1.0, a / size), torch.where(flat, 0.0, b / size)


@torch.no_grad()
def hallucinate(
    k: Float[Tensor, "b d"],
    prototypes: Float[Tensor, "p d"],
    count: int = 100,
    hardness: float | Literal["edge"] = 0.8,
    source: Literal["hallucinate", "mixup", "repeat"] = "hallucinate",
    rank_filter: bool = True,
    skip: int = 1,
    pool: int = 20,
    official_atan: bool = False,
) -> Positives:
    """Draws positives of keys. Every one walks towards a prototype of its own, drawn uniformly.

    Args:
        k: unit keys.
        prototypes: unit prototypes.
        count: positives per key (N).
        hardness: lambda. The walk ends at t = (1 - u) t* with u ~ U(0, lambda): 1 is uniform on [0, t*], 0 always
            the boundary itself, where rounding decides which prototype is nearer. `edge` ends at t* - 0.01.
        source: `mixup` walks to t ~ U(0, 1), past any boundary, and keeps all; `repeat` stays at the key and keeps all.
        rank_filter: keep a positive only if, of all prototypes, the key's nearest is its nearest.
        skip: that many prototypes closest to the key are no targets.
        pool: of the rest, that many closest ones are.
        official_atan: see `boundary`.
    """
    k, prototypes = k.float(), prototypes.float()
    similar, gram = k @ prototypes.T, prototypes @ prototypes.T
    near = similar.argsort(1, descending=True)
    candidates = near[:, skip : skip + pool]
    pick = torch.randint(candidates.shape[1], (len(k), count), device=k.device)
    target = candidates.gather(1, pick)
    k_s = similar.gather(1, target)
    if source == "repeat":
        one = torch.ones_like(k_s)
        return Positives(target, one, 0 * one, one.bool())
    t = torch.rand_like(k_s)
    if source == "mixup":
        a, b = walk(k_s, t)
        return Positives(target, a, b, torch.ones_like(t, dtype=torch.bool))
    home = near[:, :1]
    limit = boundary(k_s, similar.gather(1, home), gram[target, home], official_atan)
    t = limit - EDGE if hardness == "edge" else (1 - hardness * t) * limit
    a, b = walk(k_s, t)
    kept = torch.ones_like(t, dtype=torch.bool)
    if rank_filter:
        nearest = (a[..., None] * similar[:, None] + b[..., None] * gram[target]).argmax(-1)
        kept = nearest == home
    return Positives(target, a, b, kept)


def attraction(
    q: Float[Tensor, "b d"],
    k: Float[Tensor, "b d"],
    prototypes: Float[Tensor, "p d"],
    positives: Positives,
    temperature: float,
) -> Float[Tensor, ""]:
    """L_pos = -mean over kept positives of q.z / temperature; exactly 0 where none is kept. Only q gets a gradient."""
    q, k, prototypes = q.float(), k.detach().float(), prototypes.detach().float()
    q_k, q_s = (q * k).sum(-1, keepdim=True), (q @ prototypes.T).gather(1, positives.target)
    similar = positives.key * q_k + positives.prototype * q_s
    kept = positives.kept.to(similar.dtype)
    return -(similar * kept).sum() / (kept.sum().clamp(min=1) * temperature)
