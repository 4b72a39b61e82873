import numpy as np

from acteme.recordings.skeleton.kinematics import forward
from acteme.recordings.skeleton.layouts import layout
from acteme.recordings.worlds.stage import rig


def rest() -> np.ndarray:
    still = np.zeros((1, len(rig.RIG.moving), 4))
    still[..., 0] = 1
    return forward(rig.RIG, still, np.zeros((1, 3)))[0]


def test_every_joint_of_the_layout_is_a_point() -> None:
    assert [rig.RIG.joints[i] for i in rig.JOINTS] == list(layout("ntu25").joints)


def test_parents_come_before_children_and_bones_follow_the_layout() -> None:
    assert all(parent < joint for joint, parent in enumerate(rig.RIG.parents) if joint)
    kind = layout("ntu25")
    tree = {tuple(sorted((rig.JOINTS[c], rig.JOINTS[p]))) for c, p in kind.bones}
    mine = {tuple(sorted((j, p))) for j, p in enumerate(rig.RIG.parents) if j}
    waist = rig.RIG.joints.index("waist")
    assert len({pair for pair in mine - tree if waist not in pair}) == 2  # the hand tips, which hang on the hands here


def test_at_rest_the_figure_stands_and_looks_at_the_camera() -> None:
    x = dict(zip(rig.RIG.joints, rest(), strict=True))
    assert x["head"][1] > x["neck"][1] > x["spine_mid"][1] > 0 > x["right_knee"][1] > x["right_ankle"][1]
    assert x["right_shoulder"][0] > 0 > x["left_shoulder"][0] and x["right_foot"][2] < x["right_ankle"][2]
    assert 1.55 < x["head"][1] - x["right_foot"][1] < 1.75


def test_it_is_its_own_mirror_image() -> None:
    x, kind = rest()[rig.JOINTS], layout("ntu25")
    np.testing.assert_allclose(x[list(kind.flip)] * [-1, 1, 1], x, atol=1e-7)
    assert [rig.PARTS[i].replace("left", "right") for i in rig.MIRROR] == [
        p.replace("left", "right") for p in rig.PARTS
    ]
    assert (rig.MIRROR[rig.MIRROR] == np.arange(6)).all() and rig.PARTS[rig.MIRROR[1]] == "left_arm"
