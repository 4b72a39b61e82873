from dataclasses import replace

import numpy as np
import pytest

from acteme.recordings.skeleton import rotations
from acteme.recordings.skeleton.kinematics import forward
from acteme.recordings.worlds.stage import performance as p
from acteme.recordings.worlds.stage.people import Subjects
from acteme.recordings.worlds.stage.primitives import KIND_OF_PART, PRIMITIVES, TABLE
from acteme.recordings.worlds.stage.rig import FEET, MIRROR, PARTS, RIG
from acteme.recordings.worlds.stage.script import Range, Script, draw, mirrored
from acteme.recordings.worlds.stage.ways import courses

TIME = np.arange(40) / 30
SUBJECTS = Subjects.draw(np.random.default_rng(0), 4, 0.15, 1.0, 0.0)


def scene(n: int, slots: int = 1, seed: int = 0) -> tuple[Script, p.Actor, p.Course]:
    rng = np.random.default_rng(seed)
    shape = (n, slots, len(PARTS))
    edge = np.linspace(0, TIME[-1] + 1 / 30, slots + 1)
    start, end = (np.broadcast_to(e[:, None], (slots, len(PARTS))) * np.ones(shape) for e in (edge[:-1], edge[1:]))
    script = draw(rng, rng.integers(0, 7, shape), start, end, Range())
    return script, SUBJECTS.actor(rng.integers(0, 4, n)), courses(rng, rng.uniform(0, 6, n), TIME, 0.3, 0.3, 0.2)


def plain_angle(script: Script, actor: p.Actor, course: p.Course, n: int, t: int, part: int) -> np.ndarray:
    """The four angles of a part in one frame, from the formulas of the module `primitives`."""

    def smooth(x: float) -> float:
        x = min(max(x, 0.0), 1.0)
        return x * x * (3 - 2 * x)

    out = np.zeros(4)
    for s in range(script.start.shape[1]):
        held = {f: getattr(script, f) for f in Script.__dataclass_fields__}
        beat = {f: value[n, s, part] for f, value in held.items() if value is not None}
        share = smooth(min(TIME[t] - beat["start"], beat["end"] - TIME[t]) / p.RAMP + 0.5)
        theta = 2 * np.pi * (beat["frequency"] * actor.tempo[n] * course.clock[n, t] + beat["phase"])
        gain = beat["amplitude"] * actor.vigor[n]
        for angle in range(4):
            offset, swing, pulse, lag = TABLE[KIND_OF_PART[part], beat["primitive"], angle]
            offset += beat.get("lean", 0.0) if angle == 0 else 0.0
            sine = np.sin(theta + lag)
            wave = (1 + beat["easing"]) * sine - beat["easing"] * sine**3
            out[angle] += share * (offset + gain * (swing * wave + pulse * ((1 + wave) / 2) ** 2))
    drift = 0.0 if course.drift is None else course.drift[n, part, :, t]
    return out + actor.posture[n, part] + drift


@pytest.mark.parametrize(("slots", "leaning"), [(1, False), (3, False), (1, True), (3, True)])
def test_performance_is_the_plain_loop(slots: int, leaning: bool) -> None:
    script, actor, course = scene(3, slots)
    if leaning:
        rng = np.random.default_rng(1)
        script = replace(script, lean=rng.uniform(-0.5, 0.5, script.phase.shape))
        course = courses(rng, rng.uniform(0, 6, 3), TIME, 0.3, 0.3, 0.2, 0.2)
    got = p.perform(script, actor, course, TIME)
    about = rotations.about
    for n, t in [(0, 0), (1, 7), (2, 13), (0, 20), (1, 27), (2, 39)]:
        angles = dict(zip(PARTS, (plain_angle(script, actor, course, n, t, i) for i in range(6)), strict=True))
        turn = {"spine_base": about("y", course.heading[n, t])}

        def euler(x: float, z: float, y: float) -> np.ndarray:
            return rotations.from_euler(np.array([x, z, y]), "xzy")

        pitch, roll, yaw, _ = angles["torso"] / 2
        turn["waist"] = turn["spine_mid"] = euler(-pitch, -roll, yaw)
        pitch, roll, yaw, _ = angles["head"]
        turn["neck"] = euler(-pitch, -roll, yaw)
        for side, sign in (("right", 1), ("left", -1)):
            for limb, ball, hinge, way in (("arm", "shoulder", "elbow", 1), ("leg", "hip", "knee", -1)):
                flexion, abduction, twist, bend = angles[f"{side}_{limb}"]
                turn[f"{side}_{ball}"] = euler(flexion, sign * abduction, -sign * twist)
                turn[f"{side}_{hinge}"] = about("x", np.array(way * bend))
        root = np.array([course.place[0, n, t], 0, course.place[1, n, t]], float)
        rotation = np.stack([turn[j] for j in RIG.moving])[None]
        wanted = forward(RIG, rotation, root[None], actor.offsets[n].astype(float))[0]
        wanted[:, 1] -= wanted[FEET, 1].min()
        np.testing.assert_allclose(got[:, :, n, t], wanted, atol=2e-5)


def test_somebody_always_stands_on_the_floor() -> None:
    got = p.perform(*scene(20), TIME)
    np.testing.assert_allclose(got[FEET, 1].min(0), 0, atol=1e-6)
    assert got[:, 1].min() > -0.4  # hands may hang lower than lifted feet, but not far


def test_bones_keep_their_lengths() -> None:
    script, actor, course = scene(6)
    got = p.perform(script, actor, course, TIME)
    lengths = np.linalg.norm(got - got[list(RIG.parents)], axis=1)[1:]
    np.testing.assert_allclose(lengths, np.linalg.norm(actor.offsets, axis=-1).T[1:, :, None] * np.ones(40), atol=1e-5)


def test_a_mirrored_script_is_the_mirror_image() -> None:
    script, _, course = scene(4)
    subjects = Subjects.draw(np.random.default_rng(0), 1, 0.15, 0.0, 0.0)
    actor = subjects.actor(np.zeros(4, int))
    straight = replace(course, heading=0 * course.heading, place=0 * course.place)
    # Leaning to a side and turning the trunk have no sides to exchange: keep what is symmetric in head and torso.
    for part in (0, 5):
        script.primitive[..., part] = PRIMITIVES.index("poke")
    right = p.perform(script, actor, straight, TIME)
    left = p.perform(mirrored(script, np.ones(4, bool), MIRROR), actor, straight, TIME)
    other = [RIG.joints.index(j.replace("left", "_").replace("right", "left").replace("_", "right", 1)
             if j.startswith("left") else j.replace("right", "left")) for j in RIG.joints]  # fmt: skip
    np.testing.assert_allclose(left, right[other] * np.array([-1, 1, 1])[:, None, None], atol=1e-5)


def test_a_part_moves_only_what_hangs_on_it() -> None:
    script, actor, course = scene(2)
    changed = replace(script, primitive=script.primitive.copy(), phase=(script.phase + 0.3) % 1)
    for part in range(6):
        if PARTS[part] != "right_arm":
            changed.phase[..., part] = script.phase[..., part]
    script.primitive[..., 1] = changed.primitive[..., 1] = PRIMITIVES.index("swing")
    a, b = (p.perform(s, actor, course, TIME) for s in (script, changed))
    moved = {RIG.joints[i] for i in np.flatnonzero(np.abs(a - b).max((1, 2, 3)) > 1e-5)}
    assert moved == {f"right_{j}" for j in ("elbow", "wrist", "hand", "thumb", "hand_tip")}


def test_outside_its_slot_a_part_rests() -> None:
    script, actor, course = scene(2)
    late = replace(script, start=script.start + 9, end=script.end + 9)
    still = replace(script, primitive=0 * script.primitive)
    np.testing.assert_allclose(*(p.perform(s, actor, course, TIME) for s in (late, still)), atol=1e-6)


def test_motion_is_smooth_over_slots() -> None:
    script, actor, course = scene(8, 3)
    slow = replace(script, frequency=np.full(script.frequency.shape, 0.5))
    step = np.linalg.norm(np.diff(p.perform(slow, actor, course, TIME), axis=-1), axis=1)
    assert step.max() < 0.45  # hands may cross from one posture into another within a ramp, but nothing jumps
