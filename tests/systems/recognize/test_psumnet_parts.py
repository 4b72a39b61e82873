import numpy as np
import pytest
import torch

from acteme.errors import InputError
from acteme.recordings.skeleton import adjacency
from acteme.recordings.skeleton.layouts import LAYOUTS, layout
from acteme.recordings.skeleton.streams import bone
from acteme.systems.recognize.psumnet.parts import part_stream

NTU, HAND, X = layout("ntu25"), layout("shrec22"), layout("ntux67")


def sums(name, part, official=False):
    return adjacency.spatial(part_stream(layout(name), part, official).tree).sum((1, 2)).round(4).tolist()


def test_graphs_have_the_published_sums():
    assert sums("ntu25", "body") == [25, 24, 20] and sums("ntu25", "hands") == [13, 12, 9]
    assert sums("ntu25", "legs") == [9, 8, 7] and sums("ntu25", "legs", official=True) == [9, 7, 7]
    assert sums("shrec22", "hands", official=True) == [22, 17, 21]
    assert sums("shrec22", "hands") == [22, 21, 17]


def test_inward_columns_sum_to_one_for_every_child_and_outward_ones_share():
    _, inward, outward = adjacency.spatial(part_stream(NTU, "body").tree)
    assert inward.sum(0).tolist() == [0 if v == 20 else 1 for v in range(25)]
    assert np.flatnonzero(outward[:, 20]).tolist() == [1, 2, 4, 8] and (outward[[1, 2, 4, 8], 20] == 0.25).all()
    legs = adjacency.spatial(part_stream(NTU, "legs", official=True).tree)[1]
    assert legs[[0, 3], 4].tolist() == [0.5, 0.5] and not legs[:, 8].any()


def test_the_official_legs_lose_the_right_foot_and_ours_do_not():
    x = torch.randn(25, 3)
    ours, theirs = (part_stream(NTU, "legs", official) for official in (False, True))
    right = bone(x[list(ours.joints)], ours.tree)
    assert torch.equal(right[8], x[19] - x[18]) and torch.equal(right[5], x[16] - x[0])
    wrong = bone(x[list(theirs.joints)], theirs.tree)
    assert (wrong[8] == 0).all() and torch.equal(wrong[4], x[15] - x[0]) and torch.equal(wrong[5], x[16] - x[15])
    assert torch.equal(wrong[:4], right[:4]) and ours.joints == theirs.joints


def test_the_official_hand_reads_pairs_from_zero_as_pairs_from_one():
    pairs = [(0, 1)] + [(1 if k == 0 else 4 * f + 1 + k, 4 * f + 2 + k) for f in range(5) for k in range(4)]
    x = torch.randn(22, 3)
    wanted = torch.zeros(22, 3)
    for a, b in pairs:
        wanted[a - 1] = x[a - 1] - x[b - 1]
    assert torch.equal(bone(x, part_stream(HAND, "hands", official=True).tree), wanted)
    tips = bone(x, part_stream(HAND, "hands").tree)
    assert torch.equal(tips[5], x[5] - x[4]) and torch.equal(tips[6], x[6] - x[1]) and torch.equal(tips[1], x[1] - x[0])


def test_dense_joints_have_the_published_streams():
    body, hands, legs = (part_stream(X, part) for part in ("body", "hands", "legs"))
    assert [s.tree.count for s in (body, hands, legs)] == [37, 48, 13]
    assert body.joints[25:] == (46, 50, 54, 58, 62, 66, 25, 29, 33, 37, 41, 45)
    assert body.tree.parents[25:] == (3, 25, 25, 25, 25, 25, 6, 31, 31, 31, 31, 31)
    assert part_stream(X, "body", official=True).tree.parents[27] == 26
    assert hands.joints == (2, 3, 4, 5, 6, 7, *range(46, 67), *range(25, 46))
    assert legs.joints == (8, 9, 10, 11, 24, 22, 23, 12, 13, 14, 21, 19, 20)
    card = "2 2 2 3 4 2 6 7 2 9 10 11 9 13 14 1 1 16 17 15 20 15 12 23 12"  # of joints 1 to 25, counted from 1
    for official in (False, True):
        assert [p + 1 for p in part_stream(X, "body", official).tree.parents[:25]] == [int(p) for p in card.split()]
    # a bone of the stream is one of the layout, but for the wrist of a hand, which the body stream hangs on the elbow
    for stream in (hands, legs):
        for v, p in enumerate(stream.tree.parents):
            if v != p and (v, p) != (3, 0):
                assert X.parents[stream.joints[v]] == stream.joints[p]


@pytest.mark.parametrize("name", [n for n in LAYOUTS if "left_arm" in LAYOUTS[n].parts])
@pytest.mark.parametrize("part", ["body", "hands", "legs"])
def test_every_body_has_streams_that_are_trees_and_mirror(name, part):
    stream = part_stream(layout(name), part)
    tree = stream.tree
    reached = {tree.root}
    for _ in range(tree.count):
        reached |= {v for v, p in enumerate(tree.parents) if p in reached}
    assert reached == set(range(tree.count)) and len(tree.bones) == tree.count - 1
    assert [layout(name).flip[v] for v in stream.joints] == [stream.joints[v] for v in tree.flip]
    if part == "hands":
        assert {v for n, j in layout(name).parts.items() if n.endswith("arm") for v in j} <= set(stream.joints)


@pytest.mark.parametrize("official", [False, True])
def test_hops_are_counted_from_the_joint_that_a_stream_hangs_on(official):
    centers = {(body.name, part): part_stream(body, part, official).tree.center
               for body, parts in ((NTU, ("hands", "legs")), (HAND, ("hands",)), (X, ("body", "hands", "legs")))
               for part in parts}  # fmt: skip
    assert centers.pop(("ntux67", "body")) == X.center == 1
    assert set(centers.values()) == {0}
    assert part_stream(NTU, "body", official).tree.center == 20


def test_a_hand_is_one_stream():
    assert part_stream(layout("hand21"), "hands").tree == layout("hand21")
    with pytest.raises(InputError, match="'hand21' is a hand and has no legs; set it to hands"):
        part_stream(layout("hand21"), "legs")
