"""Losses for long tails, against their definitions and the numbers of BRL's official code."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.nn.longtail import LongTailLoss, Rebalance, action_aware, balanced_logits, class_balanced, focal, margins
from acteme.recordings.longtail import profile

NTU60 = torch.from_numpy(profile(600, 100, 60)).double()
PAIR = torch.tensor([100.0, 10.0], dtype=torch.float64)
LOGITS, LABEL = torch.tensor([[1.0, 0.0], [0.0, 2.0], [0.5, 0.5]], dtype=torch.float64), torch.tensor([0, 0, 1])


def made(counts, epoch=99, **changes):
    loss = LongTailLoss(Rebalance(**changes), len(counts)).double()
    loss.set_counts(torch.as_tensor(counts))
    loss.before_epoch(epoch)
    return loss


def random(n=12, k=5, seed=0):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(n, k, generator=g, dtype=torch.float64), torch.randint(0, k, (n,), generator=g)


# --- weights ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=9), st.floats(0, 0.99999))
def test_class_balanced_weights_are_their_definition(counts, beta):
    weights = class_balanced(torch.tensor(counts).double(), beta)
    raw = [(1 - beta) / (1 - beta**n) for n in counts]
    assert weights.tolist() == pytest.approx([w * len(raw) / sum(raw) for w in raw], rel=1e-6)


def test_class_balanced_weights_at_the_ends():
    assert class_balanced(PAIR, 0.0).tolist() == [1, 1]
    assert class_balanced(PAIR, 1.0).tolist() == pytest.approx([2 / 11, 20 / 11])
    assert class_balanced(PAIR, 1 - 1e-12).tolist() == pytest.approx([2 / 11, 20 / 11], rel=1e-3)
    assert class_balanced(torch.tensor([4.0, 0.0, 4.0]), 0.9).tolist() == [1, 0, 1]
    assert class_balanced(torch.zeros(2), 0.9).tolist() == [1, 1]


@pytest.mark.parametrize(("beta", "head", "tail"), [(0.99, 0.2301, 3.923), (0.9999, 0.0454, 4.404)])
def test_reference_weights_of_one_beta(beta, head, tail):
    weights = class_balanced(NTU60, beta)
    assert weights[0].item() == pytest.approx(head, abs=5e-5) and weights[-1].item() == pytest.approx(tail, abs=5e-4)
    assert weights.sum().item() == pytest.approx(60)


def test_reference_action_aware_weights():
    assert action_aware(PAIR).tolist() == pytest.approx([0.9999, 0.99])
    raw = [1e-4 / (1 - 0.9999**100), 0.01 / (1 - 0.99**10)]
    assert raw == pytest.approx([0.01004958, 0.1045829], rel=1e-6)
    assert class_balanced(PAIR, action_aware(PAIR)).tolist() == pytest.approx([0.1753357, 1.8246643], abs=5e-8)
    weights = class_balanced(NTU60, action_aware(NTU60))
    wanted = [0.0409538, 0.3014094, 1.0330230, 4.0756745]
    assert weights[[0, 20, 40, 59]].tolist() == pytest.approx(wanted, abs=1e-7)
    assert (weights[59] / weights[0]).item() == pytest.approx(99.5, abs=0.05)


def test_classes_of_equal_size_have_equal_weights():
    assert action_aware(torch.full((3,), 7.0)).tolist() == pytest.approx([0.99] * 3)
    assert made([7, 7, 7], loss="action_aware").weight.tolist() == pytest.approx([1, 1, 1])
    assert made([1, 1], loss="action_aware").weight.tolist() == pytest.approx([1, 1])


# --- the schedule ----------------------------------------------------------------------------------------------------


def test_the_second_stage_begins_late_and_stays_the_same():
    loss = made(NTU60, 0)
    assert not loss.acts and torch.equal(loss.weight, torch.ones(60).double())
    seen = []
    for epoch in range(24):
        loss.before_epoch(epoch)
        seen.append(loss.weight.clone())
    assert all(torch.equal(w, torch.ones(60).double()) for w in seen[:19])
    assert all(torch.equal(w, seen[19]) for w in seen[19:]) and seen[19][0] == pytest.approx(0.0409538, abs=5e-8)


def test_the_official_weights_alternate():
    loss = made(NTU60, loss="action_aware", alternating=True)
    for epoch, first, last in ((19, 0.0409538, 4.0756745), (20, 1.00787, 0.9978911), (21, 0.0409538, 4.0756745),
                               (22, 1.00787, 0.9978911), (23, 0.0409538, 4.0756745)):  # fmt: skip
        loss.before_epoch(epoch)
        assert loss.weight[[0, -1]].tolist() == pytest.approx([first, last], abs=5e-7)


def test_reference_losses_of_a_skewed_pair():
    loss = made(PAIR, loss="action_aware", alternating=True)
    found = []
    for epoch in (18, 19, 20):
        loss.before_epoch(epoch)
        found.append(loss(LOGITS, LABEL).item())
    assert found == pytest.approx([1.0444456, 0.7780930, 1.0456090], abs=3e-7)  # official: float32
    assert loss.weight.tolist() == pytest.approx([1.0049751, 0.9950249], abs=5e-8)


@pytest.mark.parametrize("name", ["class_balanced", "action_aware", "balanced_softmax", "focal"])
def test_before_it_begins_every_loss_is_cross_entropy(name):
    logits, label = random()
    wanted = F.cross_entropy(logits, label)
    loss = made([9, 5, 3, 2, 1], 6, loss=name, begin=7)
    assert torch.allclose(loss(logits, label), wanted, rtol=1e-12)
    loss.before_epoch(7)
    assert not torch.isclose(loss(logits, label), wanted, rtol=1e-3)
    fresh = LongTailLoss(Rebalance(name, begin=7), 5).double()
    fresh.load_state_dict(loss.state_dict())
    assert torch.equal(fresh(logits, label), loss(logits, label)), "the state holds all of it"


# --- the losses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["class_balanced", "action_aware"])
def test_weighted_means_are_torch_s(name):
    logits, label = random()
    loss = made([50, 20, 9, 3, 1], loss=name)
    assert torch.allclose(loss(logits, label), F.cross_entropy(logits, label, loss.weight), rtol=1e-12)


def test_balanced_softmax_is_its_definition():
    logits, label = random()
    counts = [50, 20, 9, 3, 1]
    total = 0.0
    for row, y in zip(logits.tolist(), label.tolist(), strict=True):
        odds = [n * math.exp(z) for n, z in zip(counts, row, strict=True)]
        total -= math.log(odds[y] / sum(odds))
    assert made(counts, loss="balanced_softmax")(logits, label).item() == pytest.approx(total / len(label))
    alike = balanced_logits(logits, torch.full((5,), 8.0))
    assert torch.allclose(alike.softmax(-1), logits.softmax(-1))
    assert torch.isfinite(balanced_logits(logits, torch.zeros(5))).all()


def test_ldam_is_its_definition():
    logits, label = random()
    counts, weights = [81, 16, 16, 1, 16], class_balanced(torch.tensor([81, 16, 16, 1, 16]).double(), 0.99)
    m = margins(torch.tensor(counts).double())
    assert m.tolist() == pytest.approx([0.5 / 3, 0.25, 0.25, 0.5, 0.25])
    top = below = 0.0
    for row, y in zip(logits.tolist(), label.tolist(), strict=True):
        z = [30 * (v - (m[k].item() if k == y else 0)) for k, v in enumerate(row)]
        top += weights[y].item() * (math.log(sum(math.exp(v - max(z)) for v in z)) + max(z) - z[y])
        below += weights[y].item()
    assert made(counts, loss="ldam", beta=0.99)(logits, label).item() == pytest.approx(top / below)


@given(st.floats(0, 5))
def test_focal_is_its_definition(gamma):
    logits, label = random(seed=3)
    p = logits.softmax(-1)[torch.arange(12), label]
    wanted = (-((1 - p) ** gamma) * p.log()).mean().item()
    assert made([1] * 5, loss="focal", gamma=gamma)(logits, label).item() == pytest.approx(wanted)
    sure = torch.zeros(1, requires_grad=True)
    focal(sure, 0.5).sum().backward()
    assert not sure.grad.isinf().any()


def test_clips_without_a_label_have_no_part():
    logits, label = random()
    for name in ("cross_entropy", "action_aware", "balanced_softmax", "ldam", "focal"):
        loss = made([50, 20, 9, 3, 1], loss=name)
        some = torch.where(torch.arange(12) < 7, label, -1)
        assert torch.allclose(loss(logits, some), loss(logits[:7], label[:7]))
        z = logits.clone().requires_grad_()
        loss(z, torch.full((12,), -1)).backward()
        assert loss(z, torch.full((12,), -1)) == 0 and (z.grad == 0).all()


def test_half_precision_is_computed_in_single():
    logits, label = random()
    loss = made([50, 20, 9, 3, 1], loss="action_aware").float()
    assert loss(logits.bfloat16(), label).dtype == torch.float32


# --- mixtures --------------------------------------------------------------------------------------------------------


def test_one_alpha_for_all_is_linear():
    logits, label = random()
    other, loss = label.roll(1), made([50, 20, 9, 3, 1], loss="action_aware")
    whole = {a: loss(logits, label, other, torch.tensor(a, dtype=torch.float64)).item() for a in (0.0, 0.64, 1.0)}
    assert whole[0.64] == pytest.approx(0.64 * whole[1.0] + 0.36 * whole[0.0], rel=1e-12)
    assert whole[1.0] == loss(logits, label) and whole[0.0] == loss(logits, other)


def test_an_alpha_of_each_clip():
    logits, label = random()
    other, plain = label.roll(1), made([50, 20, 9, 3, 1], loss="cross_entropy")
    alpha = torch.linspace(0, 1, 12).double()
    wanted = sum(
        a * F.cross_entropy(z[None], x[None]) + (1 - a) * F.cross_entropy(z[None], y[None])
        for a, z, x, y in zip(alpha, logits, label, other, strict=True)
    )
    assert torch.allclose(plain(logits, label, other, alpha), wanted / 12)
    ours = made([50, 20, 9, 3, 1], loss="action_aware")
    ends = (alpha > 0.5).double()
    assert torch.allclose(ours(logits, label, other, ends), ours(logits, torch.where(ends > 0, label, other)))
    target = torch.zeros(12, 5).double()
    target[torch.arange(12), label] += alpha * ours.weight[label]
    target[torch.arange(12), other] += (1 - alpha) * ours.weight[other]
    soft = -(target * logits.log_softmax(-1)).sum() / target.sum()
    assert torch.allclose(ours(logits, label, other, alpha), soft)


def test_counting():
    loss = LongTailLoss(Rebalance(begin=0), 3)
    loss.count([{"label": torch.tensor([0, 2, -1])}, {"label": torch.tensor([2])}])
    assert loss.counts.tolist() == [1, 0, 2] and loss.weight[1] == 0 and loss.weight.sum() == 2
    with pytest.raises(InputError, match="no training clip has a label"):
        loss.count([{"label": torch.tensor([-1])}])


@pytest.mark.parametrize(
    "changes", [{"beta": 1.1}, {"betas": (0.9, 0.5)}, {"begin": -1}, {"gamma": -1.0}, {"scale": 0.0}]
)
def test_numbers_out_of_range(changes):
    with pytest.raises(InputError, match="rebalance: "):
        LongTailLoss(Rebalance(**changes), 2)


def test_the_example_runs():
    assert np.isclose(
        made([100, 10], loss="class_balanced", begin=0)(torch.zeros(2, 2), torch.tensor([0, 1])), 0.6931472
    )
