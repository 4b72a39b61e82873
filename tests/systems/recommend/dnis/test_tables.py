"""What is pruned, and that its sparse storage is the same table in fewer bytes."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.systems.recommend.dnis.tables import SoftTable, SparseTable, kept

DOUBLE = {"dtype": torch.float64}


def test_the_largest_entries_of_a_share_stay():
    table = torch.randn(20, 8, **DOUBLE)
    for keep, left in ((1.0, 160), (0.5, 80), (0.1, 16), (0.05, 8), (1e-9, 1)):
        mask, threshold = kept(table, keep)
        assert int(mask.sum()) == left
        assert table[mask].abs().min() == threshold and (table[~mask].abs() < threshold).all()


def test_ties_stay_together_and_zeros_never_stay():
    table = torch.tensor([[0.5, -0.5, 1.0, 0.0], [0.5, 2.0, 0.0, 0.0]])
    assert kept(table, 0.5)[0].sum() == 5, "three entries of .5 tie at the fourth place"
    assert kept(table, 0.25)[0].nonzero().tolist() == [[0, 2], [1, 1]]
    assert kept(table, 1.0)[0].sum() == 5
    assert kept(table, 1.0, threshold=0.6)[0].nonzero().tolist() == [[0, 2], [1, 1]]
    for keep in (0.0, -0.1, 1.1, float("nan")):
        with pytest.raises(InputError, match="of the table is to stay"):
            kept(table, keep)


@given(st.integers(1, 9), st.integers(1, 7), st.floats(0, 1), st.integers(0, 99))
def test_the_sparse_table_is_the_masked_one(rows, width, share, seed):
    rng = torch.Generator().manual_seed(seed)
    table = torch.randn(rows, width, generator=rng, **DOUBLE)
    mask = torch.rand(rows, width, generator=rng) < share
    made = SparseTable(rows, width).double()
    made.fill(table, mask)
    assert torch.equal(made.dense(), table * mask) and len(made.values) == int(mask.sum())
    ids = torch.randint(rows, (4, 3), generator=rng)
    assert torch.equal(made(ids), (table * mask)[ids])
    again = SparseTable(rows, width).double()
    again.load_state_dict(made.state_dict())
    assert torch.equal(again.dense(), made.dense())


def test_gradients_reach_what_is_left_and_nothing_else():
    table = torch.randn(6, 4, **DOUBLE)
    mask = kept(table, 0.4)[0]
    made = SparseTable(6, 4).double()
    made.fill(table, mask)
    ids, weight = torch.tensor([[0, 1], [1, 5]]), torch.randn(2, 2, 4, **DOUBLE)
    (made(ids) * weight).sum().backward()
    dense = table.clone().requires_grad_()
    ((dense * mask)[ids] * weight).sum().backward()
    torch.testing.assert_close(made.values.grad, dense.grad[mask])


@pytest.mark.parametrize(("width", "dtype", "size"), [(256, torch.uint8, 1), (257, torch.int32, 4)])
def test_bytes_are_those_of_the_tensors(width, dtype, size):
    made = SparseTable(5, width)
    table = torch.ones(5, width)
    made.fill(table, kept(table * torch.arange(width), 0.5)[0])
    assert made.column.dtype == dtype and int(made.column.max()) == width - 1
    left = len(made.values)
    assert made.footprint() == {
        "table_values": left, "table_share": left / (5 * width), "table_bytes": 4 * left,
        "index_bytes": size * left + 4 * 6, "dense_bytes": 20 * width,
    }  # fmt: skip


def test_a_dense_table_takes_all_its_room_whatever_the_selection():
    table = SoftTable(10, 4, 4, (0.5, 0.5), "free")
    table.alpha[1, :3] = 0
    found = table.footprint()
    assert (found["table_values"], found["table_share"]) == (25, 25 / 40)
    assert found["table_bytes"] == found["dense_bytes"] == 160 and found["index_bytes"] == 0


def test_pruning_looks_at_the_product_of_table_and_selection():
    table = SoftTable(4, 2, 2, (0.5, 0.5), "free").double()
    table.weight.data.copy_(torch.tensor([[10.0, 1], [10, 1], [1, 5], [1, 5]]))
    table.alpha.copy_(torch.tensor([[0.01, 1], [1, 0.5]]))
    mask, threshold = kept(table.dense(), 0.75)
    assert mask.tolist() == [[False, True]] * 2 + [[True, True]] * 2 and threshold == 1.0


def test_what_is_kept_for_inference_follows_the_weights():
    table = SoftTable(6, 3, 3, (0.5, 0.5), "free").eval()
    ids = torch.tensor([[0, 5]])
    with torch.no_grad():
        for change in (lambda: table.weight.mul_(2), lambda: table.alpha.mul_(0.5), lambda: None):
            before = table(ids)
            change()
            assert torch.equal(table(ids), table(ids, table.alpha)), "the product is that of now"
            assert change() is None or not torch.equal(table(ids), before)
        table.load_state_dict({name: value + 1 for name, value in table.state_dict().items()})
        assert torch.equal(table(ids), table(ids, table.alpha))
    assert table(ids).requires_grad, "where gradients are wanted, they are there"
    assert "merged" not in table.state_dict()
