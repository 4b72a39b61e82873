"""The layouts hold what was published, are trees that mirror onto themselves, and convert into each other."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from acteme.errors import InputError
from acteme.recordings.skeleton.layouts import LAYOUTS, convert, layout
from acteme.recordings.skeleton.layouts.maps import _MAPS

AGCN_NTU = """1,2 2,21 3,21 4,3 5,21 6,5 7,6 8,7 9,21 10,9 11,10 12,11 13,1 14,13 15,14 16,15 17,1 18,17 19,18 20,19
22,23 23,8 24,25 25,12"""
AGCN_UCLA = "1,2 2,3 4,3 5,3 6,5 7,6 8,7 9,3 10,9 11,10 12,11 13,1 14,13 15,14 16,15 17,1 18,17 19,18 20,19"
PYSKL_COCO = "15,13 13,11 16,14 14,12 11,5 12,6 9,7 7,5 10,8 8,6 5,0 6,0 1,0 3,1 2,0 4,2"
STGCN_OPENPOSE = "4,3 3,2 7,6 6,5 13,12 12,11 10,9 9,8 11,5 8,2 5,1 2,1 0,1 15,0 14,0 17,15 16,14"
OPENPOSE_BODY25 = """1,8 1,2 1,5 2,3 3,4 5,6 6,7 8,9 9,10 10,11 8,12 12,13 13,14 1,0 0,15 15,17 0,16 16,18 14,19 19,20
14,21 11,22 22,23 11,24"""
HUMANML3D = "0,2,5,8,11 0,1,4,7,10 0,3,6,9,12,15 9,14,17,19,21 9,13,16,18,20"
KIT = "0,11,12,13,14,15 0,16,17,18,19,20 0,1,2,3,4 3,5,6,7 3,8,9,10"

EACH = pytest.mark.parametrize("body", LAYOUTS.values(), ids=LAYOUTS)


def pairs(text, first=0):
    return [tuple(int(v) - first for v in item.split(",")) for item in text.split()]


def chain_bones(text):
    return {(b, a) for chain in pairs(text) for a, b in pairwise(chain)}


@EACH
def test_tree_and_graph_reach_every_joint(body):
    assert len(body.joints) == len(body.parents) == len(body.flip) == body.count == len(set(body.joints))
    for edges in (body.bones, body.edges):
        assert len(edges) == body.count - 1
        reached = {body.center}
        for _ in edges:
            reached |= {v for edge in edges if reached & set(edge) for v in edge}
        assert reached == set(range(body.count))
    assert body.parents[body.root] == body.root


@EACH
def test_flip_is_an_involution_of_names_tree_and_parts(body):
    flip = body.flip
    assert [flip[flip[v]] for v in range(body.count)] == list(range(body.count))
    for v, name in enumerate(body.joints):
        swapped = name.replace("left", "*").replace("right", "left").replace("*", "right")
        assert body.joints[flip[v]] == swapped
        assert body.parents[flip[v]] == flip[body.parents[v]]
    assert {frozenset((flip[a], flip[b])) for a, b in body.edges} == {frozenset(edge) for edge in body.edges}
    for part, joints in body.parts.items():
        if part.startswith("left_"):
            assert {flip[v] for v in joints} == set(body.parts["right_" + part[5:]])
        elif not part.startswith("right_"):
            assert {flip[v] for v in joints} == set(joints)


@EACH
def test_parts(body):
    if "thumb" in body.parts:  # a hand: five fingers of four joints
        assert sorted(v for joints in body.parts.values() for v in joints) == list(range(body.count - 20, body.count))
        return
    groups = ("head", "left_arm", "right_arm", "left_leg", "right_leg", "torso")
    assert set().union(*(body.parts[g] for g in groups)) == set(range(body.count))
    assert set().union(*(body.parts[g] for g in ("upper", "lower", "torso"))) == set(range(body.count))
    assert not set(body.parts["upper"]) & set(body.parts["lower"])


def test_ntu25_is_as_published():
    body = layout("ntu25")
    assert body.parents == (1, 20, 20, 2, 20, 4, 5, 6, 20, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18, 20, 22, 7, 24, 11)
    assert body.flip == (0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 16, 17, 18, 19, 12, 13, 14, 15, 20, 23, 24, 21, 22)
    assert set(body.edges) == set(pairs(AGCN_NTU, first=1))
    assert body.center == body.root == 20
    assert body.parts["head"] == (2, 3, 20)
    assert body.parts["left_arm"] == (4, 5, 6, 7, 21, 22)
    assert body.parts["right_arm"] == (8, 9, 10, 11, 23, 24)
    assert body.parts["left_leg"] == (12, 13, 14, 15)
    assert body.parts["right_leg"] == (16, 17, 18, 19)
    assert body.parts["hands"] == (20, 4, 5, 6, 7, 21, 22, 8, 9, 10, 11, 23, 24)
    assert body.parts["legs"] == body.parts["lower"] == (0, *range(12, 20))
    assert body.parts["upper"] == (*range(1, 12), *range(20, 25))
    assert [body.index(j) for j in ("left_thumb", "right_hand_tip", "spine_shoulder", "right_foot")] == [22, 23, 20, 19]


def test_pyskl_hangs_the_tips_on_the_hand_in_the_graph_only():
    agcn, pyskl = layout("ntu25"), layout("ntu25_pyskl")
    assert pyskl.parents == agcn.parents and pyskl.bones == agcn.bones
    assert set(pyskl.edges) - set(agcn.edges) == {(21, 7), (23, 11)}
    assert {(21, 7), (22, 7), (23, 11), (24, 11)} <= set(pyskl.edges)


def test_kinect20_coco17_and_openpose18_are_as_published():
    ucla, coco, openpose = layout("kinect20"), layout("coco17"), layout("openpose18")
    assert ucla.parents == (1, 2, 2, 2, 2, 4, 5, 6, 2, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18)
    assert ucla.flip == (0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 16, 17, 18, 19, 12, 13, 14, 15)
    assert set(ucla.edges) == set(pairs(AGCN_UCLA, first=1)) and ucla.center == 2
    assert ucla.parts["upper"] == tuple(range(1, 12)) and ucla.parts["lower"] == (0, *range(12, 20))
    assert coco.parents == (0, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 0, 0, 11, 12, 13, 14)
    assert set(coco.edges) == set(pairs(PYSKL_COCO)) and coco.center == 0
    assert all(name.startswith("left") == (v % 2 == 1) for v, name in enumerate(coco.joints) if v)
    assert openpose.parents == (0, 0, 1, 2, 3, 1, 5, 6, 2, 8, 9, 5, 11, 12, 0, 0, 14, 15)
    assert set(openpose.edges) == set(pairs(STGCN_OPENPOSE)) and openpose.center == 1


def test_ma52_adds_five_points_to_each_wrist():
    body = layout("ma52_28")
    assert body.joints[:18] == layout("openpose18").joints
    assert body.parents[18:23] == (7,) * 5 and body.parents[23:] == (4,) * 5
    assert body.joints[7] == "left_wrist" and body.flip[18:23] == tuple(range(23, 28))


def test_body25_smpl_kit_and_hand_are_as_published():
    body25 = layout("body25")
    assert {(child, parent) for parent, child in pairs(OPENPOSE_BODY25)} == set(body25.bones)
    assert body25.joints[:15] == layout("body15").joints and body25.parents[:15] == layout("body15").parents
    smpl = layout("smpl24")
    assert smpl.parents == (0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
    assert [smpl.index(j) for j in ("right_hip", "left_hip", "right_shoulder", "left_shoulder")] == [2, 1, 17, 16]
    assert chain_bones(HUMANML3D) == set(layout("smpl22").bones)
    assert chain_bones(KIT) == set(layout("kit21").bones)
    assert layout("hand21").parents[1::4] == (0,) * 5 and layout("hand21").parts["little"] == (17, 18, 19, 20)
    assert layout("shrec22").joints[:3] == ("wrist", "palm", "thumb_1")
    assert [v for v, parent in enumerate(layout("shrec22").parents) if parent == 1] == [2, 6, 10, 14, 18]


def test_lac_layouts():
    limbs = ("ankle", "knee", "hip", "wrist", "elbow", "shoulder")
    assert layout("lcrnet13").joints == (*(f"{side}_{limb}" for limb in limbs for side in ("right", "left")), "head")
    assert layout("posetics17").joints[:5] == ("nose", "mouth", "neck", "chest", "mid_hip")
    assert layout("body15").joints[8:10] == ("mid_hip", "right_hip")


def test_rooted_keeps_the_edges_and_moves_the_root():
    body = layout("ntu25")
    parents = body.rooted(1)
    assert parents[1] == 1 and parents[20] == 1 and parents[0] == 1
    assert body.rooted(20) == body.parents
    edges = {frozenset((v, p)) for v, p in enumerate(parents) if v != p}
    assert edges == {frozenset(bone) for bone in body.bones}


def test_unknown_names_are_refused_by_name():
    with pytest.raises(InputError, match=r"no skeleton layout 'ntu26'.*ntu25"):
        layout("ntu26")
    with pytest.raises(InputError, match="'ntu25' has no joint 'tail'"):
        layout("ntu25").index("tail")


@pytest.mark.parametrize(("source", "target"), _MAPS)
def test_every_map_keeps_translations_absence_type_and_sides(source, target):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 2, layout(source).count, 3))
    x[1, 1] = 0
    y = convert(x, source, target)
    assert y.shape == (3, 2, layout(target).count, 3)
    assert not y[1, 1].any() and y[0].all()
    shift = np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(convert(x[0] + shift, source, target), y[0] + shift, atol=1e-9)
    mirror = np.array([-1.0, 1, 1])
    mirrored = convert(x[:, :, list(layout(source).flip)] * mirror, source, target)
    np.testing.assert_allclose(mirrored, y[:, :, list(layout(target).flip)] * mirror, atol=1e-9)
    z = convert(torch.from_numpy(x.astype("f")), source, target)
    assert z.dtype == torch.float32
    np.testing.assert_allclose(z.numpy(), convert(x.astype("f"), source, target), atol=1e-6)


def test_a_joint_that_is_nan_spoils_only_what_is_made_of_it():
    x = np.ones((25, 3))
    x[19] = np.nan
    assert np.isfinite(convert(x, "ntu25", "coco17")).all()


def test_smpl22_to_ntu25_by_the_rules():
    x = np.random.default_rng(1).normal(size=(22, 3))
    y = convert(x, "smpl22", "ntu25")
    copied = {0: 0, 1: 6, 2: 12, 3: 15, 4: 16, 5: 18, 6: 20, 8: 17, 9: 19, 10: 21}
    copied |= {12: 1, 13: 4, 14: 7, 15: 10, 16: 2, 17: 5, 18: 8, 19: 11}
    for to, of in copied.items():
        np.testing.assert_allclose(y[to], x[of])
    np.testing.assert_allclose(y[7], x[20] + 0.35 * (x[20] - x[18]))
    np.testing.assert_allclose(y[11], x[21] + 0.35 * (x[21] - x[19]))
    np.testing.assert_allclose(y[20], (x[12] + x[9]) / 2)
    for tip in (21, 22):  # beyond the hand on the line of the forearm
        np.testing.assert_allclose(np.cross(y[tip] - x[20], x[20] - x[18]), 0, atol=1e-12)
        assert np.linalg.norm(y[tip] - x[18]) > np.linalg.norm(y[7] - x[18])


def test_ntu25_to_coco17_by_the_rules():
    x = np.random.default_rng(2).normal(size=(25, 3))
    sources = [3, 3, 3, 3, 3, 4, 8, 5, 9, 6, 10, 12, 16, 13, 17, 14, 18]
    np.testing.assert_array_equal(convert(x, "ntu25", "coco17"), x[sources])


def test_lcrnet13_to_posetics17_by_the_rules():
    x = np.random.default_rng(3).normal(size=(13, 2))
    y = convert(x, "lcrnet13", "posetics17")
    nose, neck, hip = x[12], (x[10] + x[11]) / 2, (x[4] + x[5]) / 2
    np.testing.assert_allclose(y[:5], [nose, (nose + neck) / 2, neck, (neck + hip) / 2, hip])
    np.testing.assert_array_equal(y[5:], x[[11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]])


def test_mocap15_to_ntu25_by_the_rules():
    body = layout("mocap15")
    x = np.zeros((15, 3))  # standing, facing +x, y up, right at +z
    stand = {"chest": (0, 0.24, 0), "neck": (0, 0.46, 0), "left_elbow": (0, 0.3, -0.2), "left_wrist": (0, 0.04, -0.2)}
    for side, z in (("left", -0.1), ("right", 0.1)):
        stand |= {f"{side}_{j}": (0, y, z) for j, y in (("hip", 0), ("knee", -0.4), ("ankle", -0.8))}
    for name, place in stand.items():
        x[body.index(name)] = place
    y = convert(x, "mocap15", "ntu25")
    np.testing.assert_allclose(y[3], (0, 0.64, 0))
    np.testing.assert_allclose(y[[2, 20]], [x[2], x[2]])
    np.testing.assert_allclose(y[7], (0, -0.04, -0.2))
    np.testing.assert_allclose(y[21], (0, -0.08, -0.2), atol=1e-12)
    np.testing.assert_allclose(y[15], (0.12, -0.8, -0.1))
    np.testing.assert_allclose(y[19], (0.12, -0.8, 0.1))
    np.testing.assert_allclose(convert(y, "ntu25", "mocap15"), x)
    np.testing.assert_allclose(convert(x, "mocap15", "body15")[[0, 8]], [(0, 0.64, 0), (0, 0, 0)], atol=1e-12)


def test_in_2d_a_joint_made_of_a_missing_one_is_missing():
    x = np.ones((2, 17, 2), "f")
    x[0, 5] = 0
    y = convert(x, "coco17", "body15")
    neck = layout("body15").index("neck")
    assert not y[0, neck].any() and y[1, neck].all()
    assert y[0, layout("body15").index("mid_hip")].all()


def test_convert_to_itself_is_the_same_array():
    x = np.ones((4, 25, 3), "f")
    assert convert(x, "ntu25", "ntu25") is x


def test_convert_refuses_what_it_cannot_do():
    with pytest.raises(InputError, match=r"\(4, 20, 3\) do not have the 25 joints"):
        convert(np.ones((4, 20, 3)), "ntu25", "coco17")
    with pytest.raises(InputError, match=r"no map from layout 'hand21' to 'ntu25'.*none"):
        convert(np.ones((21, 3)), "hand21", "ntu25")
    with pytest.raises(InputError, match="no skeleton layout 'nobody'"):
        convert(np.ones((25, 3)), "ntu25", "nobody")
    with pytest.raises(InputError, match="needs 3D positions"):
        convert(np.ones((15, 2)), "mocap15", "ntu25")
