"""The three 3D rules and the 2D rule on numbers of the official code, and what may not change them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from acteme.errors import InputError
from acteme.recordings.skeleton.normalize import (
    Axes,
    normalize_agcn,
    normalize_ctrgcn,
    normalize_image,
    normalize_pyskl,
)

RULES = {
    "agcn": normalize_agcn,
    "pyskl": lambda x: normalize_pyskl(x)[0],
    "ctrgcn": normalize_ctrgcn,
}


def person(seed=0, frames=6, persons=2):
    """Somebody roughly upright at 3 m, moving a little."""
    rng = np.random.default_rng(seed)
    body = rng.normal(size=(1, persons, 25, 3)) * 0.4
    body[..., 0, :], body[..., 1, :] = (0, -0.2, 0), (0.05, 0.3, 0.1)
    body[..., 4, :], body[..., 8, :] = (-0.2, 0.5, 0), (0.15, 0.56, -0.05)
    return body + rng.normal(size=(frames, persons, 1, 3)) * 0.1 + (0.2, 0.1, 3.0)


def tilted_pose():
    """The pose of the card: spine (.05, .5, .1), shoulders (.35, .06, -.05)."""
    x = np.zeros((1, 1, 25, 3))
    x[0, 0, [0, 1, 4]] = [(1, 1, 3), (1.05, 1.5, 3.1), (0.9, 1.6, 3)]
    x[0, 0, 8] = x[0, 0, 4] + (0.35, 0.06, -0.05)
    return x


def directions(y):
    spine, across = y[1] - y[0], y[8] - y[4]
    return spine / np.linalg.norm(spine), across / np.linalg.norm(across)


@pytest.mark.parametrize("rule", [normalize_agcn, lambda x, **k: normalize_pyskl(x, **k)[0]])
def test_official_alignment_tilts_the_spine_again(rule):
    spine, across = directions(rule(tilted_pose(), official=True)[0, 0])
    np.testing.assert_allclose(spine, (0.2313, -0.0108, 0.9728), atol=5e-5)
    np.testing.assert_allclose(across, (1, 0, 0), atol=1e-12)


@pytest.mark.parametrize("rule", [normalize_agcn, lambda x, **k: normalize_pyskl(x, **k)[0]])
def test_corrected_alignment_keeps_the_spine_upright(rule):
    spine, across = directions(rule(tilted_pose())[0, 0])
    np.testing.assert_allclose(spine, (0, 0, 1), atol=1e-12)
    assert across[0] > 0.9 and abs(across[1]) < 1e-12


def test_official_alignment_depends_on_the_heading_and_the_corrected_does_not():
    x = tilted_pose()
    turns = Rotation.random(200, rng=np.random.default_rng(0)).as_matrix()
    spread = {}
    for official in (True, False):
        spines = np.stack([directions(normalize_agcn(x @ turn.T, official=official)[0, 0])[0] for turn in turns])
        spread[official] = np.ptp(spines, axis=0).max()
    assert spread[True] > 0.3
    assert spread[False] < 1e-12


def test_a_spine_upside_down_is_turned_but_not_by_the_official_code():
    x = tilted_pose()
    x[0, 0, 1] = x[0, 0, 0] - (0, 0, 0.5)
    assert directions(normalize_agcn(x)[0, 0])[0] @ (0, 0, 1) > 1 - 1e-12
    x[0, 0, 8] = x[0, 0, 4] + (0.3, 0, 0)
    assert directions(normalize_agcn(x, official=True)[0, 0])[0] @ (0, 0, 1) < -1 + 1e-12
    x[0, 0, 8] = x[0, 0, 4] - (0.3, 0, 0)
    y = normalize_agcn(x)[0, 0]
    np.testing.assert_allclose(np.stack(directions(y)), [(0, 0, 1), (1, 0, 0)], atol=1e-12)


def test_without_spine_or_shoulders_nothing_is_turned():
    x = np.zeros((2, 1, 25, 3))
    x[:, 0, 1] = x[:, 0, 0] = (0, 1, 3)
    x[:, 0, 7] = (1, 1, 3)
    np.testing.assert_allclose(normalize_agcn(x)[0, 0, 7], (1, 0, 0))


@settings(max_examples=25)
@given(
    st.integers(0, 10_000),
    st.integers(0, 10_000),
    st.tuples(*[st.floats(-2, 2)] * 3),
    st.sampled_from(["agcn", "pyskl"]),
)
def test_rigid_motion_changes_nothing_in_the_aligned_rules(seed, turn, shift, rule):
    x = person(seed)
    moved = x @ Rotation.random(rng=np.random.default_rng(turn)).as_matrix().T + shift
    np.testing.assert_allclose(RULES[rule](moved), RULES[rule](x), atol=1e-5)


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.tuples(*[st.floats(-2, 2)] * 3), st.sampled_from(sorted(RULES)))
def test_translation_changes_nothing(seed, shift, rule):
    x = person(seed)
    np.testing.assert_allclose(RULES[rule](x + shift), RULES[rule](x), atol=1e-9)


def test_rotation_changes_the_rule_without_alignment():
    x = person()
    turned = x @ Rotation.from_rotvec((0, 0.5, 0)).as_matrix().T
    assert np.abs(normalize_ctrgcn(turned) - normalize_ctrgcn(x)).max() > 0.1


def test_global_translation_is_lost_in_the_first_rule_only():
    x = person(frames=3, persons=1)
    x = np.repeat(x[:1], 3, axis=0) + np.arange(3)[:, None, None, None] * np.array([0.5, 0, 0])
    assert np.abs(np.diff(normalize_agcn(x), axis=0)).max() < 1e-12
    for rule in (RULES["pyskl"], RULES["ctrgcn"]):
        steps = np.diff(rule(x), axis=0)
        np.testing.assert_allclose(np.linalg.norm(steps, axis=-1), 0.5)


def test_both_persons_move_with_the_first():
    x = person()
    for rule in RULES.values():
        y = rule(x)
        # distances between persons within a frame survive
        np.testing.assert_allclose(
            np.linalg.norm(y[:, 0] - y[:, 1], axis=-1), np.linalg.norm(x[:, 0] - x[:, 1], axis=-1), atol=1e-9
        )


def seen(x, frames, m=0):
    """Person m is there in these frames only."""
    x = x.copy()
    x[[t for t in range(len(x)) if t not in frames], m] = 0
    return x


def which(y, x, m=0):
    """Which frame of x each frame of person m of y shows, told by the length of one limb; -1 where nobody is."""
    limb = np.linalg.norm(x[:, m, 5] - x[:, m, 9], axis=-1)
    found = np.linalg.norm(y[:, m, 5] - y[:, m, 9], axis=-1)
    return [-1 if f < 1e-9 else int(np.argmin(np.abs(limb - f))) for f in found]


def limbs_differ(frames=7):
    x = np.repeat(person(frames=1), frames, axis=0)
    x[:, :, 5] = x[:, :, 9] + np.arange(1, frames + 1)[:, None, None] * np.array([1.0, 0, 0])
    return x


def test_agcn_moves_a_late_person_to_the_front_and_repeats():
    x = limbs_differ()
    assert which(normalize_agcn(seen(x, [2, 3, 5])), x) == [2, 3, 5, 2, 3, 5, 2]
    # an early gap is closed only where the first frame is empty
    assert which(normalize_agcn(seen(x, [0, 1, 3])), x) == [0, 1, -1, 3, 0, 1, -1]
    # persons one by one: the second is moved without the first
    y = normalize_agcn(seen(x, [4, 5], m=1))
    assert which(y, x, 1) == [4, 5, 4, 5, 4, 5, 4] and which(y, x) == list(range(7))


def test_pyskl_drops_frames_and_swaps_persons():
    x = limbs_differ()
    y, kept = normalize_pyskl(seen(x, [1, 2, 6]))
    # the second person is seen in all frames and comes first
    assert kept.tolist() == list(range(7)) and which(y, x) == list(range(7))
    assert which(y[:, ::-1], x) == [-1, 1, 2, -1, -1, -1, 6]
    y, kept = normalize_pyskl(seen(seen(x, [1, 2, 6]), [2, 3, 4], m=1))
    assert kept.tolist() == [1, 2, 6] and which(y, x) == [1, 2, 6] and which(y, x, 1) == [-1, 2, -1]


def test_ctrgcn_takes_the_first_frame_that_has_the_actor():
    x = seen(limbs_differ(), [2, 3, 5])
    y = normalize_ctrgcn(x)
    np.testing.assert_allclose(y[2, 0], x[2, 0] - x[2, 0, 1])
    np.testing.assert_allclose(y[0, 1], x[0, 1] - x[2, 0, 1])
    assert not y[[0, 1, 4, 6], 0].any()


def test_pyskl_center_of_20_joints():
    x = person()[:, :, :20]
    y, _ = normalize_pyskl(x)
    np.testing.assert_allclose(y[0, 0, 1], 0, atol=1e-12)
    for options in ({"official": True}, {"center": -1}):
        y, _ = normalize_pyskl(x, **options)
        np.testing.assert_allclose(y[0, 0, 19], 0, atol=1e-12)
        assert np.abs(y[0, 0, 1]).max() > 0.05
    y, _ = normalize_pyskl(person(), official=True)
    np.testing.assert_allclose(y[0, 0, 1], 0, atol=1e-12)


def test_missing_joints_stay_zero_and_so_does_a_joint_at_the_origin():
    x = person()
    x[2, 1, 6] = 0
    for rule in RULES.values():
        moved = rule(x)[2, 1, 6]
        if rule is normalize_ctrgcn:  # shifted with its body: this rule asks for whole frames
            np.testing.assert_allclose(moved, -x[0, 0, 1])
        else:
            assert not moved.any()


def test_empty_is_a_sum_in_the_official_first_rule():
    x = person()
    x[2, 1, 6] = (0.5, -0.5, 0)
    turned = normalize_agcn(x)[2, 1]
    np.testing.assert_allclose(
        np.linalg.norm(turned[6] - turned[7]), np.linalg.norm(x[2, 1, 6] - x[2, 1, 7]), atol=1e-9
    )
    assert not normalize_agcn(x, official=True)[2, 1, 6].any()


@pytest.mark.parametrize("rule", sorted(RULES))
def test_edge_lengths_and_types(rule):
    assert RULES[rule](np.zeros((0, 2, 25, 3), "f")).shape == (0, 2, 25, 3)
    assert not RULES[rule](np.zeros((3, 2, 25, 3), "f")).any()
    one = person(frames=1, persons=1).astype("f")
    before = one.copy()
    y = RULES[rule](one)
    assert y.shape == one.shape and y.dtype == np.float32
    np.testing.assert_array_equal(one, before)


def test_axes_of_layouts():
    assert Axes.of("ntu25") == Axes.of("kinect20") == Axes()
    assert Axes.of("smpl22") == Axes(center=3, bottom=0, top=3, left=16, right=17)
    assert Axes.of("body15") == Axes(center=1, bottom=8, top=1, left=5, right=2)
    with pytest.raises(InputError, match="'coco17' has no spine"):
        Axes.of("coco17")
    x = np.random.default_rng(0).normal(size=(4, 1, 15, 3))
    y = normalize_agcn(x, Axes.of("body15"))[0, 0]
    spine = y[1] - y[8]
    np.testing.assert_allclose(spine / np.linalg.norm(spine), (0, 0, 1), atol=1e-12)


def test_image_coordinates():
    x = np.array([[[[0, 0], [1920, 1080], [960, 540], [480, 810]]]], "f")
    y = normalize_image(x, 1920, 1080)
    np.testing.assert_allclose(y[0, 0], [(0, 0), (1, 1), (0, 0), (-0.5, 0.5)])
    wide = normalize_image(x, 1920, 1080, keep_aspect=True)
    np.testing.assert_allclose(wide[0, 0, 3], (2 * 480 / 1920 - 1, 2 * 810 / 1920 - 1080 / 1920))
    confidence = np.array([[[1, 0.01, 1, 0.011]]])
    low = normalize_image(x, 1920, 1080, confidence=confidence)
    assert not low[0, 0, 1].any() and low[0, 0, 3].any() and low.dtype == np.float32
    with pytest.raises(InputError, match="0 x 1080 pixels"):
        normalize_image(x, 0, 1080)
