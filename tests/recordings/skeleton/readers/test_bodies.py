"""The choice of two bodies: every rule of the three published ones, and their traps."""

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.skeleton.readers.bodies import select
from acteme.recordings.skeleton.readers.ntu_file import Bodies


def figure(amount: float = 0.1, seed: int = 0, flat: bool = False) -> np.ndarray:
    """A tall body, or a flat one, (25, 3)."""
    x = np.random.default_rng(seed).uniform(-0.5, 0.5, (25, 3)) * ([3, 0.5, 1] if flat else [0.5, 3, 1])
    return x + np.random.default_rng(seed + 50).normal([0, 0, 3], amount, (25, 3))


def bodies(frames: int, tracks: dict[int, dict[int, np.ndarray]]) -> Bodies:
    """From track -> frame -> joints."""
    rows = [(t, k, shown[t]) for t in range(frames) for k, shown in tracks.items() if t in shown]
    frame = np.array([r[0] for r in rows])
    slot = np.array([sum(o[0] == r[0] for o in rows[:i]) for i, r in enumerate(rows)])
    order = {k: n for n, k in enumerate(dict.fromkeys(r[1] for r in rows))}
    joints = np.array([r[2] for r in rows], np.float32)
    return Bodies(frames, frame, slot, np.array([order[r[1]] for r in rows]), joints)


def track(first: int, last: int, scale: float = 1.0, seed: int = 0, flat: int = 0) -> dict[int, np.ndarray]:
    """A body in frames first to last - 1; `scale` sets its motion, the last `flat` frames are spread."""
    return {t: figure(0.1, seed + t, flat=t >= last - flat) * scale for t in range(first, last)}


def same(found: np.ndarray, expected: np.ndarray) -> bool:
    return np.array_equal(found, np.asarray(expected, np.float32))


RULES = ("ctrgcn", "pyskl")


@pytest.mark.parametrize("rule", RULES)
def test_the_body_that_moves_more_comes_first(rule):
    calm, lively = track(0, 20), track(0, 20, 2.0, seed=100)
    out = select(bodies(20, {0: calm, 1: lively}), rule)
    assert same(out[:, 0], list(lively.values())) and same(out[:, 1], list(calm.values()))


@pytest.mark.parametrize("rule", RULES)
def test_tracks_of_eleven_frames_are_noise_and_of_twelve_are_not(rule):
    for length, there in ((11, False), (12, True)):
        out = select(bodies(20, {0: track(0, 20), 1: track(0, length, 0.5, seed=100)}), rule)
        assert out[:, 1].any() == there


@pytest.mark.parametrize("rule", RULES)
def test_a_short_track_alone_is_kept(rule):
    assert len(select(bodies(3, {0: track(0, 3)}), rule)) == 3
    both = select(bodies(3, {0: track(0, 3), 1: track(0, 3, 2.0, seed=9)}), rule)
    assert same(both[:, 0], list(track(0, 3, 2.0, seed=9).values())) and not both[:, 1].any()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("flat", "there"), [(13, True), (14, False)])
def test_a_track_spread_in_seventy_percent_of_its_frames_is_noise(rule, flat, there):
    # 13 / 20 = 0.65 < 0.69754 <= 14 / 20
    out = select(bodies(20, {0: track(0, 20), 1: track(0, 20, 0.5, seed=100, flat=flat)}), rule)
    assert out[:, 1].any() == there


@pytest.mark.parametrize("rule", RULES)
def test_the_last_body_is_never_dropped(rule):
    assert select(bodies(20, {0: track(0, 20, flat=20), 1: track(0, 20, seed=100, flat=20)}), rule).any()


@pytest.mark.parametrize("rule", RULES)
def test_motion_counts_without_spread_frames(rule):
    # the second body seems to move more, because of its spread frames
    still, seeming = track(0, 20, 1.0), {t: figure(0.1, 300 + t) * (4 if t >= 12 else 0.5) for t in range(20)}
    for t in range(12, 20):
        seeming[t] = figure(0.1, 300 + t, flat=True) * 4
    out = select(bodies(20, {0: still, 1: seeming}), rule)
    assert same(out[:, 0], list(still.values()))


@pytest.mark.parametrize("rule", RULES)
def test_later_tracks_fill_the_actors(rule):
    main, other, later, third = track(0, 15, 3), track(0, 30, 2, 100), track(15, 30, 1, 200), track(12, 28, 0.5, 300)
    out = select(bodies(30, {0: main, 1: other, 2: later, 3: third}), rule)
    assert same(out[:, 0], [*main.values(), *later.values()])
    assert same(out[:, 1], list(other.values()))


def test_a_shared_frame_is_no_overlap_for_ctrgcn_but_is_for_pyskl():
    first, second = track(0, 15, 3), track(14, 30, 1, 100)
    data = bodies(30, {0: first, 1: second})
    ctrgcn, pyskl = select(data, "ctrgcn"), select(data, "pyskl")
    assert not ctrgcn[:, 1].any() and same(ctrgcn[14, 0], second[14])
    assert same(pyskl[14, 0], first[14]) and same(pyskl[14:, 1], list(second.values()))


@pytest.mark.parametrize("rule", RULES)
def test_frames_without_any_body_close_up(rule):
    there = {t: v for t, v in track(0, 20).items() if t not in (0, 7, 8, 19)}
    out = select(bodies(20, {0: there}), rule)
    assert same(out[:, 0], list(there.values())) and len(out) == 16


def test_a_gap_in_a_track_shifts_it_unless_told_to_keep_it():
    main = track(0, 30, 3)
    gone = {t: v for t, v in track(0, 30, 1, 100).items() if not 10 <= t < 15}
    data = bodies(30, {0: main, 1: gone})
    shifted, kept = select(data), select(data, keep_gaps=True)
    assert same(shifted[:25, 1], list(gone.values())) and not shifted[25:, 1].any()
    assert same(kept[15:, 1], list(gone.values())[10:]) and not kept[10:15, 1].any()


def test_ctrgcn_removes_frames_without_an_actor_and_pyskl_keeps_those_within():
    # frames 15 to 17 have only a track that is too short to be an actor
    data = bodies(33, {0: track(0, 15, 3), 1: track(18, 33, 2, 100), 2: track(12, 20, 1, 200)})
    assert len(select(data, "ctrgcn")) == 30
    out = select(data, "pyskl")
    assert len(out) == 33 and not out[15:18].any()


def test_pyskl_puts_who_is_there_first_first():
    data = bodies(30, {0: track(5, 30, 3), 1: track(0, 30, 1, 100)})
    assert select(data, "ctrgcn")[0, 0].sum() == 0
    out = select(data, "pyskl")
    assert out[0, 0].any() and not out[0, 1].any() and out[5:, 1].any()


def test_agcn_takes_places_not_tracks_and_keeps_empty_frames():
    a, b = track(0, 10, 1), track(0, 10, 2, 100)
    frames = {0: {t: v for t, v in a.items() if t < 5}, 1: {t: v for t, v in b.items() if t not in (3, 9)}}
    data = bodies(10, frames)
    out = select(data, "agcn")
    # the second body takes the first place when the first body is gone
    place = [a[t] if t < 5 else (b[t] if t != 9 else np.zeros((25, 3))) for t in range(10)]
    other = [b[t] if t < 5 and t != 3 else np.zeros((25, 3)) for t in range(10)]
    shown = [np.concatenate([joints for joints in person if joints.any()]) for person in (place, other)]
    energy = [points.std(0).sum() for points in shown]
    first, second = (place, other) if energy[0] > energy[1] else (other, place)
    assert len(out) == 10 and same(out[:, 0], first) and same(out[:, 1], second)


def test_agcn_ignores_the_fifth_body():
    quiet = {k: track(0, 4, 0.5, seed=10 * k) for k in range(4)}
    out = select(bodies(4, {**quiet, 4: track(0, 4, 50)}), "agcn")
    assert np.abs(out).max() < 10


def test_unknown_rule():
    with pytest.raises(InputError, match="use agcn, ctrgcn or pyskl"):
        select(bodies(1, {0: track(0, 1)}), "best")  # type: ignore[arg-type]
