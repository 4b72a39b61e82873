"""Clusters."""

import pytest
import torch

from acteme.systems.recommend.icsrec.intents import kmeans, nearest


def test_nearest_is_euclidean_and_depends_on_norms():
    centers = torch.tensor([[2.0, 0.0], [0.3, 0.3]])
    ids, _ = nearest(torch.tensor([[1.5, 0.2], [0.2, 0.4], [0.6, -0.1]]), centers)
    assert ids.tolist() == [0, 1, 1]
    directions = torch.nn.functional.normalize(centers, dim=1)
    assert nearest(torch.tensor([[0.6, -0.1]]), directions)[0].tolist() == [0], "unlike directions"


def test_nearest_is_the_plain_distance(monkeypatch):
    monkeypatch.setattr("acteme.systems.recommend.icsrec.intents.CELLS", 40)
    torch.manual_seed(0)
    x, centers = torch.randn(57, 3).double(), torch.randn(7, 3).double()
    ids, total = nearest(x, centers)
    distance = torch.cdist(x, centers)
    assert torch.equal(ids, distance.argmin(1))
    assert (total + (x * x).sum()).item() == pytest.approx(distance.min(1).values.square().sum().item())


def test_clusters_are_found():
    torch.manual_seed(1)
    true = torch.tensor([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0], [5.0, 5.0]])
    x = (true[:, None] + 0.3 * torch.randn(4, 50, 2)).flatten(0, 1)
    state = torch.get_rng_state()
    centers = kmeans(x, 4)
    assert torch.equal(torch.get_rng_state(), state), "the global generator is left alone"
    assert torch.cdist(true, centers).min(1).values.max() < 0.2
    assert torch.equal(kmeans(x, 4), centers)


def test_more_rounds_and_restarts_are_never_worse():
    torch.manual_seed(2)
    x = torch.randn(300, 5)

    def cost(**how):
        return nearest(x, kmeans(x, 20, **how))[1].item()

    assert cost(rounds=20, restarts=1) < cost(rounds=1, restarts=1)
    assert cost(rounds=5, restarts=6) <= cost(rounds=5, restarts=1)


def test_rows_that_coincide_leave_no_center_undefined():
    x = torch.ones(30, 4)
    x[:3] = -1
    centers = kmeans(x, 6)
    assert centers.isfinite().all() and torch.cdist(x, centers).min(1).values.max() < 0.02
