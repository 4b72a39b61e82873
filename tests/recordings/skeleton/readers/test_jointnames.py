"""Joint names of many programs: which joint is which."""

import numpy as np
import pytest

from acteme.recordings.skeleton.layouts import layout
from acteme.recordings.skeleton.readers.jointnames import as_smpl22

STYLES = {
    "cmu": ("Hips LHipJoint LeftUpLeg LeftLeg LeftFoot LeftToeBase RHipJoint RightUpLeg RightLeg RightFoot RightToeBase"
            " LowerBack Spine Spine1 Neck Neck1 Head LeftShoulder LeftArm LeftForeArm LeftHand RightShoulder RightArm"
            " RightForeArm RightHand",
            "0 0 1 2 3 4 0 6 7 8 9 0 11 12 13 14 15 13 17 18 19 13 21 22 23",
            "LeftUpLeg LeftLeg LeftFoot LeftToeBase LeftShoulder LeftArm LeftForeArm LeftHand LowerBack Spine Spine1"),
    "biped": ("Bip01 Bip01_Pelvis Bip01_Spine Bip01_Neck Bip01_Head Bip01_L_Clavicle Bip01_L_UpperArm Bip01_L_Forearm"
              " Bip01_L_Hand Bip01_R_Clavicle Bip01_R_UpperArm Bip01_R_Forearm Bip01_R_Hand Bip01_L_Thigh Bip01_L_Calf"
              " Bip01_L_Foot Bip01_L_Toe0 Bip01_R_Thigh Bip01_R_Calf Bip01_R_Foot Bip01_R_Toe0",
              "0 0 1 2 3 3 5 6 7 3 9 10 11 1 13 14 15 1 17 18 19",
              "Bip01_L_Thigh Bip01_L_Calf Bip01_L_Foot Bip01_L_Toe0 Bip01_L_Clavicle Bip01_L_UpperArm Bip01_L_Forearm"
              " Bip01_L_Hand Bip01_Spine Bip01_Spine Bip01_Spine"),
    "unreal": ("root pelvis spine_01 spine_02 spine_03 neck_01 head clavicle_l upperarm_l lowerarm_l hand_l clavicle_r"
               " upperarm_r lowerarm_r hand_r thigh_l calf_l foot_l ball_l thigh_r calf_r foot_r ball_r",
               "0 0 1 2 3 4 5 4 7 8 9 4 11 12 13 1 15 16 17 1 19 20 21",
               "thigh_l calf_l foot_l ball_l clavicle_l upperarm_l lowerarm_l hand_l spine_01 spine_02 spine_03"),
    "plain": ("Hips Chest Neck Head LeftCollar LeftShoulder LeftElbow LeftWrist RightCollar RightShoulder RightElbow"
              " RightWrist LeftHip LeftKnee LeftAnkle RightHip RightKnee RightAnkle",
              "0 0 1 2 1 4 5 6 1 8 9 10 0 12 13 0 15 16",
              "LeftHip LeftKnee LeftAnkle LeftAnkle LeftCollar LeftShoulder LeftElbow LeftWrist Chest Chest Chest"),
}  # fmt: skip
ROLES = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")


@pytest.mark.parametrize("style", STYLES)
def test_styles(style):
    names, parents, expected = (text.split() for text in STYLES[style])
    weights, lacking = as_smpl22(tuple(names), tuple(map(int, parents)))
    assert weights is not None and lacking == ""
    joints = layout("smpl22").joints
    found = {joint: names[int(row.argmax())] for joint, row in zip(joints, weights, strict=True)}
    picked = [found[f"left_{role}"] for role in ROLES] + [found[f"spine{n}"] for n in (1, 2, 3)]
    assert picked == expected
    for role in ROLES:  # the right side mirrors the left
        mirrored = found[f"left_{role}"].replace("Left", "Right").replace("_L_", "_R_")
        assert found[f"right_{role}"] == (mirrored[:-1] + "r" if mirrored.endswith("_l") else mirrored)
    np.testing.assert_array_equal(weights.sum(1), 1)


def test_a_spine_without_joints_lies_between_pelvis_and_neck():
    names, parents, _ = (text.split() for text in STYLES["plain"])
    names[1], chain = "Neck", list(map(int, parents))
    names[2] = "Other"
    weights, _ = as_smpl22(tuple(names), tuple(chain))
    assert weights is not None
    np.testing.assert_array_equal(weights[layout("smpl22").joints.index("spine1")][:2], [0.75, 0.25])


def test_what_is_missing_is_named():
    names, parents, _ = (text.split() for text in STYLES["plain"])
    names[13] = "Tail"
    assert as_smpl22(tuple(names), tuple(map(int, parents))) == (None, "left knee")
