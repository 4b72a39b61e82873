import pytest
import torch
import torch.nn.functional as F

from acteme.systems.represent.halp.distill import distillation, mutual_distillation


def unit(*shape: int, seed: int = 0) -> torch.Tensor:
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def test_distillation_is_the_divergence_over_the_teachers_nearest():
    student, teacher = torch.randn(5, 12), torch.randn(5, 12)
    expected = 0.0
    for i in range(5):
        best = teacher[i].argsort(descending=True)[:4]
        p, q = (teacher[i][best] / 0.05).softmax(0), (student[i][best] / 0.1).softmax(0)
        expected += float((p * (p.clamp(min=1e-30).log() - q.log())).sum())
    assert float(distillation(student, teacher, 4)) == pytest.approx(expected / 5, rel=1e-4)


def test_equal_distributions_cost_nothing_and_only_the_student_learns():
    cosines = torch.randn(3, 9)
    student, teacher = (2 * cosines).requires_grad_(), cosines.clone().requires_grad_()
    loss = distillation(student, teacher, 9)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert teacher.grad is None and student.grad.abs().max() < 1e-6


def test_all_six_ordered_pairs_are_summed():
    names = ("joint", "motion", "bone")
    q = {m: unit(4, 6, seed=i).requires_grad_() for i, m in enumerate(names)}
    k = {m: unit(4, 6, seed=10 + i).requires_grad_() for i, m in enumerate(names)}
    queue = {m: unit(20, 6, seed=20 + i) for i, m in enumerate(names)}
    pairs = [(a, b) for a in names for b in names if a != b]
    expected = sum(distillation(q[a] @ queue[a].T, k[b] @ queue[b].T, 8).item() for a, b in pairs)
    loss = mutual_distillation(q, k, queue, 8, 0.1, 0.05)
    assert len(pairs) == 6 and loss.item() == pytest.approx(expected, rel=1e-5)
    loss.backward()
    assert all(v.grad.abs().max() > 0 for v in q.values()) and all(v.grad is None for v in k.values())


def test_one_modality_has_nobody_to_learn_from():
    q = {"joint": unit(4, 6)}
    assert float(mutual_distillation(q, q, {"joint": unit(9, 6)}, 5, 0.1, 0.05)) == 0
