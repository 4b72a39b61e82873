"""What a script says in words: captions, and a description of each part of the body."""

import numpy as np
from jaxtyping import Float, Int

from acteme.recordings.worlds.stage.primitives import KIND_OF_PART, KINDS, PRIMITIVES, STILL
from acteme.recordings.worlds.stage.rig import PARTS
from acteme.recordings.worlds.stage.rules import FREE, Rules
from acteme.recordings.worlds.stage.script import Script

_LIMB = ("keeps the {} still", "waves the {}", "circles the {}", "pokes with the {}", "kicks with the {}",
         "lifts the {}", "swings the {}")  # fmt: skip
_SAYINGS = {
    "arm": (*_LIMB[:4], "throws the {} forward", *_LIMB[5:]),
    "leg": _LIMB,
    "head": ("keeps the {} still", "tilts the {} from side to side", "circles the {}", "nods", "jerks the {} back",
             "looks up", "shakes the {}"),
    "torso": ("keeps the {} still", "leans from side to side", "circles the {}", "bows", "jerks the {} back",
              "straightens up from a bow", "turns the {} left and right"),
}  # fmt: skip
SPEEDS = ((1.0, " slowly"), (2.0, ""), (np.inf, " quickly"))
"""Adverbs by frequency, cycles per second."""

PHRASES = np.array(
    [[_SAYINGS[KINDS[kind]][i].format(part.replace("_", " ")) for i in range(len(PRIMITIVES))]
     for part, kind in zip(PARTS, KIND_OF_PART, strict=True)]
)  # fmt: skip
"""(part, primitive)."""


def descriptions(primitive: Int[np.ndarray, "n p"], frequency: Float[np.ndarray, "n p"]) -> np.ndarray:
    """(n, p) what each part does, with its speed."""
    speed = np.searchsorted([limit for limit, _ in SPEEDS], frequency, side="right")
    spoken = np.array([[[phrase + adverb * (i != STILL) for _, adverb in SPEEDS] for i, phrase in enumerate(row)]
                       for row in PHRASES])  # fmt: skip
    return spoken[np.arange(len(PARTS)), primitive, speed]


def captions(said: np.ndarray, primitive: Int[np.ndarray, "n p"]) -> np.ndarray:
    """(n,) one sentence about all parts that move, from their descriptions."""
    moving = primitive != STILL
    rank, count = np.cumsum(moving, 1), moving.sum(1, keepdims=True)
    before = np.where(rank == 1, " ", np.where(rank == count, " and ", ", "))
    out = np.where(count[:, 0] > 0, "A person", "A person stands still")
    for part in range(len(PARTS)):
        piece = np.where(moving[:, part], np.char.add(before[:, part], said[:, part]), "")
        out = np.char.add(out, piece)
    return np.char.add(out, ".")


def rule_phrases(rules: Rules) -> list[str]:
    """What each class does, without the person who does it."""
    if rules.pattern:
        return [name.replace("_", " ").replace("+", " and ").replace(":", ", ") for name in rules.names]
    return [" and ".join(PHRASES[p, w] for p, w in enumerate(rule) if w != FREE) for rule in rules.wanted]


def columns(script: Script) -> dict[str, np.ndarray]:
    """Columns of a table of clips: a caption, what each part does in words, and the factors of its movement."""
    primitive = script.primitive[:, 0]
    said = descriptions(primitive, script.frequency[:, 0])
    out = {"text": captions(said, primitive)}
    for p, part in enumerate(PARTS):
        out[f"text:{part}"] = said[:, p]
        out[f"factor:{part}:primitive"] = primitive[:, p].astype(float)
        for factor in ("amplitude", "frequency", "phase", "easing", "start", "end"):
            out[f"factor:{part}:{factor}"] = getattr(script, factor)[:, 0, p]
    return out
