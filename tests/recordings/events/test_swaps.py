import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.events.swaps import occurs, swapped

RNG = np.random.default_rng(0)
SIZES = (4, 6, 9)
KNOWN = np.stack([RNG.integers(1, 4, 300), RNG.integers(1, 3, 300), RNG.choice([1, 2, 7], 300, p=[0.8, 0.1, 0.1])], 1)


@pytest.mark.parametrize("draw", ["uniform", "marginal"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_so_many_fields_differ_and_the_whole_is_new(draw, count: int) -> None:  # type: ignore[no-untyped-def]
    known = KNOWN[KNOWN[:, 0] != KNOWN[:, 1]]
    made = swapped(known[:50], known, SIZES, count, draw, seed=1)
    seen = set(map(tuple, known.tolist()))
    assert len(made.codes) and not any(tuple(row) in seen for row in made.codes.tolist())
    assert (made.changed.sum(1) == count).all() and (made.codes > 0).all() and (made.codes < SIZES).all()
    assert ((made.codes != known[:50][made.source]) == made.changed).all()
    again = swapped(known[:50], known, SIZES, count, draw, seed=1)
    assert (again.codes == made.codes).all()


def test_marginal_draws_values_as_often_as_they_occur() -> None:
    known = np.array([[1, 1]] * 90 + [[2, 2]] * 9 + [[3, 3]])
    made = swapped(np.repeat([[4, 4]], 2000, 0), known, (5, 5), 1, "marginal")
    drawn = made.codes[made.changed]
    assert set(drawn.tolist()) == {1, 2, 3} and 0.85 < (drawn == 1).mean() < 0.95
    uniform = swapped(np.repeat([[4, 4]], 2000, 0), known, (5, 5), 1, "uniform")
    assert 0.28 < (uniform.codes[uniform.changed] == 1).mean() < 0.39


def test_an_event_that_nothing_new_can_be_made_of_is_left_out() -> None:
    full = np.array([[a, b] for a in (1, 2) for b in (1, 2)])
    assert len(swapped(full, full, (3, 3), 1).codes) == 0
    with pytest.raises(InputError, match="cannot exchange 3 fields"):
        swapped(full, full, (3, 3), 3)


def test_occurs_without_overflow() -> None:
    wide = np.full((3, 40), 2**31 - 2)
    wide[1, 39] = 5
    assert occurs(wide[:2], wide[2:]).tolist() == [True, False]
