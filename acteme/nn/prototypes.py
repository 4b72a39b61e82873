"""Prototypes on the unit sphere: spherical k-means with k-means++ seeding, and the buffers that hold its centers.

Sources: Dhillon and Modha, Concept decompositions for large sparse text data using clustering (2001), spherical
k-means; Arthur and Vassilvitskii, k-means++ (2007), the seeding.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from acteme.errors import InputError


@torch.no_grad()
def seed_centers(points: Float[Tensor, "n d"], count: int, generator: torch.Generator | None = None) -> Tensor:
    """`count` of the unit vectors `points` (count, d), each drawn with a chance that grows as the square of its angle
    to the nearest one drawn before (k-means++). Where all remaining angles are zero the draw is uniform."""
    n = len(points)
    first = torch.randint(n, (1,), generator=generator, device=points.device)
    chosen = [first]
    nearest = angle(points, points[first]).squeeze(1)
    for _ in range(count - 1):
        weight = nearest.square()
        weight = torch.where(weight.sum() > 0, weight, torch.ones_like(weight))
        new = torch.multinomial(weight, 1, generator=generator)
        chosen.append(new)
        nearest = torch.minimum(nearest, angle(points, points[new]).squeeze(1))
    return points[torch.cat(chosen)]


def angle(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """Angles between unit vectors, radians; exactly 0 between equal ones (arccos alone is off by up to 5e-4)."""
    cos = (a @ b.T).clamp(-1, 1)
    return torch.where(cos > 1 - 1e-6, torch.zeros_like(cos), cos.acos())


@torch.no_grad()
def spherical_kmeans(
    points: Float[Tensor, "n d"],
    count: int,
    iterations: int = 20,
    tolerance: float = 1e-3,
    generator: torch.Generator | None = None,
) -> tuple[Float[Tensor, "count d"], Int[Tensor, " n"]]:
    """Clusters unit vectors by cosine.

    Alternates between giving every point to the center of largest cosine and moving every center to the normalized
    mean of its points, until no center moves by more than `tolerance` (Euclidean) or `iterations` are over. A center
    that no point belongs to stays where it is.

    Args:
        points: unit vectors (n, d); n may be below `count`, centers then coincide.
        count: number of centers.
        iterations: at most this many rounds.
        tolerance: movement below which the centers count as settled.
        generator: for the seeding.

    Returns:
        Unit centers (count, d) and the nearest center of each point (n,).
    """
    centers = seed_centers(points, count, generator)
    for _ in range(iterations):
        member = F.one_hot((points @ centers.T).argmax(1), count).to(points.dtype)
        total = member.T @ points
        # Points that cancel out have no mean direction: their center stays, too.
        moved = torch.where(total.norm(dim=1, keepdim=True) > 1e-6, F.normalize(total, dim=1), centers)
        step = (moved - centers).norm(dim=1).max()
        centers = moved
        if step <= tolerance:
            break
    return centers, (points @ centers.T).argmax(1)


class Prototypes(nn.Module):
    """Cluster centers of recent latents, as buffers, so that they survive in checkpoints.

    Args:
        count: number of prototypes (P).
        dim: size of a latent.
    """

    points: Tensor
    fits: Tensor

    def __init__(self, count: int, dim: int):
        super().__init__()
        if count < 2:
            raise InputError(f"{count} prototypes are too few", "prototypes", "take 2 or more")
        self.register_buffer("points", torch.zeros(count, dim))
        self.register_buffer("fits", torch.zeros((), dtype=torch.long))

    @property
    def ready(self) -> bool:
        """Whether they have been fitted at all."""
        return bool(self.fits > 0)

    def fit(self, latents: Float[Tensor, "n d"]) -> None:
        """Replaces the prototypes by the centers of `latents` (unit vectors)."""
        centers, _ = spherical_kmeans(latents.float(), len(self.points))
        self.points.copy_(centers)
        self.fits += 1
