import numpy as np
import pytest

from acteme.recordings.skeleton import kinematics, rotations
from acteme.recordings.skeleton.readers.pybullet import CLIPS, LOWER, MOVING, RIG, UPPER
from acteme.recordings.worlds.mocap import figure
from acteme.recordings.worlds.mocap.clips import bank
from acteme.recordings.worlds.mocap.schedule import Blocks, Schedule, untrimmed

FPS = 30.0
UP, DOWN = np.isin(MOVING, UPPER), np.isin(MOVING, LOWER)
BANK = bank()
BLOCKS = Blocks.of(BANK, "train", False)


def slot(a: str, b: str, frames: int, join: int, leave: int, upper: int) -> Schedule:
    return Schedule(
        recording=np.array([0]),
        frames=np.array([frames]),
        clip=np.array([[CLIPS.index(a), CLIPS.index(b)]]),
        phase=np.array([[0.1, 0.2]]),
        rate=np.array([[1.0, 0.8]]),
        join=np.array([join]),
        leave=np.array([leave]),
        upper=np.array([upper]),
    )


def lean(q: np.ndarray) -> np.ndarray:
    """What is left of rotations without their heading."""
    return rotations.multiply(rotations.conjugate(rotations.about("y", rotations.twist(q))), q)


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.allclose(np.abs((a * b).sum(-1)), 1, atol=1e-9))


@pytest.mark.parametrize("upper", [0, 1])
def test_a_spliced_figure_has_one_half_of_each_clip(upper: int) -> None:
    """Joint angles, not positions: upper of A and lower of B are those of the real clips, frame by frame."""
    got = figure.play(slot("punch", "getup_faceup", 40, 10, 30, upper), BANK, BLOCKS, FPS, 0.0)
    time = np.arange(40) / FPS
    _, a = BANK.sample(np.full(40, CLIPS.index("punch")), 0.1 + time)
    _, b = BANK.sample(np.full(40, CLIPS.index("getup_faceup")), 0.2 + 0.8 * (time - 10 / FPS))
    joints = np.arange(len(MOVING)) > 0  # the root's heading is carried on, see below
    assert same(got.rotation[:10, joints], a[:10, joints]) and same(got.rotation[30:, joints], b[30:, joints])
    top, bottom = (a, b) if upper == 0 else (b, a)
    both = slice(10, 30)
    assert same(got.rotation[both, UP], top[both][:, UP])
    assert same(got.rotation[both, DOWN & joints], bottom[both][:, DOWN & joints])
    assert not same(got.rotation[both, UP], bottom[both][:, UP])
    assert same(lean(got.rotation[both, 0]), lean(bottom[both, 0]))


def test_labels_say_who_leads() -> None:
    got = figure.play(slot("punch", "walk", 40, 10, 30, 0), BANK, BLOCKS, FPS, 0.2)
    punch, walk = CLIPS.index("punch"), CLIPS.index("walk")
    assert got.upper.tolist() == [punch] * 30 + [walk] * 10
    assert got.lower.tolist() == [punch] * 10 + [walk] * 30


def test_heading_and_path_are_carried_on() -> None:
    plan = untrimmed(np.random.default_rng(0), BLOCKS, 4, 0.5, 15, 20, 0.2, FPS)
    got = figure.play(plan, BANK, BLOCKS, FPS, 0.0)
    cut = np.flatnonzero(np.diff(got.lower)[: plan.frames[plan.recording == 0].sum() - 1]) + 1
    assert len(cut) > 3
    heading = rotations.twist(got.rotation[:, 0])
    assert np.abs(np.angle(np.exp(1j * (heading[cut] - heading[cut - 1])))).max() < 1e-6
    first = np.searchsorted(got.recording, np.arange(4))
    assert not got.root[first][:, [0, 2]].any()
    step = np.linalg.norm(np.diff(got.root[:, [0, 2]], axis=0), axis=-1)
    step[first[1:] - 1] = 0
    assert step.max() < 6.0 / FPS  # nobody moves faster than 6 m/s


def test_within_a_run_the_root_moves_as_in_the_clip() -> None:
    got = figure.play(slot("kick", "kick", 30, 30, 30, 0), BANK, BLOCKS, FPS, 0.2)
    root, turn = BANK.sample(np.full(30, CLIPS.index("kick")), 0.1 + np.arange(30) / FPS)
    np.testing.assert_allclose(got.root, root - root[0] * [1, 0, 1], atol=1e-12)
    assert same(got.rotation, turn)


def test_loops_go_on_where_they_were() -> None:
    plan = slot("run", "run", 90, 90, 90, 0)  # .8 s a round
    got = figure.play(plan, BANK, BLOCKS, FPS, 0.0)
    along = got.root[:, 0]
    assert (np.diff(along) > 0.05).all() and 9 < along[-1] < 12  # 2.85 m a round, three rounds and a bit
    hard = figure.play(plan, BANK, BLOCKS, FPS, 0.0).rotation[24:26]
    assert not same(hard[0], hard[1])


def test_a_transition_fades_the_jump_and_leaves_the_rest() -> None:
    plan = untrimmed(np.random.default_rng(1), BLOCKS, 2, 0.0, 10, 12, 0.0, FPS)
    hard, soft = (figure.play(plan, BANK, BLOCKS, FPS, t) for t in (0.0, 0.3))
    cut = np.flatnonzero(np.diff(hard.lower) & (np.diff(hard.recording) == 0)) + 1

    def jump(f: figure.Frames) -> np.ndarray:
        between = rotations.multiply(rotations.conjugate(f.rotation[cut - 1]), f.rotation[cut])
        return np.linalg.norm(rotations.to_axis_angle(between), axis=-1).max(-1)

    assert jump(soft).max() < 0.45 * jump(hard).max()
    away = np.min(np.abs(np.arange(len(hard.lower))[:, None] - cut), 1) > 12
    untouched = (soft.rotation == hard.rotation).all((1, 2))
    assert untouched[away].mean() > 0.8  # but for loops
    assert not untouched[cut].any()
    assert (soft.root[:, [0, 2]] == hard.root[:, [0, 2]]).all()


def test_the_first_frames_of_recordings_are_not_faded() -> None:
    plan = untrimmed(np.random.default_rng(1), BLOCKS, 3, 0.0, 5, 8, 0.0, FPS)
    hard, soft = (figure.play(plan, BANK, BLOCKS, FPS, t) for t in (0.0, 0.3))
    first = np.searchsorted(hard.recording, np.arange(3))
    np.testing.assert_array_equal(soft.rotation[first], hard.rotation[first])


def test_positions_turn_with_the_azimuth_and_face_the_camera_at_zero() -> None:
    frames = figure.play(slot("walk", "walk", 20, 20, 20, 0), BANK, BLOCKS, FPS, 0.0)
    every = np.arange(len(RIG.joints))
    ones = np.ones((1, len(figure.GROUPS)))
    front = figure.positions(frames, ones, np.zeros(1), every)
    back = figure.positions(frames, ones, np.full(1, np.pi), every)
    np.testing.assert_allclose(back, front * [-1, 1, -1], atol=1e-5)
    assert front[-1, 0, 2] < front[0, 0, 2] - 0.3  # it walks towards the camera
    right, left = RIG.index(["right_shoulder", "left_shoulder"])
    assert (front[:, right, 0] > front[:, left, 0]).all()


def test_longer_legs_go_higher_and_farther() -> None:
    frames = figure.play(slot("walk", "walk", 20, 20, 20, 0), BANK, BLOCKS, FPS, 0.0)
    ones = np.ones((1, len(figure.GROUPS)))
    tall = ones.copy()
    tall[0, [figure.PROPORTIONS.groups.index(g) for g in ("thighs", "shins")]] = 1.25
    points = np.arange(len(RIG.joints))
    a, b = (figure.positions(frames, f, np.zeros(1), points) for f in (ones, tall))
    np.testing.assert_allclose(b[:, 0], 1.25 * a[:, 0], atol=1e-5)
    knee = RIG.index(["right_hip", "right_knee"])
    ratio = np.linalg.norm(np.diff(b[:, knee], axis=1), axis=-1) / np.linalg.norm(np.diff(a[:, knee], axis=1), axis=-1)
    np.testing.assert_allclose(ratio, 1.25, atol=1e-4)


def test_the_bodies_of_recordings_keep_their_bones() -> None:
    plan = untrimmed(np.random.default_rng(2), BLOCKS, 2, 0.5, 5, 8, 0.2, FPS)
    frames = figure.play(plan, BANK, BLOCKS, FPS, 0.2)
    factors = figure.PROPORTIONS.draw(np.random.default_rng(0), 2, 0.3)
    x = figure.positions(frames, factors, np.zeros(2), figure.RIG.index(RIG.joints))
    parents = list(RIG.parents)
    lengths = np.linalg.norm(x - x[:, parents], axis=-1)
    for n in range(2):
        mine = lengths[frames.recording == n]
        wanted = np.linalg.norm(figure.PROPORTIONS.offsets(RIG.offsets, factors)[n], axis=-1)
        np.testing.assert_allclose(mine[:, 1:], np.broadcast_to(wanted, mine.shape)[:, 1:], atol=1e-4)


def test_splice_of_kinematics_is_the_same_rule() -> None:
    got = figure.play(slot("punch", "walk", 40, 0, 40, 0), BANK, BLOCKS, FPS, 0.0)
    time = np.arange(40) / FPS
    _, a = BANK.sample(np.full(40, CLIPS.index("punch")), 0.1 + time)
    _, b = BANK.sample(np.full(40, CLIPS.index("walk")), (0.2 + 0.8 * time) % BANK.duration[0])
    wanted = kinematics.splice(RIG, a, b, UPPER)
    assert same(got.rotation[:, 1:], wanted[:, 1:])
