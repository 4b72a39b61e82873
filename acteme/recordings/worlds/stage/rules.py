"""What makes a class: a rule on some parts of the body; what the others do says nothing.

"primitives": a class wants given primitives of given parts. No two classes are mirror images of each other, and a clip
never keeps the rule (or its mirror image) of another class by accident.

"halves": a class is what the arms do together with what the legs do; each half goes with several of the other.

"rhythm": a class is a pair of parts that move with one frequency, in a slow or a fast band, together or in opposite
phase, whichever primitive they play.
"""

from dataclasses import dataclass, replace
from itertools import combinations, product

import numpy as np
from jaxtyping import Bool, Float, Int

from acteme.errors import InputError
from acteme.recordings.worlds.stage.primitives import PRIMITIVES, STILL
from acteme.recordings.worlds.stage.rig import MIRROR, PARTS
from acteme.recordings.worlds.stage.script import Range, Script, draw

FREE = -1
STEP = PRIMITIVES.index("lift")
PAIRS = (("right_arm", "left_arm"), ("right_leg", "left_leg"), ("right_arm", "right_leg"), ("right_arm", "left_leg"),
         ("head", "torso"))  # fmt: skip
BANDS = {"slow": (0.5, 1.2), "fast": (1.8, 3.0)}
"""Cycles per second."""
PATTERNS = {"together": 0.0, "opposite": 0.5}
"""Difference in phase, cycles."""


@dataclass(frozen=True)
class Rules:
    """The classes; K of them over P parts."""

    names: tuple[str, ...]
    parts: Bool[np.ndarray, "k p"]
    """Which parts a rule is about."""
    wanted: Int[np.ndarray, "k p"]
    """The primitive that it wants of a part, or `FREE`."""
    band: tuple[tuple[float, float], ...] = ()
    """Frequency band of each class, for "rhythm"."""
    pattern: tuple[float, ...] = ()
    """Phase of the second part against the first, for "rhythm"."""

    def kept(self, primitive: Int[np.ndarray, "n p"]) -> Bool[np.ndarray, "n k"]:
        """Which rules on primitives, or their mirror images, the movements keep."""
        both = np.stack([self.wanted, self.wanted[:, MIRROR]])
        return ((both == FREE) | (both == primitive[:, None, None])).all(-1).any(1)


def on_primitives(classes: int, parts: int, seed: int) -> Rules:
    """Rules that each want active primitives of `parts` parts, drawn from all such rules."""
    if not 1 <= parts <= len(PARTS):
        raise InputError(f"rule_parts is {parts}", "stage", f"use 1 to {len(PARTS)}")
    rules: dict[tuple[int, ...], None] = {}
    for chosen in combinations(range(len(PARTS)), parts):
        for primitives in product(range(STILL + 1, len(PRIMITIVES)), repeat=parts):
            rule = np.full(len(PARTS), FREE)
            rule[list(chosen)] = primitives
            rules.setdefault(max(tuple(rule), tuple(rule[MIRROR])))
    if not 1 <= classes <= len(rules):
        raise InputError(f"classes is {classes}", "stage", f"rules on {parts} parts make 1 to {len(rules)} classes")
    every = np.array(list(rules))
    wanted = every[np.random.default_rng(seed).permutation(len(every))[:classes]]
    names = tuple("+".join(f"{PARTS[p]}:{PRIMITIVES[w]}" for p, w in enumerate(r) if w != FREE) for r in wanted)
    return Rules(names, wanted != FREE, wanted)


def on_halves(classes: int, seed: int) -> Rules:
    """Up to 24 rules, drawn from all: a primitive of the right arm alone or of both x legs that stand still or step."""
    arm, leg = ([PARTS.index(f"{side}_{limb}") for side in ("right", "left")] for limb in ("arm", "leg"))
    every = list(product(("right_arm", "arms"), range(STILL + 1, len(PRIMITIVES)), (STILL, STEP)))
    if not 1 <= classes <= len(every):
        raise InputError(f"classes is {classes}", "stage", f"rules on halves make 1 to {len(every)} classes")
    chosen = [every[i] for i in np.random.default_rng(seed).permutation(len(every))[:classes]]
    wanted = np.full((classes, len(PARTS)), FREE)
    for rule, (arms, gesture, step) in zip(wanted, chosen, strict=True):
        rule[arm], rule[leg] = (gesture, gesture if arms == "arms" else STILL), step
    names = tuple(f"{arms}:{PRIMITIVES[gesture]}+legs:{PRIMITIVES[step]}" for arms, gesture, step in chosen)
    return Rules(names, wanted != FREE, wanted)


def on_rhythm(classes: int) -> Rules:
    """Up to 20 rules: pair of parts x frequency band x phase pattern."""
    every = list(product(PAIRS, BANDS, PATTERNS))
    if not 1 <= classes <= len(every):
        raise InputError(f"classes is {classes}", "stage", f"rules on rhythm make 1 to {len(every)} classes")
    every = every[:classes]
    parts = np.array([[p in pair for p in PARTS] for pair, _, _ in every])
    return Rules(
        names=tuple(f"{'+'.join(pair)}:{band}:{pattern}" for pair, band, pattern in every),
        parts=parts,
        wanted=np.full(parts.shape, FREE),
        band=tuple(BANDS[band] for _, band, _ in every),
        pattern=tuple(PATTERNS[pattern] for _, _, pattern in every),
    )


def any_primitives(rng: np.random.Generator, shape: tuple[int, ...], rest: float) -> Int[np.ndarray, "..."]:
    """Primitives of free parts: still with probability `rest`, else any other."""
    moving = rng.integers(STILL + 1, len(PRIMITIVES), shape)
    return np.where(rng.random(shape) < rest, STILL, moving)


def cast(
    rng: np.random.Generator, rules: Rules, label: Int[np.ndarray, " n"], primitive: Int[np.ndarray, "n p"], rest: float
) -> Int[np.ndarray, "n p"]:
    """Primitives that keep the rule of their class and, by redrawing free parts, no other; label -1 keeps none.

    For rules on rhythm, both parts of the pair play the same moving primitive.
    """
    out, known = primitive.copy(), label >= 0
    about = np.where(known[:, None], rules.parts[label], False)
    if rules.pattern:
        same = rng.integers(STILL + 1, len(PRIMITIVES), (len(label), 1))
        return np.where(about, same, out)
    out = np.where(about, rules.wanted[label], out)
    own = np.arange(len(rules.names)) == label[:, None]
    rows = np.arange(len(label))
    while len(rows):
        wrong = rules.kept(out[rows]) & ~own[rows]
        bad = wrong.any(1)
        rows, wrong = rows[bad], wrong[bad]
        other = wrong.argmax(1)
        mended = (rules.parts[other] | rules.parts[other][:, MIRROR]) & ~about[rows]
        out[rows] = np.where(mended, any_primitives(rng, mended.shape, rest), out[rows])
    return out


def compose(
    rng: np.random.Generator,
    rules: Rules | None,
    label: Int[np.ndarray, "n s"],
    start: Float[np.ndarray, "n s p"],
    end: Float[np.ndarray, "n s p"],
    ranges: Range,
    rest: float,
    lure: Int[np.ndarray, "n s p"] | None = None,
) -> Script:
    """A script in which every slot keeps the rule of its class, and no other, in all else at random.

    Args:
        rules: None where parts are free in every slot.
        label: class of each slot; -1 keeps no rule.
        rest: probability that a free part is still.
        lure: primitives that free parts play rather than any; `FREE` where there is none.
    """
    primitive = any_primitives(rng, start.shape, rest)
    if lure is not None:
        primitive = np.where(lure == FREE, primitive, lure)
    if rules is not None:
        flat = primitive.reshape(-1, len(PARTS))
        primitive = cast(rng, rules, label.ravel(), flat, rest).reshape(start.shape)
    script = draw(rng, primitive, start, end, ranges)
    return _in_rhythm(rng, rules, label, script) if rules is not None and rules.pattern else script


def _in_rhythm(rng: np.random.Generator, rules: Rules, label: Int[np.ndarray, "n s"], script: Script) -> Script:
    """The script with both parts of each slot's pair in the band and the phase pattern of its class."""
    low, high = np.log(np.array(rules.band)[label]).transpose(2, 0, 1)
    rate = np.exp(rng.uniform(low, high))[..., None]
    first = np.argmax(rules.parts, 1)[label]
    begin = np.take_along_axis(script.phase, first[..., None], 2)
    shift = np.array(rules.pattern)[label][..., None] * (np.arange(len(PARTS)) != first[..., None])
    about = np.where(label[..., None] >= 0, rules.parts[label], False)
    return replace(
        script,
        frequency=np.where(about, rate, script.frequency),
        phase=np.where(about, (begin + shift) % 1, script.phase),
    )


def bait(rules: Rules, seed: int) -> Int[np.ndarray, "k p"]:
    """A primitive of one part that each rule does not bind, to go with the class by a shortcut; `FREE` elsewhere.

    With its rule it keeps no other rule; a class for which there is none has no shortcut.
    """
    rng = np.random.default_rng([seed, 1])
    out = np.full(rules.parts.shape, FREE)
    for k, about in enumerate(rules.parts):
        part, primitive = (x.ravel() for x in np.meshgrid(np.flatnonzero(~about), range(STILL + 1, len(PRIMITIVES))))
        # Parts that are left open play nothing that any rule wants.
        tried = np.tile(np.where(about, rules.wanted[k], -2), (len(part), 1))
        tried[np.arange(len(part)), part] = primitive
        alone = np.flatnonzero(rules.kept(tried).sum(1) <= 1)
        if rules.pattern:
            alone = np.arange(len(part))
        if len(alone):
            chosen = rng.choice(alone)
            out[k, part[chosen]] = primitive[chosen]
    return out
