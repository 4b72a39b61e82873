import pytest
import torch
import torch.nn.functional as F

from acteme.nn.labels import accuracy, cross_entropy

LOGITS = torch.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [1.0, 0.0, 5.0], [9.0, 0.0, 0.0]])


def test_only_clips_with_a_label_count():
    label = torch.tensor([0, 1, 0, -1])
    assert cross_entropy(LOGITS, label).item() == pytest.approx(F.cross_entropy(LOGITS[:3], label[:3]).item())
    assert accuracy(LOGITS, label).item() == pytest.approx(2 / 3)


def test_no_label_at_all_is_zero_and_passes_no_gradient():
    x = LOGITS.clone().requires_grad_()
    loss = cross_entropy(x, torch.full((4,), -1))
    loss.backward()
    assert loss == 0 and (x.grad == 0).all() and accuracy(x, torch.full((4,), -1)) == 0
