"""The linear head: the solution of its convex problem, standardization, what is trained."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from acteme.engine import head as module
from acteme.engine.head import LinearHead
from acteme.recordings.latents import Latents


class Given(nn.Module):
    """Encodes a batch as the numbers in it."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def encode(self, batch):
        x = batch["skeleton"][:, ::2, 0, :, 0] * self.scale
        return Latents(x, x[:, 0], batch["mask"][:, ::2])


def batch_of(x, label):
    n = len(x)
    tokens = torch.tensor(x, dtype=torch.float32)[:, None, None, :, None].expand(-1, 4, -1, -1, -1)
    labels = torch.nn.functional.one_hot(torch.tensor(label), 3).float()
    return {"skeleton": tokens, "mask": torch.ones(n, 4, dtype=torch.bool), "label": torch.tensor(label),
            "frame_labels": labels[:, None].expand(-1, 4, -1)}  # fmt: skip


def data(n=60, seed=0):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 3, n)
    return rng.normal(size=(n, 5)) * [1, 10, 0.1, 1, 1] + label[:, None] * [1, 0, 0, 0.5, 0], label


def test_the_head_is_the_multinomial_logistic_regression():
    x, label = data()
    probe = LinearHead(Given(), 5, 3, frames=False, multilabel=False, tuned=False)
    decay = 0.01
    probe.solve([batch_of(x[:30], label[:30]), batch_of(x[30:], label[30:])], decay=decay, iterations=500)
    z = (x - x.mean(0)) / x.std(0, ddof=1)
    expected = LogisticRegression(C=1 / (decay * len(x)), max_iter=1000, tol=1e-8).fit(z, label).predict_proba(z)
    got = probe.predict(batch_of(x, label)).scores
    np.testing.assert_allclose(got.detach().numpy(), expected, atol=2e-3)


def test_frames_are_scored_by_the_nearest_token():
    x, label = data(20)
    probe = LinearHead(Given(), 5, 3, frames=True, multilabel=True, tuned=False)
    probe.solve([batch_of(x, label)])
    found = probe.predict(batch_of(x, label))
    assert (
        found.scores.shape == (20, 4, 3)
        and (found.scores.argmax(-1) == torch.tensor(label)[:, None]).float().mean() > 0.5
    )


def test_frames_without_a_class_do_not_count_where_one_class_holds():
    probe = LinearHead(Given(), 5, 3, frames=True, multilabel=False, tuned=False)
    scores = torch.randn(4, 3)
    truth = torch.tensor([[1.0, 0, 0], [0, 0, 0], [0, 0, 1], [0, 0, 0]])
    torch.testing.assert_close(probe.loss(scores, truth),
                               nn.functional.cross_entropy(scores[[0, 2]], torch.tensor([0, 2])))  # fmt: skip
    assert probe.loss(scores, torch.zeros(4, 3)) == 0


@pytest.mark.parametrize("tuned", [False, True])
def test_what_is_trained(tuned):
    probe = LinearHead(Given(), 5, 3, frames=False, multilabel=False, tuned=tuned).train()
    nn.init.ones_(probe.head.weight[0:1])
    probe.losses(batch_of(*data(8)))["total"].backward()
    assert (probe.encoder.scale.grad is not None) == tuned and probe.head.weight.grad is not None
    assert probe.encoder.training == tuned


def test_many_rows_are_thinned(monkeypatch):
    monkeypatch.setattr(module, "ROWS", 10)
    probe = LinearHead(Given(), 5, 3, frames=True, multilabel=True, tuned=False)
    x, y = probe.rows([batch_of(*data(20))])
    assert len(x) == len(y) == 10
