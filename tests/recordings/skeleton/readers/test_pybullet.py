import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.skeleton import kinematics, rotations
from acteme.recordings.skeleton.layouts import convert
from acteme.recordings.skeleton.readers import pybullet

AT_30_FPS = {
    "walk": (39, 38), "run": (25, 24), "jump": (107, 53), "crawl": (177, 88), "roll": (121, 61), "kick": (47, 46),
    "punch": (65, 64), "spinkick": (78, 39), "spin": (107, 133), "backflip": (29, 53), "cartwheel": (164, 82),
    "dance_a": (98, 49), "dance_b": (153, 76), "getup_facedown": (183, 91), "getup_faceup": (227, 113),
}  # fmt: skip
"""Frames in the file and at 30 fps, counted independently."""


def content(frames: int = 3, **extra: object) -> dict:
    """A clip whose joints do not turn."""
    frame = [0.5, 1.0, 2.0, 3.0]
    for joint in pybullet.MOVING:
        frame += [0.0] if joint in pybullet.HINGES else [1.0, 0.0, 0.0, 0.0]
    return {"Loop": "wrap", "Frames": [list(frame) for _ in range(frames)], **extra}


@pytest.mark.parametrize("name", pybullet.CLIPS)
def test_frame_counts(name: str) -> None:
    motion = pybullet.clip(name)
    assert (len(motion.time), len(motion.resample(30).time)) == AT_30_FPS[name]


def test_all_clips_together() -> None:
    assert sum(frames for _, frames in AT_30_FPS.values()) == 1010
    assert all(len(pybullet.clip(n).time) == 38 for n in pybullet.WALKS)
    loops = {n for n in pybullet.CLIPS if not pybullet.clip(n).wrap}
    assert loops == {"kick", "punch", "getup_facedown", "getup_faceup"}


def test_the_first_frame_of_the_walk() -> None:
    """The figures of the simulator's own kinematics."""
    x = pybullet.clip("walk").positions()
    wanted = {
        "root": (0, 0.848, 0),
        "neck": (0.047, 1.305, 0.017),
        "right_hip": (0, 0.845, 0.085),
        "right_knee": (0.171, 0.460, 0.067),
        "right_ankle": (0.241, 0.058, 0.036),
        "right_elbow": (-0.089, 1.064, 0.220),
        "right_wrist": (-0.138, 0.810, 0.237),
        "left_knee": (-0.104, 0.442, -0.073),
        "left_wrist": (0.268, 0.888, -0.280),
    }
    for joint, place in wanted.items():
        np.testing.assert_allclose(x[0, pybullet.RIG.index([joint])[0]], place, atol=6e-4, err_msg=joint)
    ankles = x[:, pybullet.RIG.index(["left_ankle", "right_ankle"]), 1]
    assert (round(ankles.min(), 3), round(ankles.max(), 3)) == (0.053, 0.260)
    motion = pybullet.clip("walk")
    assert round(motion.root[-1, 0] - motion.root[0, 0], 3) == 1.239
    assert round(motion.duration, 2) == 1.27


@pytest.mark.parametrize("name", ["walk", "cartwheel", "getup_faceup"])
def test_bones_have_the_lengths_of_the_body(name: str) -> None:
    x = pybullet.clip(name).resample(30).positions()[:, pybullet.points("mocap15")]
    lengths = kinematics.lengths(x, "mocap15")
    assert lengths.std(0).max() < 1e-12
    np.testing.assert_allclose(
        lengths[0, [1, 2, 4, 5, 7, 8]], [0.236151, 0.223894, 0.421546, 0.409870, 0.274788, 0.258947]
    )
    np.testing.assert_allclose(lengths[0, 6], np.linalg.norm([0.02405, 0.2435, 0.18311]))


def test_the_map_to_ntu25_and_body15() -> None:
    motion = pybullet.clip("kick").resample(30)
    x = motion.positions()
    places = {j: x[:, i] for i, j in enumerate(pybullet.RIG.joints)}
    ntu, turn = x[:, pybullet.points("ntu25")], motion.rotation
    for joint, point in {0: "root", 1: "chest", 20: "neck", 2: "neck", 4: "left_shoulder", 10: "right_wrist"}.items():
        np.testing.assert_array_equal(ntu[:, joint], places[point])
    trunk = rotations.multiply(turn[:, 0], turn[:, 1])
    up = rotations.rotate(rotations.multiply(trunk, turn[:, 2]), np.array([0, 1.0, 0]))
    np.testing.assert_allclose(ntu[:, 3], ntu[:, 2] + 0.18 * up, atol=1e-12)
    forearm = (ntu[:, 6] - ntu[:, 5]) / np.linalg.norm(ntu[:, 6] - ntu[:, 5], axis=-1, keepdims=True)
    np.testing.assert_allclose(ntu[:, 7], ntu[:, 6] + 0.08 * forearm, atol=1e-12)
    np.testing.assert_allclose(ntu[:, 21], ntu[:, 7] + 0.04 * forearm, atol=1e-12)
    assert np.allclose(np.linalg.norm(ntu[:, 15] - ntu[:, 14], axis=-1), 0.12)
    body = x[:, pybullet.points("body15")]
    np.testing.assert_allclose(body[:, 1], (body[:, 2] + body[:, 5]) / 2, atol=1e-12)
    np.testing.assert_allclose(body[:, 8], (body[:, 9] + body[:, 12]) / 2, atol=1e-12)
    general = convert(x[:, pybullet.points("mocap15")], "mocap15", "body15")
    np.testing.assert_allclose(np.delete(general, 0, 1), np.delete(body, 0, 1), atol=1e-12)


def test_layouts_without_a_map_are_refused() -> None:
    with pytest.raises(InputError, match="no joints for layout 'coco17'; use body15, mocap15 or ntu25"):
        pybullet.points("coco17")


def test_time_is_the_sum_of_the_durations_before() -> None:
    data = content()
    data["Frames"][0][0], data["Frames"][1][0], data["Frames"][2][0] = 0.25, 0.5, 0.0
    np.testing.assert_array_equal(pybullet.parse(json.dumps(data), "x").time, [0, 0.25, 0.75])


def test_knees_and_elbows_turn_about_z() -> None:
    data = content(1)
    data["Frames"][0][4 + 12 + 4] = np.pi / 2  # the right knee follows root, chest, neck and right hip
    x = pybullet.parse(json.dumps(data), "x").positions()[0]
    knee, ankle = x[pybullet.RIG.index(["right_knee", "right_ankle"])]
    np.testing.assert_allclose(ankle - knee, [0.409870, 0, 0], atol=1e-12)
    np.testing.assert_allclose(x[0], [1, 2, 3])


def test_between_frames_angles_turn_at_constant_speed() -> None:
    data = content(2)
    data["Frames"][1][1] = 2.0
    data["Frames"][1][4:8] = [np.cos(0.6), np.sin(0.6), 0, 0]
    motion = pybullet.parse(json.dumps(data), "x").at(np.array([-1.0, 0.125, 0.5, 9.0]))
    np.testing.assert_allclose(2 * np.arctan2(motion.rotation[:, 0, 1], motion.rotation[:, 0, 0]), [0, 0.3, 1.2, 1.2])
    np.testing.assert_allclose(motion.root[:, 0], [1, 1.25, 2, 2])


def test_one_frame_is_a_motion() -> None:
    motion = pybullet.parse(json.dumps(content(1)), "x")
    assert motion.duration == 0 and motion.resample(30).positions().shape == (1, 25, 3)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda d: d.pop("Frames"), "is not a motion clip"),
        (lambda d: d.update(Frames=[]), "has no frames"),
        (lambda d: d.update(Frames=5), "has no frames"),
        (lambda d: d["Frames"][1].pop(), "frame 1 has 43 values, a humanoid has 44"),
        (lambda d: d["Frames"].__setitem__(1, 7), "frame 1 has no list of values"),
        (lambda d: d["Frames"][2].__setitem__(5, "x"), "not a number"),
        (lambda d: d["Frames"][2].__setitem__(5, float("nan")), "frame 2 has a NaN"),
        (lambda d: d["Frames"][0].__setitem__(0, 0.0), "frame 0 has no duration"),
        (lambda d: d["Frames"][1].__setitem__(4, 5.0), "length 5, not 1"),
    ],
)
def test_bad_clips_are_named(break_it, message: str) -> None:
    data = content()
    break_it(data)
    with pytest.raises(InputError, match=message) as error:
        pybullet.parse(json.dumps(data), "clip.txt")
    assert str(error.value).startswith("clip.txt: ")


@settings(max_examples=150)
@given(st.one_of(st.text(), st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=3),
       lambda s: st.lists(s, max_size=3) | st.dictionaries(st.sampled_from(["Frames", "Loop", "a"]), s), max_leaves=8)
       .map(json.dumps)))  # fmt: skip
def test_no_text_breaks_the_parser(text: str) -> None:
    with pytest.raises(InputError):
        pybullet.parse(text, "fuzz")


def test_the_quadruped_and_unreadable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="frame 0 has 20 values"):
        pybullet.load(pybullet.folder() / "laikago_walk.txt")
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read as text"):
        pybullet.load(tmp_path / "a.txt")
    with pytest.raises(InputError, match="there is no clip 'fly'"):
        pybullet.clip("fly")


def test_the_source_lists_the_clips() -> None:
    listing = pybullet.pybullet_clips(layout="ntu25", fps=15, walks=True)
    assert [i.name for i in listing.items] == [*pybullet.CLIPS, *pybullet.WALKS]
    assert (listing.spec.layout, listing.spec.joints, listing.spec.fps, len(listing.spec.classes)) == (
        "ntu25",
        25,
        15,
        15,
    )
    run, turn = listing.items[1].read(), listing.items[-1].read()
    assert (run.label, run.arrays["skeleton"].shape, turn.label) == ("run", (12, 1, 25, 3), "walk")
    assert len(listing.files) == 20 and all(f.is_file() for f in listing.files)
    for fps in (0, 1e9):
        with pytest.raises(InputError, match=f"clips: fps is {fps}; give frames per second above 0, up to 240"):
            pybullet.pybullet_clips(fps=fps)
