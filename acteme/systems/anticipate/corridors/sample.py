"""Goals drawn from a predicted map: Y-net's sampling, test-time sampling trick (TTST), conditioned waypoints (CWS)."""

import math

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from acteme.systems.anticipate.corridors.maps import mean_position


def draw(
    weight: Float[Tensor, "b h w"], count: int, threshold: float | None = None, replacement: bool = False,
    generator: Generator | None = None,
) -> Float[Tensor, "b count 2"]:  # fmt: skip
    """Pixels (x, y) drawn in proportion to a map.

    Args:
        weight: not negative; need not sum to one.
        count: how many of each map.
        threshold: pixels below this share of the map's highest value are never drawn.
        replacement: whether a pixel can be drawn twice.
        generator: of the draws.
    """
    flat = weight.flatten(1).float()
    if threshold is not None:
        flat = flat * (flat >= flat.amax(1, keepdim=True) * threshold)
    if not replacement:  # fewer pixels above the threshold than draws: the rest may be drawn as well
        flat = flat + torch.finfo(flat.dtype).tiny
    drawn = torch.multinomial(flat, count, replacement, generator=generator)
    return torch.stack([drawn % weight.shape[2], drawn // weight.shape[2]], -1).float()


def cluster(
    points: Float[Tensor, "b n 2"], count: int, tolerance: float = 1e-3, limit: int = 1000,
    start: Float[Tensor, "b k 2"] | None = None, generator: Generator | None = None,
) -> Float[Tensor, "b k 2"]:  # fmt: skip
    """k-means of many sets of points at once, each until its centers' summed shift, squared, is below a tolerance.

    Points that coincide, as drawn pixels do, are counted once with their number as weight. A cluster without points
    starts again from one of the points.

    Args:
        points: n of each of b sets.
        count: clusters k.
        tolerance: see above.
        limit: most rounds.
        start: first centers; points chosen at random unless given.
        generator: of what is random.
    """
    b, n = points.shape[:2]
    if start is None:
        order = torch.rand(b, n, device=points.device, generator=generator).topk(count, dim=1).indices
        start = points.gather(1, order[..., None].expand(-1, -1, 2))
    with torch.autocast(points.device.type, enabled=False):
        return _rounds(points, start.clone(), tolerance, limit, generator)


def _rounds(
    points: Float[Tensor, "b n 2"], centers: Float[Tensor, "b k 2"], tolerance: float, limit: int,
    generator: Generator | None,
) -> Float[Tensor, "b k 2"]:  # fmt: skip
    """Lloyd's rounds; see `cluster`."""
    (b, n), count = points.shape[:2], centers.shape[1]
    distinct, weight = _distinct(points)
    weighed = torch.cat([weight[..., None], weight[..., None] * distinct], -1)
    busy = torch.arange(b, device=points.device)
    for _ in range(limit):
        c = centers[busy]
        # argmin |x - c|^2 = argmax x.c - |c|^2 / 2
        near = torch.baddbmm(c.square().sum(-1)[:, None] / -2, distinct, c.mT).argmax(-1)
        near = near + count * torch.arange(len(busy), device=points.device)[:, None]
        total = points.new_zeros(len(busy) * count, 3).index_add_(0, near.flatten(), weighed.flatten(0, 1))
        size, moved = total[:, 0].view(-1, count), total[:, 1:].view(-1, count, 2)
        moved = moved / size.clamp(min=1)[..., None]
        if bool((size == 0).any()):
            lot = torch.randint(n, size.shape, device=points.device, generator=generator)
            moved = torch.where((size == 0)[..., None], points[busy].gather(1, lot[..., None].expand(-1, -1, 2)), moved)
        centers[busy] = moved
        on = (moved - c).norm(dim=-1).sum(1).square() >= tolerance
        if not bool(on.all()):
            busy, distinct, weighed = busy[on], distinct[on], weighed[on]
            if not len(busy):
                break
    return centers


def _distinct(points: Float[Tensor, "b n 2"]) -> tuple[Float[Tensor, "b u 2"], Float[Tensor, "b u"]]:
    """The different points of each set and how often they occur; sets with fewer are filled up with weight 0."""
    b, n = points.shape[:2]
    key = torch.cat([torch.arange(b, device=points.device, dtype=points.dtype).repeat_interleave(n)[:, None],
                     points.reshape(-1, 2)], 1)  # fmt: skip
    found, counts = torch.unique(key, dim=0, return_counts=True)
    of = found[:, 0].long()
    number = torch.bincount(of, minlength=b)
    place = torch.arange(len(found), device=points.device) - (number.cumsum(0) - number)[of]
    distinct = points.new_zeros(b, int(number.max()), 2)
    weight = points.new_zeros(b, int(number.max()))
    distinct[of, place], weight[of, place] = found[:, 1:], counts.to(points.dtype)
    return distinct, weight


def goals_of(
    chance: Float[Tensor, "b h w"], mean: Float[Tensor, "b 2"], count: int, ttst: bool, draws: int, threshold: float,
    generator: Generator | None = None,
) -> Float[Tensor, "b count 2"]:  # fmt: skip
    """Goals of each sample.

    Args:
        chance: how likely each pixel is.
        mean: the softargmax of the map, TTST's first goal.
        count: how many goals.
        ttst: cluster many draws, rather than take as many draws as there are goals.
        draws: how many draws are clustered.
        threshold: see `draw`; TTST only.
        generator: of the draws.
    """
    if count == 1:
        return mean[:, None]
    if not ttst:
        return draw(chance, count, generator=generator)
    many = draw(chance, draws, threshold, True, generator)
    return torch.cat([mean[:, None], cluster(many, count - 1, generator=generator)], 1)


def waypoints_of(
    chance: Float[Tensor, "b v h w"], goals: Float[Tensor, "n b 2"], last: Float[Tensor, "b 2"], rounds: int,
    sigma: float, ratio: float, rotate: bool, generator: Generator | None = None,
) -> Float[Tensor, "n b v1 2"]:  # fmt: skip
    """Conditioned waypoint sampling: waypoints between a goal and the last observed position, the latest first drawn.

    A waypoint's map is multiplied by a Gaussian on the line from the one after it to the last observed position. In the
    first round its mean is taken, in later ones it is drawn.

    Args:
        chance: maps of all waypoints, the goal's last.
        goals: n alternatives; those of the same round follow each other.
        last: last observed positions.
        rounds: n is a multiple of it.
        sigma: distance over standard deviation along the line, in the first round; one less in each later one.
        ratio: standard deviation along the line over that across it.
        rotate: turn the Gaussian by a right angle.
        generator: of the draws.

    Returns:
        The waypoints with their goal as the last one (v1 = v).
    """
    n, b = goals.shape[:2]
    h, w = chance.shape[2:]
    ys, xs = torch.linspace(0, h, h, device=chance.device), torch.linspace(0, w, w, device=chance.device)
    found, later = [goals], goals
    factor = sigma - (torch.arange(n, device=chance.device) * rounds // n).to(goals.dtype)
    for number in reversed(range(chance.shape[1] - 1)):
        way = last - later
        mean = later + way / (number + 2)
        angle = torch.atan2(way[..., 0], way[..., 1])
        if rotate:
            angle = angle + math.pi / 2
        size = (way.norm(dim=-1) + 5) / factor[:, None]
        cos, sin = angle.cos()[..., None, None], angle.sin()[..., None, None]
        dx, dy = (xs - mean[..., :1])[..., None, :], (ys - mean[..., 1:])[..., None]
        # the covariance is R diag((size / ratio)^2, size^2) R' in (x, y)
        across, along = cos * dx - sin * dy, sin * dx + cos * dy
        scale = size[..., None, None]
        weight = torch.exp(-0.5 * ((across * ratio / scale).square() + (along / scale).square()))
        maps = weight * chance[:, number]
        middle = mean_position(maps, torch.arange(w, device=maps.device), torch.arange(h, device=maps.device))
        first = n // rounds
        if n > first:
            lots = draw(maps[first:].flatten(0, 1), 1, 0.05, generator=generator)
            middle = torch.cat([middle[:first], lots.view(n - first, b, 2)])
        later = middle
        found.append(later)
    return torch.stack(found[::-1], 2)
