"""The tree loss against official numbers and against the definition over all states."""

import math

import pytest
import torch

from acteme.systems.recognize.pcan.tree import outcome, tree_loss
from tests.systems.recognize.pcan.cases import GROUP_OF

GROUPS = torch.tensor(GROUP_OF)


def test_official_numbers():
    zero = tree_loss(torch.zeros(3, 52), torch.zeros(3, 7), torch.tensor([0, 13, 51]), GROUPS)
    assert zero.item() == pytest.approx(4.0297298538, abs=1e-6) == math.log(7 * math.e**0.5 + 52 * math.e) - 1
    body, action = torch.arange(7.0)[None] / 10, torch.arange(52.0)[None] / 50
    assert tree_loss(action, body, torch.tensor([13]), GROUPS).item() == pytest.approx(4.1077056, abs=1e-6)
    assert tree_loss(action, body, torch.tensor([0]), GROUPS).item() == pytest.approx(4.2221761, abs=1e-6)


def test_perfect_logits_reach_the_least_loss_which_is_not_zero():
    action, body = torch.full((1, 52), -100.0), torch.full((1, 7), -100.0)
    action[0, 13] = body[0, 2] = 100
    loss = tree_loss(action, body, torch.tensor([13]), GROUPS).item()
    assert loss == pytest.approx(2.474227, abs=1e-6) == math.log(math.e**2 + 13 * math.e + 45) - 2


def plain(logits, group_logits, label):
    """Over the matrix of the legal states, clip by clip."""
    states = torch.eye(59, dtype=torch.float64)
    for k in range(52):
        states[7 + k, GROUP_OF[k]] = 1
    losses = []
    for u, v, y in zip(logits, group_logits, label, strict=True):
        joint = (states @ torch.cat([v, u]).sigmoid()).exp()
        losses.append(-(joint[states[:, 7 + y] > 0].sum() / joint.sum()).log())
    return torch.stack(losses).mean()


def test_equals_the_sum_over_states():
    torch.manual_seed(0)
    u, v = 3 * torch.randn(20, 52, dtype=torch.float64), 3 * torch.randn(20, 7, dtype=torch.float64)
    u.requires_grad_(), v.requires_grad_()
    label = torch.randint(52, (20,))
    ours, theirs = tree_loss(u, v, label, GROUPS), plain(u, v, label.tolist())
    assert torch.allclose(ours, theirs)
    for a, b in zip(torch.autograd.grad(ours, (u, v)), torch.autograd.grad(theirs, (u, v)), strict=True):
        assert torch.allclose(a, b)


def test_no_clips():
    assert tree_loss(torch.zeros(0, 52), torch.zeros(0, 7), torch.zeros(0, dtype=torch.long), GROUPS) == 0


def test_every_clip_falls_into_one_set():
    torch.manual_seed(0)
    logits, groups = torch.randn(200, 6), torch.randn(200, 3)
    label = torch.randint(6, (200,))
    group = label // 2
    missed, group_missed = outcome(logits, groups, label, group)
    for i in range(200):
        right, group_right = logits[i].argmax() == label[i], groups[i].argmax() == group[i]
        named = {(True, True): 0, (False, True): 1, (True, False): 2, (False, False): 3}[bool(right), bool(group_right)]
        assert missed[i] == named and group_missed[i] == (not group_right)
    assert set(missed.tolist()) == {0, 1, 2, 3}
