"""What the texts do in training: each stream has a guide, which is gone when the training is over."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from acteme.nn.text import Text, TextEncoder
from acteme.nn.text.align import kl_contrast
from acteme.recordings.descriptions import Description
from acteme.systems.recognize.gap.parts import Branch
from acteme.systems.recognize.gap.prompts import prompts

SCALE = math.log(1 / 0.07)
"""Where the factors of the cosines start officially; they are used as they are, without exp."""


class Guide(nn.Module):
    """Projections of the parts' features, the texts of the classes, and their contrast.

    Args:
        width: of the features.
        joints: of each branch; the first branch is the global one.
        text: which text encoder; None: random vectors in place of texts.
        texts: for each class and branch, the texts that may stand for it.
        layer: a trained linear layer on the vectors of texts, the identity at first.
        scale: where the factors of the cosines start.
        seed: of the random vectors.
    """

    def __init__(
        self,
        width: int,
        joints: dict[Branch, tuple[int, ...]],
        text: Text | None,
        texts: Sequence[Sequence[Sequence[str]]],
        layer: bool = False,
        scale: float = SCALE,
        seed: int = 0,
    ):
        super().__init__()
        self.joints = {branch: list(chosen) for branch, chosen in joints.items()}
        self.encoder = None if text is None else TextEncoder(text)
        out = RANDOM if self.encoder is None else self.encoder.width
        self.project = nn.ModuleDict({branch: nn.Linear(width, out) for branch in joints})
        nn.init.kaiming_normal_(self.project["global"].weight, mode="fan_out")  # type: ignore[arg-type]
        nn.init.zeros_(self.project["global"].bias)  # type: ignore[arg-type]
        self.layer = nn.Linear(out, out) if layer else None
        if self.layer is not None:
            nn.init.eye_(self.layer.weight)
            nn.init.zeros_(self.layer.bias)
        self.scale = nn.Parameter(torch.full((len(joints),), scale))
        self.texts = list(dict.fromkeys(t for row in texts for cell in row for t in cell))
        at = {t: i for i, t in enumerate(self.texts)}
        longest = max(len(cell) for row in texts for cell in row)
        rows = [[[at[c] for c in cell] + [-1] * (longest - len(cell)) for cell in row] for row in texts]
        self.register_buffer("rows", torch.tensor(rows), persistent=False)
        self.register_buffer("counts", (self.rows >= 0).sum(-1), persistent=False)
        table, ids, mask = torch.empty(0), torch.empty(0, dtype=torch.long), torch.empty(0, dtype=torch.bool)
        if self.encoder is None:
            table = torch.randn(len(self.texts), out, generator=torch.Generator().manual_seed(seed))
        elif text is not None and not text.trained:
            table = self.encoder(self.texts)
        else:
            ids, mask = self.encoder.tokenize(self.texts)
        for name, value in (("table", table), ("ids", ids), ("mask", mask)):
            self.register_buffer(name, value, persistent=False)

    rows: Tensor
    counts: Tensor
    table: Tensor
    ids: Tensor
    mask: Tensor

    def chosen(self, label: Int[Tensor, " b"]) -> Int[Tensor, "n b"]:
        """A text for each branch and sample, drawn from those that may stand for its class."""
        counts = self.counts[label].T
        draw = (torch.rand(counts.shape, device=counts.device) * counts).long()
        return self.rows[label].transpose(0, 1).gather(2, draw[..., None])[..., 0]

    def encoded(self, index: Int[Tensor, "*n"]) -> Float[Tensor, "*n d"]:
        """Features of texts by number; each text is encoded once."""
        needed, place = index.unique(return_inverse=True)
        if self.encoder is None or not self.encoder.config.trained:
            vectors = self.table[needed]
        else:
            mask = self.mask[needed]
            mask = mask[:, : int(mask.sum(1).max())]
            vectors = self.encoder.pool(self.ids[needed, : mask.shape[1]], mask)
        return (vectors if self.layer is None else self.layer(vectors))[place]

    def features(self, joints: Float[Tensor, "b d v"]) -> Float[Tensor, "n b e"]:
        """Of each branch: the mean over its joints, projected to where texts are."""
        return torch.stack([self.project[n](joints[..., chosen].mean(-1)) for n, chosen in self.joints.items()])

    def forward(self, joints: Float[Tensor, "b d v"], label: Int[Tensor, " b"]) -> Float[Tensor, " n"]:
        """Loss of each branch over the samples that have a label; 0 where none has one."""
        known = label >= 0
        if not known.any():
            return 0 * self.features(joints).sum((1, 2))
        label = label[known]
        return kl_contrast(self.features(joints[known]), self.encoded(self.chosen(label)), label, self.scale)

    @torch.no_grad()
    def likeness(self, joints: Float[Tensor, "b d v"], others: Sequence[Sequence[str]]) -> Float[Tensor, "b k"]:
        """Mean cosine over the branches between clips and other classes, given a text per class and branch."""
        features = nn.functional.normalize(self.features(joints), dim=-1)
        flat = [text for row in others for text in row]
        vectors = self.encoder(flat) if self.encoder is not None else features.new_zeros(len(flat), features.shape[-1])
        vectors = vectors if self.layer is None else self.layer(vectors)
        vectors = nn.functional.normalize(vectors, dim=-1).view(len(others), len(self.joints), -1)
        return torch.einsum("nbe,kne->bk", features, vectors) / len(self.joints)


RANDOM = 256
"""Numbers of a random vector."""


def class_texts(
    descriptions: Sequence[Description], branches: Sequence[Branch], synonyms: bool = True
) -> list[list[tuple[str, ...]]]:
    """For each class and branch, the texts that may stand for it."""
    return [[prompts(d, branch, synonyms) for branch in branches] for d in descriptions]
