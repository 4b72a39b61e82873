"""The subjects: bodies, habits and the hand that they prefer."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from acteme.recordings.worlds.stage.performance import Actor
from acteme.recordings.worlds.stage.rig import PARTS, PROPORTIONS, RIG

TEMPO, VIGOR, POSTURE = 0.15, 0.2, 0.08
"""Spread of the subjects at style 1: factors 1 +- this, and the standard deviation of habitual angles (radians)."""


@dataclass(frozen=True)
class Subjects:
    """Some people; columns."""

    factors: Float[np.ndarray, "s g"]
    """Length factors of the bone groups."""
    tempo: Float[np.ndarray, " s"]
    vigor: Float[np.ndarray, " s"]
    posture: Float[np.ndarray, "s p 4"]
    left_handed: Bool[np.ndarray, " s"]

    @classmethod
    def draw(
        cls, rng: np.random.Generator, count: int, proportions: float, style: float, left_handed: float
    ) -> "Subjects":
        """Bone lengths in 1 +- `proportions`; habits that `style` scales; a fraction of left-handed people."""
        return cls(
            factors=PROPORTIONS.draw(rng, count, proportions, size=0),
            tempo=1 + style * TEMPO * rng.uniform(-1, 1, count),
            vigor=1 + style * VIGOR * rng.uniform(-1, 1, count),
            posture=style * POSTURE * rng.standard_normal((count, len(PARTS), 4)),
            left_handed=rng.permutation(count) < round(left_handed * count),
        )

    def actor(self, who: Int[np.ndarray, " n"]) -> Actor:
        """The performers of recordings."""
        offsets = PROPORTIONS.offsets(RIG.offsets, self.factors[who])
        return Actor(offsets, self.tempo[who], self.vigor[who], self.posture[who])
