"""Mixamo as LAC prepares it: splits, characters, the axis that is up, and what is broken."""

import numpy as np
import pytest
import torch

from acteme.errors import InputError
from acteme.recordings.skeleton.readers.mixamo import mixamo, read_animation
from acteme.systems.represent.lac import GeneratorConfig, motion
from tests.recordings.skeleton.readers.cases import CASES, walk


def test_characters_and_animations(tmp_path):
    CASES["mixamo"].files(tmp_path)
    listing = mixamo(tmp_path, fps=24.0)
    read = [item.read() for item in listing.items]
    assert [(r.name, r.split, r.subject, r.text) for r in read] == [
        ("train/Kaya/Wave", "train", "Kaya", "Wave"),
        ("test/Ty/Jump High/2", "test", "Ty", "Jump High"),
        ("test/Ty/Jump High/10", "test", "Ty", "Jump High"),
    ]
    assert (listing.spec.layout, listing.spec.channels, listing.spec.classes) == ("body15", 3, ())
    assert all(r.fps == 24 and r.arrays["skeleton"].shape == (5, 1, 15, 3) for r in read)


def test_the_whole_animation_is_read_rather_than_its_windows(tmp_path):
    CASES["mixamo"].files(tmp_path)
    (tmp_path / "train/Kaya/Wave/motions").mkdir()
    np.save(tmp_path / "train/Kaya/Wave/motions/1.npy", walk(2, 15).transpose(1, 2, 0))
    assert [i.name for i in mixamo(tmp_path).items if "Kaya" in i.name] == ["train/Kaya/Wave"]


def test_the_generator_sees_the_official_axes(tmp_path):
    x = walk(4, 15).transpose(1, 2, 0).astype(np.float64)
    np.save(tmp_path / "a.npy", x)
    turned = torch.from_numpy(read_animation(tmp_path / "a.npy"))
    upright = motion.upright(turned[:, 0], GeneratorConfig().up)
    np.testing.assert_allclose(upright.permute(1, 2, 0), x, rtol=1e-6)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((15, 3, 0), np.float32), r"has shape \(15, 3, 0\)"),
        (np.zeros((17, 3, 4), np.float32), r"has shape \(17, 3, 4\)"),
        (np.zeros((15, 3), np.float32), r"has shape \(15, 3\)"),
        (np.zeros((15, 3, 4), np.int64), "of int64"),
        (np.full((15, 3, 4), np.nan), "NaN or infinity at index 0"),
    ],
)
def test_broken_files(tmp_path, x, message):
    np.save(tmp_path / "a.npy", x)
    with pytest.raises(InputError, match=message):
        read_animation(tmp_path / "a.npy")


def test_a_folder_of_something_else(tmp_path):
    (tmp_path / "train" / "Kaya" / "Wave").mkdir(parents=True)
    with pytest.raises(InputError, match=r"has no train/CHARACTER/ANIMATION/ANIMATION\.npy"):
        mixamo(tmp_path)
