"""The world `sequences`: two or three real movements after one another, and captions that say in which order.

The motion is that of the 15 clips that the `pybullet` package carries, joined as in the world `mocap`, with speed,
body, heading and place within a clip drawn at random. Captions are made from three sayings per action and four
connectives, one of which tells the events in another order than they happen ("jumps after walking"); the events are
known exactly. A fifth of the pairs of actions never occur together in training, in either order; every test recording
has such a pair, so that what is tested is order, not the memory of pairs.

One performance of each action: what is found here speaks of order and composition, never of new performers.
"""

from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Literal

import numpy as np
from jaxtyping import Int

from acteme.errors import InputError
from acteme.recordings.annotations import Segments
from acteme.recordings.clauses import gerund, present
from acteme.recordings.corpus import Corpus
from acteme.recordings.skeleton.readers.pybullet import CLIPS, points
from acteme.recordings.spec import Spec
from acteme.recordings.worlds import bodies as who
from acteme.recordings.worlds.mocap import figure
from acteme.recordings.worlds.mocap.clips import Bank, bank
from acteme.recordings.worlds.mocap.schedule import Blocks, Schedule
from acteme.recordings.worlds.pack import Part, corpus

MOTION = "motion"
"""The one class of the captioned recordings."""
SAYINGS: dict[str, tuple[str, str, str]] = {
    "walk": ("walk", "stroll", "pace along"),
    "run": ("run", "jog", "sprint"),
    "jump": ("jump", "leap", "hop into the air"),
    "crawl": ("crawl", "creep on all fours", "move on hands and knees"),
    "roll": ("roll over", "do a forward roll", "tumble forward"),
    "kick": ("kick", "kick with a leg", "deliver a kick"),
    "punch": ("punch", "box", "throw punches"),
    "spinkick": ("do a spinning kick", "kick while turning", "whirl into a kick"),
    "spin": ("spin on the spot", "twirl", "rotate"),
    "backflip": ("do a backflip", "flip backwards", "somersault backwards"),
    "cartwheel": ("do a cartwheel", "cartwheel", "turn a cartwheel"),
    "dance_a": ("dance with arm swings", "dance with kicks", "dance vividly"),
    "dance_b": ("dance with wide turns", "dance in circles", "dance gracefully"),
    "getup_facedown": ("get up from the stomach", "rise from lying face down", "stand up from the belly"),
    "getup_faceup": ("get up from the back", "rise from lying face up", "stand up from the back"),
}
"""What is said of each clip, without a subject: the verb's lemma, and the rest."""
MANNERS = (
    "slowly", "for a moment", "with great care", "once more", "as if nobody were watching", "in the middle of the room",
    "all of a sudden", "in a good mood",
)  # fmt: skip
"""What may be said of how something is done, whatever it is."""
THEN = (", then ", " and then ", " before ", " after ")
"""Connectives; the last two take gerunds, and the last names first what happens last."""
CHUNK = 512
"""Recordings made at a time, which bounds the memory beside the result."""


def sequences(
    *,
    train: int = 2000,
    test: int = 400,
    actions: tuple[int, int] = (2, 3),
    layout: Literal["mocap15", "body15", "ntu25"] = "mocap15",
    reordered: float = 0.5,
    manner: float = 0.0,
    unseen: float = 0.2,
    backwards: bool = False,
    bodies: int = 16,
    test_bodies: int = 8,
    proportions: float = 0.2,
    tempo: float = 0.2,
    transition: float = 5 / 30,
    noise: float = 0.005,
    seconds: tuple[float, float] = (1.0, 1.7),
    fps: float = 30.0,
    seed: int = 0,
) -> Corpus:
    """Recordings of two or three actions with a caption and its events.

    Args:
        train: number of training recordings.
        test: number of test recordings.
        actions: least and greatest number of actions of a recording, all different; 2 or 3.
        layout: `mocap15` (the joints of the clips), `body15` or `ntu25`.
        reordered: probability that a training recording has its actions in a random order, instead of the one usual
            order that every set of actions has. The higher it is, the more recordings of the same actions in another
            order stand in a batch, from which any contrastive training learns order. Test orders are always random.
        manner: probability that an action is said to be done in some manner, which says nothing and makes clauses
            differ in length.
        unseen: share of the pairs of actions that never occur together in training, while every test recording has one;
            0 draws the test as the training, in random orders.
        backwards: play the same actions in the opposite order, everything else alike; captions follow.
        bodies: number of body proportions in training.
        test_bodies: number of body proportions in the test; none of them occurs in training.
        proportions: spread of the lengths of bone groups, 1 +- this.
        tempo: spread of the playing speed, between 1 / (1 + this) and 1 + this.
        transition: seconds in which a pose passes into the next action's.
        noise: standard deviation of the sensor noise on every coordinate, meters.
        seconds: least and greatest length of an action; a short clip gives what it has.
        fps: frames per second.
        seed: everything follows from it.

    Raises:
        InputError: a dial out of its range. MissingError: the package with the clips is missing.
    """
    _check(actions, reordered, manner, unseen, tempo, transition, noise, seconds, fps)
    who.check_counts(0, train=train, test=test)
    who.check_counts(1, bodies=bodies, test_bodies=test_bodies)
    chosen, reel = points(layout), bank()
    plan = Contents.draw(who.generator(seed, 2), actions, unseen)
    parts = []
    for number, (split, total, actors) in enumerate(zip(who.SPLITS, (train, test), (bodies, test_bodies), strict=True)):
        playable = Blocks.of(reel, split, False)
        factors = figure.PROPORTIONS.draw(who.generator(seed, number, 0), actors, proportions)
        for begun in range(0, total, CHUNK):
            rng, count = who.generator(seed, number, 1, begun), min(CHUNK, total - begun)
            order = plan.orders(rng, count, split, reordered if split == "train" else 1.0)
            said = rng.integers(0, 3, order.shape)
            schedule = _schedule(rng, order, reel, playable, seconds, tempo, fps, backwards)
            body, azimuth = rng.integers(0, actors, count), who.azimuths(rng, count, 1, split)[0]
            shown = figure.play(schedule, reel, playable, fps, transition)
            skeleton = figure.positions(shown, factors[body], azimuth, chosen)
            skeleton += rng.standard_normal(skeleton.shape, np.float32) * np.float32(noise)
            how = np.where(rng.random(order.shape) < manner, rng.integers(0, len(MANNERS), order.shape), -1)
            told = [_told(rng, *each, backwards) for each in zip(order, said, how, strict=True)]
            frames = np.bincount(schedule.recording, schedule.frames, count).astype(np.int64)
            columns = {
                "name": np.array([f"{split}{begun + i:05d}" for i in range(count)]),
                "split": split,
                "subject": np.char.add("body", (body + number * bodies).astype(str)),
                "text": np.array([text for text, _ in told]),
                "factor:actions": (order >= 0).sum(1).astype(float),
                "factor:azimuth": np.rad2deg(azimuth),
                **{
                    f"factor:action{i + 1}": np.where(o < 0, np.nan, o) for i, o in enumerate(_kept(order, backwards).T)
                },
            }
            parts.append(
                Part(
                    skeleton=skeleton[:, None],
                    frame_labels=np.ones((len(skeleton), 1), np.uint8),
                    frames=frames,
                    label=np.full(count, -1),
                    columns=columns,
                    segments=Segments(np.arange(count), np.zeros(count), frames / fps, np.zeros(count, np.int64)),
                    texts=[text for text, _ in told],
                    events=["\n".join(events) for _, events in told],
                )
            )
    return corpus(parts, Spec(layout, len(chosen), 1, 3, (MOTION,), float(fps)))


@dataclass(frozen=True)
class Contents:
    """Which actions may stand in a recording together, and the order that each set of them usually has."""

    train: tuple[tuple[int, ...], ...]
    """Sets of actions of the training, each in its usual order."""
    test: tuple[tuple[int, ...], ...]
    """Sets of actions of the test."""
    pairs: frozenset[frozenset[int]]
    """Pairs that never occur together in training."""

    @classmethod
    def draw(cls, rng: np.random.Generator, actions: tuple[int, int], unseen: float) -> "Contents":
        """Draws the pairs that training never sees and the usual orders."""
        every = [frozenset(p) for p in combinations(range(len(CLIPS)), 2)]
        held = frozenset(every[i] for i in rng.permutation(len(every))[: round(unseen * len(every))])
        sets = [s for n in range(actions[0], actions[1] + 1) for s in combinations(range(len(CLIPS)), n)]
        usual = [tuple(int(a) for a in rng.permutation(s)) for s in sets]
        has = [any(pair <= set(s) for pair in held) for s in usual]
        train = tuple(s for s, h in zip(usual, has, strict=True) if not h)
        test = tuple(s for s, h in zip(usual, has, strict=True) if h) if held else train
        if not train or not test:
            raise InputError(f"unseen is {unseen}", "sequences", "leave pairs for training and for the test")
        return cls(train, test, held)

    def orders(self, rng: np.random.Generator, count: int, split: str, reordered: float) -> Int[np.ndarray, "n k"]:
        """Clips of recordings in the order of time, -1 behind the last; as many of two actions as of three."""
        sets = self.train if split == "train" else self.test
        sizes = sorted({len(s) for s in sets})
        out = np.full((count, sizes[-1]), -1)
        for row, size, free in zip(out, rng.choice(sizes, count), rng.random(count) < reordered, strict=True):
            some = [s for s in sets if len(s) == size]
            one = some[rng.integers(len(some))]
            row[:size] = list(permutations(one))[rng.integers(len(list(permutations(one))))] if free else one
        return out


def _schedule(
    rng: np.random.Generator,
    order: Int[np.ndarray, "n k"],
    reel: Bank,
    playable: Blocks,
    seconds: tuple[float, float],
    tempo: float,
    fps: float,
    backwards: bool,
) -> Schedule:
    """A slot for every action, with a random length, speed and place within its clip."""
    clip = np.maximum(order, 0)
    rate = (1 + tempo) ** rng.uniform(-1, 1, order.shape)
    room = playable.length[clip] / rate
    length = np.minimum(rng.uniform(*seconds, order.shape), room)
    frames = np.maximum(np.floor(length * fps + 1e-6).astype(np.int64), 2)
    span = np.where(playable.loop[clip], reel.duration[clip], np.maximum(reel.duration[clip] - frames / fps * rate, 0))
    phase = rng.random(order.shape) * span
    kept = order >= 0
    recording = np.broadcast_to(np.arange(len(order))[:, None], order.shape)
    way = slice(None, None, -1 if backwards else 1)
    shown = kept[:, way]
    clips, phases, rates = (np.stack([x[:, way][shown]] * 2, 1) for x in (clip, phase, rate))
    frames = frames[:, way][shown]
    return Schedule(recording[shown], frames, clips, phases, rates, frames, frames, np.zeros(len(frames), np.int64))


def _kept(order: Int[np.ndarray, "n k"], backwards: bool) -> Int[np.ndarray, "n k"]:
    """The orders as they are played, -1 behind the last."""
    if not backwards:
        return order
    out = np.full_like(order, -1)
    for row, o in zip(out, order, strict=True):
        row[: (o >= 0).sum()] = o[o >= 0][::-1]
    return out


def _told(
    rng: np.random.Generator,
    order: Int[np.ndarray, " k"],
    said: Int[np.ndarray, " k"],
    how: Int[np.ndarray, " k"],
    backwards: bool,
) -> tuple[str, list[str]]:
    """The caption of a recording and its events."""
    manners = ("", *(f" {m}" for m in MANNERS))
    phrases = [SAYINGS[CLIPS[c]][s] + manners[h + 1] for c, s, h in zip(order, said, how, strict=True) if c >= 0]
    joints = rng.integers(0, len(THEN), len(phrases) - 1)
    if backwards:
        phrases = phrases[::-1]
    events = [f"a person {_form(p, False)}" for p in phrases]
    if THEN[joints[-1]] == " after ":  # of the last two: what comes later is said first
        *start, one, two = phrases
        text = "".join(f"{_form(p, False)}, then " for p in start)
        return f"A person {text}{_form(two, False)} after {_form(one, True)}.", events
    text = _form(phrases[0], False)
    for joint, phrase in zip(joints, phrases[1:], strict=True):
        word = ", then " if THEN[joint] == " after " else THEN[joint]
        text += word + _form(phrase, word == " before ")
    return f"A person {text}.", events


def _form(phrase: str, ing: bool) -> str:
    verb, _, rest = phrase.partition(" ")
    return f"{gerund(verb) if ing else present(verb)} {rest}".strip()


def _check(
    actions: tuple[int, int],
    reordered: float,
    manner: float,
    unseen: float,
    tempo: float,
    transition: float,
    noise: float,
    seconds: tuple[float, float],
    fps: float,
) -> None:
    """Raises InputError for a dial out of its range."""
    for name, value, fine, mend in (
        ("actions", actions, 2 <= actions[0] <= actions[1] <= 3, "give two numbers in order, 2 or 3"),
        ("reordered", reordered, 0 <= reordered <= 1, "it is a probability"),
        ("manner", manner, 0 <= manner <= 1, "it is a probability"),
        ("unseen", unseen, 0 <= unseen < 1, "it is a share below 1"),
        ("tempo", tempo, 0 <= tempo <= 4, "give a spread in [0, 4]"),
        ("transition", transition, transition >= 0, "give seconds, 0 for hard cuts"),
        ("noise", noise, noise >= 0, "give meters"),
        ("seconds", seconds, 0.2 <= seconds[0] <= seconds[1], "give two numbers in order, at least 0.2"),
        ("fps", fps, 5 <= fps <= 240, "give frames per second in [5, 240]"),
    ):
        if not fine:
            raise InputError(f"{name} is {value}", "sequences", mend)
