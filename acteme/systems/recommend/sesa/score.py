"""How well two explicit vectors match: a sum of products of named concepts, its explanation, and the losses over it."""

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

Kind = Literal["weighted", "idf", "dot", "cosine"]
"""`weighted`: w_c learned; `idf`: the inverse frequency of the concept in training; `dot`: 1, without a bias;
`cosine`: ten times the cosine."""
START = 0.54
"""Where v_c begins: softplus(.54) = .99916."""
COSINE = 10.0


class Scorer(nn.Module):
    """sim(j, p) = sum over c of w_c j_c p_c + b.

    Args:
        kind: which weights.
        concepts: C.
    """

    idf: Float[Tensor, " c"]

    def __init__(self, kind: Kind, concepts: int):
        super().__init__()
        self.kind = kind
        learned, biased = kind == "weighted", kind in ("weighted", "idf")
        self.v = nn.Parameter(torch.full((concepts,), START), requires_grad=learned)
        self.bias = nn.Parameter(torch.zeros(()), requires_grad=biased)
        self.register_buffer("idf", torch.ones(concepts))

    def weights(self) -> Float[Tensor, " c"]:
        """w_c > 0."""
        if self.kind == "weighted":
            return F.softplus(self.v)
        return self.idf if self.kind == "idf" else torch.ones_like(self.idf) * (COSINE if self.kind == "cosine" else 1)

    def query(self, p: Float[Tensor, "n c"]) -> Float[Tensor, "n c"]:
        """Profiles with the weights folded in, so that a score is a product with `table`."""
        return self.table(p) * self.weights()

    def table(self, j: Float[Tensor, "n c"]) -> Float[Tensor, "n c"]:
        """Vectors as they are multiplied."""
        return F.normalize(j, dim=-1) if self.kind == "cosine" else j

    def forward(self, j: Float[Tensor, "j c"], p: Float[Tensor, "p c"]) -> Float[Tensor, "j p"]:
        """Score of every job with every profile."""
        return self.table(j) @ self.query(p).T + self.bias

    def contributions(self, j: Float[Tensor, "*n c"], p: Float[Tensor, "*n c"]) -> Float[Tensor, "*n c"]:
        """w_c j_c p_c of each pair: their sum and the bias are its score."""
        return self.table(j) * self.query(p)


def merged(
    vector: Float[Tensor, "n c"],
    listed: Float[Tensor, "n c"],
    how: Literal["none", "max", "gate"],
    gate: Float[Tensor, " c"] | None = None,
) -> Float[Tensor, "n c"]:
    """Final vectors of profiles of what their texts tell and what they list.

    `max`: a listed skill counts fully, whatever the text says, and nothing is learned through it. `gate`:
    g_c s_c + (1 - g_c) phi_c with g = sigmoid(a). Profiles that list nothing stay as they are.
    """
    if how == "none":
        return vector
    if how == "max" or gate is None:
        return torch.where(listed > 0, listed.maximum(vector.detach()), vector)
    g = gate.sigmoid()
    return torch.where(listed.any(1, keepdim=True), g * listed + (1 - g) * vector, vector)


class Pairs(NamedTuple):
    """Which jobs and profiles of a batch are seen together."""

    job: Int[Tensor, " b"]
    person: Int[Tensor, " b"]
    goes: Bool[Tensor, " b"]
    """Whether they go together."""
    together: Bool[Tensor, "j p"]
    """All jobs and people of the batch that are known to: never negatives."""


def pairs(job: Int[Tensor, " b"], person: Int[Tensor, " b"], goes: Bool[Tensor, " b"], shape: tuple[int, int]) -> Pairs:
    """Pairs of a batch by their jobs (-1: none; left out) and people; `shape` is the number of both."""
    kept = job >= 0
    job, person, goes = job[kept], person[kept], goes[kept]
    together = torch.zeros(shape, dtype=torch.bool, device=job.device)
    together[job[goes], person[goes]] = True
    return Pairs(job, person, goes, together)


def softmax_loss(scores: Float[Tensor, "j p"], seen: Pairs) -> Float[Tensor, ""]:
    """Cross entropy of each profile that goes with a job over the jobs of the batch; its other jobs are left out."""
    job, person = seen.job[seen.goes], seen.person[seen.goes]
    if not len(job):
        return scores.sum() * 0
    others = seen.together[:, person].clone()
    others[job, torch.arange(len(job), device=job.device)] = False
    return F.cross_entropy(scores[:, person].masked_fill(others, -torch.inf).T, job)


def hinge_loss(positive: Float[Tensor, " n"], negative: Float[Tensor, "n k"], margin: float) -> Float[Tensor, ""]:
    """max(0, margin - s(j, p+) + s(j, p-)), averaged."""
    return (margin - positive[:, None] + negative).relu().mean()


def drawn(
    seen: Pairs, count: int, group: Int[Tensor, " j"] | None = None
) -> tuple[Int[Tensor, " n"], Int[Tensor, " n"], Int[Tensor, "n k"]]:
    """Profiles of the batch that do not go with the job, for each pair that does.

    Args:
        seen: the pairs.
        count: how many for each, drawn evenly, some perhaps twice.
        group: of each job; then they are drawn among people with another job of the same group, where there are any.

    Returns:
        Job and person of the pairs that have negatives, and those.
    """
    able = ~seen.together
    if group is not None:
        alike = (group[:, None] == group) & ~torch.eye(len(group), dtype=torch.bool, device=group.device)
        near = (alike.float() @ seen.together.float() > 0) & able
        able = torch.where(near.any(1, keepdim=True), near, able)
    kept = seen.goes & able.any(1)[seen.job]
    job, person = seen.job[kept], seen.person[kept]
    if not len(job):
        return job, person, torch.zeros(0, count, dtype=torch.int64, device=job.device)
    return job, person, able[job].float().multinomial(count, replacement=True)
