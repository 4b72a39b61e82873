"""Adam on the rows that occur."""

import pytest
import torch
from torch import nn

from acteme.engine.optimize import optimizer
from acteme.engine.rows import RowAdam
from acteme.errors import InputError
from acteme.nn.recipe import Recipe


def steps(kind, sparse: bool, rows: list[list[int]], state=None):
    torch.manual_seed(0)
    table = nn.Embedding(6, 3, sparse=sparse)
    made = kind(table.parameters(), lr=0.1)
    if state:
        made.load_state_dict(state[1])
        table.load_state_dict(state[0])
    for ids in rows:
        made.zero_grad()
        (table(torch.tensor(ids)) * torch.arange(1, len(ids) + 1)[:, None]).square().sum().backward()
        made.step()
    return table.state_dict(), made.state_dict()


ROWS = [[0, 2, 2], [2, 5], [1], [0, 0]]


def test_equals_sparse_adam():
    found, wanted = steps(RowAdam, True, ROWS)[0]["weight"], steps(torch.optim.SparseAdam, True, ROWS)[0]["weight"]
    assert torch.allclose(found, wanted, atol=1e-7)


def test_equals_adam_where_all_rows_occur():
    every = [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0]]
    assert torch.allclose(steps(RowAdam, True, every)[0]["weight"], steps(torch.optim.Adam, False, every)[0]["weight"])
    dense = [steps(kind, False, ROWS)[0]["weight"] for kind in (RowAdam, torch.optim.Adam)]
    assert torch.equal(*dense), "dense gradients are Adam's"


def test_goes_on_from_its_state():
    half = steps(RowAdam, True, ROWS[:2])
    assert torch.equal(steps(RowAdam, True, ROWS[2:], half)[0]["weight"], steps(RowAdam, True, ROWS)[0]["weight"])


def test_is_taken_for_sparse_tables_and_for_adam_only():
    model = nn.Sequential(nn.Embedding(4, 2, sparse=True), nn.Linear(2, 2))
    made = optimizer(Recipe(optimizer="adam"), model)
    assert isinstance(made, RowAdam)
    before = [p.detach().clone() for p in model.parameters()]
    model(torch.tensor([1])).sum().backward()
    made.step()
    moved = [(a != b).any(-1).tolist() for a, b in zip(model.parameters(), before, strict=True)]
    assert moved[0] == [False, True, False, False] and all(moved[1])
    assert not isinstance(optimizer(Recipe(optimizer="adam"), nn.Embedding(4, 2)), RowAdam)
    with pytest.raises(InputError, match="adamw knows no sparse gradients"):
        optimizer(Recipe(optimizer="adamw"), model)
