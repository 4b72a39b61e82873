"""The two networks against numbers measured with the official modules."""

import pytest
import torch

from acteme.systems.recognize.pcan.resnet import Bottleneck, Path, Unit
from acteme.systems.recognize.pcan.rgbpose import Attention, Interaction, RGBPose
from tests.systems.recognize.pcan.cases import filled, sines


def count(*modules) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())


@pytest.fixture(scope="module")
def both():
    return filled(RGBPose(("rgb", "pose"), 28).double())


def test_parameters(both):
    assert count(both) == 37_983_296
    assert (count(both.rgb, both.to_rgb), count(both.pose, both.to_pose)) == (33_354_816, 2_656_640)
    assert [count(i) for i in both.interact] == [395_136, 1_576_704]
    assert both.widths == {"rgb": 2048, "pose": 512}


def test_maps(both):
    rgb = sines((3, 8, 64, 64), (0.7, 0.1, 0.05, 0.03))
    pose = sines((28, 32, 16, 16), (0.3, 0.1, 0.2, 0.15))
    with torch.no_grad():
        maps = both(rgb, pose)
    assert maps["rgb"].shape == (1, 2048, 8, 2, 2) and maps["pose"].shape == (1, 512, 32, 2, 2)
    assert maps["rgb"].mean().item() == pytest.approx(0.0330462, abs=1e-7)
    assert maps["rgb"].max().item() == pytest.approx(0.3313004, abs=1e-7)
    assert maps["pose"].mean().item() == pytest.approx(0.0533156, abs=1e-7)
    assert maps["pose"].max().item() == pytest.approx(0.5616471, abs=1e-7)


def test_interaction():
    module = filled(Interaction(16, 8, 16).double())
    rgb, pose = sines((16, 8, 3, 3), (0.7, 0.1, 0.3, 0.5)), sines((8, 32, 3, 3), (0.4, 0.2, 0.6, 0.9))
    with torch.no_grad():
        a, b = module(rgb, pose)
    assert (a.mean().item(), b.mean().item()) == pytest.approx((-0.1041399, 0.0021190), abs=1e-7)
    assert a[0, 0, 0, 0].tolist() == pytest.approx([0, 0.3528750, 0.6193540], abs=1e-7)
    assert b[0, 0, 0, 0].tolist() == pytest.approx([0, 0.9739361, 1.2108167], abs=1e-7)


def test_the_gate_is_the_same_for_all_places_and_steps_attend_to_each_other():
    module = Interaction(16, 8, 16).eval()
    rgb, pose = torch.rand(1, 16, 2, 3, 3) + 1, torch.rand(1, 8, 8, 3, 3) + 1
    a, b = module(rgb, pose)
    assert torch.allclose((a / rgb).std((3, 4)), torch.zeros(()), atol=1e-5)
    assert torch.allclose((b / pose).std((3, 4)), torch.zeros(()), atol=1e-5)
    other = module(rgb, torch.cat([pose[:, :, :4], pose[:, :, 4:] * 2], 2))[0]
    assert not torch.allclose(other[:, :, 0], a[:, :, 0]), "the first step of one sees the last of the other"


def test_attention_drops_weights_in_training_only():
    module, x = Attention(16), torch.randn(2, 5, 16)
    torch.manual_seed(1)
    assert not torch.allclose(module(x, x), module(x, x))
    assert torch.equal(module.eval()(x, x), module(x, x))


@pytest.mark.parametrize("kernel", [(1, 3, 3), (3, 1, 1), (1, 1, 1)])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", [(2, 4, 5, 6, 7), (1, 4, 2, 2, 3)], ids=["many places", "few"])
def test_a_unit_is_convolution_norm_and_relu(kernel, training, size):
    unit = Unit(4, 6, kernel, 1 if kernel[0] == 3 else 2).double().train(training)
    with torch.no_grad():
        for part in (unit.bn.weight, unit.bn.bias, unit.bn.running_mean):
            part.normal_()
        unit.bn.running_var.uniform_(0.5, 2)
    x = torch.randn(size, dtype=torch.float64)
    y = unit.conv(x)
    stats = (None, None) if training else (unit.bn.running_mean, unit.bn.running_var)
    wanted = torch.nn.functional.batch_norm(y, *stats, unit.bn.weight, unit.bn.bias, training)
    assert torch.allclose(unit(x), wanted.relu()) and torch.allclose(unit(x, relu=False), wanted)


def test_gradients_need_no_copy():
    unit = Unit(4, 6, (1, 3, 3))
    unit(torch.randn(2, 4, 5, 6, 7).contiguous(memory_format=torch.channels_last_3d)).sum().backward()
    for x in (unit.conv.weight, unit.conv.weight.grad):
        assert x.is_contiguous(memory_format=torch.channels_last_3d) and not x.is_contiguous()


def test_a_block_goes_around_what_it_computes():
    block = Bottleneck(16, 4, True).eval()
    with torch.no_grad():
        block.conv3.bn.weight.zero_()
    x = torch.randn(1, 16, 3, 4, 4)
    assert torch.equal(block(x), x.relu()) and block.downsample is None
    assert Bottleneck(16, 8, False, 2)(x).shape == (1, 32, 3, 2, 2)


@pytest.mark.parametrize(("stream", "shape"), [("rgb", (1, 3, 4, 64, 64)), ("pose", (1, 28, 16, 16, 16))])
def test_one_stream_alone(stream, shape):
    module = RGBPose((stream,), 28, 8, 8).eval()
    x = torch.randn(shape)
    maps = module(*((x, None) if stream == "rgb" else (None, x)))
    assert set(maps) == {stream} == set(module.widths) and maps[stream].shape[1:3] == (module.widths[stream], shape[2])
    assert not hasattr(module, "interact")


def test_stages_take_further_channels():
    path = Path(3, 8, (1, 2), (False, True), (1, 2), 2, (0, 5))
    x = path.stage(0, path.begin(torch.randn(1, 3, 2, 32, 32)))
    assert x.shape == (1, 32, 2, 8, 8) and path.width == 64
    assert path.stage(1, torch.cat([x, x[:, :5]], 1)).shape == (1, 64, 2, 4, 4)
