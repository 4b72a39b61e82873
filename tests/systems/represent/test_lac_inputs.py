from dataclasses import replace

import pytest
import torch

from acteme.errors import InputError
from acteme.recordings.skeleton.layouts import convert
from acteme.recordings.spec import Spec
from acteme.systems.represent.lac import EncoderConfig, motion
from acteme.systems.represent.lac.inputs import image, people
from tests.systems.represent.lac_cases import BODY, batch


def test_people_stand_upright_and_know_whether_they_are_complete():
    data = batch(3, 8, persons=2)
    data["skeleton"][0, 3, 1] = 0
    data["skeleton"][1, :, 1] = 0
    data["skeleton"][2, 5:] = 0
    data["mask"][2, 5:] = False
    x, mask, complete = people(data, replace(BODY, persons=2), "y")
    assert x.shape == (3, 2, 8, 15, 3) and torch.equal(mask, data["mask"])
    assert complete.tolist() == [[True, False], [True, False], [True, True]]
    assert torch.equal(x[0, 0, :, :, 2], data["skeleton"][0, :, 0, :, 1])


def test_the_image_of_3d_data_is_their_depth_axis_gone_and_down_is_positive():
    data = batch(2, 4)
    x, _, _ = people(data, BODY, "y")
    kinect = data["skeleton"].transpose(1, 2)
    torch.testing.assert_close(image(x), kinect[..., :2] * torch.tensor([1.0, -1.0]))
    flat = batch(2, 4, channels=2)["skeleton"].transpose(1, 2)
    assert image(flat) is flat


def test_a_layout_without_a_map_is_named():
    data = batch(1, 4)
    data["skeleton"] = torch.randn(1, 4, 1, 21, 3)
    with pytest.raises(InputError, match="hand21"):
        people(data, Spec("hand21", 21, 1, 3), "y")


@pytest.mark.parametrize("center", ["none", "first", "frame"])
def test_centering(center):
    x = batch(2, 6, persons=2, channels=2)["skeleton"].transpose(1, 2)
    x[1, 1] = 0
    out = EncoderConfig(layout="body15", center=center).input(x).transpose(1, 2)
    assert out.shape == (2, 2, 6, 15, 2)
    assert out[1, 1].abs().max() == 0
    hip = out[:, :, :, motion.MID_HIP]
    if center == "none":
        assert torch.equal(out, x)
    elif center == "first":
        assert hip[:, 0, 0].abs().max() == 0 and hip[0, 1, 0].abs().max() > 0
        torch.testing.assert_close(out[0, 1] - out[0, 0], x[0, 1] - x[0, 0])
    else:
        assert hip.abs().max() == 0


def test_room_for_a_second_person_is_filled_with_zeros():
    x = batch(2, 6)["skeleton"].transpose(1, 2)
    out = EncoderConfig(layout="posetics17", persons=2).input(x)
    assert out.shape == (2, 6, 2, 17, 2)
    assert out[:, :, 1].abs().max() == 0 and out[:, :, 0].abs().min() >= 0
    seventeen = convert(image(x).transpose(1, 2), "body15", "posetics17")
    torch.testing.assert_close(out[:, :, :1], seventeen)


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="the data have 3 persons"):
        EncoderConfig(persons=2).build(replace(BODY, persons=3), 4)
    with pytest.raises(InputError, match="the data have 2 coordinates"):
        EncoderConfig(channels=3).build(replace(BODY, channels=2), 4)
    net = EncoderConfig(channels=3, layout="body15").build(BODY, 4)
    assert len(net.data_bn.weight) == 45
