import pytest
import torch
from torch import nn

from acteme.systems.represent.halp.encoder import Encoder, EncoderConfig
from acteme.systems.represent.halp.gru import forward_pair, layer_weights, library_pair


def made(features: int = 6, hidden: int = 5, layers: int = 3, seed: int = 0) -> nn.GRU:
    torch.manual_seed(seed)
    return nn.GRU(features, hidden, layers, bidirectional=True, batch_first=True)


def step_by_step(gru: nn.GRU, x: torch.Tensor) -> torch.Tensor:
    """The official way: one frame at a time, with the hidden state carried over."""
    out, state = [], None
    for t in range(x.shape[1]):
        y, state = gru(x[:, t : t + 1], state)
        out.append(y)
    return torch.cat(out, 1)


@pytest.mark.parametrize(("batch", "steps", "layers"), [(4, 9, 3), (1, 1, 1), (3, 1, 2), (1, 20, 2)])
def test_outputs_and_gradients_are_those_of_feeding_one_step_at_a_time(batch, steps, layers):
    gru = made(layers=layers)
    x = torch.randn(batch, steps, 6, requires_grad=True)
    weight = torch.randn(batch, steps, 10)
    grads = []
    for run in (step_by_step, forward_pair):
        out = run(gru, x)
        grads.append((out.detach(), *torch.autograd.grad((out * weight).sum(), [x, *gru.parameters()])))
    for a, b in zip(*grads, strict=True):
        assert torch.allclose(a, b, atol=2e-6, rtol=1e-4)
    assert (grads[0][0] - grads[1][0]).abs().max() < 1e-6


def test_large_halves_that_run_one_after_the_other_are_the_same(monkeypatch):
    gru, x = made(), torch.randn(4, 9, 6, requires_grad=True)
    runs = []
    for apart in (1 + gru.hidden_size, gru.hidden_size):
        monkeypatch.setattr("acteme.systems.represent.halp.gru.APART", apart)
        out = forward_pair(gru, x)
        runs.append((out, *torch.autograd.grad(out.square().sum(), [x, *gru.parameters()])))
    assert torch.equal(runs[0][0], runs[1][0])
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(*runs, strict=True))


def test_the_way_for_gpus_is_the_same():
    gru, x = made(layers=1), torch.randn(3, 7, 6, requires_grad=True)
    weight, halves = torch.randn(3, 7, 10), [layer_weights(gru, 0, half) for half in (0, 1)]
    outs = forward_pair(gru, x), library_pair(x.transpose(0, 1), halves).transpose(0, 1)
    grads = [(out, *torch.autograd.grad((out * weight).sum(), [x, *gru.parameters()])) for out in outs]
    assert all(torch.allclose(a, b, atol=2e-6, rtol=1e-4) for a, b in zip(*grads, strict=True))


def test_a_true_bidirectional_gru_is_another_model():
    gru, x = made(), torch.randn(4, 9, 6)
    assert (forward_pair(gru, x) - gru(x)[0]).abs().max() > 0.1


def test_the_first_half_of_a_single_layer_is_the_same_in_both():
    gru, x = made(layers=1), torch.randn(4, 9, 6)
    assert torch.allclose(forward_pair(gru, x)[..., :5], gru(x)[0][..., :5], atol=1e-6)


def test_no_output_depends_on_later_frames():
    gru, x = made(), torch.randn(2, 8, 6)
    changed = x.clone()
    changed[:, 5:] += 1
    a, b = forward_pair(gru, x), forward_pair(gru, changed)
    assert torch.equal(a[:, :5], b[:, :5]) and not torch.allclose(a[:, 5:], b[:, 5:])


def test_without_gradients_it_is_the_same():
    gru, x = made(), torch.randn(3, 7, 6)
    with torch.no_grad():
        assert torch.equal(forward_pair(gru, x), forward_pair(gru, x.clone().requires_grad_()).detach())


def test_inputs_stay_as_they_are():
    gru, x = made(), torch.randn(3, 7, 6)
    before = x.clone()
    forward_pair(gru, x).sum().backward()
    assert torch.equal(x, before)


def test_frozen_weights_get_no_gradient_but_the_input_does():
    gru, x = made().requires_grad_(False), torch.randn(3, 7, 6, requires_grad=True)
    forward_pair(gru, x).sum().backward()
    assert x.grad is not None and all(p.grad is None for p in gru.parameters())


def test_a_second_backward_is_refused_rather_than_wrong():
    # Gradients overwrite the saved gates.
    gru, x = made(layers=1), torch.randn(2, 4, 6)
    loss = forward_pair(gru, x).sum()
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_extreme_inputs_saturate_without_nan():
    gru = made()
    x = torch.full((1, 4, 6), 1e4, requires_grad=True)
    out = forward_pair(gru, x)
    out.sum().backward()
    assert torch.isfinite(out).all() and torch.isfinite(x.grad).all()
    assert torch.allclose(out, step_by_step(gru, x), atol=1e-6)


def test_double_precision_is_exact():
    gru, x = made().double(), torch.randn(2, 6, 6, dtype=torch.float64, requires_grad=True)
    runs = [run(gru, x) for run in (step_by_step, forward_pair)]
    grads = [torch.autograd.grad(out.square().sum(), [x, *gru.parameters()]) for out in runs]
    assert torch.allclose(*runs, atol=1e-14)
    assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(*grads, strict=True))


def test_autocast_multiplies_in_half_precision_and_stays_close():
    gru, x = made(hidden=32), torch.randn(8, 12, 6, requires_grad=True)
    exact = forward_pair(gru, x)
    wanted = torch.autograd.grad(exact.square().sum(), [x, *gru.parameters()])
    with torch.autocast("cpu", torch.bfloat16):
        out = forward_pair(gru, x)
    got = torch.autograd.grad(out.square().sum(), [x, *gru.parameters()])
    assert out.dtype == torch.float32 and not torch.equal(out, exact)
    assert (out - exact).abs().max() < 0.02
    for a, b in zip(wanted, got, strict=True):
        assert a.dtype == b.dtype and (a - b).norm() < 0.03 * a.norm()


def reference(form: str, reverse: float = 0.1) -> tuple[torch.Tensor, torch.Tensor]:
    """The encoder of the official reference values: every weight, bias and norm .1, x[t, c] = .1 (t + 1) + .01 c."""
    encoder = Encoder(4, EncoderConfig(hidden=3, layers=2, form=form)).eval()
    for name, parameter in encoder.named_parameters():
        nn.init.constant_(parameter, reverse if name.endswith("reverse") else 0.1)
    x = torch.tensor([[0.1 * (t + 1) + 0.01 * c for c in range(4)] for t in range(5)])
    with torch.no_grad():
        return encoder(x[None])


def test_reference_latents_of_the_official_encoder():
    tokens, latent = reference("stepwise")
    assert latent[0].tolist() == pytest.approx([0.2818] * 6, abs=6e-5)
    assert float(latent.sum() * 0.1 + 0.1) == pytest.approx(0.2691, abs=6e-5)
    assert torch.equal(tokens[:, -1], latent)


def test_reference_latents_with_other_reverse_weights():
    _, latent = reference("stepwise", 0.2)
    assert latent[0].tolist() == pytest.approx([0.3290] * 3 + [0.5473] * 3, abs=6e-5)
    assert float(latent.sum() * 0.1 + 0.1) == pytest.approx(0.3629, abs=6e-5)


def test_reference_tokens_of_a_true_bidirectional_gru():
    tokens, latent = reference("bigru", 0.2)
    assert tokens[0, -1].tolist() == pytest.approx([0.3005] * 3 + [0.1764] * 3, abs=6e-5)
    # Its latent takes the backward half where that has read the whole clip.
    assert torch.equal(latent[0], torch.cat([tokens[0, -1, :3], tokens[0, 0, 3:]]))
    assert not torch.allclose(latent[0, 3:], tokens[0, -1, 3:], atol=0.1)
