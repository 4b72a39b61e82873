"""Who does what when: actions drawn for many recordings at once."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from acteme.recordings.worlds.mocap.clips import Bank

GAP = 0.05
"""Seconds between the training block and the test block of a clip: no test frame is blended from a training frame."""


@dataclass(frozen=True)
class Blocks:
    """The part of each clip that may be played."""

    start: Float[np.ndarray, " k"]
    """Seconds."""
    end: Float[np.ndarray, " k"]
    """Seconds."""
    loop: Bool[np.ndarray, " k"]
    """Whether the clip starts again at its end."""

    @property
    def length(self) -> Float[np.ndarray, " k"]:
        """Seconds that can be played without a break."""
        return np.where(self.loop, np.inf, self.end - self.start)

    @classmethod
    def of(cls, bank: Bank, split: str, disjoint: bool) -> "Blocks":
        """Whole clips, or with `disjoint` the first half for train and the second for test."""
        zero = np.zeros(len(bank.duration))
        if not disjoint:
            return cls(zero, bank.duration, bank.wrap)
        middle, never = bank.duration / 2, np.zeros(len(zero), bool)
        return cls(zero, middle - GAP / 2, never) if split == "train" else cls(middle + GAP / 2, bank.duration, never)


@dataclass(frozen=True)
class Schedule:
    """Slots of time, each with one action, or two of which one leads the upper half of the body for a while.

    In a slot of two actions, the first (`a`) has the whole body until frame `join`, the second (`b`) from frame `leave`
    on; between them `a` keeps the upper half where `upper` is 0, the lower where it is 1, and b has the other.
    """

    recording: Int[np.ndarray, " s"]
    """Recording of each slot, ascending."""
    frames: Int[np.ndarray, " s"]
    """Length of the slot."""
    clip: Int[np.ndarray, "s 2"]
    """Clips of a and b."""
    phase: Float[np.ndarray, "s 2"]
    """Seconds within the clip at which each begins."""
    rate: Float[np.ndarray, "s 2"]
    """Playing speed."""
    join: Int[np.ndarray, " s"]
    """Frame of the slot in which b begins; the slot's length where there is no b."""
    leave: Int[np.ndarray, " s"]
    """Frame of the slot in which a has ended."""
    upper: Int[np.ndarray, " s"]
    """Which of the two leads the upper half while both act: 0 (a) or 1 (b)."""


def windows(
    rng: np.random.Generator,
    blocks: Blocks,
    count: int,
    shortest: int,
    longest: int,
    stride: int,
    tempo: float,
    fps: float,
) -> Schedule:
    """One window of one clip per recording, classes in turn; windows begin on a grid of `stride` frames.

    A block that is shorter than `shortest` gives windows of at least three fifths of it.
    """
    clip = rng.permutation(np.arange(count) % len(blocks.start))
    rate = (1 + tempo) ** rng.uniform(-1, 1, count)
    room = np.floor(blocks.length[clip] * fps / rate + 1e-6) + 1
    least = np.where(room >= shortest, shortest, np.ceil(0.6 * room))
    span = np.where(blocks.loop[clip], np.ceil((blocks.end - blocks.start)[clip] * fps / rate), room - least + 1)
    begin = stride * np.floor(rng.random(count) * np.ceil(span / stride))
    length = np.minimum(rng.integers(shortest, longest + 1, count), room - begin * ~blocks.loop[clip]).astype(np.int64)
    phase = blocks.start[clip] + begin * rate / fps
    clips, phases, rates = (np.stack([x, x], 1) for x in (clip, phase, rate))
    return Schedule(np.arange(count), length, clips, phases, rates, length, length, np.zeros(count, np.int64))


def untrimmed(
    rng: np.random.Generator,
    blocks: Blocks,
    count: int,
    overlap: float,
    shortest: float,
    longest: float,
    tempo: float,
    fps: float,
) -> Schedule:
    """Slots of 1 to 3 s (less where a clip's block is shorter) that fill recordings of `shortest` to `longest` seconds.

    A recording ends with the slot that is first to reach a length drawn from [shortest, longest - 3 s]. Successive
    actions differ. A fraction `overlap` of the slots has two actions.
    """
    classes = len(blocks.start)
    least = min(1.0, float(blocks.length.min()) / (1 + tempo))
    slots = int(np.ceil(longest / (least - 1 / fps))) + 1
    shape = (count, slots)
    two = rng.random(shape) < overlap
    # Two actions per slot, each other than the one before it; a slot of one action passes over its second.
    steps = rng.integers(1, classes, (*shape, 2))
    steps[..., 1] *= two
    clip = (rng.integers(0, classes, (count, 1)) + np.cumsum(steps.reshape(count, -1), 1)) % classes
    clip = clip.reshape(*shape, 2)
    rate = (1 + tempo) ** rng.uniform(-1, 1, (*shape, 2))
    room = (blocks.length[clip] / rate).min(-1)
    length = np.minimum(rng.uniform(1, 3, shape), room)
    frames = np.maximum(np.floor(length * fps + 1e-6).astype(np.int64), 2)
    target = rng.uniform(shortest, max(longest - 3, shortest), (count, 1)) * fps
    begun = np.cumsum(frames, 1) - frames
    kept = begun < target
    # Where a clip that cannot be looped may begin so that it does not end too early.
    slack = np.where(blocks.loop[clip], (blocks.end - blocks.start)[clip], 0)
    free = np.maximum(blocks.end[clip] - blocks.start[clip] - frames[..., None] / fps * rate, 0)
    phase = blocks.start[clip] + rng.random((*shape, 2)) * np.where(blocks.loop[clip], slack, free)
    join = np.where(two, np.floor(rng.uniform(0, 0.3, shape) * frames), frames).astype(np.int64)
    leave = np.where(two, np.ceil(rng.uniform(0.7, 1, shape) * frames), frames).astype(np.int64)
    upper = rng.integers(0, 2, shape)
    row = np.broadcast_to(np.arange(count)[:, None], shape)[kept]
    return Schedule(row, frames[kept], clip[kept], phase[kept], rate[kept], join[kept], leave[kept], upper[kept])


def intervals(plan: Schedule) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Recording, first frame, one-past-last frame and class of every action, in order of recording and start."""
    total = np.cumsum(plan.frames) - plan.frames
    origin = total[np.searchsorted(plan.recording, plan.recording)]
    begin = total - origin
    two = np.flatnonzero(plan.join < plan.frames)
    recording = np.concatenate([plan.recording, plan.recording[two]])
    start = np.concatenate([begin, begin[two] + plan.join[two]])
    end = np.concatenate([begin + plan.leave, begin[two] + plan.frames[two]])
    label = np.concatenate([plan.clip[:, 0], plan.clip[two, 1]])
    order = np.lexsort((start, recording))
    return recording[order], start[order], end[order], label[order]
