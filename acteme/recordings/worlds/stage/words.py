"""What a script says in words: captions, and a description of each part of the body."""

import numpy as np
from jaxtyping import Float, Int

from acteme.recordings.worlds.stage.primitives import KIND_OF_PART, KINDS, PRIMITIVES, STILL
from acteme.recordings.worlds.stage.rig import PARTS
from acteme.recordings.worlds.stage.rules import FREE, MICRO, PLACES, Rules
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


_PART_FIELDS = {
    "head": {
        "wave": "head tilts from side to side", "circle": "head rolls in circles", "poke": "head nods forward",
        "kick": "head jerks backward", "lift": "head looks up", "swing": "head shakes left and right",
    },
    "hand": {
        "wave": "hand waves beside the head", "circle": "hand draws circles in front", "poke": "hand pokes forward",
        "kick": "hand is thrown forward", "lift": "hand rises high above", "swing": "hand swings back and forth",
    },
    "arm": {
        "wave": "arm is raised and bent", "circle": "arm turns in circles", "poke": "arm bends and stretches forward",
        "kick": "arm whips from back to front", "lift": "arm lifts sideways overhead", "swing": "arm swings loosely",
    },
    "hip": {
        "wave": "hip and torso lean from side to side", "circle": "hip and torso circle", "poke": "torso bows forward",
        "kick": "torso jerks backward", "lift": "torso straightens up", "swing": "hip and torso twist left and right",
    },
    "leg": {
        "wave": "leg swings sideways", "circle": "leg circles in the air", "poke": "leg bends and pushes forward",
        "kick": "leg kicks forward", "lift": "leg lifts with a bent knee", "swing": "leg swings back and forth",
    },
    "foot": {
        "wave": "foot sways out to the side", "circle": "foot draws circles", "poke": "foot taps forward",
        "kick": "foot shoots up in front", "lift": "foot rises from the floor", "swing": "foot swings front to back",
    },
}  # fmt: skip
_FIELDS_OF_KIND = {"head": ("head",), "torso": ("hip",), "arm": ("hand", "arm"), "leg": ("leg", "foot")}
_SPEED = {"slow": "slowly", "fast": "fast"}
_ORDER = {"together": "in time", "opposite": "in turns"}
_HELD = dict(zip(PLACES, ("straight", "a little forward", "forward", "far forward"), strict=True))


def described(name: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """A class by its name: names in plain words, and what head, hand, arm, hip, leg and foot do.

    Parts that a rule is not about move as they like, and are said to. None where the name is not of this world.
    """
    bound, manner = _parsed(name)
    if not bound:
        return None
    said: dict[str, dict[str, str]] = {}
    for part, primitive in bound.items():
        side, _, kind = part.rpartition("_")
        for field in _FIELDS_OF_KIND[kind]:
            what = _PART_FIELDS[field].get(primitive, f"{field} keeps still") if primitive else f"{field} moves"
            said.setdefault(field, {})[part] = f"{side} {what} {manner}".strip()
    if not all(bound.values()):
        parts = " and ".join(part.replace("_", " ") for part in bound)
        names = [f"{parts} {verb} {manner}" for verb in ("move", "go")]
    else:
        phrases = " and ".join(PHRASES[PARTS.index(p), PRIMITIVES.index(w)] for p, w in bound.items())
        names = [f"{phrases} {manner}".strip()]
        for which in (0, -1):
            fields = {part: _FIELDS_OF_KIND[part.rpartition("_")[2]][which] for part in bound}
            names.append(" and ".join(said[fields[part]][part] for part in bound))
    told = (" and ".join(said[field].values()) if field in said else f"{field} moves freely" for field in _PART_FIELDS)
    return tuple(dict.fromkeys(names)), tuple(f" {text}" for text in told)


def _parsed(name: str) -> tuple[dict[str, str], str]:
    """The parts that a class is about, each with its primitive (none for a rhythm), and in what manner they move."""
    pieces = [piece.partition(":")[::2] for piece in name.split("+")]
    if all(part in PARTS and what in PRIMITIVES[STILL + 1 :] for part, what in pieces):
        return dict(pieces), ""
    if len(pieces) == 2 and all(what in PRIMITIVES for _, what in pieces):
        (arms, gesture), (legs, step) = pieces
        if arms in ("right_arm", "arms") and legs == "legs":
            left = gesture if arms == "arms" else PRIMITIVES[STILL]
            return {"right_arm": gesture, "left_arm": left, "right_leg": step, "left_leg": step}, ""
    parts, _, rest = name.partition(":")
    pair, (rate, _, how) = tuple(parts.split("+")), rest.partition(":")
    if set(pair) <= set(PARTS) and rate in _SPEED and how in _ORDER:
        return dict.fromkeys(pair, ""), f"{_SPEED[rate]} and {_ORDER[how]}"
    small = next((primitive for group, primitive, _ in MICRO.values() if group == pair), None)
    if small is not None and rate in ("any", *_SPEED) and how in _HELD:
        speed = f" and {_SPEED[rate]}" if rate in _SPEED else ""
        return dict.fromkeys(pair, small), f"slightly{speed} while held {_HELD[how]}"
    return {}, ""
