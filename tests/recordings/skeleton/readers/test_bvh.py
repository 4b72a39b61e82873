"""BVH: forward kinematics by hand, mapping by names, units, and broken files."""

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.skeleton.layouts import layout
from acteme.recordings.skeleton.readers.bvh import bvh, read_bvh, read_motion
from tests.recordings.skeleton.readers.cases import BVH

MIXAMO = """HIERARCHY
ROOT mixamorig:Hips
{ OFFSET 0 0 0 CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
  JOINT mixamorig:Spine { OFFSET 0 10 0 CHANNELS 3 Zrotation Yrotation Xrotation
   JOINT mixamorig:Spine1 { OFFSET 0 12 0 CHANNELS 3 Zrotation Yrotation Xrotation
    JOINT mixamorig:Spine2 { OFFSET 0 14 0 CHANNELS 3 Zrotation Yrotation Xrotation
     JOINT mixamorig:Neck { OFFSET 0 15 0 CHANNELS 3 Zrotation Yrotation Xrotation
      JOINT mixamorig:Head { OFFSET 0 10 0 CHANNELS 3 Zrotation Yrotation Xrotation End Site { OFFSET 0 18 0 } } }
     LIMB(Left,1) LIMB(Right,-1) } } }
  LEG(Left,1) LEG(Right,-1)
}
MOTION
Frames: 1
Frame Time: 0.0333333
"""


def mixamo() -> str:
    def chain(names, offsets):
        text, close = "", ""
        for name, offset in zip(names, offsets, strict=True):
            text += f"JOINT mixamorig:{name} {{ OFFSET {offset} CHANNELS 3 Zrotation Yrotation Xrotation "
            close += "} "
        return text + "End Site { OFFSET 0 0 5 } " + close

    text = MIXAMO
    for side, x in (("Left", 1), ("Right", -1)):
        arm = chain([side + n for n in ("Shoulder", "Arm", "ForeArm", "Hand")],
                    [f"{6 * x} 12 0", f"{12 * x} 0 0", f"{28 * x} 0 0", f"{26 * x} 0 0"])  # fmt: skip
        leg = chain([side + n for n in ("UpLeg", "Leg", "Foot", "ToeBase")],
                    [f"{9 * x} -5 0", "0 -42 0", "0 -42 0", "0 -8 14"])  # fmt: skip
        text = text.replace(f"LIMB({side},{x})", arm).replace(f"LEG({side},{x})", leg)
    return text + "0 97 0 " + "0 " * (3 * text.count("Zrotation")) + "\n"


def test_forward_kinematics_by_hand(tmp_path):
    (tmp_path / "a.bvh").write_text(BVH)
    motion = read_motion(tmp_path / "a.bvh")
    assert motion.joints == ("Hips", "Spine", "Spine_end") and motion.parents == (0, 0, 1)
    assert motion.fps == pytest.approx(30, abs=1e-3)
    # first frame: the spine turned by 90 degrees about z lays its end to -x
    np.testing.assert_allclose(motion.positions[0], [[0, 90, 0], [0, 140, 0], [-60, 140, 0]], atol=1e-9)
    # second: the whole body turned by 90 degrees about y leaves what is upright
    np.testing.assert_allclose(motion.positions[1], [[10, 90, 5], [10, 140, 5], [10, 200, 5]], atol=1e-9)


def test_channels_apply_in_the_order_of_the_file(tmp_path):
    text = BVH.replace("0.0 90.0 0.0 0.0 0.0 0.0 90.0 0.0 0.0", "0 0 0 90 90 0 0 0 0").replace("Frames: 2", "Frames: 1")
    text = "\n".join(text.splitlines()[:-1]) + "\n"
    for order, expected in (("Zrotation Xrotation", [0, 0, 50]), ("Xrotation Zrotation", [-50, 0, 0])):
        changed = text.replace("Zposition Zrotation Xrotation", f"Zposition {order}")
        (tmp_path / "a.bvh").write_text(changed)
        np.testing.assert_allclose(read_motion(tmp_path / "a.bvh").positions[0, 1], expected, atol=1e-9)


def test_position_channels_take_the_place_of_the_offset(tmp_path):
    head = BVH[: BVH.index("MOTION")].replace("CHANNELS 3 Zrot", "CHANNELS 4 Yposition Zrot")
    text = head + "MOTION\nFrames: 1\nFrame Time: 0.1\n0 90 0 0 0 0 7 0 0 0\n"
    (tmp_path / "a.bvh").write_text(text)
    motion = read_motion(tmp_path / "a.bvh")
    assert motion.positions[0, 1, 1] - motion.positions[0, 0, 1] == 7


def test_mixamo_becomes_smpl22_in_metres(tmp_path):
    (tmp_path / "a.bvh").write_text(mixamo())
    r = read_bvh(tmp_path / "a.bvh")
    joints = dict(zip(layout("smpl22").joints, r.arrays["skeleton"][0, 0], strict=True))
    assert r.arrays["skeleton"].shape == (1, 1, 22, 3)
    for name, expected in {
        "pelvis": [0, 0.97, 0], "spine1": [0, 1.07, 0], "spine2": [0, 1.19, 0], "spine3": [0, 1.33, 0],
        "neck": [0, 1.48, 0], "head": [0, 1.58, 0], "left_collar": [0.06, 1.45, 0], "left_shoulder": [0.18, 1.45, 0],
        "right_elbow": [-0.46, 1.45, 0], "right_wrist": [-0.72, 1.45, 0], "left_hip": [0.09, 0.92, 0],
        "left_knee": [0.09, 0.5, 0], "right_ankle": [-0.09, 0.08, 0], "left_foot": [0.09, 0, 0.14],
    }.items():  # fmt: skip
        np.testing.assert_allclose(joints[name], expected, atol=1e-5, err_msg=name)


def test_own_joints_and_scale(tmp_path):
    (tmp_path / "a.bvh").write_text(BVH)
    r = read_bvh(tmp_path / "a.bvh", scale=0.1)
    assert r.arrays["skeleton"].shape == (2, 1, 3, 3) and r.arrays["skeleton"][0, 0, 0, 1] == np.float32(9)
    with pytest.raises(InputError, match="no joint is recognized as left hip"):
        read_bvh(tmp_path / "a.bvh", "smpl22")
    with pytest.raises(InputError, match="use auto, smpl22 or own"):
        read_bvh(tmp_path / "a.bvh", "ntu25")
    (tmp_path / "a.bvh").write_text(mixamo())
    assert read_bvh(tmp_path / "a.bvh", "own").arrays["skeleton"].shape[2] > 22


@pytest.mark.parametrize("unit", [1.0, 0.01, 0.001, 0.0254, 0.0254 / 0.45])
def test_the_unit_is_told_by_the_height(tmp_path, unit):
    text = BVH.replace("50.0", f"{0.8 / unit}").replace("60.0", f"{0.9 / unit}")
    (tmp_path / "a.bvh").write_text(text)
    assert read_motion(tmp_path / "a.bvh").unit == unit


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: "", "has no MOTION section"),
        (lambda t: t[: t.index("MOTION")], "has no MOTION section"),
        (lambda t: t[:-20], "has 13 motion values where 2 frames of 9 channels make 18|motion values"),
        (lambda t: t.replace("Frames: 2", "Frames: 3"), "has 18 motion values where 3 frames of 9 channels make 27"),
        (lambda t: t.replace("Frames: 2", "Frames: x"), "no sensible number of frames"),
        (lambda t: t.replace("Frames: 2", "Frames: 0"), "has 0 frames"),
        (lambda t: t.replace("0.0333333", "0"), "has 2 frames of 0.0 s"),
        (lambda t: t.replace("0.0333333", "nan"), "has 2 frames of nan s"),
        (lambda t: t.replace("10.0 90.0", "1x 90.0"), "'1x' in frame 1 is not a number"),
        (lambda t: t.replace("10.0 90.0", "nan 90.0"), "the motion has a NaN or infinity at index 1"),
        (lambda t: t.replace("HIERARCHY", "HIER"), "has a broken HIERARCHY"),
        (lambda t: t.replace("}\n}\nMOTION", "}\nMOTION"), "has a broken HIERARCHY"),
        (lambda t: t.replace("OFFSET 0.0 50.0", "OFFSET 0.0 nan"), "has a broken HIERARCHY"),
        (lambda t: t.replace("CHANNELS 3 Z", "CHANNELS 3 W"), "has a broken HIERARCHY"),
        (lambda t: t.replace("  JOINT Spine", "  BONE Spine"), "does not expect 'BONE'"),
        (lambda t: t.replace("  JOINT Spine", "  ROOT Spine"), "has more than one root"),
    ],
)
def test_broken_files(tmp_path, change, message):
    (tmp_path / "a.bvh").write_text(change(BVH))
    with pytest.raises(InputError, match=message):
        read_motion(tmp_path / "a.bvh")


def test_listing(tmp_path):
    (tmp_path / "walk").mkdir()
    (tmp_path / "walk" / "a.bvh").write_text(mixamo())
    (tmp_path / "b.bvh").write_text(mixamo())
    listing = bvh(tmp_path)
    assert {i.name: i.read().label for i in listing.items} == {"walk/a.bvh": "walk", "b.bvh": ""}
    assert (listing.spec.layout, listing.spec.joints, listing.spec.classes) == ("smpl22", 22, ("walk",))
    (tmp_path / "b.bvh").write_text(BVH)
    assert bvh(tmp_path).spec.layout == ""
    with pytest.raises(InputError, match=r"holds no .bvh file"):
        bvh(tmp_path / "none")
