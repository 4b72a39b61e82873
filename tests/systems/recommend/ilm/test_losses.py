"""The losses of phase 1, against plain loops and by hand."""

import math

import pytest
import torch
import torch.nn.functional as F

from acteme.systems.recommend.ilm.losses import (
    best_of_pairs,
    best_of_queries,
    contrast,
    generation,
    hard_negatives,
    matching,
)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_equal_similarities_cost_log_of_the_batch(smoothing):
    assert contrast(torch.full((4, 4), 0.3), smoothing=smoothing).item() == pytest.approx(math.log(4), abs=1e-6)
    assert math.log(4) == pytest.approx(1.3863, abs=1e-4)


def test_the_contrast_is_a_cross_entropy_both_ways():
    s = torch.randn(5, 5, dtype=torch.float64)
    at = torch.arange(5)
    for smoothing in (0.0, 0.1):
        plain = sum(F.cross_entropy(x, at, label_smoothing=smoothing) for x in (s, s.T)) / 2
        torch.testing.assert_close(contrast(s, smoothing=smoothing), plain)


def test_false_negatives_are_no_candidates():
    s = torch.randn(4, 4, dtype=torch.float64)
    allowed = torch.ones(4, 4, dtype=torch.bool)
    allowed[0, 1] = allowed[1, 0] = False
    high = s.clone()
    high[0, 1] = high[1, 0] = 50.0
    for smoothing in (0.0, 0.1):
        a, b = (contrast(x, allowed, smoothing) for x in (s, high))
        assert a == b and torch.isfinite(a) and a != contrast(s, None, smoothing)
    assert contrast(s, torch.zeros(4, 4, dtype=torch.bool)).item() == 0, "nobody to tell it from"


def test_the_best_query_is_found_as_a_loop_finds_it():
    q, t = torch.randn(3, 4, 5), torch.randn(6, 5)
    plain = torch.tensor([[max(float(q[a, n] @ t[b]) for n in range(4)) for b in range(6)] for a in range(3)])
    torch.testing.assert_close(best_of_queries(q, t), plain)
    c = torch.randn(3, 4, 5)
    plain = torch.tensor(
        [[max(float(q[a, n] @ c[b, m]) for n in range(4) for m in range(4)) for b in range(3)] for a in range(3)]
    )
    torch.testing.assert_close(best_of_pairs(q, c), plain)


def test_both_readings_of_the_best_pair_agree_on_what_is_right():
    torch.manual_seed(0)
    a, c = (F.normalize(torch.randn(6, 4, 5), dim=-1) for _ in range(2))
    high, chosen = best_of_pairs(a, c, "max"), best_of_pairs(a, c, "positive")
    torch.testing.assert_close(high.diagonal(), chosen.diagonal())
    off = ~torch.eye(6, dtype=torch.bool)
    assert (high >= chosen - 1e-6)[off].all() and (high > chosen + 1e-3)[off].any()


@pytest.mark.parametrize("select", ["max", "positive"])
def test_the_loss_of_pairs_knows_no_order(select):
    torch.manual_seed(0)
    a, c = (F.normalize(torch.randn(5, 4, 6), dim=-1) for _ in range(2))
    plain = contrast(best_of_pairs(a, c, select) / 0.07)
    torch.testing.assert_close(plain, contrast(best_of_pairs(c, a, select) / 0.07))
    order = torch.randperm(4)
    torch.testing.assert_close(plain, contrast(best_of_pairs(a[:, order], c[:, order.flip(0)], select) / 0.07))


def test_negatives_are_hard_and_never_the_right_one():
    torch.manual_seed(0)
    similarity = torch.tensor([[0.0, 10.0, -10.0], [10.0, 0.0, -10.0], [-10.0, 10.0, 0.0]])
    allowed = ~torch.eye(3, dtype=torch.bool)
    found = torch.stack([hard_negatives(similarity, allowed)[0] for _ in range(2000)])
    assert (found != torch.arange(3)).all()
    assert (found == torch.tensor([1, 0, 1])).float().mean() > 0.999
    steep = torch.tensor([[90.0, 10.0, -10.0], [0.0, 90.0, 0.0], [0.0, 0.0, 90.0]])
    found = torch.stack([hard_negatives(steep, allowed)[0] for _ in range(500)])
    assert (found != torch.arange(3)).all() and (found[:, 0] == 1).float().mean() > 0.99, "however high its own"


def test_who_has_no_negative_says_so():
    allowed = torch.ones(3, 3, dtype=torch.bool)
    allowed[0] = False
    at, able = hard_negatives(torch.zeros(3, 3), allowed)
    assert able.tolist() == [False, True, True] and at[1] != 1 and at[2] != 2


def test_a_third_of_what_is_matched_goes_together():
    logits = torch.tensor([[0.0, 5.0]] * 2 + [[5.0, 0.0]] * 4)
    loss, right = matching(logits)
    assert right == 1 and loss < 0.01
    even, share = matching(torch.zeros(6, 2))
    assert even.item() == pytest.approx(math.log(2)) and share.item() == pytest.approx(4 / 6)
    wrong = logits.clone()
    wrong[5] = torch.tensor([0.0, 5.0])
    assert matching(wrong)[1] < 1 and matching(wrong, torch.tensor([True, True, True, False]))[1] == 1


def test_the_head_on_the_mean_query_is_the_mean_of_heads():
    head, seen = torch.nn.Linear(6, 2), torch.randn(9, 4, 6)
    torch.testing.assert_close(head(seen).mean(1), head(seen.mean(1)), atol=1e-6, rtol=0)


def test_generation_counts_tokens_after_the_first():
    ids = torch.tensor([[7, 1, 2, 0], [7, 3, 0, 0]])
    logits = torch.zeros(2, 4, 8)
    for row, at, token in ((0, 0, 1), (0, 1, 2), (1, 0, 3)):
        logits[row, at, token] = 30.0
    assert generation(logits, ids, ids > 0).item() == pytest.approx(0, abs=1e-6)
    logits[1, 1] = torch.randn(8) * 9  # what follows is padding
    assert generation(logits, ids, ids > 0).item() == pytest.approx(0, abs=1e-6)
