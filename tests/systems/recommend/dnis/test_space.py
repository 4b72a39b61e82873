"""Blocks, search spaces, the normalized gradient, the bilevel gradient, dimensions by popularity."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.systems.recommend.dnis.space import (
    bilevel_gradient,
    block_sizes,
    bounds,
    full,
    group_sizes,
    normalized,
    popular_dims,
    weights,
)
from acteme.systems.recommend.dnis.tables import SoftTable


def test_sizes_of_blocks_and_groups():
    assert block_sizes(13, (0.2,) * 5) == [2, 2, 2, 2, 5]
    assert block_sizes(30, (0.1,) * 10) == [3] * 10, "a tenth of 30 in binary is a little more than 3"
    assert block_sizes(100, (0.29, 0.71)) == [29, 71]
    assert block_sizes(200, (51, 126, 0)) == [51, 126, 23], "numbers of features"
    assert group_sizes(64, 64) == [1] * 64 and group_sizes(10, 4) == [2, 2, 2, 4]
    for blocks in ((51, 126, 0), (0.9, 0.9, 0.9)):
        with pytest.raises(InputError, match="hold more than the 100 features"):
            block_sizes(100, blocks)


@settings(max_examples=40)
@given(st.integers(1, 500), st.integers(1, 12))
def test_equal_blocks_hold_every_feature(count, blocks):
    sizes = block_sizes(count, (1 / blocks,) * blocks)
    assert sum(sizes) == count and min(sizes) >= 0 and max(sizes) - min(sizes) < blocks + 1


def test_features_of_a_block_by_position():
    table = SoftTable(10, 4, 4, (0.2,) * 5, "free")
    assert table.block.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert SoftTable(3, 5, 2, (1.0,), "free").group.tolist() == [0, 0, 1, 1, 1]
    with pytest.raises(InputError, match="4 dimensions in 5 groups"):
        SoftTable(10, 4, 5, (1.0,), "free")


@pytest.mark.parametrize("space", ["free", "embedding_block", "feature_block"])
def test_the_full_selection_keeps_everything_and_moves_within_its_bounds(space):
    alpha, (low, high) = full(space, 3, 4), bounds(space, 3, 4)
    assert torch.equal(weights(space, alpha, 3, 4), torch.ones(3, 4))
    assert (alpha == high).all() and low < high
    alpha.requires_grad_()
    weights(space, alpha, 3, 4).sum().backward()
    assert (alpha.grad != 0).all(), "the first step can go somewhere"


def test_nested_spaces():
    prefix = weights("embedding_block", torch.tensor([3.25, 1.0]), 2, 4)
    assert prefix.tolist() == [[1, 1, 1, 0.25], [1, 0, 0, 0]]
    down = weights("feature_block", torch.tensor([2.0, 0.5, 0.0]), 2, 3)
    assert down.tolist() == [[1, 0.5, 0], [1, 0, 0]]


def test_normalized_rows():
    rows = torch.tensor([[4.0, -2, 0, 2], [1e-3, -1e-3, 1e-3, -1e-3], [0, 0, 0, 0]], dtype=torch.float64)
    found = normalized(rows)
    assert found[0].tolist() == pytest.approx([2, -1, 0, 1])
    assert found[1].abs().tolist() == pytest.approx([0.99999] * 4, abs=1e-8)
    assert found[2].tolist() == [0] * 4
    torch.testing.assert_close(normalized(1e6 * rows[0]), found[0], rtol=1e-6, atol=0)


@pytest.mark.parametrize("xi", [0.0, 0.05, 0.7])
def test_the_bilevel_gradient_is_the_slope_of_the_loss_after_the_step(xi):
    """val(W - xi d/dW train(W, alpha), alpha) by finite differences, three weights."""
    rng = torch.Generator().manual_seed(0)
    a, b = (torch.randn(3, 3, generator=rng, dtype=torch.float64) for _ in range(2))
    w = torch.randn(3, generator=rng, dtype=torch.float64)
    alpha = torch.rand(3, generator=rng, dtype=torch.float64)

    def train(at, alpha):
        return (a @ (at["w"] * alpha) - 1).square().sum()

    def val(at, alpha):
        return (b @ (at["w"] * alpha) - 2).square().sum() + (at["w"] ** 2 * alpha).sum()

    def after(alpha):
        slope = 2 * alpha * (a.T @ (a @ (w * alpha) - 1))
        return val({"w": w - xi * slope}, alpha)

    own = {"w": w.clone().requires_grad_()}
    found, loss = bilevel_gradient(train, val, own, alpha.clone().requires_grad_(), xi)
    h = 1e-6
    steps = torch.eye(3, dtype=torch.float64) * h
    expected = torch.stack([(after(alpha + s) - after(alpha - s)) / (2 * h) for s in steps])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(loss, after(alpha))
    assert own["w"].grad is None


def test_dimensions_by_popularity():
    count, sizes = np.array([60, 20, 10, 5, 3, 2]), [2, 4]
    # shares .8 and .2; 4 x 6 values in all
    assert popular_dims(count, sizes, 4, 1.0).tolist() == [int(24 * 0.8 / 2), int(24 * 0.2 / 4)]
    assert popular_dims(count, sizes, 4, 0.0).tolist() == [6, 3], "as many values for each block"
    a = 0.8**0.5 / (0.8**0.5 + 0.2**0.5)
    assert popular_dims(count, sizes, 4, 0.5).tolist() == [int(24 * a / 2), int(24 * (1 - a) / 4)]
    for temperature in (0.0, 0.3, 1.0):
        assert (popular_dims(count, sizes, 4, temperature) * sizes).sum() <= 24
