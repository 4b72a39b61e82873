"""Scores, what they are made of, and the losses of pairs."""

import math

import pytest
import torch
import torch.nn.functional as F

from acteme.systems.recommend.sesa.index import Index, sparse
from acteme.systems.recommend.sesa.score import (
    Scorer,
    drawn,
    hinge_loss,
    merged,
    pairs,
    softmax_loss,
)


def one(*rows):
    return torch.tensor(rows)


def test_by_hand():
    scorer = Scorer("dot", 3)
    j, p = one([0.5, 0.0, 1.0]), one([1.0, 1.0, 0.2])
    assert scorer(j, p).item() == pytest.approx(0.7)
    parts = scorer.contributions(j, p)[0]
    assert parts.tolist() == pytest.approx([0.5, 0.0, 0.2]) and parts.argsort(descending=True)[0] == 0


@pytest.mark.parametrize("kind", ["weighted", "idf", "dot", "cosine"])
def test_parts_and_bias_are_the_score(kind):
    torch.manual_seed(0)
    scorer = Scorer(kind, 7).double()
    scorer.idf.uniform_(0.5, 2.0)
    with torch.no_grad():
        scorer.v.normal_()
        if scorer.bias.requires_grad:
            scorer.bias.fill_(-0.7)
    j, p = torch.rand(4, 7, dtype=torch.float64), torch.rand(5, 7, dtype=torch.float64)
    scores = scorer(j, p)
    parts = scorer.contributions(j[:, None], p)
    assert (parts.sum(-1) + scorer.bias - scores).abs().max() < 1e-6
    assert (scorer.table(j) @ scorer.query(p).T + scorer.bias - scores).abs().max() < 1e-9
    if kind != "cosine":
        without = j.clone()
        without[:, 2] = 0
        assert (scores - scorer(without, p) - parts[..., 2]).abs().max() < 1e-9


def test_without_weights_it_is_the_dot_product_or_the_cosine():
    j, p = torch.rand(3, 6), torch.rand(4, 6)
    assert torch.allclose(Scorer("dot", 6)(j, p), j @ p.T)
    assert torch.allclose(Scorer("cosine", 6)(j, p), 10 * F.cosine_similarity(j[:, None], p, dim=-1), atol=1e-5)
    begun = Scorer("weighted", 6)
    assert begun.weights().tolist() == pytest.approx([0.99916] * 6, abs=1e-5)
    assert torch.allclose(begun(j, p), j @ p.T, rtol=1e-3) and begun.bias.item() == 0


def test_a_listed_skill_counts_fully_whatever_the_text_says():
    logits = torch.randn(2, 3, requires_grad=True)
    listed = one([1.0, 0.0, 0.0], [0.0, 0.0, 0.0])
    p = merged(logits.sigmoid(), listed, "max")
    assert p[0, 0] == 1 and torch.equal(p[0, 1:], logits.sigmoid()[0, 1:]) and torch.equal(p[1], logits.sigmoid()[1])
    p.sum().backward()
    assert logits.grad[0, 0] == 0 and (logits.grad[0, 1:] != 0).all() and (logits.grad[1] != 0).all()


def test_the_gate_mixes_what_is_listed_and_what_is_read():
    phi, listed = one([0.2, 0.6], [0.2, 0.6]), one([1.0, 0.0], [0.0, 0.0])
    gate = torch.zeros(2, requires_grad=True)
    p = merged(phi, listed, "gate", gate)
    assert p[0].tolist() == pytest.approx([0.6, 0.3]) and p[1].tolist() == pytest.approx([0.2, 0.6])
    p.sum().backward()
    assert (gate.grad != 0).all()
    assert torch.equal(merged(phi, listed, "none"), phi)


def seen(job, person, goes=None, shape=(3, 4)):
    goes = [True] * len(job) if goes is None else goes
    return pairs(torch.tensor(job), torch.tensor(person), torch.tensor(goes), shape)


def test_equal_scores_cost_the_logarithm_of_the_jobs():
    assert softmax_loss(torch.zeros(3, 4), seen([0, 1, 2], [0, 1, 2])).item() == pytest.approx(math.log(3))
    # who goes with two jobs has each of them against the third only
    assert softmax_loss(torch.zeros(3, 4), seen([0, 1], [0, 0])).item() == pytest.approx(math.log(2))
    # a pair that does not go together is nobody's aim, but its job is there
    labeled = seen([0, 1, 2], [0, 1, 2], [True, True, False])
    assert softmax_loss(torch.zeros(3, 4), labeled).item() == pytest.approx(math.log(3))
    assert softmax_loss(torch.zeros(3, 4), seen([-1], [0])).item() == 0


def test_softmax_by_hand():
    scores = one([2.0, 0.0], [1.0, 3.0])
    expected = (math.log(1 + math.exp(-1.0)) + math.log(1 + math.exp(-3.0))) / 2
    assert softmax_loss(scores, seen([0, 1], [0, 1], shape=(2, 2))).item() == pytest.approx(expected)


def test_hinge_by_hand():
    assert hinge_loss(one(2.0), one([0.5]), 1.0).item() == 0
    assert hinge_loss(one(1.0), one([0.5]), 1.0).item() == pytest.approx(0.5)


def test_pairs_that_go_together_are_never_negatives():
    torch.manual_seed(0)
    found = seen([0, 0, 1, 2, -1], [0, 1, 2, 0, 3])
    job, person, others = drawn(found, 200)
    assert job.tolist() == [0, 0, 1, 2] and person.tolist() == [0, 1, 2, 0] and others.shape == (4, 200)
    for j, some in zip(job.tolist(), others.tolist(), strict=True):
        assert set(some) == {p for p in range(4) if not found.together[j, p]}, "all others are drawn"


def test_a_job_that_goes_with_all_has_no_negatives():
    job, _, others = drawn(seen([0, 0, 1], [0, 1, 1], shape=(2, 2)), 3)
    assert job.tolist() == [1] and others.tolist() == [[0, 0, 0]]
    assert drawn(seen([0, 0], [0, 1], shape=(1, 2)), 3)[2].shape == (0, 3)


def test_hard_negatives_have_another_job_of_the_group():
    torch.manual_seed(0)
    found = seen([0, 1, 2], [0, 1, 2])
    job, _, others = drawn(found, 50, torch.tensor([5, 5, 8]))
    hard = dict(zip(job.tolist(), (set(some) for some in others.tolist()), strict=True))
    assert hard[0] == {1} and hard[1] == {0} and hard[2] == {0, 1, 3}, "alone in its group: all others"


def test_sparse_vectors_keep_the_largest():
    x = one([0.9, 0.01, 0.3, 0.06], [0.0, 0.0, 0.04, 0.0])
    some = sparse(x, 2, 0.05)
    assert some.concept.tolist() == [[0, 2], [0, 0]] and some.dense(4).tolist()[1] == [0] * 4
    assert torch.equal(sparse(x, 9, 0.05).dense(4), x.where(x >= 0.05, 0.0))


def test_the_index_scores_like_the_products_of_what_it_keeps():
    torch.manual_seed(0)
    table, query = torch.rand(50, 20).square(), torch.rand(6, 20)
    found = Index.of(table, 5, 0.3, bias=-0.5).scores(query)
    assert torch.allclose(found, query @ sparse(table, 5, 0.3).dense(20).T - 0.5, atol=1e-6)
    whole = Index.of(table, 20, 0.0, bias=-0.5).scores(query)
    assert torch.allclose(whole, query @ table.T - 0.5, atol=1e-5)
    assert Index.of(torch.zeros(3, 4)).scores(query[:, :4]).abs().max() == 0
