"""Prototypes of the classes, and the contrast that draws ambiguous clips to them (PCAN; after FR-Head, Zhou et al.,
CVPR 2023)."""

from dataclasses import dataclass

import torch
import torch.distributed as dist
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn


@dataclass(frozen=True)
class Calibration:
    """How prototypes are kept and clips drawn to them."""

    width: int = 256
    """Channels of a prototype of a class."""
    group_width: int = 128
    """Channels of a prototype of a group."""
    momentum: float = 0.9
    """What a prototype keeps of itself in a batch that has clips for it."""
    temperature: float = 0.125
    """Divides the cosines (tau)."""
    penalty: float = 0.125
    """Greatest penalty on the score of the true class (alpha)."""
    factors: tuple[float, float, float, float] = (1.0, 0.1, 0.5, 1.0)
    """Factors of the logits of the sets FN1, FN2, FN3 and FP."""
    diversity: float = 1.0
    """Weight of the term that keeps the prototypes of the classes apart."""
    official_diversity: bool = False
    """Compute that term on a copy of the prototypes, as the official code does: it then has no gradient."""


class Refiner(nn.Module):
    """Contrast of clips with the prototypes of one level.

    Args:
        dim: channels of a clip's feature.
        width: channels of a prototype.
        classes: K, of this level.
        factors: of the logits, one per set of missed clips (J) and one of the falsely named; 2 or more.
        config: the rest.
    """

    prototypes: Float[Tensor, "k h"]

    def __init__(self, dim: int, width: int, classes: int, factors: tuple[float, ...], config: Calibration):
        super().__init__()
        self.factors, self.config = factors, config
        self.project = nn.Linear(dim, width)
        self.register_buffer("prototypes", torch.randn(classes, width))

    def forward(
        self,
        features: Float[Tensor, "n d"],
        logits: Float[Tensor, "n k"],
        label: Int[Tensor, " n"],
        missed: Int[Tensor, " n"],
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """The contrast and the diversity of the prototypes; in training the prototypes move on.

        With f the projected feature, c_k the prototype of class k after this batch, a^j_k the sum of the f of the clips
        of class k in set j, and p = alpha (1 - softmax(logits)_y), the score of class k for a clip is cos(f, c_k), for
        its own class y one of

            s_y + (cos(f, a^j_y) - 1) p   where set j of class y has clips,
            s_y + (-cos(f, a^FP_y) - 1) p   where clips of other classes were taken for y.

        Each makes a cross entropy, of factor_j s / tau, for ALL clips; the contrast is the mean over clips of the sum.
        Nothing is detached but the old prototypes. Sums are of the clips of this process, prototypes of all processes.

        Args:
            features: of the clips.
            logits: of the classifier.
            label: true class.
            missed: 0 where the clip is right, else which set of missed clips it is in, from 1 (see `tree.outcome`).
        """
        f = full(self.project(features))
        k, n = len(self.prototypes), len(f)
        guess = logits.argmax(1)
        falsely = F.one_hot(guess, k) * (guess != label)[:, None]
        members = torch.cat([F.one_hot(missed * k + label, len(self.factors) * k), falsely], 1).to(f)
        sums, counts = members.T @ f, members.sum(0)
        memory = self.moved(sums[:k], counts[:k])
        unit = F.normalize(f, dim=1)
        scores = unit @ F.normalize(memory, dim=1).T
        away = F.normalize(sums[k:].view(-1, k, f.shape[1]), dim=2)[:, label]
        cosine = (away * unit).sum(2)
        cosine = torch.cat([cosine[:-1], -cosine[-1:]])
        doubt = self.config.penalty * (1 - logits.softmax(1).gather(1, label[:, None])[:, 0])
        penalty = (cosine - 1) * doubt * (counts[k:].view(-1, k)[:, label] > 0)
        each = scores + penalty[..., None] * F.one_hot(label, k)
        each = each * (each.new_tensor(self.factors) / self.config.temperature)[:, None, None]
        contrast = F.cross_entropy(each.flatten(0, 1), label.repeat(len(self.factors)), reduction="sum") / max(n, 1)
        return contrast, diversity(memory.detach() if self.config.official_diversity else memory)

    def moved(self, sums: Float[Tensor, "k h"], counts: Float[Tensor, " k"]) -> Float[Tensor, "k h"]:
        """The prototypes after a batch: c <- m c + (1 - m) mean of the clips that are right, where there are any."""
        sums, counts = _everywhere(sums), _everywhere(counts)
        old, m = self.prototypes.to(sums), self.config.momentum
        moved = m * old + (1 - m) * sums / counts.clamp(min=1)[:, None]
        memory = torch.where(counts[:, None] > 0, moved, old)
        if self.training:
            with torch.no_grad():
                self.prototypes.copy_(memory)
        return memory

    def cosines(self, features: Float[Tensor, "n d"]) -> Float[Tensor, "n k"]:
        """Cosine of each clip to each prototype."""
        f = full(self.project(features))
        return F.normalize(f, dim=1) @ F.normalize(self.prototypes.to(f), dim=1).T


def diversity(prototypes: Float[Tensor, "k h"]) -> Float[Tensor, ""]:
    """Frobenius norm of the matrix of cosines: sqrt(K) where all prototypes are orthogonal, K where all are equal."""
    unit = F.normalize(prototypes, dim=1)
    return (unit @ unit.T).norm()


def full(x: Tensor) -> Tensor:
    """At least single precision."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _everywhere(x: Tensor) -> Tensor:
    """The sum over all processes; the gradient is that of this process's part."""
    if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return x
    total = x.detach().clone()
    dist.all_reduce(total)
    return x + (total - x.detach())
