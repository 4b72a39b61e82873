"""Crops, heatmaps and images against pixel loops."""

import math

import pytest
import torch

from acteme.systems.recognize.pcan import picture
from acteme.systems.recognize.pcan.picture import Crop


def crop(center=(0.0, 0.0), half=(1.0, 1.0), flip=False, count=1) -> Crop:
    return Crop(torch.tensor([center] * count), torch.tensor([half] * count), torch.tensor([flip] * count))


def plain(points, scores, size, sigma):
    """The heatmap of one joint, in pixels, as PYSKL draws it."""
    out = torch.zeros(size, size)
    for (x, y), score in zip(points, scores, strict=True):
        if score < 1e-4:
            continue
        for i in range(max(int(y - 3 * sigma), 0), min(int(y + 3 * sigma) + 1, size)):
            for j in range(max(int(x - 3 * sigma), 0), min(int(x + 3 * sigma) + 1, size)):
                value = math.exp(-((j - x) ** 2 + (i - y) ** 2) / 2 / sigma**2) * score
                out[i, j] = max(out[i, j].item(), value)
    return out


def test_heatmaps_are_as_pyskl_draws_them():
    torch.manual_seed(0)
    xy, score = torch.rand(2, 3, 2, 4, 2) * 2.4 - 1.2, torch.rand(2, 3, 2, 4)
    score[0, 0, 0, 0] = 5e-5
    found = picture.heatmaps(xy, score, crop(count=2), 16, 0.7, [0, 1, 2, 3])
    assert found.shape == (2, 4, 3, 16, 16)
    for b in range(2):
        for t in range(3):
            for v in range(4):
                points = ((xy[b, t, :, v] + 1) * 8).tolist()
                wanted = plain(points, score[b, t, :, v].tolist(), 16, 0.7)
                assert torch.allclose(found[b, v, t], wanted, atol=1e-5)


def test_a_mirror_swaps_partners_and_sides():
    xy = torch.tensor([[[[[-0.5, 0.25], [0.75, 0.0]]]]])
    plainly = picture.heatmaps(xy, torch.ones(1, 1, 1, 2), crop(), 8, 0.6, [1, 0])
    mirrored = picture.heatmaps(xy, torch.ones(1, 1, 1, 2), crop(flip=True), 8, 0.6, [1, 0])
    assert plainly[0, 0, 0, 5].argmax() == 2 and mirrored[0, 1, 0, 5].argmax() == 6
    assert plainly[0, 1, 0, 4].argmax() == 7 and mirrored[0, 0, 0, 4].argmax() == 1


def test_a_crop_enlarges_what_is_in_it():
    xy = torch.tensor([[[[[0.5, 0.5]]]]])
    found = picture.heatmaps(xy, torch.ones(1, 1, 1, 1), crop((0.5, 0.25), (0.25, 0.5)), 16, 0.7, [0])[0, 0, 0]
    assert divmod(found.argmax().item(), 16) == (12, 8)


def test_the_square_about_the_people():
    x = torch.zeros(2, 3, 2, 2, 2)
    x[0, 0, 0, 0], x[0, 2, 1, 1] = torch.tensor([0.5, 0.2]), torch.tensor([-0.1, 0.4])
    around = picture.around(*picture.places(x, None), padding=0.25)
    assert torch.allclose(around.center[0], torch.tensor([0.2, 0.3])), "joints that are missing are not in it"
    assert torch.allclose(around.half[0], torch.full((2,), 0.375))
    assert around.center[1].tolist() == [0, 0] and around.half[1].tolist() == [1, 1]


def test_confidence_and_the_third_dimension():
    x = torch.tensor([[[[[0.5, 0.25, 2.0], [0.0, 0.0, 0.0]]]]])
    xy, score = picture.places(x, torch.tensor([[[[0.3, 0.9]]]]))
    assert xy[0, 0, 0, 0].tolist() == [0.5, -0.25] and score.flatten().tolist() == pytest.approx([0.3, 0])
    assert picture.places(x, None)[1].flatten().tolist() == [1, 0]


def test_random_crops_stay_inside_and_keep_their_area():
    torch.manual_seed(0)
    whole = crop((0.5, -0.5), (2.0, 2.0), count=500)
    part = picture.random_crop(whole)
    low, high = part.center - part.half, part.center + part.half
    assert (low >= torch.tensor([-1.5, -2.5]) - 1e-5).all() and (high <= torch.tensor([2.5, 1.5]) + 1e-5).all()
    share = (part.half[:, 0] * part.half[:, 1]) / 4
    assert share.min() >= 0.559 and share.max() <= 1 + 1e-5 and 0.7 < share.mean() < 0.8
    ratio = part.half[:, 0] / part.half[:, 1]
    assert ratio.min() >= 0.749 and ratio.max() <= 1.334
    assert 0.4 < part.flip.float().mean() < 0.6 and not picture.random_crop(whole, flip=0).flip.any()


def test_images_show_the_same_square_as_heatmaps():
    video = torch.zeros(1, 1, 24, 32, 3, dtype=torch.uint8)
    video[0, 0, 6, 24] = 255  # x = 0.53, y = -0.34 in half widths
    around = crop((0.5, -0.25), (0.25, 0.25))
    seen = picture.images(video, around, 16)[0, :, 0]
    at = divmod(seen[0].argmax().item(), 16)
    place = torch.tensor([[[[[(24.5 / 16) - 1, (6.5 - 12) / 16]]]]])
    heat = picture.heatmaps(place, torch.ones(1, 1, 1, 1), around, 16, 0.7, [0])[0, 0, 0]
    where = divmod(heat.argmax().item(), 16)
    assert abs(at[0] - where[0]) <= 1 and abs(at[1] - where[1]) <= 1
    mirrored = picture.images(video, crop((0.5, -0.25), (0.25, 0.25), flip=True), 16)[0, :, 0]
    assert torch.allclose(mirrored, seen.flip(2), atol=1e-4)


def test_images_are_normalized_and_black_beyond_the_edge():
    video = torch.full((1, 2, 8, 8, 3), 100, dtype=torch.uint8)
    seen = picture.images(video, crop((1.0, 0.0)), 8)
    assert seen.shape == (1, 3, 2, 8, 8)
    assert seen[0, 0, 0, 4, 0].item() == pytest.approx((100 - 123.675) / 58.395, abs=1e-4)
    assert seen[0, 2, 1, 4, 7].item() == pytest.approx(-103.53 / 57.375, abs=1e-4)
