"""LCR-Net poses: the order of the numbers, the four new joints, scaling."""

import json

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.skeleton.layouts import layout
from acteme.recordings.skeleton.readers.lcrnet import read_poses

NAMES = layout("posetics17").joints


def write(path, frames):
    path.write_text(json.dumps({"frames": frames}))
    return path


def person(axes: int) -> dict:
    return {f"pose{axes}d": [float(100 * axis + joint + 1) for axis in range(axes) for joint in range(13)]}


@pytest.mark.parametrize("axes", [2, 3])
def test_all_x_then_all_y(tmp_path, axes):
    out = read_poses(write(tmp_path / "a.json", [[person(axes)], []]), axes, persons=2)
    assert out.shape == (2, 2, 17, axes) and not out[1].any() and not out[0, 1].any()
    joint = dict(zip(NAMES, out[0, 0], strict=True))
    shift = 100 * np.arange(axes)
    np.testing.assert_allclose(joint["right_ankle"], 1 + shift)
    np.testing.assert_allclose(joint["nose"], 13 + shift)
    np.testing.assert_allclose(joint["neck"], 11.5 + shift)  # between shoulders 11 and 12
    np.testing.assert_allclose(joint["mid_hip"], 5.5 + shift)
    np.testing.assert_allclose(joint["chest"], 8.5 + shift)
    np.testing.assert_allclose(joint["mouth"], 12.25 + shift)


def test_pixels_scaled_by_the_width_keep_zeros(tmp_path):
    one = person(2)
    one["pose2d"][0] = one["pose2d"][13] = 0.0
    out = read_poses(write(tmp_path / "a.json", [[one]]), 2, 1, (200, 100))[0, 0]
    joint = dict(zip(NAMES, out, strict=True))
    np.testing.assert_allclose(joint["nose"], [2 * 13 / 200 - 1, 2 * 113 / 200 - 0.5], rtol=1e-5)
    assert not joint["right_ankle"].any()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], 'has no "frames"'),
        ({"frames": [3]}, 'has no "frames"'),
        ({"frames": [[{}]]}, 'frame 0: a person has no "pose3d"'),
        ({"frames": [[{"pose3d": [1.0] * 26}]]}, "has 26 numbers, expected 39"),
        ({"frames": [[{"pose3d": ["x"] * 39}]]}, "is not an array of numbers"),
        ({"frames": [[], []]}, "no frame has a person"),
    ],
)
def test_broken_files(tmp_path, data, message):
    (tmp_path / "a.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match=message):
        read_poses(tmp_path / "a.json")
