"""A recording as a run wants it: layout, persons and frame rate; read in pieces, so that its length does not matter."""

import mmap
from dataclasses import dataclass, replace

import numpy as np

from acteme.engine.inputs import Part
from acteme.errors import InputError
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording
from acteme.recordings.skeleton.layouts import convert
from acteme.recordings.spec import Spec

SAME = 1e-3
"""Relative difference below which two frame rates are the same."""


@dataclass(frozen=True)
class View:
    """A recording seen through a run's spec. Nothing is computed until frames are read."""

    recording: Recording
    spec: Spec
    """What the recording's data set is."""
    wanted: Spec
    """What the run was trained on."""

    def __post_init__(self) -> None:
        kind = "skeleton" if self.wanted.joints else "position"
        if kind not in self.recording.arrays:
            raise InputError(f"has no {kind}", self.recording.name, f"give {kind} data")
        if self.spec.channels != self.wanted.channels:
            things = "joints" if kind == "skeleton" else "positions"
            what = f"has {self.spec.channels}D {things} where the run reads {self.wanted.channels}D"
            raise InputError(what, self.recording.name, "train a run on such data")
        if kind == "skeleton" and self.spec.persons > self.wanted.persons and self._crowded():
            what = f"has {self.spec.persons} persons where the run reads {self.wanted.persons}"
            raise InputError(what, self.recording.name, "select persons before")
        if self.recording.fps <= 0:
            raise InputError(f"has {self.recording.fps} frames per second", self.recording.name, "give its frame rate")
        if kind == "skeleton":
            self._convert(np.zeros((1, self.spec.persons, self.spec.joints, self.spec.channels), np.float32))

    @property
    def fps(self) -> float:
        """Frames per second of what is read: the run's, or the recording's own where they are the same."""
        return self.wanted.fps if self.resampled else self.recording.fps

    @property
    def resampled(self) -> bool:
        return abs(self.recording.fps / self.wanted.fps - 1) > SAME

    @property
    def frames(self) -> int:
        """Frames that can be read."""
        if not self.resampled:
            return self.recording.frames
        return max(1, round(self.recording.duration * self.wanted.fps))

    def read(self, first: int, last: int) -> dict[str, np.ndarray]:
        """Arrays of the frames from `first` to before `last`: skeleton (t, M, V, C), confidence (t, M, V), position
        (t, C); vector (t, N) where neither frame rate nor layout is changed.

        Raises:
            InputError: a frame holds a NaN or infinity.
        """
        kept = () if self.resampled or self.spec.layout != self.wanted.layout else ("vector",)
        names = [n for n in ("skeleton", "confidence", *kept, "position") if n in self.recording.arrays]
        out = {n: self._frames(self.recording.arrays[n], n, first, last) for n in names}
        if "skeleton" in out:
            out["skeleton"] = self._convert(out["skeleton"])
        if "confidence" in out:
            pair = np.repeat(out["confidence"][..., None], self.spec.channels, -1)
            out["confidence"] = self._convert(pair)[..., 0]
        return out

    def whole(self) -> dict[str, np.ndarray]:
        """All frames."""
        return self.read(0, self.frames)

    def _frames(self, array: np.ndarray, name: str, first: int, last: int) -> np.ndarray:
        """Frames at the wanted rate: interpolated where a person is in both neighbors, else the nearer one."""
        position = np.arange(first, last) * (self.recording.fps / self.wanted.fps if self.resampled else 1.0)
        position = np.minimum(position, self.recording.frames - 1)
        low = position.astype(np.int64)
        high = np.minimum(low + 1, self.recording.frames - 1)
        a = int(low[0])
        part = np.array(array[a : int(high[-1]) + 1], np.float32)
        release(array)
        if not np.isfinite(part).all():
            frame = a + int(np.argwhere(~np.isfinite(part))[0][0])
            what = f"{name} has a NaN or infinity at frame {frame}"
            raise InputError(what, self.recording.name, "fill or cut these frames")
        if not self.resampled:
            return part[: last - first]
        one, two = part[low - a], part[high - a]
        share = (position - low).astype(np.float32).reshape(-1, *[1] * (part.ndim - 1))
        if name == "position":
            return one + share * (two - one)
        axes = tuple(range(2, part.ndim))
        here, there = (one != 0).any(axes, keepdims=True), (two != 0).any(axes, keepdims=True)
        return np.where(here & there, one + share * (two - one), np.where(share < 0.5, one, two))

    def _convert(self, x: np.ndarray) -> np.ndarray:
        """In the run's layout, with room for its persons."""
        if self.spec.layout != self.wanted.layout:
            x = convert(x, self.spec.layout, self.wanted.layout)
        lack = self.wanted.persons - x.shape[1]
        if lack > 0:
            x = np.pad(x, [(0, 0), (0, lack)] + [(0, 0)] * (x.ndim - 2))
        return x[:, : self.wanted.persons]

    def _crowded(self) -> bool:
        """Whether anybody is where the run has no room; looked at in pieces."""
        skeleton, step = self.recording.arrays["skeleton"], 4096
        for a in range(0, len(skeleton), step):
            if np.any(skeleton[a : a + step, self.wanted.persons :]):
                return True
            release(skeleton)
        return False


def adapt(corpus: Corpus, wanted: Spec) -> Corpus:
    """The corpus in the run's layout, persons and frame rate; the same one where it is so already.

    Classes stay the corpus's own. Raises InputError where there is no way.
    """
    own = corpus.spec
    if wanted.scenes:
        corpus = with_scenes(corpus, wanted)
        own = corpus.spec
    rates = corpus.column("fps")
    shape = (own.layout, own.persons, own.channels) == (wanted.layout, wanted.persons, wanted.channels)
    if shape and np.all(np.abs(rates / wanted.fps - 1) <= SAME):
        return corpus
    spec = replace(wanted, classes=own.classes, multilabel=own.multilabel, scenes=own.scenes, extents=own.extents)
    return Corpus.of((_adapted(r, own, wanted) for r in corpus), spec, surfaces=corpus.surfaces)


def with_scenes(corpus: Corpus, wanted: Spec) -> Corpus:
    """The corpus with the run's scenes first, under their numbers and with their extents, and then its own others."""
    own = corpus.spec
    if own.scenes[: len(wanted.scenes)] == wanted.scenes and own.extents[: len(wanted.extents)] == wanted.extents:
        return corpus
    others = [k for k, name in enumerate(own.scenes) if name not in wanted.scenes]
    scenes = (*wanted.scenes, *(own.scenes[k] for k in others))
    extents = (*wanted.extents, *(own.extents[k] for k in others)) if wanted.extents and own.extents else ()
    surfaces = None
    if corpus.surfaces is not None:
        surfaces = np.full((len(scenes), *corpus.surfaces.shape[1:]), 255, np.uint8)
        surfaces[[scenes.index(name) for name in own.scenes]] = corpus.surfaces
    return replace(corpus, spec=replace(own, scenes=scenes, extents=extents), surfaces=surfaces)


def gathered(part: Part, wanted: Spec, split: str | None = None) -> Corpus | None:
    """Recordings of scenes, which are short, as a corpus that a run can read; None where the split has none.

    Raises:
        InputError: a recording that comes alone is in no scene of the run, or cannot be read.
    """
    recordings = list(part.read(split))
    if not recordings:
        return None
    spec = part.spec or replace(wanted, classes=())
    for r in recordings:
        if "position" not in r.arrays:
            raise InputError("has no position", r.name, "give tracks")
        if part.spec is None and r.camera not in wanted.scenes:
            known = ", ".join(wanted.scenes[:8])
            raise InputError(f"its camera '{r.camera}' is no scene of the run", r.name, f"scenes: {known}")
    plain = (replace(r, label="", segments=()) for r in recordings)
    return adapt(Corpus.of(plain, replace(spec, classes=()), surfaces=part.surfaces), wanted)


def _adapted(recording: Recording, own: Spec, wanted: Spec) -> Recording:
    view = View(recording, own, wanted)
    return replace(recording, fps=view.fps, arrays=view.whole())


def own_spec(wanted: Spec, recording: Recording) -> Spec:
    """The spec of a recording that comes alone: the run's layout, and as many persons as it has."""
    shape = recording.arrays["skeleton"].shape if "skeleton" in recording.arrays else ()
    if len(shape) != 4 or shape[2:] != (wanted.joints, wanted.channels):
        what = f"skeleton of shape {shape}, not (frames, persons, {wanted.joints}, {wanted.channels})"
        raise InputError(what, recording.name, f"give layout '{wanted.layout}'")
    return replace(wanted, persons=shape[1])


def release(array: np.ndarray) -> None:
    """Gives back the memory of a memory-mapped file's pages that were read; they are read again when needed.

    Without it the pages of a recording of hours add up to its whole size.
    """
    mapped = getattr(array, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)
