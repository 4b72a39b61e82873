"""The autoencoder over a frozen recommender."""

from dataclasses import replace

import pytest
import torch

from acteme.errors import InputError
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.inspect.recsae.autoencoder import AutoencodeConfig, Autoencoder
from acteme.systems.inspect.recsae.base import Base, BaseConfig
from acteme.systems.inspect.recsae.dictionary import revival, variance
from tests.systems.inspect.recsae.test_base import batch

SPEC = Spec(items=9)
CONFIG = AutoencodeConfig(width=4, scale=4, k=2)

ROWS = ([1, 2, 3], [4, 5], [6, 7, 8, 9], [1, 9], [3, 3, 3], [2, 8])


def made(**changes) -> Autoencoder:
    torch.manual_seed(1)
    base = Base(BaseConfig("recent", width=4, windows=Windows(frames=6, stride=1, prefixes=True)), SPEC)
    for p in base.parameters():
        torch.nn.init.normal_(p)
    module = Autoencoder(replace(CONFIG, **changes), SPEC).eval()
    module.attach(base)
    return module


def test_the_model_is_no_part_of_it_and_learns_nothing():
    module = made()
    before = {n: v.clone() for n, v in module.model.state_dict().items()}
    assert set(module.state_dict()) == {"dictionary.encoder.weight", "dictionary.encoder.bias", "dictionary.decoder",
                                        "dictionary.center", "quiet", "seen", "peak"}  # fmt: skip
    module.before_epoch(0)
    optimizer = torch.optim.Adam(module.parameters(), 0.1)
    for _ in range(3):
        optimizer.zero_grad()
        module.train().losses(batch(*ROWS))["total"].backward()
        optimizer.step()
        module.after_step()
    torch.testing.assert_close(module.dictionary.decoder.norm(dim=1), torch.ones(16))
    assert all(torch.equal(before[n], v) for n, v in module.model.state_dict().items())
    assert all(p.grad is None and not p.requires_grad for p in module.model.parameters())
    assert not module.model.training


def test_left_away_the_recommender_is_the_same():
    torch.manual_seed(1)
    base = Base(BaseConfig("recent", width=4, windows=Windows(frames=6, stride=1, prefixes=True)), SPEC)
    for p in base.parameters():
        torch.nn.init.normal_(p)
    rows = batch(*ROWS)
    alone = base.eval().predict(rows)
    module = Autoencoder(CONFIG, SPEC)
    module.attach(base)
    module.before_epoch(0)
    module.train().losses(rows)["total"].backward()
    module.after_step()
    module.eval().peak.fill_(2.0)
    module.turn({5: 1.5})
    through = module.predict(rows)
    left = module.model.predict(rows)
    assert torch.equal(left.query, alone.query) and torch.equal(left.table, alone.table)
    assert torch.equal(through.table, alone.table) and not torch.allclose(through.query, alone.query)


def test_an_autoencoder_that_gives_back_its_input_changes_nothing():
    module, rows = made(k=4), batch(*ROWS)
    own, axes = module.dictionary, torch.cat([torch.eye(4), -torch.eye(4)])
    with torch.no_grad():
        own.encoder.weight.zero_()[:8] = axes
        own.decoder.zero_()[:8] = axes
        own.encoder.bias.fill_(-1.0)[:8] = 0
        own.center.zero_()
    bare = module.model.predict(rows)
    torch.testing.assert_close(module.predict(rows).query, bare.query)
    module.turn(dict.fromkeys(range(8, 16), 0.0))  # none of which is ever active
    torch.testing.assert_close(module.predict(rows).query, bare.query)
    module.turn({2: 0.0})  # the third number where it is positive, and nothing else
    torch.testing.assert_close(module.predict(rows).query, bare.query - bare.query.relu() * torch.eye(4)[2])


def test_silencing_changes_only_who_has_it():
    module, rows = made(), batch(*ROWS)
    chosen = module.dictionary.encode(module.vectors(rows))
    active = module.encode(rows).pooled > 0
    latent = next(n for n in range(16) if 0 < active[:, n].sum() < len(ROWS))
    plain = module.predict(rows).query
    module.turn({latent: 0.0})
    turned = module.predict(rows).query
    has = active[:, latent]
    assert torch.equal(turned[~has], plain[~has]) and (turned[has] != plain[has]).any(1).all()
    kept = chosen.value * (chosen.latent != latent)
    torch.testing.assert_close(turned, module.dictionary.decode(type(chosen)(kept, chosen.latent)))


def test_turning_up_sets_the_largest_activation_of_training():
    module, rows = made(), batch(*ROWS)
    module.peak.fill_(2.0)
    module.turn({5: 1.5})
    z = module.encode(rows).pooled.clone()
    z[:, 5] = 3.0
    torch.testing.assert_close(module.predict(rows).query, z @ module.dictionary.decoder + module.dictionary.center)


def test_reasons_are_parts_of_the_score_as_latents_are_turned():
    module, rows = made(), batch(*ROWS)
    module.peak.fill_(2.0)
    items = torch.tensor([[1, 5, 9]]).expand(len(ROWS), -1)
    latent = int(module.dictionary.encode(module.vectors(rows)).latent[0, 0])
    for changes in ({}, {latent: 0.0}, {latent: 0.0, 5: 1.5}):
        module.turn(changes)
        told = module.predict(rows)
        found = module.reasons(rows, items, most=99)
        score = (told.query @ told.table.T).gather(1, items - 1)
        center = module.dictionary.center @ told.table[items - 1].transpose(-1, -2)
        torch.testing.assert_close(found.parts.sum(-1) + center, score)
        parts = dict(zip(found.names[0][0], found.parts[0, 0].tolist(), strict=True))
        assert (parts[f"latent {latent}"] != 0) == (not changes)
        assert 5 not in changes or parts["latent 5"] != 0
    assert module.reasons(rows, items, most=2).parts.shape == (6, 3, 2)


def test_what_is_not_explained_can_be_kept():
    module, rows = made(), batch(*ROWS)
    module.turn({}, keep_missed=True)
    assert torch.equal(module.predict(rows).query, module.model.predict(rows).query)
    chosen = module.dictionary.encode(module.vectors(rows))
    latent, value = int(chosen.latent[0, 0]), chosen.value[0, 0]
    module.turn({latent: 0.0}, keep_missed=True)
    moved = module.predict(rows).query[0] - module.model.predict(rows).query[0]
    torch.testing.assert_close(moved, -value * module.dictionary.decoder[latent])


def test_latents_are_sparse():
    found = made().encode(batch(*ROWS))
    assert found.tokens.shape == (6, 1, 16) and found.mask.all() and (found.pooled >= 0).all()
    assert ((found.pooled > 0).sum(1) <= 2).all() and (found.pooled > 0).any()


def test_rows_are_all_steps_or_the_last():
    module, rows = made(), batch(*ROWS)
    assert module.vectors(rows, "all").shape == (16, 4)
    torch.testing.assert_close(module.vectors(rows), module.model.encode(rows).pooled)


def test_active_is_above_zero():
    module = made(dead=2)
    with torch.no_grad():
        module.dictionary.encoder.weight.zero_()
        module.dictionary.encoder.bias.fill_(-1.0)
        module.dictionary.encoder.bias[[3, 7]] = torch.tensor([1.0, 0.5])
    for step in (1, 2, 3):
        found = module.losses(batch(*ROWS))
        assert module.quiet.tolist() == [0 if n in (3, 7) else step for n in range(16)]
        assert found["dead"].item() == pytest.approx(14 / 16 if step == 3 else 0)
    assert module.peak[3] == 1.0 and module.peak[7] == 0.5 and module.peak.sum() == 1.5
    assert found["revive"].item() > 0


def test_dead_by_the_epoch():
    module = made(dead="epoch")
    module.before_epoch(0)
    assert module.losses(batch(*ROWS))["revive"].item() == 0
    active = module.seen.clone()
    module.before_epoch(1)
    assert torch.equal(module.dead, ~active) and not module.seen.any() and not module.peak.any()
    assert module.losses(batch(*ROWS))["revive"].item() > 0


def test_directions_are_normed_once_an_epoch_as_officially():
    module = made(normalize="epoch")
    with torch.no_grad():
        module.dictionary.decoder.mul_(3.0)
    module.after_step()
    assert module.dictionary.decoder.norm(dim=1).min() > 2
    module.before_epoch(1)
    torch.testing.assert_close(module.dictionary.decoder.norm(dim=1), torch.ones(16))


def test_the_center_starts_in_the_mean_where_asked():
    batches = [batch(*ROWS[:2]), batch(*ROWS[2:])]
    module = made(start="mean", rows="last")
    module.calibrate(iter(batches))
    mean = torch.cat([module.learned(b) for b in batches]).mean(0)
    torch.testing.assert_close(module.dictionary.center.detach(), mean)
    zero = made()
    zero.calibrate(iter(batches))
    assert not zero.dictionary.center.any()


def some_dead(**changes) -> tuple[Autoencoder, torch.Tensor]:
    """All but four latents are dead, among them some that are chosen; and vectors."""
    module = made(dead="epoch", **changes)
    module.quiet.fill_(1)
    module.quiet[:4] = 0
    return module, module.vectors(batch(*ROWS), "all")


def test_the_loss_is_what_is_unexplained_and_a_thirty_second_of_what_the_dead_miss():
    for weight in ({}, {"revive": 0.5}, {"official_revival": True}):
        module, x = some_dead(**weight)
        found, own = module.reconstruct(x), module.dictionary
        e = x - own.decode(own.encode(x))
        missed = -e if "official_revival" in weight else e
        aux = revival(own, own.activations(x), missed, module.dead, "official_revival" in weight) / variance(x)
        torch.testing.assert_close(found["fvu"], e.square().sum() / variance(x))
        torch.testing.assert_close(found["revive"], aux)
        assert aux > 0.01
        torch.testing.assert_close(found["total"], found["fvu"] + weight.get("revive", 1 / 32) * aux)


@pytest.mark.parametrize("official", [False, True])
def test_only_the_official_residual_has_a_gradient(official):
    """What the living find is changed by how badly the dead explain the rest only as officially."""
    module, x = some_dead(official_revival=official)
    own = module.dictionary
    found = torch.autograd.grad(module.reconstruct(x)["revive"], list(own.parameters()))
    e = own.decode(own.encode(x)) - x if official else (x - own.decode(own.encode(x))).detach()
    wanted = torch.autograd.grad(
        revival(own, own.activations(x), e, module.dead, official) / variance(x), list(own.parameters())
    )
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b)
    decoder = found[[n for n, _ in own.named_parameters()].index("decoder")]
    chosen = own.encode(x)
    alive = [n for n in chosen.latent[chosen.value > 0].unique().tolist() if not module.dead[n]]
    assert alive and decoder[alive].any(1).all() == official and decoder[alive].any() == official


def test_official_autoencoders_load():
    torch.manual_seed(2)
    theirs = {"sae_module.W_dec": torch.randn(16, 4), "sae_module.b_dec": torch.randn(4),
              "sae_module.encoder.weight": torch.randn(16, 4), "sae_module.encoder.bias": torch.randn(16),
              "i_embeddings.weight": torch.randn(10, 4)}  # fmt: skip
    module = made()
    module.quiet.fill_(999)
    module.load_state_dict(Autoencoder.official_state_dict(theirs))
    assert not module.dead.any() and not module.seen.any() and not module.peak.any()
    x = module.vectors(batch(*ROWS))
    pre = ((x - theirs["sae_module.b_dec"]) @ theirs["sae_module.encoder.weight"].T
           + theirs["sae_module.encoder.bias"]).relu()  # fmt: skip
    value, latent = pre.topk(2, dim=1)
    z = torch.zeros_like(pre).scatter(1, latent, value)
    torch.testing.assert_close(module.through(x), z @ theirs["sae_module.W_dec"] + theirs["sae_module.b_dec"])


def test_wrong_inputs():
    with pytest.raises(InputError, match=r"has no model to look into.*--base RUN"):
        Autoencoder(CONFIG, SPEC).losses(batch(*ROWS))
    module = made()
    with pytest.raises(InputError, match=r"there is no latent 16.*0 to 15"):
        module.turn({16: 0.0})
    with pytest.raises(InputError, match=r"latent 3 was never active in training.*only be silenced"):
        module.turn({2: 0.0, 3: 1.0})
    module.turn({2: 0.0})
    module.attach(Base(BaseConfig(width=8, windows=Windows(frames=6, stride=1, prefixes=True)), SPEC))
    with pytest.raises(InputError, match=r"vectors of 8 numbers where 4 are expected.*--set autoencode.width=8"):
        module.losses(batch(*ROWS))
