"""What one stream makes of its features: logits of both levels, their losses, and the rectification at test."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from acteme.nn.labels import cross_entropy
from acteme.systems.recognize.pcan.refine import Calibration, Refiner, full
from acteme.systems.recognize.pcan.tree import outcome, tree_loss


class Head(nn.Module):
    """Two linear classifiers, and a refiner for each.

    Args:
        dim: channels of a feature.
        group_of: group of each class (K), numbered from 0.
        calibration: of the refiners.
        dropout: of the features that are classified.
        rectify: factor of the cosines to the prototypes that are added to the class logits at test (lambda).
    """

    group_of: Int[Tensor, " k"]

    def __init__(self, dim: int, group_of: tuple[int, ...], calibration: Calibration, dropout: float, rectify: float):
        super().__init__()
        classes, groups = len(group_of), max(group_of) + 1
        self.register_buffer("group_of", torch.tensor(group_of), persistent=False)
        self.rectify = rectify
        self.dropout = nn.Dropout(dropout)
        self.fc, self.fc_group = nn.Linear(dim, classes), nn.Linear(dim, groups)
        for layer in (self.fc, self.fc_group):
            nn.init.normal_(layer.weight, 0, 0.01)
            nn.init.zeros_(layer.bias)
        self.fine = Refiner(dim, calibration.width, classes, calibration.factors, calibration)
        self.coarse = Refiner(dim, calibration.group_width, groups, (1.0, 1.0), calibration)

    def forward(self, x: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n k"], Float[Tensor, "n g"]]:
        """Logits of classes and groups."""
        x = self.dropout(x)
        return full(self.fc(x)), full(self.fc_group(x))

    def rectified(self, x: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n k"], Float[Tensor, "n g"]]:
        """Logits for the test: those of the classes drawn to the prototypes that the clip is near."""
        logits, groups = self(x)
        return (logits + self.rectify * self.fine.cosines(x) if self.rectify else logits), groups

    def losses(
        self, x: Float[Tensor, "n d"], shown: Float[Tensor, "n d"], label: Int[Tensor, " n"]
    ) -> tuple[dict[str, Tensor], Float[Tensor, "n k"]]:
        """The named losses and the class logits.

        Args:
            x: features that are classified.
            shown: features that the refiners take.
            label: true class, -1 where it is not known.

        Losses: `class` and `group` (cross entropies), `tree`, `refine`, `group_refine` and `diversity`.
        """
        every, every_group = self(x)
        known = label >= 0
        y, logits, groups = label[known], every[known], every_group[known]
        group = self.group_of[y]
        missed, group_missed = outcome(logits, groups, y, group)
        refine, diversity = self.fine(shown[known], logits, y, missed)
        group_refine, _ = self.coarse(shown[known], groups, group, group_missed)
        found = {"class": cross_entropy(logits, y), "group": cross_entropy(groups, group)}
        found |= {"tree": tree_loss(logits, groups, y, self.group_of), "refine": refine}
        return found | {"group_refine": group_refine, "diversity": diversity}, every
