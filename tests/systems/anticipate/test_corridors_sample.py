"""Goals and waypoints drawn from maps."""

import math

import pytest
import torch

from acteme.systems.anticipate.corridors.sample import cluster, draw, goals_of, waypoints_of


def test_pixels_are_drawn_as_often_as_they_weigh_and_never_below_the_threshold():
    weight = torch.tensor([[[1.0, 0.0, 3.0], [0.004, 0.0, 0.0]]])
    found = draw(weight, 20_000, None, True, torch.Generator().manual_seed(0))[0]
    assert set(map(tuple, found.int().tolist())) <= {(0, 0), (2, 0), (0, 1)}
    assert (found == torch.tensor([2.0, 0.0])).all(1).float().mean().item() == pytest.approx(0.75, abs=0.02)
    found = draw(weight, 20_000, 0.002, True, torch.Generator().manual_seed(0))[0]
    assert not (found == torch.tensor([0.0, 1.0])).all(1).any()
    own = draw(weight * torch.tensor([1.0, 1e-6])[:, None, None], 50, 0.002, True)
    assert (own[1] == 2).any(), "the threshold is of each map's own maximum"


def test_draws_without_replacement_differ_even_where_few_pixels_weigh():
    found = draw(torch.eye(3)[None], 9)[0]
    assert len(set(map(tuple, found.tolist()))) == 9
    assert {(0, 0), (1, 1), (2, 2)} == set(map(tuple, found[:3].int().tolist()))


def plain_kmeans(x, start, rounds=1000):
    """One set at a time, a cluster at a time."""
    centers = start.clone()
    for _ in range(rounds):
        near = ((x[:, None] - centers) ** 2).sum(-1).argmin(1)
        moved = torch.stack([x[near == k].mean(0) for k in range(len(centers))])
        shift = (moved - centers).norm(dim=1).sum()
        centers = moved
        if shift**2 < 1e-3:
            break
    return centers


def test_clusters_of_many_sets_are_those_of_each():
    g = torch.Generator().manual_seed(0)
    middles = torch.tensor([[0.0, 0.0], [20.0, 0.0], [0.0, 30.0]])
    noise = torch.randn(3, 180, 2, generator=g) * torch.tensor([1.0, 3, 5])[:, None, None]
    points = (middles.repeat(60, 1) + noise).round()
    start = points[:, :3].clone()
    found = cluster(points, 3, start=start)
    for i in range(3):
        torch.testing.assert_close(found[i], plain_kmeans(points[i], start[i]), atol=1e-4, rtol=0)
    torch.testing.assert_close(found[0], middles, atol=0.6, rtol=0)


def test_an_empty_cluster_starts_again_from_a_point():
    points = torch.tensor([[[0.0, 0.0], [0.0, 1.0], [9.0, 9.0], [9.0, 8.0]]])
    start = torch.tensor([[[0.0, 0.0], [1000.0, 1000.0]]])
    found = cluster(points, 2, start=start, generator=torch.Generator().manual_seed(0))
    assert torch.isfinite(found).all() and found.abs().max() < 10


def test_the_first_goal_is_the_mean_and_one_goal_draws_nothing():
    chance, mean = torch.rand(2, 8, 8), torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    state = torch.random.get_rng_state()
    assert goals_of(chance, mean, 1, True, 100, 0.01).tolist() == mean[:, None].tolist()
    assert torch.equal(state, torch.random.get_rng_state())
    found = goals_of(chance, mean, 5, True, 100, 0.01)
    assert found.shape == (2, 5, 2) and torch.equal(found[:, 0], mean)
    plain = goals_of(chance, mean, 5, False, 0, 0.0)
    assert plain.shape == (2, 5, 2) and torch.equal(plain, plain.round())


def test_a_waypoint_lies_on_the_way_back_from_the_goal():
    goal, last = torch.tensor([[[60.0, 20.0]]]), torch.tensor([[20.0, 40.0]])
    flat = torch.ones(1, 2, 64, 80)
    found = waypoints_of(flat, goal, last, 1, 6.0, 2.0, True)
    assert found.shape == (1, 1, 2, 2) and torch.equal(found[0, 0, 1], goal[0, 0])
    torch.testing.assert_close(found[0, 0, 0], torch.tensor([40.0, 30.0]), atol=0.5, rtol=0)
    pulled = flat.clone()
    pulled[0, 0, :, :40] = 0
    assert waypoints_of(pulled, goal, last, 1, 6.0, 2.0, True)[0, 0, 0, 0] > found[0, 0, 0, 0]


def test_the_gaussian_of_a_waypoint_is_the_official_one():
    """Its covariance is R diag((d / sigma / ratio)^2, (d / sigma)^2) R' with d = |way| + 5, as a table of pixels."""
    goal, last, h, w = torch.tensor([[[50.0, 25.0]]]), torch.tensor([[30.0, 40.0]]), 64, 80
    way = (last - goal[0])[0]
    mean, d, angle = goal[0, 0] + way / 2, way.norm() + 5, torch.atan2(way[0], way[1])
    turn = torch.tensor([[angle.cos(), angle.sin()], [-angle.sin(), angle.cos()]])
    cov = turn @ torch.diag(torch.stack([d / 6 / 2, d / 6]) ** 2) @ turn.T
    ys, xs = torch.meshgrid(torch.linspace(0, h, h), torch.linspace(0, w, w), indexing="ij")
    off = torch.stack([xs, ys], -1) - mean
    weight = torch.exp(-0.5 * ((off @ torch.inverse(cov)) * off).sum(-1))
    chance = torch.rand(1, 2, h, w, generator=torch.Generator().manual_seed(0))
    maps = weight * chance[0, 0]
    ys, xs = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    wanted = torch.stack([(maps * xs).sum(), (maps * ys).sum()]) / maps.sum()
    found = waypoints_of(chance, goal, last, 1, 6.0, 2.0, False)[0, 0, 0]
    torch.testing.assert_close(found, wanted, atol=1e-3, rtol=0)
    assert math.isfinite(float(found.sum()))


def test_later_rounds_draw_their_waypoints():
    g = torch.Generator().manual_seed(0)
    chance, goals, last = torch.rand(1, 2, 32, 32), torch.full((4, 1, 2), 24.0), torch.full((1, 2), 6.0)
    found = waypoints_of(chance, goals, last, 2, 6.0, 2.0, True, g)
    assert found.shape == (4, 1, 2, 2)
    drawn = found[2:, 0, 0]
    assert torch.equal(drawn, drawn.round()) and not torch.equal(found[:2, 0, 0], found[:2, 0, 0].round())
