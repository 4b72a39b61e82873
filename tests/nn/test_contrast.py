import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from acteme.errors import InputError
from acteme.nn.contrast import Queue, frozen, info_nce, momentum_update, paired_info_nce


@settings(max_examples=60)
@given(size=st.integers(1, 9), batches=st.lists(st.integers(0, 20), max_size=6))
def test_queue_holds_the_latest_keys_in_order(size, batches):
    queue, given_keys = Queue(size, 2), []
    start = list(queue.keys.clone())
    for count in batches:
        keys = torch.arange(len(given_keys), len(given_keys) + count).float()[:, None].expand(-1, 2)
        queue.enqueue(keys)
        given_keys += list(keys)
    assert int(queue.seen) == len(given_keys)
    assert int(queue.pointer) == len(given_keys) % size
    latest = (start + given_keys)[-size:] if len(given_keys) < size else given_keys[-size:]
    assert torch.equal(queue.recent(size), torch.stack(latest))


def test_queue_overwrites_the_oldest_in_place():
    queue = Queue(4, 1)
    queue.enqueue(torch.tensor([[1.0], [2.0], [3.0]]))
    queue.enqueue(torch.tensor([[4.0], [5.0]]))
    assert queue.keys.flatten().tolist() == [5, 2, 3, 4]
    assert queue.recent(2).flatten().tolist() == [4, 5]


def test_queues_may_be_in_half_precision_and_are_drawn_in_pieces(monkeypatch):
    torch.manual_seed(0)
    whole = Queue(40, 4, 8)
    torch.manual_seed(0)
    half = Queue(40, 4, 8, dtype=torch.half)
    assert torch.equal(half.keys, whole.keys.half())
    monkeypatch.setattr("acteme.nn.contrast.PIECE", 100)
    pieces = Queue(40, 4, 8).keys
    assert torch.allclose(pieces.norm(dim=-1), torch.ones(40, 4)) and len(pieces.unique(dim=0)) == 40


def test_queue_keys_start_on_the_unit_sphere_of_their_last_axis():
    queue = Queue(5, 3, 8)
    assert queue.keys.shape == (5, 3, 8)
    assert torch.allclose(queue.keys.norm(dim=-1), torch.ones(5, 3))


def test_queue_stores_values_not_graphs_and_survives_a_checkpoint():
    queue, keys = Queue(4, 2), torch.ones(3, 2, requires_grad=True)
    queue.enqueue(keys * 2)
    assert not queue.keys.requires_grad
    other = Queue(4, 2)
    other.load_state_dict(queue.state_dict())
    assert torch.equal(other.recent(3), torch.full((3, 2), 2.0))
    assert int(other.pointer) == 3 and int(other.seen) == 3


def test_more_recent_keys_than_the_queue_holds_are_refused():
    with pytest.raises(InputError, match="5 recent keys of a queue of 4"):
        Queue(4, 2).recent(5)


def test_info_nce_is_the_cross_entropy_of_the_positive():
    torch.manual_seed(0)
    q, k, queue = (F.normalize(torch.randn(n, 6), dim=1) for n in (3, 3, 7))
    expected = 0.0
    for i in range(3):
        logits = [float(q[i] @ k[i]) / 0.2] + [float(q[i] @ other) / 0.2 for other in queue]
        expected -= logits[0] - math.log(sum(math.exp(v) for v in logits))
    assert float(info_nce(q, k, queue, 0.2)) == pytest.approx(expected / 3, rel=1e-5)


def test_info_nce_with_an_empty_queue_is_zero():
    q = F.normalize(torch.randn(2, 4), dim=1)
    assert float(info_nce(q, -q, torch.zeros(0, 4), 0.07)) == 0


def test_momentum_moves_parameters_and_leaves_buffers():
    target, source = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    nn.init.constant_(source.weight, 3.0)
    source.running_mean.fill_(7.0)
    momentum_update(target, source, 0.75)
    assert target.weight.tolist() == [1.5, 1.5]
    assert target.running_mean.tolist() == [0, 0]
    assert source.weight.tolist() == [3, 3]


def test_equal_weights_stay_exactly_equal_under_momentum():
    source = nn.Linear(5, 5)
    target = nn.Linear(5, 5)
    target.load_state_dict(source.state_dict())
    momentum_update(target, source, 0.999)
    assert torch.equal(target.weight, source.weight)


def test_frozen_modules_get_no_gradient():
    module = frozen(nn.Linear(2, 2))
    out = module(torch.ones(1, 2, requires_grad=True)).sum()
    out.backward()
    assert module.weight.grad is None and not module.weight.requires_grad


def views(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def test_paired_contrast_of_equal_scores_counts_the_candidates():
    z = torch.zeros(4, 3)
    assert paired_info_nce(z, z).item() == pytest.approx(math.log(7))
    assert paired_info_nce(z, z, torch.full((4,), 9)).item() == 0, "only the positive is left"


def test_paired_contrast_by_hand():
    z = views([1, 0], [0, 1])
    for labels in (None, torch.tensor([5, 6])):
        assert paired_info_nce(z, z, labels).item() == pytest.approx(math.log(math.e + 2) - 1)


def test_paired_contrast_meets_the_official_numbers():
    one, two = views([1.5, 0.2], [0.2, 0.4], [0.6, -0.1]), views([0.1, 0.3], [1.8, 0.0], [0.5, 0.5])
    labels = torch.tensor([7, 7, 8])
    assert paired_info_nce(one, two, labels).item() == pytest.approx(1.500008, abs=1e-6)
    assert paired_info_nce(one, two).item() == pytest.approx(2.092860, abs=1e-6)
    one, two = views([1, 2], [0, 1], [-1, 0.5]), views([0.5, 1], [1, 0], [0, -1])
    assert paired_info_nce(one, two).item() == pytest.approx(1.493282, abs=1e-6)
    assert paired_info_nce(one, two, torch.tensor([1, 2, 3])).item() == pytest.approx(1.493282, abs=1e-6)
    assert paired_info_nce(one, two, labels).item() == pytest.approx(0.933336, abs=1e-6)
    assert paired_info_nce(one, two, labels, 0.5, "cosine").item() == pytest.approx(1.062596, abs=1e-6)


def test_paired_contrast_keeps_the_positive_and_treats_both_views_alike():
    torch.manual_seed(0)
    one, two = torch.randn(2, 5, 3, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([1, 1, 2, 2, 2])
    value = paired_info_nce(one, two, labels)
    assert value.item() == pytest.approx(paired_info_nce(two, one, labels).item())
    z = torch.cat([one, two]).detach()
    both, total = labels.repeat(2), 0.0
    for i in range(10):  # as a loop: the positive, and what has another label
        positive = z[i] @ z[(i + 5) % 10]
        others = torch.stack([z[i] @ z[j] for j in range(10) if both[j] != both[i]])
        total += (torch.cat([positive[None], others]).logsumexp(0) - positive).item() / 10
    assert value.item() == pytest.approx(total)
    value.backward()


def test_paired_contrast_is_computed_in_float32_under_autocast():
    z = torch.randn(6, 8)
    with torch.autocast("cpu", torch.bfloat16):
        assert paired_info_nce(z, z).item() == paired_info_nce(z.float(), z.float()).item()
        assert paired_info_nce(z.bfloat16(), z.bfloat16()).dtype == torch.float32
