"""Which two of the bodies that a depth sensor tracked are the actors.

Kinect v2 tracks up to six bodies and sees persons in furniture. Three published rules choose two of them:

- `agcn` (2s-AGCN; HaLP): the first four places of every frame are four persons, whatever their body IDs; the two with
  the largest spread of coordinates are kept, in that order. Frames without a body stay, as zeros.
- `ctrgcn` (SGN, CTR-GCN): bodies are tracks by ID; short and flat ones are dropped, the rest is laid on two actors in
  the order of their motion. Frames without an actor are removed.
- `pyskl` (PYSKL): the same rules; but tracks may not share a frame, where in `ctrgcn` the last frame of one may be the
  first of the next (which overwrites it); frames without an actor stay unless at either end; and the actors change
  places where the first is absent in the first frame and the second is not.

Checked: on 400 generated files with up to five tracks, gaps, spread and empty frames the three give, bit for bit, what
the official scripts give (1,115 results). Where those fail because they drop every track, the one with the most motion
(of short tracks) or the last one (of spread tracks) is kept.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from acteme.errors import InputError
from acteme.recordings.skeleton.readers.ntu_file import Bodies

Selection = Literal["agcn", "ctrgcn", "pyskl"]
PERSONS = 2
AGCN_SLOTS = 4
SHORT = 11
"""Tracks of at most so many frames are noise, unless there is no other."""
FLAT = 0.8
"""A frame is spread where the body is wider than this share of its height."""
SPREAD = 0.69754
"""Tracks with at least this share of spread frames are noise, unless there is no other."""
NOTHING = 1e-3
"""Sum of absolute coordinates below which PYSKL takes a body as absent."""


def select(bodies: Bodies, rule: Selection = "ctrgcn", keep_gaps: bool = False) -> Float[np.ndarray, "t 2 25 3"]:
    """The two actors, in metres; an absent one is zero.

    Args:
        bodies: what a file holds.
        rule: `agcn`, `ctrgcn` or `pyskl`, see above.
        keep_gaps: the published tools number the frames of a track from its first one on, so that a track that vanishes
            for a while is moved earlier by the gap when it returns. True keeps it in its place. Not used by `agcn`.
    """
    if rule == "agcn":
        return _by_energy(bodies)
    if rule not in ("ctrgcn", "pyskl"):
        raise InputError(f"unknown selection of bodies '{rule}'", mend="use agcn, ctrgcn or pyskl")
    # frames without any body close up
    shown, frame = np.unique(bodies.frame, return_inverse=True)
    tracks = []
    for k in range(int(bodies.track.max(initial=-1)) + 1):
        rows = np.flatnonzero(bodies.track == k)
        at = frame[rows] if keep_gaps else frame[rows[0]] + np.arange(len(rows))
        tracks.append(_Track(at, bodies.joints[rows]))
    kept = _denoised(tracks, rule)
    out = np.zeros((len(shown), PERSONS, *bodies.joints.shape[1:]), np.float32)
    _lay(kept, out, shared=1 if rule == "ctrgcn" else 0)
    return _trimmed(out) if rule == "pyskl" and len(kept) > 1 else out[out.any((1, 2, 3))]


def _by_energy(bodies: Bodies) -> np.ndarray:
    data = np.zeros((AGCN_SLOTS, bodies.frames, *bodies.joints.shape[1:]), np.float32)
    rows = bodies.slot < AGCN_SLOTS
    data[bodies.slot[rows], bodies.frame[rows]] = bodies.joints[rows]
    energy = np.zeros(AGCN_SLOTS)
    for k, person in enumerate(data.astype(np.float64)):
        there = person[person.sum((1, 2)) != 0]
        energy[k] = there.std((0, 1)).sum() if len(there) else 0
    return data[energy.argsort()[::-1][:PERSONS]].swapaxes(0, 1)


class _Track:
    """A body over the frames in which the sensor gave it one ID."""

    def __init__(self, frame: Int[np.ndarray, " t"], joints: Float[np.ndarray, "t 25 3"]):
        self.frame, self.joints = frame, joints
        self.start, self.end = int(frame[0]), int(frame[-1]) + 1
        width, height = (np.ptp(joints[..., axis].astype(np.float64), axis=1) for axis in (0, 1))
        self.upright = width <= FLAT * height
        self.motion = _motion(joints)
        if self.upright.any() and not self.upright.all():
            self.calm_motion = min(self.motion, _motion(joints[self.upright]))
        else:
            self.calm_motion = self.motion

    @property
    def spread(self) -> bool:
        return 1 - self.upright.mean() >= SPREAD


def _motion(joints: np.ndarray) -> float:
    """Sum over x, y, z of the variance over all joints of all frames."""
    return float(joints.reshape(-1, 3).astype(np.float64).var(0).sum())


def _denoised(tracks: list[_Track], rule: Selection) -> list[_Track]:
    """The tracks that are persons, by falling motion."""
    if len(tracks) < 2:
        return tracks
    by_motion = sorted(tracks, key=lambda track: -track.motion)
    kept = [track for track in (tracks if rule == "ctrgcn" else by_motion) if len(track.frame) > SHORT] or by_motion[:1]
    if len(kept) < 2:
        return kept
    for track in list(kept):
        if track.spread and len(kept) > 1:
            kept.remove(track)
    return sorted(kept, key=lambda track: -track.calm_motion)


def _lay(tracks: list[_Track], out: np.ndarray, shared: int) -> None:
    """Lays tracks on two actors: on the first whose frames so far they overlap by at most `shared` frames."""
    spans = [[track.start, track.end] for track in tracks[:1]] + [[0, shared]]
    for n, track in enumerate(tracks):
        for actor, span in enumerate(spans):
            if n == 0 or min(span[1], track.end) - max(span[0], track.start) <= shared:
                out[track.frame, actor] = track.joints
                # the second actor's span starts at frame 0, as published, even where its first track starts later
                span[:] = min(span[0], track.start), max(span[1], track.end)
                break


def _trimmed(out: np.ndarray) -> np.ndarray:
    there = np.flatnonzero(np.abs(out).sum((1, 2, 3)) >= NOTHING)
    out = out[there[0] : there[-1] + 1] if len(there) else out[:0]
    if len(out):
        first, second = np.abs(out[0, :, 1]).sum(-1)
        if first < NOTHING < second:
            out = out[:, ::-1].copy()
    return out
