"""Motions as numbers: the published vectors in batches against those of one motion, and what nothing may change."""

import numpy as np
import pytest
import torch

from acteme.errors import InputError
from acteme.recordings.skeleton import descriptors, rotations
from acteme.recordings.skeleton.layouts import LAYOUTS
from acteme.recordings.skeleton.readers import humanml3d_vectors as one
from acteme.recordings.worlds.sequences import sequences


@pytest.fixture(scope="module")
def walks() -> list[np.ndarray]:
    """Motions of 22 joints and different lengths."""
    corpus = sequences(train=3, test=0, unseen=0.0, layout="ntu25", fps=20.0, noise=0.0)
    names = LAYOUTS["ntu25"].joints
    at = {"pelvis": "spine_base", "spine1": "spine_mid", "spine2": "spine_mid", "spine3": "spine_shoulder"}
    at |= {"neck": "neck", "head": "head"}
    rng, out = np.random.default_rng(0), []
    for r in corpus:
        x = np.asarray(r.arrays["skeleton"][:, 0], np.float64)
        joints = []
        for name in LAYOUTS["smpl22"].joints:
            side, _, part = name.partition("_")
            source = at.get(name) or f"{side}_{'shoulder' if part == 'collar' else part}"
            joints.append(x[:, names.index(source)])
        out.append(np.stack(joints, 1) + rng.normal(size=(1, 22, 3)) * 0.03)
    return out


def padded(motions: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    frames = [len(m) for m in motions]
    x = torch.full((len(motions), max(frames), *motions[0].shape[1:]), 9.0, dtype=torch.float64)
    for row, m in zip(x, motions, strict=True):
        row[: len(m)] = torch.from_numpy(m)
    return x, torch.tensor(frames)


def test_a_batch_has_the_vectors_of_each_motion(walks):
    found = descriptors.guo(*padded(walks), "smpl22").numpy()
    for row, m in zip(found, walks, strict=True):
        wanted = one.to_vectors(one.canonical(m))
        np.testing.assert_allclose(row[: len(wanted)], wanted, atol=1e-6)
        last, before = row[len(m) - 1], row[len(m) - 2]
        np.testing.assert_allclose(last[193:259], before[193:259], atol=0.2)  # it moves on
        assert np.isfinite(row).all()


def test_the_vectors_of_kit_ml_by_their_definition(monkeypatch):
    """The computation of one motion, with what KIT-ML says of its joints, by their names."""
    names = LAYOUTS["kit21"].joints

    def at(text: str) -> tuple[int, ...]:
        return tuple(names.index(name) for name in text.split())

    legs = [at("pelvis " + " ".join(f"{side}_{j}" for j in ("hip", "knee", "ankle", "midfoot", "foot")))
            for side in ("right", "left")]  # fmt: skip
    arms = [at("neck " + " ".join(f"{side}_{j}" for j in ("shoulder", "elbow", "wrist"))) for side in ("right", "left")]
    up, down, forward, right, left = [0, 1, 0], [0, -1, 0], [0, 0, 1], [1, 0, 0], [-1, 0, 0]
    rest = {"pelvis": [0, 0, 0], "right_hip": right, "right_shoulder": right, "left_hip": left, "left_shoulder": left}
    rest |= dict.fromkeys(("spine1", "spine2", "neck", "head"), up)
    for side in ("right", "left"):
        rest |= {f"{side}_{joint}": down for joint in ("elbow", "wrist", "knee", "ankle")}
        rest |= {f"{side}_{joint}": forward for joint in ("midfoot", "foot")}
    for name, value in {
        "JOINTS": 21,
        "CHAINS": (*legs, at("pelvis spine1 spine2 neck head"), *arms),
        "REST": np.array([rest[name] for name in names], np.float64),
        "HIPS": at("right_hip left_hip"),
        "SHOULDERS": at("right_shoulder left_shoulder"),
        "LEFT_FEET": at("left_midfoot left_foot"),
        "RIGHT_FEET": at("right_midfoot right_foot"),
        "STANDING": 0.05,
    }.items():
        monkeypatch.setattr(one, name, value)
    rng = np.random.default_rng(0)
    motion = rng.normal(size=(1, 21, 3)) + rng.normal(size=(30, 21, 3)).cumsum(0) * 0.12
    wanted = one.to_vectors(one.canonical(motion))
    assert wanted.shape == (29, 251) and 0.2 < wanted[:, -4:].mean() < 0.8, "feet stand and do not"
    found = descriptors.guo(*padded([motion]), "kit21")[0, :29].numpy()
    np.testing.assert_allclose(found, wanted, atol=2e-6)


def test_positions_come_back(walks):
    x, frames = padded(walks[:1])
    back = one.to_positions(descriptors.guo(x, frames, "smpl22")[0].float().numpy())
    np.testing.assert_allclose(back, one.canonical(walks[0]), atol=1e-3)


def test_place_and_heading_change_nothing(walks):
    x, frames = padded(walks)
    turn = rotations.about("y", np.array(2.0))
    moved = torch.from_numpy(rotations.rotate(turn[None, None, None], x.numpy())) + torch.tensor([3.0, 0.5, -2.0])
    for function, shape in ((descriptors.guo, x), (descriptors.relative, x[:, :, None])):
        changed = moved.view(shape.shape)
        a, b = function(shape, frames, "smpl22"), function(changed, frames, "smpl22")
        here = torch.arange(x.shape[1]) < frames[:, None]
        torch.testing.assert_close(a[here], b[here], atol=1e-6, rtol=0)


def test_feet_of_both_layouts_and_widths():
    assert descriptors.width("smpl22", 1, 3, True) == 263 and descriptors.width("kit21", 1, 3, True) == 251
    assert descriptors.width("body15", 2, 3, False) == 2 * 2 * 15 * 3
    with pytest.raises(InputError, match="no motion vectors are published for layout 'ntu25'"):
        descriptors.width("ntu25", 1, 3, True)
    for layout in descriptors.BODIES:
        joints = LAYOUTS[layout].count
        still = torch.randn(1, 1, joints, 3).expand(-1, 5, -1, -1)
        found = descriptors.guo(still, torch.tensor([5]), layout)
        assert found.shape == (1, 5, 12 * joints - 1) and found[..., -4:].all(), "who does not move stands"
        jumping = still + torch.arange(5.0).view(1, 5, 1, 1)
        assert not descriptors.guo(jumping, torch.tensor([5]), layout)[..., -4:].any()
        assert {LAYOUTS[layout].joints[f] for f in descriptors.BODIES[layout].feet[:2]} <= {
            "left_ankle", "left_foot", "left_midfoot"}  # fmt: skip


def test_relative_positions_and_velocities_by_hand():
    x = torch.zeros(1, 4, 1, 15, 3)
    x[0, :3, 0] = torch.arange(1.0, 4).view(3, 1, 1) * torch.tensor([1.0, 0.0, 0.0])
    x[0, :3, 0, 3] += torch.tensor([0.0, 2.0, 0.0])
    found = descriptors.relative(x, torch.tensor([3]), "mocap15").view(4, 2, 15, 3)
    assert found[1, 0, 3].tolist() == [0, 2, 0] and not found[:, 0, 0].any()
    norm = found[:3, 1].norm(dim=-1)
    assert norm.allclose(torch.ones(3, 15)), "one meter per frame, also in the last"
    assert not found[3].any()


def test_one_frame_and_absent_persons():
    x = torch.randn(2, 1, 2, 25, 3)
    x[1, :, 1] = 0
    found = descriptors.relative(x, torch.tensor([1, 1]), "ntu25").view(2, 1, 2, 2, 25, 3)
    assert not found[:, :, 1].any() and not found[1, 0, :, 1].any() and found[0, 0, 0, 1].any()
    assert torch.isfinite(descriptors.guo(torch.randn(2, 1, 22, 3), torch.tensor([1, 1]), "smpl22")).all()
    flat = torch.randn(1, 3, 1, 17, 2)
    assert descriptors.relative(flat, torch.tensor([3]), "coco17").shape == (1, 3, 68)


def test_half_turns_are_turns():
    a = torch.nn.functional.normalize(torch.randn(50, 3, dtype=torch.float64), dim=-1)
    for b in (-a, a, a.roll(1, 0)):
        m = descriptors._between(a, b)
        torch.testing.assert_close((m @ a[..., None])[..., 0], b, atol=1e-6, rtol=0)
        torch.testing.assert_close(m @ m.transpose(-1, -2), torch.eye(3, dtype=torch.float64).expand(50, 3, 3))
