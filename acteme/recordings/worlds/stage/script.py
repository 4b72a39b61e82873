"""Scripts: which primitive each part of the body plays when, for many recordings at once."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from acteme.recordings.worlds.stage.primitives import STILL
from acteme.recordings.worlds.stage.rig import PARTS


@dataclass(frozen=True)
class Script:
    """Beats: N recordings, each with S slots of time per part (P). A part plays one primitive in a slot.

    The slots of a part follow each other; a slot of no length is left out.
    """

    primitive: Int[np.ndarray, "n s p"]
    """Number of the primitive."""
    start: Float[np.ndarray, "n s p"]
    """Seconds."""
    end: Float[np.ndarray, "n s p"]
    """Seconds."""
    amplitude: Float[np.ndarray, "n s p"]
    """Factor of the movement; 1 is the bank's."""
    frequency: Float[np.ndarray, "n s p"]
    """Cycles per second."""
    phase: Float[np.ndarray, "n s p"]
    """Of a cycle, in [0, 1)."""
    easing: Float[np.ndarray, "n s p"]
    """In [-1/2, 1/2]: sharp turns or dwelling ones."""
    lean: Float[np.ndarray, "n s p"] | None = None
    """Added to the part's flexion or pitch, radians; None: nothing."""

    @property
    def active(self) -> Bool[np.ndarray, "n s p"]:
        """Slots in which the part moves."""
        return (self.primitive != STILL) & (self.end > self.start)


@dataclass(frozen=True)
class Range:
    """What the free factors of a beat are drawn from."""

    amplitude: tuple[float, float] = (0.7, 1.3)
    frequency: tuple[float, float] = (0.5, 3.0)
    """Cycles per second, uniform in the logarithm."""
    easing: tuple[float, float] = (-0.5, 0.5)


def draw(
    rng: np.random.Generator,
    primitive: Int[np.ndarray, "n s p"],
    start: Float[np.ndarray, "n s p"],
    end: Float[np.ndarray, "n s p"],
    ranges: Range,
) -> Script:
    """A script with free factors drawn independently for every beat."""
    shape = primitive.shape
    low, high = np.log(ranges.frequency)
    return Script(
        primitive=primitive,
        start=start,
        end=end,
        amplitude=rng.uniform(*ranges.amplitude, shape),
        frequency=np.exp(rng.uniform(low, high, shape)),
        phase=rng.random(shape),
        easing=rng.uniform(*ranges.easing, shape),
    )


def mirrored(script: Script, rows: Bool[np.ndarray, " n"], order: Int[np.ndarray, " p"]) -> Script:
    """The script with left and right exchanged (`order` of the parts) in the recordings `rows`."""
    fields = {
        name: np.where(rows[:, None, None], value[..., order], value)
        for name, value in ((n, getattr(script, n)) for n in Script.__dataclass_fields__)
        if value is not None
    }
    return replace(script, **fields)


def clips(
    rng: np.random.Generator, frames: Int[np.ndarray, " n"], crop: float, fps: float
) -> tuple[Float[np.ndarray, "n 1 p"], Float[np.ndarray, "n 1 p"]]:
    """When each part of a trimmed clip moves.

    The clip is a random crop of a performance that is 1 + `crop` times as long; every part begins in the first eighth
    of the performance and ends in the last, each at a time of its own.
    """
    shape = (len(frames), 1, len(PARTS))
    seconds = (frames / fps)[:, None, None]
    whole = seconds * (1 + crop)
    cut = rng.random((len(frames), 1, 1)) * (whole - seconds)
    start = rng.uniform(0, 0.125, shape) * whole - cut
    end = rng.uniform(0.875, 1, shape) * whole - cut
    return start, end


def slots(
    rng: np.random.Generator, frames: Int[np.ndarray, " n"], slot: tuple[float, float], fps: float, common: bool
) -> tuple[Float[np.ndarray, "n s p"], Float[np.ndarray, "n s p"]]:
    """Starts and ends of the slots that fill untrimmed recordings, on the grid of frames.

    Lengths are uniform in `slot` (seconds), but the last one ends with the recording. With `common` the slots are those
    of all parts, else every part has its own. Those beyond the end have no length.
    """
    count, parts = int(np.ceil(frames.max() / fps / slot[0])) + 1, 1 if common else len(PARTS)
    length = np.maximum(np.round(rng.uniform(*slot, (len(frames), count, parts)) * fps), 1)
    end = np.minimum(np.cumsum(length, 1), frames[:, None, None])
    # What is left for a last slot that would be shorter than half the least goes to the one before it.
    short = frames[:, None, None] - end < slot[0] * fps / 2
    end = np.where(short, frames[:, None, None], end)
    start = np.concatenate([np.zeros((len(frames), 1, parts)), end[:, :-1]], 1)
    shape = (len(frames), count, len(PARTS))
    return np.broadcast_to(start / fps, shape), np.broadcast_to(end / fps, shape)
