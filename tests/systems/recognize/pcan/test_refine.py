"""The contrast with the prototypes against official numbers and against loops over clips and classes."""

import math

import pytest
import torch
import torch.nn.functional as F

from acteme.systems.recognize.pcan.refine import Calibration, Refiner, diversity
from acteme.systems.recognize.pcan.tree import outcome

START = torch.tensor([[1.0, 0], [0, 1], [-1, 0]], dtype=torch.float64)
FEATURES = torch.tensor([[1.0, 0], [0, 1], [1, 1], [1, -1]], dtype=torch.float64)
LABEL = torch.tensor([0, 0, 1, 1])


def refiner(factors=(1.0, 0.1, 0.5, 1.0), **changes) -> Refiner:
    """Three classes in two dimensions, the features themselves."""
    made = Refiner(2, 2, 3, factors, Calibration(**changes)).double()
    with torch.no_grad():
        made.project.weight.copy_(torch.eye(2))
        made.project.bias.zero_()
        made.prototypes.copy_(START)
    return made


def logits(at, height, classes):
    return height * F.one_hot(torch.tensor(at), classes).double()


MISSED = outcome(logits([0, 1, 1, 0], 2, 3), logits([0, 0, 0, 2], 1, 7), LABEL, LABEL)[0]


def test_every_set_of_the_official_case():
    assert MISSED.tolist() == [0, 1, 2, 3]
    module, f = refiner(), FEATURES.clone().requires_grad_()
    contrast, apart = module(f, logits([0, 1, 1, 0], 2, 3), LABEL, MISSED)
    assert contrast.item() == pytest.approx(13.9231329, abs=2e-6)
    assert apart.item() == pytest.approx(math.sqrt(5), abs=1e-7)
    assert torch.equal(module.prototypes, START), "the only clip that is right lies on its prototype"
    wanted = torch.tensor([[0, -0.6036282], [-4.8621073, 0], [1.9466783, -1.9466784], [0.1110918, 0.1110921]])
    for loss in (contrast, contrast + apart):
        found = torch.autograd.grad(loss, f, retain_graph=True)[0]
        assert torch.allclose(found.float(), wanted, atol=2e-6)


def test_all_predictions_right():
    module = refiner()
    contrast, apart = module(FEATURES, logits([0, 0, 1, 1], 2, 3), LABEL, torch.zeros(4, dtype=torch.long))
    assert (contrast + apart).item() == pytest.approx(14.9586792, abs=2e-6)
    moved = torch.tensor([[0.95, 0.05], [0.1, 0.9], [-1, 0]], dtype=torch.float64)
    assert torch.allclose(module.prototypes, moved) and torch.equal(module.prototypes[2], START[2])


def test_the_level_of_groups():
    module = refiner((1.0, 1.0))
    action = logits([0, 1, 1, 0], 2, 3)
    contrast, _ = module(FEATURES, action, LABEL, (action.argmax(1) != LABEL).long())
    assert contrast.item() == pytest.approx(9.7623100, abs=2e-6)
    assert torch.allclose(module.prototypes, torch.tensor([[1.0, 0], [0.1, 1], [-1, 0]], dtype=torch.float64))


def unit(x):
    return x / x.norm()


def plain(module, features, scores, label, missed):
    """Clip by clip and class by class."""
    c, f = module.config, [module.project(x) for x in features]
    guess, n = scores.argmax(1).tolist(), len(label)
    memory = []
    for k, old in enumerate(module.prototypes.clone()):
        right = [f[i] for i in range(n) if missed[i] == 0 and label[i] == k]
        memory.append(c.momentum * old + (1 - c.momentum) * sum(right) / len(right) if right else old)
    total = 0.0
    for i in range(n):
        y = int(label[i])
        doubt = c.penalty * (1 - scores[i].softmax(0)[y])
        for j, factor in enumerate(module.factors, 1):
            row = [unit(f[i]) @ unit(center) for center in memory]
            if j < len(module.factors):
                others = [f[m] for m in range(n) if missed[m] == j and label[m] == y]
                row[y] = row[y] + (unit(f[i]) @ unit(sum(others)) - 1) * doubt if others else row[y]
            else:
                others = [f[m] for m in range(n) if guess[m] == y and label[m] != y]
                row[y] = row[y] + (-(unit(f[i]) @ unit(sum(others))) - 1) * doubt if others else row[y]
            total = total - (factor * torch.stack(row) / c.temperature).log_softmax(0)[y]
    return total / n


@pytest.mark.parametrize("sets", [4, 2])
def test_equals_loops_over_clips_and_classes(sets):
    torch.manual_seed(0)
    factors = (1.0, 0.1, 0.5, 1.0) if sets == 4 else (1.0, 1.0)
    module = Refiner(5, 7, 6, factors, Calibration()).double()
    features = torch.randn(30, 5, dtype=torch.float64, requires_grad=True)
    label = torch.randint(6, (30,))
    scores = (torch.randn(30, 6, dtype=torch.float64) + 2 * F.one_hot(label, 6)).requires_grad_()
    missed = (scores.argmax(1) != label).long()
    if sets == 4:
        missed = missed + 2 * (torch.rand(30) < 0.4).long()
    wanted = plain(module, features, scores, label, missed)
    found, _ = module(features, scores, label, missed)
    assert torch.allclose(found, wanted)
    leaves = (features, scores, module.project.weight)
    for a, b in zip(torch.autograd.grad(found, leaves), torch.autograd.grad(wanted, leaves), strict=True):
        assert torch.allclose(a, b)


def test_without_penalty_only_the_factors_tell_the_terms_apart():
    module = refiner(penalty=0.0)
    found, _ = module(FEATURES, logits([0, 1, 1, 0], 2, 3), LABEL, MISSED)
    scores = F.normalize(FEATURES, dim=1) @ START.T / 0.125
    terms = [F.cross_entropy(factor * scores, LABEL) for factor in module.factors]
    assert torch.allclose(found, sum(terms)) and terms[0] == terms[3] != terms[1]


def test_diversity_of_orthogonal_and_of_equal_prototypes():
    assert diversity(torch.eye(52)).item() == pytest.approx(7.2111, abs=1e-4)
    assert diversity(3 * torch.eye(7)).item() == pytest.approx(2.6458, abs=1e-4)
    assert diversity(torch.ones(52, 3)).item() == pytest.approx(52) and diversity(
        torch.ones(7, 3)
    ).item() == pytest.approx(7)


@pytest.mark.parametrize("official", [False, True])
def test_diversity_reaches_the_features_unless_official(official):
    module, f = refiner(official_diversity=official), FEATURES.clone().requires_grad_()
    _, apart = module(f, logits([0, 0, 1, 1], 2, 3), LABEL, torch.zeros(4, dtype=torch.long))
    assert apart.item() == pytest.approx(2.2520411, abs=1e-6)
    assert apart.requires_grad is not official
    if not official:
        assert torch.autograd.grad(apart, f)[0].abs().sum() > 0


def test_prototypes_are_state_and_never_optimized():
    module = refiner()
    assert "prototypes" in module.state_dict() and "prototypes" not in dict(module.named_parameters())
    assert module.to(torch.float32).prototypes.dtype == torch.float32
    before = module.eval().prototypes.clone()
    module(FEATURES.float(), logits([0, 0, 1, 1], 2, 3).float(), LABEL, torch.zeros(4, dtype=torch.long))
    assert torch.equal(module.prototypes, before), "they move in training only"


def test_no_clips_move_nothing():
    module = refiner()
    contrast, _ = module(FEATURES[:0], torch.zeros(0, 3).double(), LABEL[:0], LABEL[:0])
    assert contrast == 0 and torch.equal(module.prototypes, START)


def test_prototypes_of_several_processes_move_as_those_of_one(monkeypatch):
    from acteme.systems.recognize.pcan import refine

    right = torch.zeros(4, dtype=torch.long)
    whole, part = refiner(), refiner()
    whole(FEATURES, logits([0, 0, 1, 1], 2, 3), LABEL, right)
    sums = {2: torch.zeros(3, 2).double().index_add(0, LABEL[2:], FEATURES[2:]), 1: torch.tensor([0.0, 2, 0]).double()}
    monkeypatch.setattr(refine.dist, "is_initialized", lambda: True)
    monkeypatch.setattr(refine.dist, "get_world_size", lambda: 2)
    monkeypatch.setattr(refine.dist, "all_reduce", lambda x: x.add_(sums[x.ndim]))
    f = FEATURES[:2].clone().requires_grad_()
    _, apart = part(f, logits([0, 0], 2, 3), LABEL[:2], right[:2])
    assert torch.allclose(part.prototypes, whole.prototypes)
    assert torch.autograd.grad(apart, f)[0].abs().sum() > 0
