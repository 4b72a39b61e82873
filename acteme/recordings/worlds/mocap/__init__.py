"""The world `mocap`: recordings made of real human motion, with every factor but the motion itself on a dial.

The motion is that of the 15 clips that the `pybullet` package carries (see `skeleton.readers.pybullet`), one action
each. Untrimmed recordings join windows of clips; where two actions co-occur, one figure takes the joint angles of
chest, neck, shoulders and elbows from one clip and root, hips, knees and ankles from the other, and both labels hold.
Body proportions and viewpoints of the test recordings do not occur in training.

There is one performance of each action, so a result here speaks of invariance (to view, proportions, tempo, neighbors
in time, co-occurring actions), never of new performers.

Positions are meters; y is up, and a figure that faces as its clip begins is seen from the front at azimuth 0: x to its
right hand, z away from the camera (the axes of a Kinect). The floor is y = 0, the path starts at x = z = 0.
"""

from typing import Literal

import numpy as np

from acteme.errors import InputError
from acteme.recordings.annotations import Segments
from acteme.recordings.corpus import Corpus
from acteme.recordings.skeleton.readers.pybullet import CLIPS, points
from acteme.recordings.spec import Spec
from acteme.recordings.worlds import bodies as who
from acteme.recordings.worlds.mocap import figure, schedule
from acteme.recordings.worlds.mocap.clips import bank
from acteme.recordings.worlds.mocap.schedule import Blocks
from acteme.recordings.worlds.pack import Part, corpus

PHRASES = {
    "walk": "walks", "run": "runs", "jump": "jumps", "crawl": "crawls", "roll": "does a forward roll", "kick": "kicks",
    "punch": "throws punches", "spinkick": "does a spinning kick", "spin": "spins on the spot",
    "backflip": "does a backflip", "cartwheel": "turns a cartwheel", "dance_a": "dances with kicks and arm swings",
    "dance_b": "dances with wide turns", "getup_facedown": "gets up from lying face down",
    "getup_faceup": "gets up from lying on the back",
}  # fmt: skip
CHUNK = {"untrimmed": 64, "clips": 1024}
"""Recordings made at a time, which bounds the memory beside the result."""


def mocap(
    *,
    form: Literal["untrimmed", "clips"] = "untrimmed",
    train: int | None = None,
    test: int | None = None,
    layout: Literal["body15", "mocap15", "ntu25"] = "body15",
    overlap: float = 0.5,
    bodies: int = 8,
    test_bodies: int = 4,
    proportions: float = 0.2,
    views: int = 8,
    blocks: bool = False,
    tempo: float = 0.2,
    transition: float = 0.2,
    noise: float = 0.01,
    seconds: tuple[float, float] = (20.0, 40.0),
    window: tuple[int, int] = (32, 48),
    stride: int = 4,
    fps: float = 30.0,
    seed: int = 0,
) -> Corpus:
    """Recordings of real motion.

    Args:
        form: "untrimmed" recordings with several, possibly co-occurring actions, or "clips" with one action each.
        train: number of training recordings; None makes 64 untrimmed ones or 1200 clips.
        test: number of test recordings; None makes 24 untrimmed ones or 480 clips.
        layout: `body15` (the 15 joints of LAC), `mocap15` (those of the clips) or `ntu25`.
        overlap: untrimmed: fraction of the slots of time in which two actions co-occur for part of the slot.
        bodies: number of body proportions in training.
        test_bodies: number of body proportions in the test; none of them occurs in training.
        proportions: spread of the lengths of bone groups, 1 +- this; 0 gives everyone the body of the clips.
        views: sectors that the azimuths are drawn from, alternately train's and test's; 1 lets both have the circle, 2
            gives each a half of it, the hardest change of view.
        blocks: whether train takes the first half of each clip and test the second. The halves of one performance are
            unlike movements: with clips, nearest neighbors in position then do no better than chance.
        tempo: spread of the playing speed, between 1 / (1 + this) and 1 + this.
        transition: untrimmed: seconds in which a pose passes into the next action's; 0 makes hard cuts.
        noise: standard deviation of the sensor noise on every coordinate, meters.
        seconds: untrimmed: least and greatest length of a recording.
        window: clips: least and greatest number of frames; a shorter block of a clip gives what it has.
        stride: clips: frames between the possible starts of windows within a clip.
        fps: frames per second.
        seed: everything follows from it.

    Raises:
        InputError: a dial out of its range. MissingError: the package with the clips is missing.
    """
    if form not in ("untrimmed", "clips"):
        raise InputError(f"form is '{form}'", "mocap", "use untrimmed or clips")
    trimmed = form == "clips"
    standard = (1200, 480) if trimmed else (64, 24)
    counts = [s if n is None else n for n, s in zip((train, test), standard, strict=True)]
    actors = [bodies, test_bodies]
    _check(overlap, tempo, transition, noise, seconds, window, stride, fps)
    who.check_counts(0, train=counts[0], test=counts[1])
    who.check_counts(1, bodies=bodies, test_bodies=test_bodies, views=views)
    chosen, reel = points(layout), bank()
    parts = []
    for number, split in enumerate(who.SPLITS):
        playable = Blocks.of(reel, split, blocks)
        factors = figure.PROPORTIONS.draw(who.generator(seed, number, 0), actors[number], proportions)
        for begun in range(0, counts[number], CHUNK[form]):
            rng, count = who.generator(seed, number, 1, begun), min(CHUNK[form], counts[number] - begun)
            if trimmed:
                plan = schedule.windows(rng, playable, count, *window, stride, tempo, fps)
            else:
                plan = schedule.untrimmed(rng, playable, count, overlap, *seconds, tempo, fps)
            body = rng.integers(0, actors[number], count)
            azimuth, sector = who.azimuths(rng, count, views, split)
            shown = figure.play(plan, reel, playable, fps, transition)
            skeleton = figure.positions(shown, factors[body], azimuth, chosen)
            skeleton += rng.standard_normal(skeleton.shape, np.float32) * np.float32(noise)
            labels = np.zeros((len(skeleton), len(CLIPS)), np.uint8)
            for half in (shown.upper, shown.lower):
                labels[np.arange(len(half)), half] = 1
            index, start, end, label = schedule.intervals(plan)
            columns = {
                "name": np.array([f"{split}{begun + i:05d}" for i in range(count)]),
                "split": split,
                "subject": np.char.add("body", (body + number * bodies).astype(str)),
                "camera": np.char.add("view", sector.astype(str)),
                "factor:body": body + float(number * bodies),
                "factor:azimuth": np.rad2deg(azimuth),
            }
            if trimmed:
                columns["text"] = np.array([f"A person {PHRASES[CLIPS[k]]}." for k in plan.clip[:, 0]])
                columns["factor:tempo"] = plan.rate[:, 0]
                columns["factor:phase"] = plan.phase[:, 0] / reel.duration[plan.clip[:, 0]]
            parts.append(
                Part(
                    skeleton=skeleton[:, None],
                    frame_labels=labels,
                    frames=np.bincount(plan.recording, plan.frames, count).astype(np.int64),
                    label=plan.clip[:, 0] if trimmed else np.full(count, -1),
                    columns=columns,
                    segments=Segments(index, start / fps, end / fps, label),
                    texts=[PHRASES[CLIPS[k]] for k in label],
                )
            )
    spec = Spec(
        layout=layout,
        joints=len(chosen),
        persons=1,
        channels=3,
        classes=CLIPS,
        fps=float(fps),
        multilabel=not trimmed and overlap > 0,
    )
    return corpus(parts, spec)


def _check(
    overlap: float,
    tempo: float,
    transition: float,
    noise: float,
    seconds: tuple[float, float],
    window: tuple[int, int],
    stride: int,
    fps: float,
) -> None:
    """Raises InputError for a dial out of its range."""
    for name, value, fine, mend in (
        ("overlap", overlap, 0 <= overlap <= 1, "it is a fraction"),
        ("tempo", tempo, 0 <= tempo <= 4, "give a spread in [0, 4]"),
        ("transition", transition, transition >= 0, "give seconds, 0 for hard cuts"),
        ("noise", noise, noise >= 0, "give meters"),
        ("fps", fps, 5 <= fps <= 240, "give frames per second in [5, 240]"),
        ("seconds", seconds, 0 < seconds[0] <= seconds[1], "give two positive numbers in order"),
        ("window", window, 2 <= window[0] <= window[1], "give two numbers of frames in order, at least 2"),
        ("stride", stride, stride >= 1, "give frames"),
    ):
        if not fine:
            raise InputError(f"{name} is {value}", "mocap", mend)
