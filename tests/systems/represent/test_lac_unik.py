import pytest
import torch

from acteme.systems.represent.lac.unik import Unik, norm, unik_state
from tests.systems.represent.lac_cases import unik_official


def small(persons: int = 1, **options) -> Unik:
    torch.manual_seed(0)
    net = Unik(5, persons, 2, 7, width=8, **options)
    for block in net.blocks:
        torch.nn.init.ones_(block.spatial.bn.weight)  # at 1e-6 the spatial units would hide
    return net


def test_reference_numbers():
    net = Unik(17, 2, 2, 128).double().eval()
    net.load_state_dict(unik_state(unik_official()))
    t, m, v, c = torch.meshgrid(*(torch.arange(float(n)).double() for n in (120, 2, 17, 2)), indexing="ij")
    with torch.no_grad():
        out = net(torch.sin(0.7 * c + 0.1 * t + 0.3 * v + 1.1 * m)[None])
    assert out.shape == (1, 30, 128)
    assert out[0, 0, :3].tolist() == pytest.approx([14.0333651, -41.0451629, 79.3182251], rel=1e-6)
    assert out[0, 29, 0].item() == pytest.approx(-3.0896351, abs=1e-6)
    assert out.mean().item() == pytest.approx(-0.9169085, abs=1e-6)


@pytest.mark.parametrize(("out", "official"), [(128, 3_476_390), (320, 3_525_734)])
def test_parameters_are_the_official_ones(out, official):
    """The heads' three output biases per unit, of which only the sum acts, are one: 2 x 1408 fewer."""
    assert sum(p.numel() for p in Unik(17, 2, 2, out).parameters()) == official - 2 * (4 * 64 + 3 * 128 + 3 * 256)


def test_conversion_uses_every_official_value_but_the_unused_bias():
    state = {name: torch.randn(value.shape) for name, value in unik_official(5, 1).items()}
    ours = unik_state(state)
    unused = 10 * 5 + 2 * (4 * 64 + 3 * 128 + 3 * 256)
    assert sum(v.numel() for v in ours.values()) == sum(v.numel() for v in state.values()) - unused
    h1 = state["l3.s_unit.conv_d.1.weight"][..., 0]
    assert torch.equal(ours["blocks.2.spatial.mix.weight"][:, :, 0, 1], h1[..., 0])
    assert torch.equal(ours["blocks.2.spatial.attend.weight"][3 * 16 : 4 * 16], state["l3.s_unit.conv_b.0.weight"])


def test_the_base_network_has_170_values_more_which_are_dropped():
    state = unik_official()
    unused = [name for name in state if name.endswith("s_unit.bias")]
    assert sum(state[name].numel() for name in unused) == 170
    lac = unik_state({name: value for name, value in state.items() if name not in unused})
    assert lac.keys() == unik_state(state).keys()


def test_heads_keep_their_order_beyond_ten():
    weight = torch.arange(12.0)[:, None, None, None, None].expand(12, 16, 2, 1, 1)
    state = {f"l1.s_unit.conv_{kind}.{h}.{part}": weight[h] if part == "weight" else torch.zeros(16)
             for h in range(12) for kind in "abd" for part in ("weight", "bias")}  # fmt: skip
    mixed = unik_state(state)["blocks.0.spatial.mix.weight"]
    assert mixed[0, 0, 0].tolist() == list(range(12))


@pytest.mark.parametrize("frames", [1, 2, 4, 5, 8, 13])
def test_one_feature_for_every_fourth_frame(frames):
    assert small().eval()(torch.randn(2, frames, 1, 5, 2)).shape == (2, -(-frames // 4), 7)


@pytest.mark.parametrize("training", [True, False])
def test_padding_has_no_part_in_anything(training):
    """Clips of 9 frames padded to 16 give what clips of 9 frames give, in training too (batch statistics)."""
    net = small().train(training)
    x = torch.randn(3, 9, 1, 5, 2)
    mask = torch.ones(3, 16, dtype=torch.bool)
    mask[:, 9:] = False
    wanted = net(x)
    statistics = net.blocks[4].temporal.bn.running_var.clone()
    again = small().train(training)
    padded = torch.cat([x, torch.randn(3, 7, 1, 5, 2)], 1)
    torch.testing.assert_close(again(padded, mask)[:, :3], wanted, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(again.blocks[4].temporal.bn.running_var, statistics)


def test_clips_of_different_lengths_do_not_touch_each_other():
    net = small().eval()
    x = torch.randn(2, 16, 1, 5, 2)
    mask = torch.ones(2, 16, dtype=torch.bool)
    mask[1, 6:] = False
    both = net(x, mask)
    torch.testing.assert_close(both[:1], net(x[:1]), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(both[1:, :2], net(x[1:, :6]), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_an_absent_person_is_left_out(training):
    net = small(persons=2).train(training)
    x = torch.randn(4, 8, 2, 5, 2)
    x[1:, :, 1] = 0
    x[2, :, 0] = 0  # nobody
    features = net.features(x)
    assert features[2].abs().max() == 0
    if not training:
        alone = torch.cat([x[1:2], torch.randn(1, 8, 2, 5, 2)])
        alone[1, :, 0] = 0
        torch.testing.assert_close(net.features(alone)[0], features[1], atol=1e-5, rtol=1e-5)
    official = small(persons=2, skip_absent=False).train(training)
    torch.nn.init.ones_(official.data_bn.bias)
    assert official.features(x)[2].abs().max() > 0


def test_everybody_absent_everywhere_is_no_error():
    features = small(persons=2).train().features(torch.zeros(2, 8, 2, 5, 2))
    assert torch.isfinite(features).all()


def test_absent_persons_do_not_shift_the_statistics_of_the_input():
    net = small(persons=2).train()
    x = torch.randn(6, 8, 2, 5, 2) + 3
    x[::2, :, 1] = 0
    net.features(x)
    mean = net.data_bn.running_mean.view(2, 5, 2)
    torch.testing.assert_close(mean[1], 0.1 * x[1::2, :, 1].mean((0, 1)))


def test_norm_with_weights_is_the_norm_of_what_they_keep():
    x = torch.randn(4, 3, 6, 2)
    keep = (torch.rand(4, 1, 6, 1) < 0.5).float()
    a, b = torch.nn.BatchNorm2d(3), torch.nn.BatchNorm2d(3)
    ours = norm(a, x, keep)
    rows = x.permute(0, 2, 3, 1)[keep[:, 0, :, 0] == 1]
    wanted = b(rows.reshape(-1, 3, 1, 1))
    torch.testing.assert_close(ours.permute(0, 2, 3, 1)[keep[:, 0, :, 0] == 1].reshape(-1, 3), wanted[:, :, 0, 0])
    torch.testing.assert_close(a.running_var, b.running_var)
    torch.testing.assert_close(a.running_mean, b.running_mean)
    untouched = torch.nn.BatchNorm2d(3)
    norm(untouched, x, torch.zeros(4, 1, 6, 1))
    assert untouched.running_mean.abs().max() == 0 and (untouched.running_var == 1).all()


def test_the_graph_is_free_and_attention_is_over_source_joints():
    """Zero input attends evenly: joint w gathers W[:, w] + 1/V of every joint, summed over the heads."""
    net = small()
    unit = net.blocks[0].spatial
    torch.nn.init.zeros_(unit.attend.weight)
    gathered = []
    unit.mix.register_forward_pre_hook(lambda m, args: gathered.append(args[0]))
    x = torch.randn(2, 2, 4, 5)
    unit(x, None)
    for h in range(3):
        wanted = x @ (unit.dependency[h] + 1 / 5)
        torch.testing.assert_close(gathered[0][..., h::3], wanted)


def test_initial_values_follow_the_official_code():
    net = Unik(17, 2, 2, 128)
    block = net.blocks[6]
    assert (block.spatial.bn.weight == 1e-6).all() and (block.temporal.bn.weight == 1).all()
    assert block.spatial.dependency.abs().max() <= 1 / 17
    assert block.spatial.attend.weight.std().item() == pytest.approx((2 / 32) ** 0.5, rel=0.05)
    assert block.spatial.mix.weight.std().item() == pytest.approx((2 / (128 * 128 * 3)) ** 0.5, rel=0.05)
    assert block.temporal.conv.weight.std().item() == pytest.approx((2 / (128 * 9)) ** 0.5, rel=0.05)
    assert net.fc.weight.std().item() == pytest.approx((2 / 128) ** 0.5, rel=0.05)
