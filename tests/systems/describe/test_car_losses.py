"""Divergence and contrast, by the numbers of the definition and of the official modules."""

import math

import pytest
import torch
import torch.nn.functional as F

from acteme.systems.describe.car.losses import contrast, divergence, from_normal

TEXTS = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
MOTIONS = torch.tensor([[1.0, 0.2], [0.3, 1.0]])
EXTRA = torch.cat([TEXTS, torch.tensor([[1.0, 1.0]])])


def normal(mean: float, log: float) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.full((2, 3), mean), torch.full((2, 3), log)


def test_divergence():
    unit = normal(0, 0)
    assert divergence(unit, unit) == 0
    assert divergence(normal(1, 0), unit).item() == pytest.approx(0.5)
    assert divergence(normal(0, math.log(2)), unit).item() == pytest.approx(0.153426, abs=1e-6)
    assert divergence(normal(1, 0.5), normal(-0.5, -0.2)).item() == pytest.approx(1.5309542, abs=1e-6)
    assert divergence(normal(0.3, 0.7), unit).item() == pytest.approx(from_normal(normal(0.3, 0.7)).item())


def test_contrast_gives_the_reference_numbers():
    assert contrast(TEXTS, MOTIONS, 0.1).item() == pytest.approx(0.000770788, abs=1e-8)
    assert contrast(EXTRA, MOTIONS, 0.1).item() == pytest.approx(0.146527557, abs=1e-7)
    same = torch.tensor([[True, True], [True, True]])
    assert contrast(EXTRA, MOTIONS, 0.1, same).item() == pytest.approx(0.145871439, abs=1e-7)
    assert contrast(EXTRA, MOTIONS, 0.1, torch.eye(2).bool()).item() == pytest.approx(0.146527557, abs=1e-7)


def test_without_negatives_it_is_plain_infonce_and_negatives_change_one_direction_only():
    torch.manual_seed(0)
    texts, motions, extra = torch.randn(5, 8), torch.randn(5, 8), torch.randn(3, 8)
    s = F.normalize(texts, dim=-1) @ F.normalize(motions, dim=-1).T / 0.1
    own = torch.arange(5)
    forth, back = F.cross_entropy(s, own), F.cross_entropy(s.T, own)
    torch.testing.assert_close(contrast(texts, motions, 0.1), (forth + back) / 2)
    more = torch.cat([s, F.normalize(extra, dim=-1) @ F.normalize(motions, dim=-1).T / 0.1])
    wanted = (forth + F.cross_entropy(more.T, own)) / 2
    torch.testing.assert_close(contrast(torch.cat([texts, extra]), motions, 0.1), wanted)


def test_one_is_no_negative_of_what_means_the_same_and_all_alike_stays_finite():
    torch.manual_seed(0)
    texts, motions = torch.randn(4, 8, requires_grad=True), torch.randn(4, 8)
    alike = torch.zeros(4, 4, dtype=torch.bool)
    alike[0, 2] = alike[2, 0] = True
    value = contrast(texts, motions, 0.1, alike)
    assert value < contrast(texts, motions, 0.1)
    everything = contrast(texts, motions, 0.1, torch.ones(4, 4, dtype=torch.bool))
    assert everything.item() == pytest.approx(0, abs=1e-6)
    value.backward()
    assert torch.isfinite(texts.grad).all()
    with_extra = torch.cat([texts, torch.randn(1, 8)])
    assert contrast(with_extra, motions, 0.1, torch.ones(4, 4, dtype=torch.bool)) > 0, "shuffled texts are not hidden"


def test_a_shuffled_text_that_describes_a_motion_can_be_hidden_from_it():
    """Rows of `alike` behind the captions: text 2 is no negative of motion 1, and still one of motion 0."""
    alike = torch.tensor([[True, False], [False, True], [False, True]])
    s = F.normalize(EXTRA, dim=-1) @ F.normalize(MOTIONS, dim=-1).T / 0.1
    forth = F.cross_entropy(s[:2], torch.arange(2))
    back = (torch.logsumexp(s[:, 0], 0) - s[0, 0] + torch.logsumexp(s[:2, 1], 0) - s[1, 1]) / 2
    torch.testing.assert_close(contrast(EXTRA, MOTIONS, 0.1, alike), (forth + back) / 2)
    assert contrast(EXTRA, MOTIONS, 0.1, alike) < contrast(EXTRA, MOTIONS, 0.1, alike[:2])
