import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.systems.represent.halp.hallucinate import Positives, attraction, boundary, hallucinate, walk

P0, PS = torch.tensor([1.0, 0, 0]), torch.tensor([0, 1.0, 0])


def unit(*shape: int, seed: int = 0) -> torch.Tensor:
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def limit(k, p0=P0, ps=PS, official_atan=False) -> float:
    return float(boundary(k @ ps, k @ p0, ps @ p0, official_atan))


def point(k, t, ps=PS) -> torch.Tensor:
    a, b = walk(k @ ps, torch.as_tensor(t))
    return a * k + b * ps


K1 = torch.tensor([math.cos(0.3), math.sin(0.3), 0])
K3 = torch.tensor([0.8, 0.36, 0.48])


@pytest.mark.parametrize(
    ("k", "t", "cosine"), [(K1, 0.381964, 0.707107), (P0, 0.5, 0.707107), (K3, 0.283203, 0.650945)]
)
@pytest.mark.parametrize("official_atan", [False, True])
def test_reference_boundaries(k, t, cosine, official_atan):
    assert limit(k, official_atan=official_atan) == pytest.approx(t, abs=1e-6)
    z = point(k, limit(k))
    assert float(z @ P0) == pytest.approx(cosine, abs=1e-6)
    assert float(z @ PS) == pytest.approx(cosine, abs=1e-6)


@pytest.mark.parametrize(
    ("k", "angle", "quotient"), [(K1, 1.270796, 1.515573), (P0, math.pi / 2, 1), (K3, math.acos(0.36), 2.272727)]
)
def test_reference_angles_and_kappas(k, angle, quotient):
    w = math.acos(float(k @ PS))
    kappa = (1 - float(PS @ P0)) / float(k @ (P0 - PS))
    assert (w, kappa) == (pytest.approx(angle, abs=1e-6), pytest.approx(quotient, abs=1e-6))
    assert math.atan2(math.sin(w), kappa + math.cos(w)) / w == pytest.approx(limit(k), abs=1e-6)


@pytest.mark.parametrize("k", [K1, P0, K3])
def test_at_the_boundary_both_prototypes_are_equally_close(k):
    k = F.normalize(k.double(), dim=0)
    z = point(k, boundary(k @ PS.double(), k @ P0.double(), (PS @ P0).double()), PS.double())
    assert abs(float(z @ (P0 - PS).double())) < 1e-8 and float(z.norm()) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    ("k", "z"), [(K1, (0.7160, 0.6981, 0)), (P0, (0.7181, 0.6959, 0)), (K3, (0.6576, 0.6418, 0.3946))]
)
def test_reference_points_just_before_the_boundary(k, z):
    prototypes = torch.stack([P0, PS])
    made = hallucinate(k[None], prototypes, 4, "edge")
    assert made.kept.all() and (made.target == 1).all()
    for row in made.points(k[None], prototypes)[0]:
        assert row.tolist() == pytest.approx(z, abs=6e-5)


def circle(degrees: float) -> torch.Tensor:
    return torch.tensor([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))])


def test_a_boundary_beyond_ninety_degrees_is_met_and_the_official_arctangent_goes_astray():
    k, p0, ps = circle(0), circle(20), circle(170)
    z = point(k, limit(k, p0, ps), ps)
    assert z.tolist() == pytest.approx(circle(95).tolist(), abs=1e-5)
    wrong = limit(k, p0, ps, official_atan=True)
    assert wrong < 0
    assert point(k, wrong, ps).tolist() == pytest.approx(circle(-85).tolist(), abs=1e-5)


def triples(seed: int, dim: int, n: int = 200) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    k, p, s = (unit(n, dim, seed=3 * seed + i).double() for i in range(3))
    k, p, s = (F.normalize(v, dim=-1) for v in (k, p, s))
    swap = ((k * s).sum(-1) > (k * p).sum(-1))[:, None]
    p, s = torch.where(swap, s, p), torch.where(swap, p, s)
    curved = (k * s).sum(-1).abs() < 0.999  # no walk is defined between equal or opposite points
    return k[curved], p[curved], s[curved]


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), dim=st.sampled_from([2, 3, 8, 128]))
def test_the_boundary_is_where_both_prototypes_are_equally_close(seed, dim):
    k, p0, ps = triples(seed, dim)
    k_s, k_0, s_0 = (k * ps).sum(-1), (k * p0).sum(-1), (ps * p0).sum(-1)
    t = boundary(k_s, k_0, s_0)
    assert ((t >= 0) & (t <= 1)).all()

    def margin(at):
        a, b = walk(k_s, at)
        z = a[:, None] * k + b[:, None] * ps
        assert torch.allclose(z.norm(dim=-1), torch.ones(len(z)).double())
        return (z * (p0 - ps)).sum(-1)

    assert margin(t).abs().max() < 1e-6
    assert (margin(0.9 * t)[t > 1e-3] > 0).all()
    past = t + 0.1 * (1 - t)
    assert (margin(past)[1 - t > 1e-3] < 0).all()


@settings(max_examples=20)
@given(seed=st.integers(0, 1000))
def test_the_arctangents_agree_up_to_ninety_degrees(seed):
    k, p0, ps = triples(seed, 3)
    k_s, k_0, s_0 = (k * ps).sum(-1), (k * p0).sum(-1), (ps * p0).sum(-1)
    t, quirk = boundary(k_s, k_0, s_0), boundary(k_s, k_0, s_0, True)
    near = t * k_s.acos() < math.pi / 2 - 1e-6
    assert torch.allclose(t[near], quirk[near])
    assert (quirk[~near] < 0).all()


def test_walks_begin_at_the_key_and_end_at_the_prototype():
    k, ps = unit(50, 7), unit(50, 7, seed=1)
    for t, goal in ((0.0, k), (1.0, ps)):
        a, b = walk((k * ps).sum(-1), torch.full((50,), t))
        assert torch.allclose(a[:, None] * k + b[:, None] * ps, goal, atol=1e-6)


@pytest.mark.parametrize("cosine", [1.0, -1.0, 1.0000001, -1.0000001])
def test_keys_on_or_opposite_a_prototype_stay_where_they_are(cosine):
    a, b = walk(torch.tensor([cosine]), torch.tensor([0.7]))
    assert (a.item(), b.item()) == (1, 0)
    t = boundary(torch.tensor(cosine), torch.tensor(1.0), torch.tensor(cosine))
    assert torch.isfinite(t)


def test_a_target_as_close_as_the_nearest_prototype_leaves_no_way():
    assert float(boundary(torch.tensor(0.5), torch.tensor(0.5), torch.tensor(0.2))) == 0
    assert float(boundary(torch.tensor(0.5), torch.tensor(0.5), torch.tensor(1.0))) == 0


def noisy(hardness, **options) -> Positives:
    torch.manual_seed(0)
    prototypes = unit(20, 128)
    k = F.normalize(prototypes.repeat(4, 1)[:64] + 0.5 * torch.randn(64, 128) / 128**0.5, dim=1)
    return hallucinate(k, prototypes, 100, hardness, **options)


def test_reference_kept_fractions():
    assert all(noisy(h).kept.float().mean() > 0.995 for h in (0.8, 1.0, "edge"))
    assert 0.2 < noisy(0.0).kept.float().mean() < 0.8


def test_walks_past_the_boundary_are_dropped():
    """The sanity check that fails for a random t: hardly any positive survives at 1.2 t*."""
    prototypes, made = unit(20, 128), noisy(0.0)
    torch.manual_seed(0)
    k = F.normalize(prototypes.repeat(4, 1)[:64] + 0.5 * torch.randn(64, 128) / 128**0.5, dim=1)
    similar, gram = k @ prototypes.T, prototypes @ prototypes.T
    home = similar.argmax(1, keepdim=True)
    k_s = similar.gather(1, made.target)
    t = boundary(k_s, similar.gather(1, home), gram[made.target, home])
    kept = {}
    for factor in (0.98, 1.2):
        a, b = walk(k_s, factor * t)
        z = a[..., None] * k[:, None] + b[..., None] * prototypes[made.target]
        kept[factor] = ((z @ prototypes.T).argmax(-1) == home).float().mean().item()
    assert kept[0.98] > 0.99 and kept[1.2] < 0.01


def test_kept_positives_have_the_keys_own_nearest_prototype():
    k, prototypes = unit(64, 4, seed=5), unit(20, 4, seed=6)
    made = hallucinate(k, prototypes, 50, 0.5)
    nearest = (made.points(k, prototypes) @ prototypes.T).argmax(-1)
    same = nearest == (k @ prototypes.T).argmax(1, keepdim=True)
    assert 0.1 < made.kept.float().mean() < 0.95
    assert (same == made.kept).float().mean() > 0.999
    assert hallucinate(k, prototypes, 50, 0.5, rank_filter=False).kept.all()


def test_hardness_bounds_the_way():
    k, prototypes = unit(64, 16, seed=5), unit(20, 16, seed=6)
    similar = k @ prototypes.T
    home = similar.argmax(1, keepdim=True)
    for hardness, low in ((0.8, 0.2), (0.3, 0.7), (1.0, 0.0)):
        made = hallucinate(k, prototypes, 200, hardness)
        k_s = similar.gather(1, made.target)
        t = boundary(k_s, similar.gather(1, home), (prototypes @ prototypes.T)[made.target, home])
        w = k_s.acos()
        # b = sin(t w) / sin w
        share = (made.prototype * w.sin()).clamp(-1, 1).asin() / w / t
        assert low - 1e-3 < share.min() < low + 0.02 and 0.98 < share.max() < 1.001


def test_targets_are_all_prototypes_but_the_nearest_and_equally_likely():
    k, prototypes = unit(1, 8), unit(6, 8, seed=1)
    torch.manual_seed(0)
    counts = torch.bincount(hallucinate(k, prototypes, 20000).target[0], minlength=6)
    near = (k @ prototypes.T)[0].argsort(descending=True)
    assert counts[near[0]] == 0
    assert (counts[near[1:]] / 20000 - 0.2).abs().max() < 0.015
    few = hallucinate(k, prototypes, 500, skip=2, pool=3).target.unique()
    assert set(few.tolist()) == set(near[2:5].tolist())


def test_mixup_walks_anywhere_and_keeps_all_and_repeat_stays():
    k, prototypes = unit(64, 8, seed=5), unit(20, 8, seed=6)
    mixed = hallucinate(k, prototypes, 50, source="mixup")
    nearest = (mixed.points(k, prototypes) @ prototypes.T).argmax(-1)
    assert mixed.kept.all()
    assert (nearest != (k @ prototypes.T).argmax(1, keepdim=True)).float().mean() > 0.3
    assert torch.allclose(mixed.points(k, prototypes).norm(dim=-1), torch.ones(64, 50), atol=1e-5)
    same = hallucinate(k, prototypes, 50, source="repeat")
    assert torch.equal(same.points(k, prototypes), k[:, None].expand(-1, 50, -1)) and same.kept.all()


def test_the_loss_without_points_is_the_loss_with_them():
    q, k, prototypes = unit(16, 8, seed=1), unit(16, 8, seed=2), unit(10, 8, seed=3)
    made = hallucinate(k, prototypes, 30)
    z = made.points(k, prototypes)
    expected = -((q[:, None] * z).sum(-1) / 0.07)[made.kept].mean()
    assert float(attraction(q, k, prototypes, made, 0.07)) == pytest.approx(float(expected), rel=1e-5)


def test_repeated_keys_give_the_mean_cosine():
    q, k, prototypes = unit(16, 8, seed=1), unit(16, 8, seed=2), unit(10, 8, seed=3)
    made = hallucinate(k, prototypes, 30, source="repeat")
    expected = -float((q * k).sum(-1).mean()) / 0.07
    assert float(attraction(q, k, prototypes, made, 0.07)) == pytest.approx(expected, rel=1e-5)


def test_no_kept_positive_gives_exactly_zero_and_no_nan():
    q, k, prototypes = unit(4, 8, seed=1).requires_grad_(), unit(4, 8, seed=2), unit(10, 8, seed=3)
    made = hallucinate(k, prototypes, 5)
    none = Positives(made.target, made.key, made.prototype, torch.zeros_like(made.kept))
    loss = attraction(q, k, prototypes, none, 0.07)
    loss.backward()
    assert loss.item() == 0 and q.grad.abs().max() == 0


def test_only_the_query_learns():
    q, k, prototypes = (unit(n, 8, seed=n).requires_grad_() for n in (4, 5, 6))
    k = k[:4]
    made = hallucinate(k, prototypes, 7)
    assert not any(v.requires_grad for v in (made.key, made.prototype))
    grads = torch.autograd.grad(attraction(q, k, prototypes, made, 0.07), [q, k, prototypes], allow_unused=True)
    assert grads[0].abs().max() > 0 and grads[1] is None and grads[2] is None
