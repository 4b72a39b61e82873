"""Attention of targets to behaviors: scores, what a search keeps of them, weights."""

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

LOWEST = -(2.0**32) + 1
"""Score of a slot that is not there."""


def scaled(
    q: Float[Tensor, "b c d"], k: Float[Tensor, "b t d"], semantic: int, official_hard: bool = False
) -> Float[Tensor, "b c t"]:
    """<q_s, k_s> / sqrt(semantic) + <q_p, k_p> / sqrt(positional), s the first numbers and p, the position, the rest.

    With `official_hard` the first product is over all numbers, as the official hard search has it.
    """
    positional = q.shape[-1] - semantic
    factor = q.new_full((q.shape[-1],), semantic**-0.5)
    factor[semantic:] = positional**-0.5 if positional else 1.0
    if official_hard:
        factor[:semantic] = q.shape[-1] ** -0.5
        factor[semantic:] += q.shape[-1] ** -0.5
    return (q * factor) @ k.mT


class Network(nn.Module):
    """DIN's score: a network on target q, behavior k, their difference and their product, divided by their width.

    The first layer is linear in q, k and q k, so that its product with k is all that is done for each pair.
    """

    def __init__(self, width: int, hidden: int = 36):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4 * width, hidden), nn.PReLU(init=0.1), nn.Linear(hidden, 1))

    def forward(self, q: Float[Tensor, "b c d"], k: Float[Tensor, "b t d"]) -> Float[Tensor, "b c t"]:
        of_q, of_k, of_difference, of_product = self.layers[0].weight.chunk(4, 1)  # type: ignore[operator]
        own = q @ (of_q + of_difference).mT + self.layers[0].bias  # type: ignore[operator]
        pair = (of_product * q[:, :, None]) @ k[:, None].mT  # b c h t
        x = pair + own[..., None] + (k @ (of_k - of_difference).mT).mT[:, None]
        return self.layers[2](self.layers[1](x).mT).squeeze(-1) / q.shape[-1]


def best(rank: Float[Tensor, "b c t"], there: Bool[Tensor, "b c t"], top: int) -> Int[Tensor, "b c k"]:
    """Places of the `top` slots of highest rank, those that are there first; fewer where there are fewer slots."""
    return rank.detach().masked_fill(~there, LOWEST).topk(min(top, rank.shape[-1])).indices


def weights(score: Float[Tensor, "b c k"], there: Bool[Tensor, "b c k"]) -> Float[Tensor, "b c k"]:
    """Softmax over the slots that are there; all 0 where none is."""
    return score.masked_fill(~there, LOWEST).softmax(-1) * there
