"""Maps, placements and the positions read off them."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.systems.anticipate.corridors import maps
from acteme.systems.anticipate.corridors.place import place, surface_classes, turned
from acteme.systems.anticipate.corridors.sight import observed
from tests.systems.anticipate.corridors_cases import distance_template, gauss_template, template_patch


def test_the_numbers_of_the_distance_template():
    middle = maps.distance_maps(torch.tensor([[[32.0, 32.0]]]), (64, 64), 64)[0, 0]
    assert middle[32, 32] == 0
    assert middle[32, 42].item() == pytest.approx(0.441942, abs=1e-6) == middle[22, 32].item()
    assert middle[0, 0].item() == pytest.approx(2.0, abs=1e-6)
    assert middle[-1, -1].item() == pytest.approx(1.9375, abs=1e-6)


@pytest.mark.parametrize("x, y", [(0, 0), (59, 39), (0, 39), (17.4, 3.6), (30.5, 0)])
def test_maps_equal_pieces_of_the_template_on_the_border_too(x, y):
    size, xy = (40, 60), torch.tensor([[[float(x), float(y)]]])
    found = maps.distance_maps(xy, size, 200)[0, 0].double()
    torch.testing.assert_close(found, template_patch(distance_template(200), x, y, size), atol=1e-6, rtol=0)
    found = maps.target_maps(xy, size, 4.0, 31, True)[0, 0].double()
    torch.testing.assert_close(found, template_patch(gauss_template(200, 31, 4.0), x, y, size), atol=1e-8, rtol=0)


def test_positions_beyond_the_map_have_distances_and_empty_targets():
    xy = torch.tensor([[[-30.0, 5.0], [200.0, -90.0]]])
    found = maps.distance_maps(xy, (16, 24), 100)
    assert found[0, 0, 5, 0].item() == pytest.approx(2 * 30 / (50 * math.sqrt(2)), abs=1e-6)
    assert torch.isfinite(found).all()
    assert not maps.target_maps(xy, (16, 24), 2.0, 9, True).any()


def test_the_numbers_of_the_gaussian_target():
    inside, corner = maps.target_maps(torch.tensor([[[40.0, 40.0], [0.0, 0.0]]]), (80, 80), 4.0, 31, True)[0]
    assert inside.sum().item() == pytest.approx(1, abs=1e-5)
    assert inside.max().item() == pytest.approx(0.0099492, abs=1e-6) and inside[40, 40] == inside.max()
    assert 0.25 < corner.sum() < 0.35
    one = maps.target_maps(torch.tensor([[[40.3, 40.0]]]), (80, 80), 2.0, 15, False, rounded=False)[0, 0]
    assert one[40, 41].item() == pytest.approx(math.exp(-(0.7**2) / 8), abs=1e-6)


@pytest.mark.parametrize("rounded", [True, False])
def test_the_loss_is_that_of_whole_maps_with_its_gradient(rounded):
    torch.manual_seed(0)
    xy = torch.rand(2, 3, 2) * 30 - 3
    logits = torch.randn(2, 3, 20, 24, requires_grad=True)
    flat, value = maps.patches(xy, (20, 24), 2.0, 9, False, rounded)
    target = maps.target_maps(xy, (20, 24), 2.0, 9, False, rounded)
    weight = torch.tensor([[1.0, 0, 1], [1, 1, 0]])
    ours = maps.map_loss(logits, flat, value, weight / weight.sum())
    plain = F.binary_cross_entropy_with_logits(logits, target, reduction="none").mean((2, 3))[weight > 0].mean()
    torch.testing.assert_close(ours, plain)
    grads = [torch.autograd.grad(loss * 3, logits, retain_graph=True)[0] for loss in (ours, plain)]
    torch.testing.assert_close(grads[0], grads[1])
    assert not grads[0][0, 1].any() and grads[0][0, 0].any()


def test_softargmax_of_a_peak_and_of_nothing():
    logits = torch.full((1, 2, 12, 20), -100.0)
    logits[0, 0, 7, 13] = 100
    logits[0, 1] = 3.0
    assert maps.softargmax(logits)[0].tolist() == [[13, 7], [pytest.approx(9.5), pytest.approx(5.5)]]


def test_pooling_goes_down_by_halves():
    x = torch.rand(2, 1, 16, 24)
    found = maps.pooled(x, 3)
    assert [tuple(m.shape[2:]) for m in found] == [(16, 24), (8, 12), (4, 6), (2, 3)]
    torch.testing.assert_close(found[3], F.avg_pool2d(x, 8))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.tuples(*[st.floats(-50, 50)] * 2), st.tuples(*[st.floats(1, 300)] * 2), st.integers(0, 3), st.integers(0, 1))
def test_a_placement_can_be_undone_and_stays_on_the_grid(corner, sides, quarters, mirror):
    extent = torch.tensor([[*corner, corner[0] + sides[0], corner[1] + sides[1]]])
    size = (32, 64)
    for where in (place(extent, size), turned(extent, size, None, torch.tensor([quarters]), torch.tensor([mirror]))):
        x = extent[:, :2] + torch.rand(1, 5, 2) * (extent[:, 2:] - extent[:, :2])
        grid = where.to_grid(x)
        torch.testing.assert_close(where.from_grid(grid), x, atol=1e-3, rtol=1e-4)
        assert (grid >= -1.01).all() and (grid[..., 0] <= 64.01).all() and (grid[..., 1] <= 32.01).all()


def test_mirrored_twice_is_as_before_and_pixels_stay_on_pixels():
    extent, size = torch.tensor([[0.0, 0.0, 8.0, 4.0]]), (4, 8)
    x = torch.tensor([[[0.0, 0.0], [7.0, 3.0], [2.0, 1.0]]])
    flipped = turned(extent, size, None, torch.tensor([0]), torch.tensor([1])).to_grid(x)
    assert flipped.tolist() == [[[7, 0], [0, 3], [5, 1]]]
    half = turned(extent, size, None, torch.tensor([2]), torch.tensor([0])).to_grid(x)
    assert half.tolist() == [[[7, 3], [0, 0], [5, 2]]]
    upright = turned(extent, (8, 8), 1.0, torch.tensor([1]), torch.tensor([0])).to_grid(x)
    assert sorted(map(tuple, upright[0].round().int().tolist())) == sorted([(3, 0), (0, 7), (2, 2)])


def test_a_scene_that_does_not_fit_or_has_no_size_is_refused():
    with pytest.raises(InputError, match=r"2000 by 100 does not fit 64 by 32 pixels at 0\.25 per unit; set a larger"):
        place(torch.tensor([[0.0, 0, 2000, 100]]), (32, 64), 0.25)
    with pytest.raises(InputError, match="no extent"):
        place(torch.tensor([[3.0, 3, 3, 9]]), (32, 64))


def test_a_scenes_map_is_laid_under_its_positions():
    surface = torch.tensor([[[0, 1], [2, 255]]], dtype=torch.uint8)
    extent = torch.tensor([[10.0, 20.0, 18.0, 28.0]])
    found = surface_classes(surface, extent, place(extent, (8, 16)), (8, 16), 3)
    assert found.shape == (1, 3, 8, 16)
    assert found[0, 0, :4, :4].all() and found[0, 1, :4, 4:8].all() and found[0, 2, 4:, :4].all()
    assert not found[0, :, 4:, 4:8].any(), "255 is nothing"
    assert not found[0, :, :, 8:].any(), "padding is nothing"
    with pytest.raises(
        InputError, match=r"class 2 where the network reads 2 classes; set base\.predictor\.grid\.surfaces=3"
    ):
        surface_classes(surface, extent, place(extent, (8, 16)), (8, 16), 2)


def test_who_was_seen_for_less_time_comes_from_before():
    position = torch.arange(10.0)[:, None].expand(10, 2)[None].repeat(3, 1, 1)
    mask = torch.arange(10) < torch.tensor([[10], [3], [1]])
    found, seen = observed(position, mask, 4)
    assert found[:, :, 0].tolist() == [[0, 1, 2, 3], [-1, 0, 1, 2], [0, 0, 0, 0]] and seen.all()
    assert not observed(position, mask & False, 4)[1].any()
    assert observed(position[:, :2], mask[:, :2], 4)[0][0, :, 0].tolist() == [-2, -1, 0, 1]
