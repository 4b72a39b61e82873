from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from acteme.errors import InputError
from acteme.recordings.spec import Spec
from acteme.systems.represent.lac import Generator, GeneratorConfig, motion
from acteme.systems.represent.lac.generator import Pairs
from tests.systems.represent.lac_cases import BODY, batch, generator_state
from tests.systems.represent.test_lac_autoencoder import waves

PLAIN = GeneratorConfig(up="z", scale=(1.0, 1.0))


def test_reference_losses():
    generator = Generator(GeneratorConfig(), BODY).double().eval()
    generator.load_state_dict(Generator.official_state_dict(generator_state()))
    x1, x2 = waves()
    losses = generator.retargeting(Pairs(x1, x2, x1 / 2, x2 * 2))
    assert losses["motion"].item() == pytest.approx(0, abs=1e-6)
    assert losses["static"].item() == pytest.approx(4.3928 + 2.8263590, abs=1e-5)
    assert losses["self"].item() == pytest.approx(1.3033533 + 1.5123357, abs=1e-6)
    assert losses["target"].item() == pytest.approx(1.0409976 + 2.8150709, abs=1e-6)
    net = generator.network
    errors = [(net(x1) - x1), (net(x2) - x2), (net.swap(x1, x2) - x1 / 2), (net.swap(x2, x1) - x2 * 2)]
    assert [e.square().mean().item() for e in errors] == pytest.approx([1.3033533, 1.5123357, 1.0409976, 2.8150709])
    b1, b2, b12, b21 = (net.decompose(x).b.flatten(1) for x in (x1, x2, x1 / 2, x2 * 2))
    static = [F.triplet_margin_loss(b21, b1, b2).item(), F.triplet_margin_loss(b12, b2, b1).item()]
    assert static == pytest.approx([4.3928, 2.8263590], abs=1e-6)
    named = [v for k, v in losses.items() if k != "total"]
    torch.testing.assert_close(losses["total"], torch.stack(named).sum())


def test_pairs_are_exact_retargetings():
    """x12 of a pair: motion 1 with the bones of 2, seen from the azimuth of 2 to itself."""
    torch.manual_seed(3)
    config = replace(PLAIN, azimuths=(0.0, 90.0))
    generator, data = Generator(config, BODY), batch(2)
    x = data["skeleton"][:, :, 0]
    pairs = generator.pairs(data)
    found = 0
    for first in (0, 1):
        for azimuths in ((0.0, 90.0), (90.0, 0.0)):
            one, two = x[[first]], x[[1 - first]]
            a, b = (torch.tensor([a]).deg2rad() for a in azimuths)

            def seen(p, azimuth):
                return motion.represent(motion.project(p, motion.view_axes(p, azimuth)))

            one_by_two = motion.resize(one, motion.sizes(two) / motion.sizes(one))
            two_by_one = motion.resize(two, motion.sizes(one) / motion.sizes(two))
            wanted = (seen(one, a), seen(two, b), seen(one_by_two, b), seen(two_by_one, a))
            found += all(torch.allclose(w, p, atol=1e-3) for w, p in zip(wanted, pairs, strict=True))
    assert found == 1


def test_a_pair_of_one_body_differs_in_view_only():
    data = batch(4)
    data["skeleton"] = data["skeleton"][:1].expand(4, -1, -1, -1, -1)
    pairs = Generator(replace(PLAIN, azimuths=(-30.0, 60.0)), BODY).pairs(data)
    torch.testing.assert_close(pairs.x12, pairs.x2)
    torch.testing.assert_close(pairs.x21, pairs.x1)
    assert (pairs.x1 - pairs.x2).abs().max() > 1


def test_the_two_views_of_a_pair_always_differ():
    data = batch(64, 16)
    data["skeleton"] = data["skeleton"][:1].expand(64, -1, -1, -1, -1)
    pairs = Generator(replace(PLAIN, azimuths=(0.0, 10.0, 20.0)), BODY).pairs(data)
    assert (pairs.x1 - pairs.x2).flatten(1).abs().max(1).values.min() > 0.1


def test_motions_of_a_pair_are_two_even_when_the_number_is_odd():
    data = batch(3, 16)
    generator = Generator(replace(PLAIN, azimuths=(0.0,)), BODY)
    for _ in range(5):
        pairs = generator.pairs(data)
        assert len(pairs.x1) == 2
        assert (pairs.x1 - pairs.x2).flatten(1).abs().max(1).values.min() > 1
    assert len(generator.pairs({k: v[:1] for k, v in data.items()}).x1) == 1


def test_scale_belongs_to_the_static_attributes():
    data = batch(2)
    data["skeleton"] = data["skeleton"][:1].expand(2, -1, -1, -1, -1)
    pairs = Generator(replace(PLAIN, azimuths=(0.0,), scale=(0.5, 1.5)), BODY).pairs(data)
    ratio = pairs.x12.norm() / pairs.x1.norm()
    assert 1 / 3 < ratio < 3 and abs(ratio - 1) > 1e-3
    torch.testing.assert_close(pairs.x12, ratio * pairs.x1, atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(pairs.x12, pairs.x2)


def test_spread_makes_bodies_that_the_data_lack_and_keeps_the_sides_alike():
    data = batch(2)
    data["skeleton"] = data["skeleton"][:1].expand(2, -1, -1, -1, -1)
    generator = Generator(replace(PLAIN, azimuths=(0.0,), spread=0.3), BODY)
    pairs = generator.pairs(data)
    assert (pairs.x1 - pairs.x2).abs().max() > 1
    torch.testing.assert_close(pairs.x12, pairs.x2)
    factor = generator._spread(torch.zeros(50, 1, 15, 3))
    assert factor.min() >= 0.7 and factor.max() <= 1.3 and factor.std(0).min() > 0.05
    assert torch.equal(factor, factor[:, motion.BODY.flip])


def test_skeleton_mode_turns_each_motion_and_exchanges_the_body():
    torch.manual_seed(0)
    data = batch(2)
    x = data["skeleton"][:, :, 0]
    still = Generator(replace(PLAIN, mode="skeleton", roll=(0.0, 0.0, 0.0)), BODY).pairs(data)
    plain = motion.represent(motion.project(x))
    assert any(torch.allclose(still.x1[0], plain[i], atol=1e-3) for i in (0, 1))
    generator = Generator(replace(PLAIN, mode="skeleton"), BODY)
    turn = generator._rolls(torch.zeros(200, 1))
    torch.testing.assert_close(turn @ turn.mT, torch.eye(3).expand(200, 3, 3), atol=1e-5, rtol=0)
    turned = generator.pairs(data)
    assert not any(torch.allclose(turned.x1[0], plain[i], atol=1) for i in (0, 1))
    data["skeleton"] = data["skeleton"][:1].expand(2, -1, -1, -1, -1)
    same = generator.pairs(data)
    torch.testing.assert_close(same.x12, same.x1)  # the same body: nothing to exchange, the turn is the motion's


def test_rolls_turn_about_x_then_y_then_z_by_the_right_hand():
    generator = Generator(replace(PLAIN, roll=(0.0, 0.0, 30.0)), BODY)
    turn = generator._rolls(torch.zeros(50, 1))
    c, s = turn[:, 0, 0], turn[:, 1, 0]
    assert s.abs().max() <= 0.5 + 1e-6 and s.std() > 0.1
    torch.testing.assert_close(turn[:, 0, 1], -s)
    torch.testing.assert_close(c.square() + s.square(), torch.ones(50))
    torch.testing.assert_close(turn[:, 2], torch.tensor([0.0, 0.0, 1.0]).expand(50, 3))


def test_calibration_is_over_all_azimuths_and_leaves_padding_out():
    generator = Generator(replace(PLAIN, azimuths=(-90.0, 0.0, 45.0)), BODY)
    data = batch(5, 20)
    data["mask"][0, 12:] = False
    data["skeleton"][0, 12:] = 0
    generator.calibrate(iter([{k: v[:3] for k, v in data.items()}, {k: v[3:] for k, v in data.items()}]))
    parts = []
    for i in range(5):
        n = int(data["mask"][i].sum())
        x = data["skeleton"][i, :, 0]
        x = torch.cat([x[:n], x[n - 1 : n].expand(20 - n, -1, -1)])[None]
        for azimuth in (-90.0, 0.0, 45.0):
            axes = motion.view_axes(x, torch.tensor([azimuth]).deg2rad())
            parts.append(motion.represent(motion.project(x, axes))[0, :, :n])
    codes = torch.cat(parts, 1)
    torch.testing.assert_close(generator.network.mean, codes.mean(1), atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(generator.network.std, codes.std(1, correction=0), atol=1e-3, rtol=1e-4)


def test_persons_who_come_and_go_teach_nothing():
    data = batch(3, 16, persons=2)
    data["skeleton"][0, 3:5, 1] = 0
    data["skeleton"][1, :, 1] = 0
    spec = replace(BODY, persons=2)
    x, mask = Generator(PLAIN, spec)._motions(data)
    assert x.shape == (4, 16, 15, 3) and mask.all()
    data["skeleton"].zero_()
    generator = Generator(PLAIN, spec)
    total = generator.losses(data)["total"]
    total.backward()
    assert total == 0
    with pytest.raises(InputError, match="no person is seen throughout"):
        generator.calibrate([data])


def test_flat_data_cannot_teach_it_but_are_encoded():
    spec = Spec("body15", 15, 1, 2)
    generator = Generator(GeneratorConfig(), spec).eval()
    with pytest.raises(InputError, match="positions in space"):
        generator.losses(batch(channels=2))
    assert generator.encode(batch(3, 40, channels=2)).tokens.shape == (3, 5, 128)


def test_latents_know_where_a_clip_ends():
    data = batch(2, 40)
    data["mask"][1, 17:] = False
    latents = Generator(GeneratorConfig(), BODY).eval().encode(data)
    assert latents.tokens.shape == (2, 5, 128) and latents.pooled.shape == (2, 160)
    assert latents.mask.tolist() == [[True] * 5, [True, True, True, False, False]]
    torch.testing.assert_close(latents.pooled[1, :128], latents.tokens[1, :3].mean(0))


def test_every_term_has_its_switch():
    pairs = Pairs(*torch.randn(4, 3, 30, 32))
    terms = Generator(GeneratorConfig(triplet=0.0, foot=0.1), BODY).retargeting(pairs)
    assert set(terms) == {"total", "self", "target", "foot"}
    still = Pairs(*torch.zeros(4, 3, 30, 32))
    generator = Generator(GeneratorConfig(triplet=0.0, foot=0.1), BODY).eval()
    for p in generator.network.decoder.parameters():
        torch.nn.init.zeros_(p)
    with torch.no_grad():
        generator.network.decoder[-1].bias[-1] = 2.0  # the mid-hip moves by 2 in y at every step
    assert generator.retargeting(still)["foot"].item() == pytest.approx(0.1 * 4 * 2.0, rel=1e-5)


def test_the_swap_transfers_what_it_learns_to_transfer():
    """After a short training the target error is below that of a network whose static parts are not exchanged."""
    torch.manual_seed(0)
    config = replace(PLAIN, azimuths=(0.0, 180.0), triplet=0.0, scale=(0.2, 2.0), motion=24, static=8)
    generator, data = Generator(config, BODY), batch(8, 16)
    generator.calibrate([data])
    step = torch.optim.Adam(generator.parameters(), 3e-3)
    for _ in range(120):
        step.zero_grad()
        generator.losses(data)["total"].backward()
        step.step()
    generator.eval()
    with torch.no_grad():
        pairs = generator.pairs(data)
        swapped = generator.retargeting(pairs)["target"]
        kept = generator.network(torch.cat([pairs.x1, pairs.x2]))
        unswapped = 2 * (kept - torch.cat([pairs.x12, pairs.x21])).square().mean()
    assert swapped < 0.8 * unswapped


def test_the_shipped_weights_are_recognized_as_an_earlier_model():
    state = {n: v for n, v in generator_state().items() if n != "mot_encoder.v"}
    state["mot_encoder.model.7.weight"], state["mot_encoder.model.7.bias"] = torch.zeros(128, 96, 8), torch.zeros(128)
    state |= {f"static_encoder.model.{i}.weight": torch.zeros(1) for i in (1, 5, 9, 13)}
    with pytest.raises(InputError, match="earlier model, without the action dictionary"):
        Generator.official_state_dict(state)
    fits = Generator.official_state_dict({f"module.{n}": v for n, v in state.items()}, partial=True)
    missing, unexpected = Generator(GeneratorConfig(), BODY).load_state_dict(fits, strict=False)
    assert not unexpected
    assert {n.rpartition(".")[0] for n in missing} == {"network", "network.encoder.2"}


def test_a_whole_checkpoint_is_read_and_other_weights_are_refused():
    state = generator_state()
    whole = Generator.official_state_dict({"epoch": 300, "state_dict": {f"module.{n}": v for n, v in state.items()}})
    assert whole.keys() == Generator.official_state_dict(state).keys()
    for strange in ({}, {"fc.weight": torch.zeros(1)}, {n: v for n, v in state.items() if n != "decoder.model.7.bias"}):
        with pytest.raises(InputError, match="are not of LAC's generator"):
            Generator.official_state_dict(strange)
    with pytest.raises(InputError, match="a generator of 34 channels, this one has 30"):
        Generator.official_state_dict(state | {"mot_encoder.model.1.weight": torch.zeros(64, 34, 8)})
