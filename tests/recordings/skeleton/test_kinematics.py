import numpy as np
import pytest
import torch

from acteme.errors import InputError
from acteme.recordings.skeleton import kinematics as k
from acteme.recordings.skeleton import rotations
from acteme.recordings.skeleton.layouts import LAYOUTS, layout
from acteme.recordings.skeleton.readers import pybullet

RNG = np.random.default_rng(0)
RIG = k.Rig(
    joints=("hip", "spine", "neck", "arm", "hand", "leg"),
    parents=(0, 0, 1, 1, 3, 0),
    offsets=np.array([[9, 9, 9], [0, 0.5, 0], [0, 0.2, 0.1], [0.2, 0, 0], [0, -0.3, 0], [0.1, -0.9, 0]], float),
    moving=("hip", "arm", "spine"),
)


def angles(*shape: int) -> np.ndarray:
    return rotations.normalize(RNG.standard_normal((*shape, len(RIG.moving), 4)))


def plain_forward(rig: k.Rig, rotation: np.ndarray, root: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Forward kinematics of one frame, joint by joint, with matrices."""
    place, turn = [root], []
    for joint, parent in enumerate(rig.parents):
        local = np.eye(3)
        if rig.joints[joint] in rig.moving:
            local = rotations.to_matrix(rotation[rig.moving.index(rig.joints[joint])])
        turn.append(local if joint == 0 else turn[parent] @ local)
        if joint:
            place.append(place[parent] + turn[parent] @ offsets[joint])
    return np.stack(place)


def test_forward_is_the_plain_loop() -> None:
    rotation, root, offsets = angles(3, 5), RNG.standard_normal((3, 5, 3)), RNG.standard_normal((3, 6, 3))
    got = k.forward(RIG, rotation, root, offsets)
    for n in range(3):
        for t in range(5):
            np.testing.assert_allclose(
                got[n, t], plain_forward(RIG, rotation[n, t], root[n, t], offsets[n]), atol=1e-14
            )
    default = k.forward(RIG, rotation, root)
    np.testing.assert_allclose(default[2, 4], plain_forward(RIG, rotation[2, 4], root[2, 4], RIG.offsets), atol=1e-14)


def test_forward_of_one_frame_and_of_many_bodies() -> None:
    rotation, root = angles(1), np.zeros((1, 3))
    bodies = np.stack([RIG.offsets, 2 * RIG.offsets])
    got = k.forward(RIG, rotation, root, bodies)
    assert got.shape == (2, 1, 6, 3)
    np.testing.assert_allclose(got[1], 2 * got[0], atol=1e-14)


def test_forward_where_the_root_does_not_turn() -> None:
    rig = k.Rig(RIG.joints, RIG.parents, RIG.offsets, ("arm",))
    got = k.forward(rig, angles(4)[:, :1], np.zeros((4, 3)))
    np.testing.assert_allclose(got[:, 1], np.broadcast_to(RIG.offsets[1], (4, 3)), atol=1e-15)
    assert np.ptp(got[:, 4], axis=0).max() > 0.1


def test_bones_keep_their_lengths_in_float64() -> None:
    got = k.forward(RIG, angles(200), RNG.standard_normal((200, 3)))
    lengths = np.linalg.norm(got[:, 1:] - got[:, list(RIG.parents)[1:]], axis=-1)
    assert lengths.std(0).max() < 1e-12


def test_splice_takes_the_named_joints_from_above() -> None:
    a, b = angles(7), angles(7)
    got = k.splice(RIG, a, b, ("arm", "hand"))
    np.testing.assert_array_equal(got[:, 1], a[:, 1])
    np.testing.assert_array_equal(got[:, [0, 2]], b[:, [0, 2]])


def test_bones_of_a_layout() -> None:
    x = RNG.standard_normal((2, 25, 3))
    b = k.bones(x, "ntu25")
    np.testing.assert_array_equal(b[:, 5], x[:, 5] - x[:, 4])
    assert not b[:, 20].any()
    np.testing.assert_allclose(k.lengths(x, "ntu25")[:, 5], np.linalg.norm(x[:, 5] - x[:, 4], axis=-1))


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_bone_sums_give_the_positions_back(name: str) -> None:
    x = RNG.standard_normal((3, layout(name).count, 3))
    anchor = k.pelvis(name)
    np.testing.assert_allclose(k.assemble(k.bones(x, name), x[:, anchor], name), x, atol=1e-12)
    np.testing.assert_allclose(k.assemble(k.bones(x, name), x[:, 3], name, anchor=3), x, atol=1e-12)


def test_the_pelvis_of_layouts() -> None:
    assert [layout(n).joints[k.pelvis(n)] for n in ("body15", "mocap15", "ntu25")] == ["mid_hip", "root", "spine_base"]
    assert k.pelvis("hand21") == layout("hand21").root


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_retarget_changes_lengths_and_no_direction(library: str) -> None:
    x, f = RNG.standard_normal((4, 6, 15, 3)), RNG.uniform(0.5, 2, (4, 1, 15))
    give = torch.from_numpy if library == "torch" else np.asarray
    y = np.asarray(k.retarget(give(x), "body15", give(f)))
    root = layout("body15").root
    keep = np.arange(15) != root
    np.testing.assert_allclose(k.lengths(y, "body15")[..., keep], (k.lengths(x, "body15") * f)[..., keep], atol=1e-12)
    np.testing.assert_allclose(k.bones(y, "body15"), k.bones(x, "body15") * np.where(keep, f, 0)[..., None], atol=1e-12)
    np.testing.assert_allclose(y[..., 8, :], x[..., 8, :], atol=1e-12)


def test_retarget_by_ones_changes_nothing_and_undoes_itself() -> None:
    x, f = RNG.standard_normal((5, 15, 3)), RNG.uniform(0.5, 2, 15)
    np.testing.assert_allclose(k.retarget(x, "body15", np.ones(15)), x, atol=1e-13)
    there = k.retarget(x, "body15", f, travel=1.25)
    np.testing.assert_allclose(there[:, 8], 1.25 * x[:, 8], atol=1e-13)
    np.testing.assert_allclose(k.retarget(there, "body15", 1 / f, travel=0.8), x, atol=1e-13)


def test_retarget_to_given_lengths_and_by_travel_per_recording() -> None:
    x, wanted = RNG.standard_normal((2, 5, 15, 3)), RNG.uniform(0.5, 2, 15)
    y = k.retarget(x, "body15", wanted / np.maximum(k.lengths(x, "body15"), 1e-9), travel=np.array([[1.0], [2.0]]))
    root = layout("body15").root
    np.testing.assert_allclose(np.delete(k.lengths(y, "body15"), root, -1)[1, 3], np.delete(wanted, root), atol=1e-12)
    np.testing.assert_allclose(y[1, :, 8], 2 * x[1, :, 8], atol=1e-13)


def test_retarget_lets_gradients_through() -> None:
    x = torch.randn(2, 15, 3, requires_grad=True)
    f = torch.rand(2, 15, requires_grad=True)
    k.retarget(x, "body15", f).square().sum().backward()
    assert x.grad is not None and f.grad is not None
    root = layout("body15").root
    assert not f.grad[:, root].any() and f.grad[:, 3].all()


def test_retarget_of_positions_is_kinematics_with_other_offsets() -> None:
    """The identity that LAC's x_ij rests on, on real motion."""
    from acteme.recordings.worlds.mocap.figure import PROPORTIONS

    motion, points = pybullet.clip("cartwheel").resample(30), pybullet.points("body15")
    factors = PROPORTIONS.draw(np.random.default_rng(1), 1, 0.3)
    exact = k.forward(pybullet.RIG, motion.rotation, motion.root, PROPORTIONS.offsets(pybullet.RIG.offsets, factors)[0])
    # Bones of body15 are named by their child, but the trunk's, which leads from the neck to the middle of the hips.
    group = {"nose": "head", "mid_hip": "spine", "shoulder": "shoulders", "elbow": "upper_arms", "wrist": "forearms",
             "hip": "hips", "knee": "thighs", "ankle": "shins"}  # fmt: skip
    names = [j if j in ("nose", "mid_hip", "neck") else j.split("_")[1] for j in layout("body15").joints]
    per_bone = np.array([factors[0, PROPORTIONS.groups.index(group[n])] if n != "neck" else 1 for n in names])
    moved = k.retarget(motion.positions()[:, points], "body15", per_bone)
    np.testing.assert_allclose(moved, exact[:, points], atol=1e-12)


def test_positions_of_another_layout_are_refused() -> None:
    with pytest.raises(InputError, match="do not end in the 15 joints of 'body15'"):
        k.retarget(np.zeros((2, 25, 3)), "body15", np.ones(15))
