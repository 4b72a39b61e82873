from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.nn.prototypes import Prototypes, seed_centers, spherical_kmeans


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def unit(*shape: int, seed: int = 0) -> torch.Tensor:
    return F.normalize(torch.randn(*shape, generator=seeded(seed)), dim=-1)


def test_finds_the_clusters_that_are_there():
    true = torch.eye(5, 16)
    points = F.normalize(true.repeat_interleave(12, 0) + 0.05 * torch.randn(60, 16, generator=seeded(1)), dim=1)
    centers, nearest = spherical_kmeans(points, 5, generator=seeded(2))
    assert (centers @ true.T).max(1).values.min() > 0.99
    assert sorted(torch.bincount(nearest).tolist()) == [12] * 5
    assert len({tuple(nearest[i * 12 : i * 12 + 12].tolist()) for i in range(5)}) == 5


@settings(max_examples=25)
@given(n=st.integers(1, 40), count=st.integers(2, 8), dim=st.integers(2, 6), seed=st.integers(0, 99))
def test_centers_are_unit_and_more_rounds_are_no_worse(n, count, dim, seed):
    points = unit(n, dim, seed=seed)
    fit = [spherical_kmeans(points, count, rounds, 0.0, seeded(seed))[0] for rounds in (0, 1, 5, 20)]
    assert all(torch.allclose(c.norm(dim=1), torch.ones(count), atol=1e-5) for c in fit)
    score = [float((points @ c.T).max(1).values.mean()) for c in fit]
    assert all(b >= a - 1e-5 for a, b in pairwise(score))


def test_a_settled_center_is_the_normalized_mean_of_its_points():
    points = unit(80, 8, seed=4)
    centers, nearest = spherical_kmeans(points, 6, 200, 0.0, seeded(5))
    for i in range(6):
        mean = F.normalize(points[nearest == i].mean(0), dim=0)
        assert torch.allclose(centers[i], mean, atol=1e-5)


def test_the_same_seed_gives_the_same_centers():
    points = unit(50, 8)
    assert torch.equal(spherical_kmeans(points, 4, generator=seeded(7))[0],
                       spherical_kmeans(points, 4, generator=seeded(7))[0])  # fmt: skip


def test_seeding_takes_far_points():
    points = torch.cat([torch.eye(2, 4)[:1].repeat(500, 1), torch.eye(4)[1:3]])
    centers = seed_centers(points, 3, seeded(0))
    # The 500 equal points have angle 0 to the first of them, so the two others must come next, whatever the draw.
    assert {int(c.argmax()) for c in centers} == {0, 1, 2}


def test_seeding_follows_the_squared_angle():
    degrees = torch.tensor([0.0, 30, 90]).deg2rad()
    points, g = torch.stack([degrees.cos(), degrees.sin()], 1), seeded(3)
    pairs = [seed_centers(points, 2, g) @ points.T for _ in range(1500)]
    second = [int(p[1].argmax()) for p in pairs if int(p[0].argmax()) == 0]
    assert second.count(0) == 0
    assert second.count(1) / len(second) == pytest.approx(30**2 / (30**2 + 90**2), abs=0.04)


def test_points_that_coincide_or_cancel_leave_no_nan():
    same = torch.eye(3)[:1].repeat(10, 1)
    assert torch.allclose(spherical_kmeans(same, 4, generator=seeded(0))[0], same[:4])
    opposite = torch.tensor([[1.0, 0, 0], [-1.0, 0, 0]]).repeat(5, 1)
    centers, _ = spherical_kmeans(opposite, 2, generator=seeded(0))
    assert torch.allclose(centers.abs(), same[:2])


def test_prototypes_become_ready_and_survive_a_checkpoint():
    made = Prototypes(4, 8)
    assert not made.ready
    made.fit(unit(30, 8))
    other = Prototypes(4, 8)
    other.load_state_dict(made.state_dict())
    assert other.ready and torch.equal(other.points, made.points)


def test_one_prototype_is_refused():
    with pytest.raises(InputError, match="too few"):
        Prototypes(1, 8)
