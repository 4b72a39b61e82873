"""The contrast with texts, against its definition and the measured numbers of the official code."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from acteme.nn.text.align import kl_contrast, targets

C = torch.tensor(2.6593, dtype=torch.float64)


def looped(p, label, sharpness=10.0):
    """KL(q || softmax(p)) averaged over rows, by loops."""
    b, total = len(label), 0.0
    for i in range(b):
        q = [math.exp(sharpness * float(label[i] == label[k])) for k in range(b)]
        z = [math.exp(p[i][k]) for k in range(b)]
        for k in range(b):
            total += q[k] / sum(q) * math.log((q[k] / sum(q)) / (z[k] / sum(z)))
    return total / b


@given(st.integers(1, 6), st.integers(0, 1000))
def test_equals_a_double_loop_and_is_symmetric(b, seed):
    g = torch.Generator().manual_seed(seed)
    s, t = torch.randn(2, b, 4, generator=g, dtype=torch.float64)
    label = torch.randint(0, 3, (b,), generator=g)
    p = C * torch.nn.functional.normalize(s, dim=1) @ torch.nn.functional.normalize(t, dim=1).T
    expected = (looped(p.tolist(), label.tolist()) + looped(p.T.tolist(), label.tolist())) / 2
    assert kl_contrast(s, t, label, C).item() == pytest.approx(expected, abs=1e-9)
    assert kl_contrast(t, s, label, C).item() == pytest.approx(expected, abs=1e-9)


def test_reference_branch():
    s, t = torch.tensor([[3.0, 4], [1, 0], [0, 2]]), torch.tensor([[1.0, 0], [0, 1], [1, 1]])
    assert kl_contrast(s, t, torch.tensor([0, 1, 0]), C).item() == pytest.approx(1.6758912, abs=1e-6)


@pytest.mark.parametrize(
    ("label", "row", "column", "none"),
    [
        ([0, 1, 2], 1.1009441, 1.1273915, 1.0976136),
        ([0, 0, 1], 0.6393476, 0.6657995, 0.6360148),
        ([0, 0, 0], 0.0033306, 0.0297779, 0.0),
    ],
)
def test_reference_targets(label, row, column, none):
    p = [[(3 * i + k) / 10 for k in range(3)] for i in range(3)]
    q = targets(torch.tensor(label))
    for logits, expected in ((p, row), ([list(r) for r in zip(*p, strict=True)], column), ([[0.0] * 3] * 3, none)):
        assert looped(logits, label) == pytest.approx(expected, abs=1e-7)
        ours = (q * (q.log() - torch.log_softmax(torch.tensor(logits, dtype=torch.float64), 1))).sum(1).mean()
        assert ours.item() == pytest.approx(expected, abs=1e-7)


def test_targets_of_a_large_batch():
    label = torch.arange(200)
    assert targets(label)[0, 0].item() == pytest.approx(0.99105, abs=1e-5)
    label[:3] = 0
    assert targets(label)[0, :3].tolist() == pytest.approx([0.33234] * 3, abs=1e-5)
    assert targets(torch.zeros(7, dtype=torch.long)).unique().item() == pytest.approx(1 / 7)


def test_one_class_and_one_sample():
    s = torch.randn(5, 8, 3)
    same = torch.zeros(8, dtype=torch.long)
    assert kl_contrast(s, torch.ones(5, 8, 3), same, torch.zeros(5)).abs().max() < 1e-7, "constant rows are the target"
    assert kl_contrast(s, s, same, torch.ones(5)).min() > 0
    assert kl_contrast(s[:, :1], s[:, 1:2], same[:1], torch.ones(5)).abs().max() == 0


def test_half_precision_is_computed_in_single():
    s, t = torch.randn(2, 6, 8)
    label = torch.arange(6) % 2
    half = kl_contrast(s.bfloat16(), t.bfloat16(), label, torch.tensor(3.0))
    assert half.dtype == torch.float32
    assert half.item() == pytest.approx(
        kl_contrast(s.bfloat16().float(), t.bfloat16().float(), label, torch.tensor(3.0)).item()
    )
