"""The sparse autoencoder by itself."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.systems.inspect.recsae.dictionary import Dictionary, revival, unexplained, variance


def corners(k: int = 1) -> Dictionary:
    """Four latents: along both axes of a plane, and against them."""
    own = Dictionary(2, 4, k)
    axes = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]])
    own.load_state_dict({"encoder.weight": axes, "encoder.bias": torch.zeros(4), "decoder": axes,
                         "center": torch.zeros(2)})  # fmt: skip
    return own


def waves(rows: int = 3) -> tuple[Dictionary, torch.Tensor]:
    """Fixed weights and vectors, in double precision."""
    weight = torch.sin(0.7 * torch.arange(32.0, dtype=torch.float64)).reshape(8, 4)
    own = Dictionary(4, 8, 2).double()
    own.load_state_dict({
        "encoder.weight": weight, "encoder.bias": 0.1 * torch.cos(torch.arange(8.0, dtype=torch.float64)),
        "decoder": weight, "center": torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64),
    })  # fmt: skip
    own.normalize()
    return own, 2 * torch.sin(1.3 * torch.arange(4.0 * rows, dtype=torch.float64)).reshape(rows, 4)


@given(st.integers(1, 6), st.integers(1, 8), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_a_row_has_at_most_k_latents_and_none_is_negative(rows, k, seed):
    torch.manual_seed(seed)
    own = Dictionary(3, 8, k)
    x = torch.randn(rows, 3)
    value, latent = own.encode(x)
    assert value.shape == latent.shape == (rows, k) and (value >= 0).all()
    dense = torch.zeros(rows, 8).scatter(1, latent, value)
    torch.testing.assert_close(own.decode(own.encode(x)), dense @ own.decoder + own.center)


def test_axes_are_found_and_give_the_vectors_back():
    own, x = corners(), torch.tensor([[3.0, 0], [0, 1]])
    chosen = own.encode(x)
    assert chosen.latent.tolist() == [[0], [1]] and chosen.value.tolist() == [[3], [1]]
    assert torch.equal(own.decode(chosen), x)
    assert variance(x) == 5 and unexplained(x, own.decode(chosen)) == 0
    assert unexplained(x, torch.zeros(2, 2)) == 2


def test_the_mean_leaves_all_variance_unexplained():
    x = torch.randn(9, 5, dtype=torch.float64)
    assert float(unexplained(x, x.mean(0).expand(9, 5))) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("rows", [1, 3])
def test_vectors_without_variance_are_refused(rows):
    x = torch.ones(rows, 4)
    with pytest.raises(InputError, match=f"{rows} rows have no variance to explain"):
        unexplained(x, x)


def test_numbers_of_the_official_code():
    own, x = waves()
    activations = own.activations(x)
    value, latent = own.choose(activations)
    assert latent.tolist() == [[5, 7], [2, 0], [4, 6]]
    wanted = [[2.289969, 1.823743], [2.491116, 2.126332], [3.791145, 3.088754]]
    torch.testing.assert_close(value, torch.tensor(wanted, dtype=torch.float64), atol=1e-6, rtol=0)
    found = own.decode(own.choose(activations))
    first = torch.tensor([2.563286, 2.804093, 1.820155, 0.121264], dtype=torch.float64)
    torch.testing.assert_close(found[0], first, atol=1e-6, rtol=0)
    assert float(variance(x)) == pytest.approx(14.402464, abs=1e-6)
    fvu = unexplained(x, found).item()
    assert fvu == pytest.approx(2.522532, abs=1e-6)
    dead = torch.zeros(8, dtype=torch.bool)
    dead[[1, 3]] = True
    official = (revival(own, activations, found - x, dead, centered=True) / variance(x)).item()
    ours = (revival(own, activations, x - found, dead) / variance(x)).item()
    assert official == pytest.approx(2.468263, abs=1e-6) and fvu + official / 32 == pytest.approx(2.599665, abs=1e-6)
    assert ours == pytest.approx(2.889349, abs=1e-6) and fvu + ours / 32 == pytest.approx(2.612824, abs=1e-6)


def test_who_lives_learns_nothing_from_reviving_the_dead():
    own, x = waves()
    activations = own.activations(x)
    missed = (x - own.decode(own.choose(activations))).detach()
    dead = torch.zeros(8, dtype=torch.bool)
    dead[[1, 3]] = True
    revival(own, activations, missed, dead).backward()
    for grad in (own.encoder.weight.grad, own.decoder.grad):
        assert not grad[~dead].any() and grad[dead].any(1).all()
    assert revival(own, activations, missed, dead) != revival(own, activations, -missed, dead)


@pytest.mark.parametrize(("count", "share"), [(16, 0.5), (500, 1.0)])
def test_a_few_dead_latents_weigh_less(count, share):
    own = Dictionary(64, 1024, 8).double()
    x = torch.randn(5, 64, dtype=torch.float64)
    activations, missed = own.activations(x), torch.randn(5, 64, dtype=torch.float64)
    dead = torch.arange(1024) < count
    best = activations[:, :count].topk(min(count, 32), dim=1)
    explained = torch.stack([v @ own.decoder[i] for v, i in zip(*best, strict=True)])
    wanted = share * (explained - missed).square().sum()
    torch.testing.assert_close(revival(own, activations, missed, dead), wanted)


def test_nobody_is_dead():
    own, x = waves()
    loss = revival(own, own.activations(x), x, torch.zeros(8, dtype=torch.bool))
    assert float(loss) == 0


@pytest.mark.parametrize("k", [0, 9])
def test_k_is_between_one_and_all(k):
    with pytest.raises(InputError, match=f"{k} of 8 latents are to be kept"):
        Dictionary(2, 8, k)


def test_weights_start_as_they_should():
    torch.manual_seed(0)
    own = Dictionary(64, 1024, 8)
    weight = own.encoder.weight
    assert weight.abs().max() <= 1 / 8 and weight.norm(dim=1).mean().item() == pytest.approx(3**-0.5, abs=0.01)
    torch.testing.assert_close(own.decoder, weight / weight.norm(dim=1, keepdim=True))
    assert not own.encoder.bias.any() and not own.center.any()


def test_parameters():
    assert sum(p.numel() for p in Dictionary(64, 1024, 8).parameters()) == 132_160
    assert sum(p.numel() for p in Dictionary(64, 2048, 32).parameters()) == 264_256
