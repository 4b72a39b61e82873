"""Collaborative vectors against their definition, solved one user and one item after the other."""

import numpy as np
import pytest
import torch

from acteme.errors import InputError
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording
from acteme.recordings.spec import Spec
from acteme.systems.recommend.ilm import FactorsConfig
from acteme.systems.recommend.ilm.factors import Factors, Ragged

ITEMS, WIDTH = 9, 4
"""Nobody has the last item."""


def histories() -> list[tuple[np.ndarray, np.ndarray]]:
    """Items, each once, and ratings of 1 to 5 of six users; histories of 2 to 7 events."""
    rng = np.random.default_rng(3)
    sizes = (2, 3, 5, 7, 4, 6)
    items = [rng.permutation(ITEMS - 1)[:n].astype(np.int32) + 1 for n in sizes]
    return [(some, np.r_[5, rng.integers(1, 6, len(some) - 1)].astype(np.float32)) for some in items]


def log(rated: bool = True) -> Corpus:
    made = []
    for u, (item, rating) in enumerate(histories()):
        arrays = {"item": item, "outcome": rating} if rated else {"item": item}
        made.append(Recording(f"u{u}", 1.0, arrays, subject=f"u{u}"))
    return Corpus.of(made, Spec(items=ITEMS))


def fitted(rated: bool = True, **changes) -> Factors:
    torch.manual_seed(0)
    made = Factors(FactorsConfig(width=WIDTH, **changes), ITEMS).double()
    made.fit(log(rated))
    return made


def best(other: np.ndarray, at: np.ndarray, rating: np.ndarray, alpha: float, weight: float) -> np.ndarray:
    """argmin_x sum_i c_i (p_i - x . y_i)^2 + weight |x|^2 over all rows of the other side, by least squares."""
    c, p = np.ones(len(other)), np.zeros(len(other))
    c[at], p[at] = 1 + alpha * rating / 5, 1
    left = np.concatenate([np.sqrt(c)[:, None] * other, np.sqrt(weight) * np.eye(other.shape[1])])
    return np.linalg.lstsq(left, np.concatenate([np.sqrt(c) * p, np.zeros(other.shape[1])]), rcond=None)[0]


def defined(sweeps: int, alpha: float, weight: float) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of users, given the items', and of items."""
    torch.manual_seed(0)
    y = (torch.randn(ITEMS + 1, WIDTH) / WIDTH**0.5).double().numpy()
    y[0] = 0
    told = histories()
    owners = {k: [(u, r[list(i).index(k)]) for u, (i, r) in enumerate(told) if k in i] for k in range(ITEMS + 1)}
    for _ in range(sweeps):
        x = np.stack([best(y, i, r, alpha, weight) for i, r in told])
        y = np.stack([
            best(x, *map(np.array, zip(*owners[k], strict=True)), alpha, weight) if owners[k] else np.zeros(WIDTH)
            for k in owners
        ])  # fmt: skip
    return np.stack([best(y, i, r, alpha, weight) for i, r in told]), y


def as_batch(rated: bool = True) -> dict[str, torch.Tensor]:
    """All histories, padded."""
    item, rating = torch.zeros(6, 8, dtype=torch.int64), torch.zeros(6, 8)
    for u, (i, r) in enumerate(histories()):
        item[u, : len(i)], rating[u, : len(r)] = torch.from_numpy(i).long(), torch.from_numpy(r)
    made = {"item": item, "mask": torch.arange(8) < torch.tensor([len(i) for i, _ in histories()])[:, None]}
    return made | ({"outcome": rating} if rated else {})


def test_the_defaults_count_a_rating_of_5_eleven_times():
    config = FactorsConfig()
    assert (config.alpha, config.regularization, config.sweeps) == (10, 5, 12)


@pytest.mark.parametrize(("alpha", "weight"), [(10.0, 5.0), (3.0, 0.5)])
def test_vectors_minimize_the_weighted_squares(alpha, weight):
    made = fitted(sweeps=3, alpha=alpha, regularization=weight)
    x, y = defined(3, alpha, weight)
    np.testing.assert_allclose(made.table.numpy(), y, atol=1e-4)
    np.testing.assert_allclose(made.gram.numpy(), y.T @ y, atol=1e-3)
    np.testing.assert_allclose(made.fold(as_batch())[0].numpy(), x, atol=1e-4, err_msg="folded in by the history")
    assert not made.table[0].any() and not made.table[ITEMS].any() and made.table[1:ITEMS].any(1).all()


def test_one_side_is_solved_given_the_other():
    made = fitted(sweeps=1)
    other = torch.randn(ITEMS + 1, WIDTH, dtype=torch.float64)
    told = histories()
    owner = torch.cat([torch.full((len(i),), u) for u, (i, _) in enumerate(told)])
    item, rating = (torch.from_numpy(np.concatenate(part)) for part in zip(*told, strict=True))
    found = made.solve(other, Ragged.of(owner, 7), item.long(), 1 + 10 * rating.double() / 5, 7)
    for u, (i, r) in enumerate(told):
        np.testing.assert_allclose(found[u].numpy(), best(other.numpy(), i, r, 10, 5), atol=1e-9)
    assert not found[6].any(), "who has no event"


def test_confidence_is_1_and_10_times_the_share_of_the_largest_rating():
    made, some = fitted(), as_batch()
    found = made.confidence(some)
    torch.testing.assert_close(found, torch.where(some["mask"], 1 + 10 * some["outcome"] / 5, 0.0))
    assert found.amax() == 11
    plain = fitted(rated=False)
    assert plain.largest == 1
    torch.testing.assert_close(plain.confidence(as_batch(rated=False)), as_batch()["mask"] * 11.0, check_dtype=False)
    below = some | {"outcome": -torch.ones_like(some["outcome"])}
    torch.testing.assert_close(made.confidence(below), some["mask"] * 1.0, check_dtype=False)


def test_parts_of_a_users_vector_are_of_the_events():
    made, some = fitted(), as_batch()
    whole, parts = made.fold(some)
    torch.testing.assert_close(parts.sum(-1), whole)
    assert not parts.mT[~some["mask"]].any() and (parts.mT[some["mask"]].norm(dim=-1) > 1e-6).all()
    padded = some | {"item": torch.where(some["mask"], some["item"], 3)}
    torch.testing.assert_close(made.fold(padded)[0], whole)  # what is padding adds nothing


def test_what_the_encoder_takes_has_mean_0_and_variance_1():
    made = fitted()
    known = made.items(torch.arange(1, ITEMS))
    users = made.users(made.fold(as_batch())[0])
    for found in (known, users):
        torch.testing.assert_close(found.mean(0), torch.zeros(WIDTH, dtype=torch.float64), atol=1e-5, rtol=0)
        torch.testing.assert_close(found.std(0, unbiased=False), torch.ones(WIDTH).double(), atol=1e-5, rtol=0)
    raw = made.table[1:ITEMS]
    torch.testing.assert_close(known, (raw - raw.mean(0)) / raw.std(0, unbiased=False), atol=1e-5, rtol=0)


def test_what_cannot_be_factorized():
    with pytest.raises(InputError, match="has no items"):
        Factors(FactorsConfig(), 0)
    empty = Corpus.of([Recording("u", 1.0, {"item": np.zeros(1, np.int32)})], Spec(items=3))
    with pytest.raises(InputError, match="holds no events of items"):
        Factors(FactorsConfig(), 3).fit(empty)
