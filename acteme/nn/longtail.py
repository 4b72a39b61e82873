"""Learning from classes of very different frequency: weights of classes, margins and priors, now or later in training.

With n_c training clips of class c of C, logits z and the true class y:

    class-balanced    w_c = (1 - b) / (1 - b^n_c), scaled to sum C; b one number, or one per class (action-aware)
    balanced softmax  cross entropy of z_c + log n_c
    LDAM              cross entropy of s (z_c - m_c [c = y]), m_c = m n_c^(-1/4) / max_c n_c^(-1/4)
    focal             (1 - p_y)^g (-log p_y)

Deferred re-weighting (DRW) is plain cross entropy first, so that the representation is learned from all clips alike,
and the change in the last epochs. The weighted mean over a batch divides by the sum of its weights.

Sources: Cui et al., Class-Balanced Loss (CVPR 2019); Cao et al., Label-Distribution-Aware Margin Loss (NeurIPS 2019);
Ren et al., Balanced Meta-Softmax (NeurIPS 2020); Lin et al., Focal Loss (ICCV 2017); Liu et al., Balanced
Representation Learning (2023), whose action-aware loss lets b rise with n_c.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.recordings.batch import Batch

Counts = Float[Tensor, " k"]


@dataclass(frozen=True)
class Rebalance:
    """A loss for long-tailed classes. The defaults are BRL's."""

    loss: Literal["cross_entropy", "class_balanced", "action_aware", "balanced_softmax", "ldam", "focal"] = (
        "action_aware"
    )
    """Which one."""
    begin: int = 19
    """Epoch, from 0, from which it acts; before, it is plain cross entropy (ldam: without weights). 0: at once."""
    beta: float = 0.9999
    """class_balanced, ldam: b, below or equal to 1, where the weights are the inverse of the counts."""
    betas: tuple[float, float] = (0.99, 0.9999)
    """action_aware: b of the rarest class and of the most frequent one; linear in the count between."""
    alternating: bool = False
    """action_aware: as the official code does, which in every second epoch takes 1 - b for b (weights almost alike)."""
    margin: float = 0.5
    """ldam: the largest margin m."""
    scale: float = 30.0
    """ldam: s."""
    gamma: float = 2.0
    """focal: g."""


def class_balanced(counts: Counts, beta: float | Counts) -> Counts:
    """Weights by the effective number of clips, scaled to sum to the number of classes.

    Classes without clips have weight 0 and do not count; where no class has any, all weights are 1.
    """
    n = counts.double()
    b = torch.as_tensor(beta, dtype=torch.float64, device=n.device).expand_as(n)
    # 1 - b^n without loss of digits; b = 1 is the limit 1 / n
    weight = torch.where(b < 1, (1 - b) / -torch.expm1(n * b.clamp(min=1e-300).log()), 1 / n)
    weight = torch.where(n > 0, weight, 0)
    if not (n > 0).any():
        return torch.ones_like(counts)
    return (weight * ((n > 0).sum() / weight.sum())).to(counts)


def action_aware(counts: Counts, betas: tuple[float, float] = (0.99, 0.9999)) -> Counts:
    """A beta per class, between `betas`, linear in its clips; the first where all classes have as many."""
    n = counts.double()
    low, high = n.min(), n.max()
    return betas[0] + (betas[1] - betas[0]) * (n - low) / (high - low).clamp(min=1)


def balanced_logits(logits: Float[Tensor, "b k"], counts: Counts) -> Float[Tensor, "b k"]:
    """z_c + log n_c, of which plain cross entropy is the balanced softmax loss; a class without clips counts as one."""
    return logits + counts.clamp(min=1).log().to(logits)


def margins(counts: Counts, largest: float = 0.5) -> Counts:
    """LDAM's margin of each class; the rarest has the largest."""
    m = counts.clamp(min=1) ** -0.25
    return largest * m / m.max()


def ldam_logits(
    logits: Float[Tensor, "b k"], label: Int[Tensor, " b"], margin: Counts, scale: float = 30.0
) -> Float[Tensor, "b k"]:
    """s (z_c - m_c [c = y]), of which plain cross entropy is LDAM's loss; made for logits that are cosines."""
    true = F.one_hot(label.clamp(min=0), logits.shape[1]).to(logits)
    return scale * (logits - true * margin.to(logits))


def focal(loss: Float[Tensor, " b"], gamma: float = 2.0) -> Float[Tensor, " b"]:
    """Focal losses from the cross entropies of clips, -log p_y."""
    return (-torch.expm1(-loss)).clamp(min=0) ** gamma * loss


class LongTailLoss(nn.Module):
    """One of the losses, with its schedule. Clips without a label (-1) have no part in it.

    Its owner calls `count` with the training data once, `before_epoch` when an epoch begins, and the module itself
    with logits and labels. Counts and weights are part of the state, so that training can be resumed.

    Args:
        config: which loss.
        classes: K.

    Raises:
        InputError: a number out of its range.

    Example:
        >>> loss = LongTailLoss(Rebalance("class_balanced", begin=0, beta=0.99), 2)
        >>> loss.set_counts(torch.tensor([100, 10]))
        >>> loss(torch.zeros(2, 2), torch.tensor([0, 1])).item()
        0.6931...
    """

    def __init__(self, config: Rebalance, classes: int):
        super().__init__()
        if not (0 <= config.beta <= 1 and 0 <= config.betas[0] <= config.betas[1] <= 1):
            raise InputError("beta is out of its range", "rebalance", "give numbers in order from 0 to 1")
        if config.begin < 0 or config.gamma < 0 or config.margin < 0 or config.scale <= 0:
            raise InputError(
                "a negative number", "rebalance", "give begin, gamma, margin and scale as positive numbers"
            )
        self.config = config
        self.counts: Tensor
        self.weight: Tensor
        self.acts: Tensor
        self.register_buffer("counts", torch.zeros(classes))
        self.register_buffer("weight", torch.ones(classes))
        self.register_buffer("acts", torch.tensor(config.begin == 0))

    def count(self, batches: Iterable[Batch]) -> None:
        """Counts the labeled clips of each class."""
        counts = torch.zeros_like(self.counts)
        for batch in batches:
            label = batch["label"]
            counts += torch.bincount(label[label >= 0], minlength=len(counts)).to(counts)
        self.set_counts(counts)

    def set_counts(self, counts: Int[Tensor, " k"] | Counts) -> None:
        """Tells the training clips of each class. Raises InputError where there is none."""
        if not (counts > 0).any():
            raise InputError("no training clip has a label", "rebalance", "give labeled recordings")
        self.counts.copy_(counts)
        self.before_epoch(0)

    def before_epoch(self, epoch: int) -> None:
        """Sets the weights of an epoch, from 0."""
        c, late = self.config, epoch - self.config.begin
        self.acts.fill_(late >= 0)
        if late < 0 or c.loss not in ("class_balanced", "action_aware", "ldam"):
            self.weight.fill_(1.0)
        elif c.loss != "action_aware":
            self.weight.copy_(class_balanced(self.counts, c.beta))
        else:
            betas = action_aware(self.counts, c.betas)
            self.weight.copy_(class_balanced(self.counts, 1 - betas if c.alternating and late % 2 else betas))

    def each(
        self, logits: Float[Tensor, "b k"], label: Int[Tensor, " b"]
    ) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
        """Loss and weight of each clip."""
        c, true = self.config, label.clamp(min=0)
        z = logits.to(torch.promote_types(logits.dtype, torch.float32))
        if c.loss == "ldam":
            z = ldam_logits(z, true, margins(self.counts, c.margin), c.scale)
        elif c.loss == "balanced_softmax":
            z = torch.where(self.acts, balanced_logits(z, self.counts), z)
        loss = F.cross_entropy(z, true, reduction="none")
        if c.loss == "focal":
            loss = torch.where(self.acts, focal(loss, c.gamma), loss)
        return loss, self.weight.to(loss)[true] * (label >= 0)

    def forward(
        self,
        logits: Float[Tensor, "b k"],
        label: Int[Tensor, " b"],
        other: Int[Tensor, " b"] | None = None,
        alpha: Float[Tensor, " b"] | Float[Tensor, ""] | None = None,
    ) -> Float[Tensor, ""]:
        """The weighted mean over a batch; 0 where no clip has a label.

        Args:
            logits: of each class.
            label: the class of each clip, -1 where it has none.
            other: the second class of clips that are mixed of two.
            alpha: how much of each clip is of its first class. One number for the whole batch mixes the weighted mean
                over first classes with that over second ones (BRL's code).
        """
        loss, weight = self.each(logits, label)
        if other is None or alpha is None:
            return _mean(loss, weight)
        second, weight_second = self.each(logits, other)
        if alpha.ndim == 0:
            return alpha * _mean(loss, weight) + (1 - alpha) * _mean(second, weight_second)
        a, b = alpha * weight, (1 - alpha) * weight_second
        return _mean(torch.cat([loss, second]), torch.cat([a, b]))


def _mean(loss: Float[Tensor, " n"], weight: Float[Tensor, " n"]) -> Float[Tensor, ""]:
    return (loss * weight).sum() / weight.sum().clamp(min=torch.finfo(loss.dtype).tiny)
