"""The bank of primitive movements, in joint angles.

A part of the body has four angles: a limb has flexion, abduction and twist at its shoulder or hip and the flexion of
elbow or knee; head and torso have pitch, roll and yaw. A primitive moves each angle as

    offset + swing s(theta + lag) + pulse ((1 + s(theta + lag)) / 2)^2,   theta = 2 pi (frequency t + phase),

with s a sine whose easing e in [-1/2, 1/2] makes its turns sharp (negative) or lets it dwell there (positive):
s = (1 + e) sin - e sin^3. Swing and pulse grow with the amplitude.
"""

from typing import NamedTuple

import numpy as np

PRIMITIVES = ("still", "wave", "circle", "poke", "kick", "lift", "swing")
"""Names of the primitives."""
STILL = 0
KINDS = ("arm", "leg", "head", "torso")
KIND_OF_PART = np.array([2, 0, 0, 1, 1, 3])
"""Kind of each of the rig's `PARTS`."""


class Angle(NamedTuple):
    """How one primitive moves one angle; radians."""

    offset: float = 0.0
    swing: float = 0.0
    pulse: float = 0.0
    lag: float = 0.0


REST = Angle()
QUARTER = np.pi / 2

# Per kind and primitive: flexion (forward), abduction (outward), twist (outward), flexion of elbow or knee; for head
# and torso pitch (forward), roll (to the right), yaw.
_BANK: dict[str, dict[str, tuple[Angle, ...]]] = {
    "arm": {
        "wave": (Angle(0.1), Angle(1.6, 0.1), Angle(1.4), Angle(1.3, 0.6)),
        "circle": (Angle(0.9, 0.5), Angle(0.5, 0.5, lag=QUARTER), REST, Angle(0.25)),
        "poke": (Angle(0.1, pulse=1.3), Angle(0.1), REST, Angle(1.9, pulse=-1.7)),
        "kick": (Angle(-0.5, pulse=1.9), Angle(0.15), REST, Angle(0.7, pulse=-0.6, lag=-0.8)),
        "lift": (REST, Angle(0.0, pulse=2.6), REST, Angle(0.1)),
        "swing": (Angle(0.1, 0.8), Angle(0.1), REST, Angle(0.3, 0.2)),
    },
    "leg": {
        "wave": (Angle(0.1), Angle(0.55, 0.3), REST, Angle(0.1)),
        "circle": (Angle(0.45, 0.35), Angle(0.3, 0.3, lag=QUARTER), REST, Angle(0.3)),
        "poke": (Angle(0.4, pulse=0.4), Angle(0.05), REST, Angle(1.2, pulse=-1.0)),
        "kick": (Angle(-0.35, pulse=1.7), Angle(0.05), REST, Angle(0.9, pulse=-0.8, lag=-0.8)),
        "lift": (Angle(0.0, pulse=1.4), Angle(0.05), REST, Angle(0.05, pulse=1.5)),
        "swing": (Angle(0.1, 0.6), Angle(0.05), REST, Angle(0.15, 0.1)),
    },
    "head": {
        "wave": (REST, Angle(0.0, 0.45), REST),
        "circle": (Angle(0.1, 0.4), Angle(0.0, 0.4, lag=QUARTER), REST),
        "poke": (Angle(0.0, pulse=0.75), REST, REST),
        "kick": (Angle(0.25, pulse=-0.9), REST, Angle(0.0, 0.2)),
        "lift": (Angle(0.0, pulse=-0.6), REST, REST),
        "swing": (REST, REST, Angle(0.0, 0.8)),
    },
    "torso": {
        "wave": (REST, Angle(0.0, 0.45), REST),
        "circle": (Angle(0.15, 0.35), Angle(0.0, 0.35, lag=QUARTER), REST),
        "poke": (Angle(0.05, pulse=0.9), REST, REST),
        "kick": (Angle(0.35, pulse=-0.7), REST, Angle(0.0, 0.3)),
        "lift": (Angle(0.7, pulse=-0.8), REST, REST),
        "swing": (REST, REST, Angle(0.0, 0.8)),
    },
}


def _table() -> np.ndarray:
    out = np.zeros((len(KINDS), len(PRIMITIVES), 4, len(Angle._fields)), np.float32)
    for kind, bank in _BANK.items():
        for name, angles in bank.items():
            out[KINDS.index(kind), PRIMITIVES.index(name), : len(angles)] = angles
    return out


TABLE = _table()
"""(kind, primitive, angle, field of `Angle`)."""
