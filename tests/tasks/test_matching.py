"""Who goes with what, in both directions."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from acteme.errors import InputError
from acteme.tasks import matching

PEOPLE = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.2, 0.7]])
JOBS = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.5, 0.6]])


def test_by_hand():
    pairs = np.array([[1, 0], [2, 1], [3, 1]])
    out = matching.measure(PEOPLE, JOBS, pairs, resamples=10).metrics
    # job 0 ranks 0 before 1: 1/2; job 1 ranks 2, 3 first
    assert out["mrr"] == pytest.approx((0.5 + 1) / 2) and out["hr@1"] == 0.5 and out["recall@10"] == 1.0
    # person 1: job 0 (.9) first; person 2: job 1 first; person 3: job 1 (.7) before job 2 (.52)
    assert out["job_mrr"] == 1.0 and out["job_hr@1"] == 1.0
    scores = (PEOPLE @ JOBS.T)[:, :2]
    label = np.zeros((4, 2))
    label[pairs[:, 0], pairs[:, 1]] = 1
    assert out["auc"] == pytest.approx(roc_auc_score(label.ravel(), scores.ravel().numpy()))


@given(st.integers(0, 2**32), st.integers(2, 7), st.integers(2, 6))
def test_equal_the_definitions(seed, people, jobs):
    rng = np.random.default_rng(seed)
    p, j = (torch.from_numpy(rng.integers(0, 3, (n, 2))).double() for n in (people, jobs))
    bias = torch.from_numpy(rng.integers(0, 2, jobs)).double()
    pairs = np.unique(np.stack([rng.integers(0, people, 3), rng.integers(0, jobs, 3)], 1), axis=0)
    out = matching.measure(p, j, pairs, None, bias, resamples=1).metrics
    plain, moved = (p @ j.T).numpy(), (p @ j.T + bias).numpy()
    for start, scores, own in (("", plain.T, pairs[:, ::-1]), ("job_", moved, pairs)):
        mrr, hits, recall = [], [], []
        for k in set(own[:, 0].tolist()):
            wanted = set(own[own[:, 0] == k, 1].tolist())
            rank = {i: 1 + (scores[k] > s).sum() + ((scores[k] == s).sum() - 1) / 2 for i, s in enumerate(scores[k])}
            mrr.append(1 / min(rank[i] for i in wanted))
            hits.append(any(rank[i] <= 1 for i in wanted))
            recall.append(sum(rank[i] <= 10 for i in wanted) / len(wanted))
        if len(pairs) == len(set(own[:, 0].tolist())):  # one to be found each: ties count by their mean place
            assert out[f"{start}hr@1"] == pytest.approx(np.mean(hits)) and out[f"{start}mrr"] == pytest.approx(
                np.mean(mrr))  # fmt: skip
        assert out.get(f"{start}recall@10", 1.0) == pytest.approx(np.mean(recall))


def test_the_bias_of_jobs_moves_jobs_and_pairs_but_not_people():
    pairs = np.array([[1, 0], [2, 1], [3, 1]])
    plain = matching.measure(PEOPLE, JOBS, pairs, resamples=10).metrics
    moved = matching.measure(PEOPLE, JOBS, pairs, bias=torch.tensor([0.0, -5.0, 0.0]), resamples=10).metrics
    assert moved["mrr"] == plain["mrr"] and moved["job_mrr"] == pytest.approx((1 + 1 / 3 + 1 / 3) / 3)
    assert moved["auc"] < plain["auc"]


def test_labeled_pairs_are_the_only_ones_of_the_auc():
    pairs = np.array([[0, 0], [3, 0], [2, 1], [1, 1]])
    out = matching.measure(PEOPLE, JOBS, pairs, np.array([1, 0, 0, 1]), resamples=10).metrics
    assert out["auc"] == pytest.approx(roc_auc_score([1, 0, 0, 1], [1.0, 0.2, 1.0, 0.1]))
    assert out["mrr"] == pytest.approx((1 + 1 / 3) / 2), "pairs that do not go together are not to be found"


def test_equal_scores_share_places():
    out = matching.measure(torch.ones(5, 2), torch.ones(3, 2), np.array([[0, 0], [1, 1]]), resamples=10).metrics
    assert out["mrr"] == pytest.approx(1 / 3) and out["job_mrr"] == pytest.approx(1 / 2) and out["auc"] == 0.5


def test_many_pairs_are_drawn(monkeypatch):
    rng = np.random.default_rng(0)
    people, jobs = torch.from_numpy(rng.random((300, 3))).float(), torch.from_numpy(rng.random((40, 3))).float()
    best = (people @ jobs.T).argmax(1).numpy()
    pairs = np.stack([np.arange(300), best], 1)
    whole = matching.measure(people, jobs, pairs, resamples=1).metrics["auc"]
    monkeypatch.setattr(matching, "PAIRS", 3000)
    assert matching.measure(people, jobs, pairs, resamples=1).metrics["auc"] == pytest.approx(whole, abs=0.02)


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="a pair is outside of 4 people and 3 jobs"):
        matching.measure(PEOPLE, JOBS, np.array([[4, 0]]))
    with pytest.raises(InputError, match="no pair goes together"):
        matching.measure(PEOPLE, JOBS, np.array([[0, 0]]), np.array([0]))
