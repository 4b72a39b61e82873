"""Dropout: its share, its mean, its gradient, and that the seed decides it."""

import pytest
import torch

from acteme.nn.dropout import dropout


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_share_and_mean(p):
    torch.manual_seed(0)
    x = torch.ones(333, 301)
    y = dropout(x, p)
    assert (y == 0).float().mean().item() == pytest.approx(p, abs=0.005)
    assert y.mean().item() == pytest.approx(1, abs=0.02) and len(y.unique()) == 2


def test_numbers_are_dropped_independently():
    torch.manual_seed(1)
    kept = (dropout(torch.ones(100_000), 0.5) > 0).float() - 0.5
    for lag in range(1, 9):
        assert abs((kept[lag:] * kept[:-lag]).mean().item() * 4) < 0.015


def test_the_gradient_is_dropped_alike():
    torch.manual_seed(2)
    x = torch.randn(5, 7, dtype=torch.float64, requires_grad=True)
    y = dropout(x, 0.3)
    y.sum().backward()
    torch.testing.assert_close(x.grad * x.detach(), y.detach())
    assert y.dtype == torch.float64


def test_edges():
    x = torch.randn(3)
    assert dropout(x, 0.5, training=False) is x and dropout(x, 0.0) is x
    assert not dropout(x, 1.0).any() and dropout(x[:0], 0.5).shape == (0,)
    torch.manual_seed(3)
    one = dropout(torch.ones(9), 0.5)
    torch.manual_seed(3)
    assert torch.equal(dropout(torch.ones(9), 0.5), one)
