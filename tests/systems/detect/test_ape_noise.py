"""What APE draws, and what it believes of it."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from acteme.systems.detect.ape.noise import FLOOR, Noise, draw, tables
from tests.systems.detect.ape_cases import batch, detector

COUNTS = torch.tensor([3, 2, 1, 0, 5, 0])
OFFSETS = [0, 3, 6]


def test_noise_scores_of_the_demonstration() -> None:
    _, logs = tables(COUNTS, OFFSETS, Noise(power=1.0))
    assert (math.log(10) + logs[:3]).tolist() == pytest.approx([1.609438, 1.203973, 0.510826], abs=1e-6)


@pytest.mark.parametrize("power", [1.0, 0.75, 0.0])
def test_what_is_drawn_is_what_is_corrected_for(power: float) -> None:
    cumulative, logs = tables(COUNTS, OFFSETS, Noise(power=power, unknown=0.0))
    torch.manual_seed(0)
    drawn = draw(cumulative, torch.tensor([[0] * 5000, [1] * 5000]), 4)
    share = torch.bincount(drawn[0].flatten(), minlength=6)[:3] / 20000
    assert torch.allclose(share.double(), logs[:3].exp(), atol=0.02)
    assert (drawn[1] == 4).all() and logs[4] == 0
    assert logs[3].item() == pytest.approx(math.log(FLOOR)), "what never occurs has a logarithm all the same"


def test_corrections() -> None:
    p = COUNTS[:3] / 6
    for kind, noise, wanted in (
        ("drawn", Noise(power=0.75), p**0.75 / (p**0.75).sum()),
        ("official", Noise(power=0.75, correction="official"), p),
        ("none", Noise(correction="none"), torch.ones(3)),
        ("uniform", Noise(kind="uniform"), torch.ones(3) / 3),
    ):
        assert torch.allclose(tables(COUNTS, OFFSETS, noise)[1][:3].exp(), wanted.double()), kind
    one, other = (tables(COUNTS, OFFSETS, Noise(correction=c))[0] for c in ("drawn", "official"))
    assert torch.equal(one, other)


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=4), min_size=1, max_size=4), st.booleans())
def test_draws_stay_within_their_field_and_among_what_occurs(counts: list[list[int]], uniform: bool) -> None:
    offsets = [sum(map(len, counts[:f])) for f in range(len(counts) + 1)]
    flat = torch.tensor([c for own in counts for c in own])
    noise = Noise(kind="uniform") if uniform else Noise(unknown=0.0)
    cumulative, logs = tables(flat, offsets, noise)
    assert logs.isfinite().all() and (cumulative.diff() >= 0).all()
    field = torch.arange(len(counts))[:, None].expand(-1, 50)
    drawn = draw(cumulative, field, 2)
    for f, own in enumerate(counts):
        assert ((drawn[f] >= offsets[f]) & (drawn[f] < offsets[f + 1])).all()
        if any(own) and not uniform:
            assert (flat[drawn[f]] > 0).all()


def test_the_ends_of_a_field_are_drawn_from_it() -> None:
    """Where the draw is as low or as high as it can be, no neighbor's value comes, nor one that never occurs."""
    cumulative, _ = tables(torch.tensor([0, 1, 2, 0, 0, 7, 0]), [0, 4, 7], Noise(power=0.3, unknown=0.0))
    for f, low, high in ((0, 1, 2), (1, 5, 5)):
        place = torch.tensor([f, f + 1 - 1e-12], dtype=torch.float64)
        assert torch.searchsorted(cumulative, place, right=True).tolist() == [low, high]


def test_the_unknown_value_is_drawn_although_it_never_occurs() -> None:
    cumulative, logs = tables(torch.tensor([0, 6, 2, 5, 1]), [0, 3, 5], Noise(power=1.0, unknown=0.1))
    assert torch.allclose(logs.exp(), torch.tensor([0.1, 0.675, 0.225, 5 / 6, 1 / 6]).double())
    assert torch.allclose(cumulative, torch.tensor([0.1, 0.775, 1, 1 + 5 / 6, 2]).double())
    alone = tables(torch.tensor([7, 0, 3]), [0, 1, 3], Noise())[1]
    assert torch.allclose(alone.exp(), torch.tensor([1, 0.01, 0.99]).double())


@pytest.mark.parametrize("fields, rows", [("event", 1), ("batch", 1), ("all", 3)])
def test_false_events_differ_in_one_field_at_most(fields: str, rows: int) -> None:
    module = detector(noise=Noise(fields=fields, negatives=2))  # type: ignore[arg-type]
    torch.manual_seed(0)
    replaced = module.replaced(40)
    assert replaced.shape == (rows, 40)
    drawn = draw(module.cumulative, replaced, 2)
    low, high = module.first[replaced][..., None], (module.first + module.size)[replaced][..., None]
    assert ((drawn >= low) & (drawn < high)).all()
    if fields == "batch":
        assert len(replaced.unique()) == 1
    else:
        assert len(replaced.unique()) == 3


def test_replacement_of_the_demonstration() -> None:
    """Rows of the batch: true events, then k copies of the first, of the second, ... which differ in one column."""
    events = torch.tensor([[1, 1, 3], [2, 0, 1]])
    module = detector(noise=Noise(fields="batch", negatives=2))
    torch.manual_seed(0)
    drawn = draw(module.cumulative, torch.ones(1, 2, dtype=torch.long), 2)[0]
    copies = module.rows(batch(events))[0].repeat_interleave(2, 0)
    copies[:, 1] = drawn.flatten()
    assert (copies[:, [0, 2]] == torch.tensor([[1, 8], [1, 8], [2, 6], [2, 6]])).all()
    assert ((copies[:, 1] == 3) | (copies[:, 1] == 4)).all()
