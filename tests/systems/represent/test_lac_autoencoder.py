import pytest
import torch

from acteme.errors import InputError
from acteme.systems.represent.lac import Generator, GeneratorConfig, motion
from acteme.systems.represent.lac.autoencoder import Autoencoder
from tests.systems.represent.lac_cases import BODY, batch, generator_state


@pytest.fixture(scope="module")
def reference() -> Autoencoder:
    generator = Generator(GeneratorConfig(), BODY).double().eval()
    generator.load_state_dict(Generator.official_state_dict(generator_state()))
    return generator.network


def waves() -> tuple[torch.Tensor, torch.Tensor]:
    c, t = torch.arange(30.0).double()[:, None], torch.arange(64.0).double()
    return torch.sin(0.1 * t + 0.3 * c)[None], torch.cos(0.2 * t - 0.5 * c)[None]


def test_reference_numbers(reference):
    x1, x2 = waves()
    r, parts = reference.latent(x1), reference.decompose(x1)
    assert sum(p.numel() for p in reference.parameters()) == 427_678
    assert r.mean().item() == pytest.approx(0.2450593, abs=1e-6)
    assert r[0, 0, :3].tolist() == pytest.approx([0.7928552, 0.2560152, -0.0367778], abs=1e-6)
    torch.testing.assert_close(parts.m[:, :128], r[:, :128], atol=1e-6, rtol=0)
    assert parts.m[:, 128:].abs().max() < 1e-6
    assert parts.b[0, 128:131, 0].tolist() == pytest.approx([0.9860016, 0.2105620, 0.0877479], abs=1e-6)
    out = reference(x1)
    assert out[0, 0, :3].tolist() == pytest.approx([0.1745184, 0.1431943, 0.4113369], abs=1e-6)
    assert out.mean().item() == pytest.approx(-0.0101738, abs=1e-6)
    assert out.std().item() == pytest.approx(0.8466776, abs=1e-6)
    mixed = reference.compose(x1, x2)
    assert mixed[0, 0, :3].tolist() == pytest.approx([-0.3256550, -0.3530328, -0.3634325], abs=1e-6)
    assert mixed.mean().item() == pytest.approx(0.0135014, abs=1e-6)


def test_the_sign_of_the_dictionary_changes_nothing(reference):
    x1, x2 = waves()
    before, parts = reference.compose(x1, x2), reference.decompose(x1)
    with torch.no_grad():
        reference.directions.neg_()
        after, again = reference.compose(x1, x2), reference.decompose(x1)
        reference.directions.neg_()
    torch.testing.assert_close(after, before, atol=1e-6, rtol=0)
    torch.testing.assert_close(again.m, parts.m, atol=1e-6, rtol=0)


def test_shapes_down_and_up():
    net, x = Autoencoder().eval(), torch.randn(2, 30, 64)
    lengths = []
    for conv in net.encoder:
        conv.register_forward_hook(lambda m, i, o: lengths.append(o.shape[-1]))
    parts = net.decompose(x)
    assert lengths == [32, 16, 8]
    assert parts.a_m.shape == (2, 8, 128) and parts.a_s.shape == (2, 32)
    assert parts.m.shape == parts.b.shape == (2, 160, 8)
    assert net.decode(parts.m + parts.b).shape == (2, 30, 64)


def test_the_dictionary_stays_orthogonal_while_it_learns():
    torch.manual_seed(0)
    net = Autoencoder()
    step = torch.optim.Adam(net.parameters(), 0.05)
    for _ in range(3):
        step.zero_grad()
        net(torch.randn(4, 30, 16)).square().mean().backward()
        assert net.directions.grad.abs().max() > 0
        step.step()
        q = net.basis()
        torch.testing.assert_close(q.T @ q, torch.eye(160), atol=1e-5, rtol=0)
        parts = net.decompose(torch.randn(4, 30, 64))
        assert ((parts.m * parts.b).sum(1).abs() / (parts.m.norm(dim=1) * parts.b.norm(dim=1))).max() < 1e-4


def test_magnitudes_are_a_function_of_the_dictionary_alone():
    torch.manual_seed(1)
    net = Autoencoder()
    q = net.basis()
    assert (torch.linalg.solve(q, net.directions + 1e-8).diagonal() > 0).all()
    with torch.no_grad():
        net.directions.copy_(q * 3)  # the same directions at another length
    torch.testing.assert_close(net.basis(), q, atol=1e-5, rtol=0)


def test_composing_a_motion_with_itself_is_its_reconstruction_exactly():
    torch.manual_seed(0)
    net = Autoencoder().eval()
    x, y, z = torch.randn(3, 2, 30, 32)
    assert torch.equal(net.compose(x, x), net(x))
    assert torch.equal(net.compose(x), net(x))
    assert (net.compose(x, y) - net.compose(y, x)).abs().max() > 1e-3
    px, py, pz = (net.decompose(each) for each in (x, y, z))
    torch.testing.assert_close(net.compose(x, y, z), net.decode((px.m + py.m + pz.m) / 3 + px.b))
    torch.testing.assert_close(net.compose(x, y), net.decode((px.m + py.m) / 2 + px.b))
    torch.testing.assert_close(net.swap(x, y), net.decode(px.m + py.b))


def test_dropout_is_off_where_nothing_is_learned():
    net, x = Autoencoder(), torch.randn(1, 30, 32)
    assert not torch.equal(net(x), net(x))
    net.eval()
    assert torch.equal(net(x), net(x))


@pytest.mark.parametrize("frames", [1, 15, 16, 17, 64, 121])
def test_motions_of_any_length_are_composed(frames):
    net = Autoencoder().eval()
    p = batch(2, frames, channels=2)["skeleton"][:, :, 0]
    out = net.compose_positions(p, p.flip(0))
    assert out.shape == p.shape and torch.isfinite(out).all()
    assert out[:, 0, motion.MID_HIP].abs().max() < 0.1  # within the velocity that the network gives the first frame


def test_official_pose_files():
    net = Autoencoder()
    mean, std = torch.randn(15, 2), torch.rand(15, 2)
    std[3, 1] = 0
    net.use_statistics(mean, std)
    assert net.std[7] == pytest.approx(1e-9)
    code = torch.randn(2, 30, 8)
    x = net.standardize(code)
    torch.testing.assert_close(x[0, 2], (code[0, 2] - mean[1, 0]) / std[1, 0])
    torch.testing.assert_close(net.restore(x), code)
    with pytest.raises(InputError, match=r"meanpose: has shape \(17, 2\), not \(15, 2\)"):
        net.use_statistics(torch.zeros(17, 2), std)
