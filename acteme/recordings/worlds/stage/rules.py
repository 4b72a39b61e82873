"""What makes a class: a rule on some parts of the body; what the others do says nothing.

"primitives": a class wants given primitives of given parts. No two classes are mirror images of each other, and a clip
never keeps the rule (or its mirror image) of another class by accident.

"halves": a class is what the arms do together with what the legs do; each half goes with several of the other.

"rhythm": a class is a pair of parts that move with one frequency, in a slow or a fast band, together or in opposite
phase, whichever primitive they play.

"micro": a class is a movement of centimeters of one part (or both arms). Classes of one part are a group: they differ
in how far forward the part is held, or in that and in the rate of the movement, and in nothing else.
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
MICRO = {
    "head": (("head",), "wave", 0.063),
    "arm": (("right_arm",), "swing", 0.625),
    "leg": (("right_leg",), "swing", 0.477),
    "torso": (("torso",), "wave", 0.268),
    "arms": (("right_arm", "left_arm"), "swing", 0.625),
}
"""Groups of rules on small movements: the parts, their primitive, and how far from its middle it takes the farthest
joint at amplitude 1, meters."""
RATES = {"slow": (0.95, 1.05), "fast": (1.33, 1.47)}
"""Cycles per second of small movements."""
PLACES = {"close": 0.0, "near": 0.08, "far": 0.16, "out": 0.24}
"""How far forward the part is held in which they happen, radians."""
SIZE = (0.005, 0.02)
"""How far small movements go from their middle, meters."""


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
    """Phase of the second part against the first, for "rhythm" and "micro"."""
    amplitude: tuple[tuple[float, float], ...] = ()
    """Range of the amplitudes of each class, for "micro"."""
    lean: tuple[float, ...] = ()
    """How far forward the parts of each class are held, radians, for "micro"."""
    groups: tuple[str, ...] = ()
    """Group of each class, for "micro"."""

    def kept(self, primitive: Int[np.ndarray, "n p"]) -> Bool[np.ndarray, "n k"]:
        """Which rules on primitives, or their mirror images, the movements keep."""
        both = np.stack([self.wanted, self.wanted[:, MIRROR]])
        return ((both == FREE) | (both == primitive[:, None, None])).all(-1).any(1)


def on_primitives(classes: int, parts: int, seed: int, bank: int = len(PRIMITIVES) - 1) -> Rules:
    """Rules that each want active primitives, of the first `bank`, of `parts` parts, drawn from all such rules."""
    if not 1 <= bank < len(PRIMITIVES):
        raise InputError(f"bank is {bank}", "stage", f"use 1 to {len(PRIMITIVES) - 1}")
    if not 1 <= parts <= len(PARTS):
        raise InputError(f"rule_parts is {parts}", "stage", f"use 1 to {len(PARTS)}")
    rules: dict[tuple[int, ...], None] = {}
    for chosen in combinations(range(len(PARTS)), parts):
        for primitives in product(range(STILL + 1, STILL + 1 + bank), repeat=parts):
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


def on_micro(classes: int, siblings: str) -> Rules:
    """Up to 20 rules: group x four places, or group x two places x two rates ("both").

    All groups' first rules come first, then their second ones.
    """
    rates = RATES if siblings == "both" else {"any": (RATES["slow"][0], RATES["fast"][1])}
    every = list(product(rates, ("close", "far") if siblings == "both" else PLACES, MICRO))
    if not 1 <= classes <= len(every):
        raise InputError(f"classes is {classes}", "stage", f"rules on small movements make 1 to {len(every)} classes")
    every = every[:classes]
    parts = np.array([[p in MICRO[group][0] for p in PARTS] for _, _, group in every])
    wanted = np.array([PRIMITIVES.index(MICRO[group][1]) for _, _, group in every])
    reach = [MICRO[group][2] for _, _, group in every]
    return Rules(
        names=tuple(f"{'+'.join(MICRO[group][0])}:{rate}:{place}" for rate, place, group in every),
        parts=parts,
        wanted=np.where(parts, wanted[:, None], FREE),
        band=tuple(rates[rate] for rate, _, _ in every),
        pattern=(0.0,) * len(every),
        amplitude=tuple((SIZE[0] / r, SIZE[1] / r) for r in reach),
        lean=tuple(PLACES[place] for _, place, _ in every),
        groups=tuple(group for _, _, group in every),
    )


def any_primitives(rng: np.random.Generator, shape: tuple[int, ...], rest: float) -> Int[np.ndarray, "..."]:
    """Primitives of free parts: still with probability `rest`, else any other."""
    moving = rng.integers(STILL + 1, len(PRIMITIVES), shape)
    return np.where(rng.random(shape) < rest, STILL, moving)


def cast(
    rng: np.random.Generator, rules: Rules, label: Int[np.ndarray, " n"], primitive: Int[np.ndarray, "n p"], rest: float
) -> Int[np.ndarray, "n p"]:
    """Primitives that keep the rule of their class and, by redrawing free parts, no other; label -1 keeps none.

    For rules on rhythm, both parts of the pair play the same moving primitive; those on small movements name it.
    """
    out, known = primitive.copy(), label >= 0
    about = np.where(known[:, None], rules.parts[label], False)
    if rules.pattern:
        same = rng.integers(STILL + 1, len(PRIMITIVES), (len(label), 1))
        return np.where(about, np.where(rules.wanted[label] == FREE, same, rules.wanted[label]), out)
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
    """The script with each slot's parts in the band, the phase pattern, the amplitude and the place of its class."""
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
        amplitude=_sized(rng, rules, label, about, script.amplitude),
        lean=np.where(about, np.array(rules.lean)[label][..., None], 0) if rules.lean else None,
    )


def _sized(
    rng: np.random.Generator, rules: Rules, label: Int[np.ndarray, "n s"], about: np.ndarray, amplitude: np.ndarray
) -> Float[np.ndarray, "n s p"]:
    """Amplitudes, of each slot's parts in the range of its class, where classes have one."""
    if not rules.amplitude:
        return amplitude
    low, high = np.array(rules.amplitude)[label].transpose(2, 0, 1)
    return np.where(about, rng.uniform(low, high)[..., None], amplitude)


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
