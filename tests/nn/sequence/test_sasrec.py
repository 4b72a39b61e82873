"""SASRec: what each slot may see, where padding goes, and the numbers of the official code."""

import pytest
import torch
import torch.nn.functional as F

from acteme.errors import InputError
from acteme.nn.sequence import SASRec, sasrec, slots
from acteme.nn.sequence.sasrec import Layout, attend, from_s3rec
from tests.nn.sequence.rule import fill, s3rec_shapes

HISTORY = torch.tensor([[0, 0, 1, 2], [3, 1, 2, 5]])


@pytest.fixture(scope="module")
def ruled() -> SASRec:
    """Six rows, width 4, filled by the rule."""
    made = SASRec(6, width=4, length=4).double().eval()
    made.load_state_dict(from_s3rec(fill(s3rec_shapes(6, 4, 4))))
    return made


@pytest.fixture(scope="module")
def drawn() -> SASRec:
    torch.manual_seed(0)
    made = SASRec(20, width=8, length=6).double().eval()
    for p in made.parameters():
        p.data.normal_()
    return made


def test_slots_put_the_last_item_last():
    item = torch.tensor([[1, 2, 3, 0], [4, 5, 6, 7], [0, 0, 0, 0]])
    mask = item > 0
    assert slots(item, mask, 3).tolist() == [[1, 2, 3], [5, 6, 7], [0, 0, 0]]
    assert slots(item, mask, 6).tolist() == [[0, 0, 0, 1, 2, 3], [0, 0, 4, 5, 6, 7], [0] * 6]
    assert slots(item[:, :0], mask[:, :0], 2).tolist() == [[0, 0]] * 3


def test_the_numbers_of_the_official_code(ruled):
    h = ruled(HISTORY)[:, -1]
    wanted = [[-0.315976, -1.440107, 0.650918, 1.373216], [2.064248, 0.448632, -0.570417, -1.515779]]
    torch.testing.assert_close(h, torch.tensor(wanted).double(), atol=1e-6, rtol=0)
    scores = h @ ruled.table.T
    row = [0.269723, -0.455138, 0.587959, -0.652838, 0.642279, -0.557500]
    torch.testing.assert_close(scores[0], torch.tensor(row).double(), atol=1e-6, rtol=0)
    loss = F.cross_entropy(scores, torch.tensor([3, 4]))
    assert loss.item() == pytest.approx(2.859543, abs=1e-6)
    (gradient,) = torch.autograd.grad(loss, ruled.items.weight)
    first = torch.tensor([0.043458, -0.123826, 0.042760, 0.078985]).double()
    torch.testing.assert_close(gradient[0], first, atol=1e-6, rtol=0)


def test_the_row_of_padding_is_not_read(ruled):
    before = ruled(HISTORY)[:, -1]
    with torch.no_grad():
        ruled.items.weight[0] += 5
        after = ruled(HISTORY)[:, -1]
        ruled.items.weight[0] -= 5
    torch.testing.assert_close(after, before, atol=0, rtol=0)


def test_numbers_of_parameters():
    for items, count in ((12_101, 877_888), (11_924, 866_560), (3_416, 322_048)):
        with torch.device("meta"):
            assert sum(p.numel() for p in SASRec(items + 2).parameters()) == count
    assert len(s3rec_shapes(6, 4, 4)) == 36


def test_no_slot_sees_what_comes_later(drawn):
    x = torch.randint(1, 20, (3, 6))
    before = drawn(x)
    for t in range(6):
        changed = x.clone()
        changed[:, t] = changed[:, t] % 19 + 1
        after = drawn(changed)
        torch.testing.assert_close(after[:, :t], before[:, :t], atol=0, rtol=0)
        assert (after[:, t:] - before[:, t:]).abs().amax(-1).min() > 1e-6, "every later slot sees it"


def test_padding_moves_items_to_other_slots_and_does_nothing_else(drawn):
    """Two slots later, an item reads two rows further down the table of places; nothing else changes."""
    before = drawn(torch.tensor([[0, 3, 7, 9, 1, 1]]))[:, 1:4]
    later = torch.tensor([[0, 0, 0, 3, 7, 9]])
    assert not torch.allclose(drawn(later)[:, 3:], before), "slots are absolute"
    moved = SASRec(20, width=8, length=6).double().eval()
    moved.load_state_dict(drawn.state_dict())
    with torch.no_grad():
        moved.places.weight.copy_(drawn.places.weight.roll(2, 0))
    torch.testing.assert_close(moved(later)[:, 3:], before)
    torch.testing.assert_close(moved(later[:, 3:]), before, msg="fewer slots are the last ones")


def test_the_last_slot_alone_is_that_of_all(drawn):
    x = torch.tensor([[0, 0, 0, 4, 2], [0, 0, 1, 9, 3], [0, 0, 0, 0, 0]])
    torch.testing.assert_close(drawn.last(x), drawn(x)[:, -1])
    torch.testing.assert_close(drawn.last(x[:1]), drawn.last(x)[:1])


@pytest.mark.parametrize("layers", [1, 2])
def test_one_query_for_all_keys_gives_the_same_gradients(layers, monkeypatch):
    """The last block makes neither keys nor values; with dropout, the weights of attention do not sum to 1."""
    monkeypatch.setattr(sasrec, "dropout", lambda x, p, training=True: x * (torch.arange(x.shape[-1]) % 3) if p else x)
    torch.manual_seed(5)
    made = SASRec(20, width=8, length=6, layers=layers).double().train()
    for p in made.parameters():
        p.data.normal_()
    x = torch.tensor([[0, 0, 0, 0, 4, 2], [0, 0, 0, 1, 9, 3], [0] * 6, [5, 1, 6, 7, 2, 8], [0, 0, 0, 0, 0, 7]])
    some = torch.randn(5, 8).double()
    one, all_ = made.last(x), made(x)[:, -1]
    torch.testing.assert_close(one, all_)
    gradients = [torch.autograd.grad((h * some).sum(), list(made.parameters())) for h in (one, all_)]
    for name, a, b in zip(dict(made.named_parameters()), *gradients, strict=True):
        torch.testing.assert_close(a, b, msg=name)


def test_a_layout_splits_and_joins_what_attention_reads():
    x = torch.tensor([[0, 0, 1, 2, 3], [0, 0, 0, 0, 0], [4, 5, 6, 7, 8]])
    layout = Layout.of(x)
    assert layout.at.tolist() == [2, 3, 4, 9, 10, 11, 12, 13, 14] and layout.last.tolist() == [2, 3, 8]
    rows = torch.randn(9, 24, dtype=torch.float64, requires_grad=True)
    made = layout.split(rows, 3, 2)
    plain = layout.spread(rows).view(3, 5, 3, 2, 4).permute(2, 0, 3, 1, 4)
    there = torch.zeros(15, dtype=torch.bool).index_fill(0, layout.at, True).view(1, 3, 1, 5, 1)
    torch.testing.assert_close(made * there, plain)
    weight = torch.randn_like(made)  # also for padding, whose gradient goes nowhere
    one, two = (torch.autograd.grad((part * weight).sum(), rows)[0] for part in (made, plain))
    torch.testing.assert_close(one, two)
    back = layout.join(layout.split(rows, 3, 2)[1])
    torch.testing.assert_close(back, rows[:, 8:16])
    one, two = (torch.autograd.grad((part * back.detach()).sum(), rows)[0] for part in (back, rows[:, 8:16]))
    torch.testing.assert_close(one, two)


def test_padding_fills_a_layout_up_in_steps_in_half_precision(monkeypatch):
    monkeypatch.setattr(sasrec, "STEP", 4)
    x = torch.tensor([[0, 0, 1, 2, 3], [0, 0, 0, 4, 5]])
    torch.manual_seed(6)
    made = SASRec(9, width=4, length=5).eval()
    plain = made.last(x)
    assert Layout.of(x).at.tolist() == [2, 3, 4, 8, 9]
    with torch.autocast("cpu", torch.bfloat16):
        assert Layout.of(x).at.tolist() == [2, 3, 4, 8, 9, 0, 1, 5]
        assert Layout.of(x[:, 2:]).at.tolist() == [0, 1, 2, 4, 5, 3], "there are no more"
        torch.testing.assert_close(made.last(x), plain, atol=0.1, rtol=0)


def test_histories_of_any_length_are_finite_and_so_are_gradients():
    torch.manual_seed(1)
    made = SASRec(9, width=4, length=5).train()
    x = torch.tensor([[0, 0, 0, 0, 0], [0, 0, 0, 0, 8], [1, 2, 3, 4, 5]])
    (made(x).sum() + made.last(x).sum()).backward()
    assert all(p.grad.isfinite().all() for p in made.parameters())
    assert not made.items.weight.grad[0].any(), "the lookup gives padding no gradient"


def test_dropout_gives_two_views_in_training_only():
    torch.manual_seed(2)
    made = SASRec(9, width=8, length=5)
    x = torch.tensor([[1, 2, 3, 4, 5]])
    assert not torch.equal(made.train().last(x), made.last(x))
    assert torch.equal(made.eval().last(x), made.last(x))


def test_initial_weights():
    torch.manual_seed(3)
    made = SASRec(1000)
    assert made.items.weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert made.items.weight[0].abs().max() > 0, "row 0 is drawn like the others"
    assert all(not p.any() for n, p in made.named_parameters() if n.endswith("bias"))
    with pytest.raises(InputError, match="3 heads do not divide a width of 64"):
        SASRec(10, heads=3)


def test_attention_with_dropout_is_torchs_in_the_mean():
    torch.manual_seed(4)
    q, k, v = torch.randn(3, 1, 2, 4, 8, dtype=torch.float64)
    allowed = torch.ones(1, 1, 4, 4, dtype=torch.bool).tril()
    plain = attend(q, k, v, allowed)
    many = torch.stack([attend(q, k, v, allowed, 0.3) for _ in range(4000)])
    assert (many.mean(0) - plain).abs().max() < 0.06 and many.std(0).max() > 0.3
    torch.testing.assert_close(attend(q, k, v, allowed, 1e-4), plain, atol=5e-3, rtol=0)
