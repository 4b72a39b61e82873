"""The names of the classes of published skeleton data sets."""

from pathlib import Path

from acteme.errors import InputError

NTU120: tuple[str, ...] = (
    "drink water", "eat meal/snack", "brush teeth", "brush hair", "drop", "pick up", "throw", "sit down", "stand up",
    "clap", "read", "write", "tear up paper", "put on jacket", "take off jacket", "put on a shoe", "take off a shoe",
    "put on glasses", "take off glasses", "put on a hat/cap", "take off a hat/cap", "cheer up", "hand wave",
    "kick something", "reach into pocket", "hop (one foot jump)", "jump up", "phone call", "play with phone/tablet",
    "type on a keyboard", "point to something", "take a selfie", "check time (from watch)", "rub two hands",
    "nod head/bow", "shake head", "wipe face", "salute", "put palms together", "cross hands in front", "sneeze/cough",
    "stagger", "fall down", "headache", "chest pain", "back pain", "neck pain", "nausea/vomit", "fan self",
    "punch/slap other person", "kick other person", "push other person", "pat on back of other person",
    "point finger at other person", "hug other person", "give something to other person", "touch other person's pocket",
    "shake hands", "walk towards each other", "walk apart from each other",
    "put on headphone", "take off headphone", "shoot at basket", "bounce ball", "tennis bat swing",
    "juggle table tennis ball", "hush", "flick hair", "thumb up", "thumb down", "make OK sign", "make victory sign",
    "staple book", "count money", "cut nails", "cut paper", "snap fingers", "open bottle", "sniff/smell", "squat down",
    "toss a coin", "fold paper", "ball up paper", "play magic cube", "apply cream on face", "apply cream on hand",
    "put on bag", "take off bag", "put object into bag", "take object out of bag", "open a box", "move heavy objects",
    "shake fist", "throw up cap/hat", "capitulate", "cross arms", "arm circles", "arm swings", "run on the spot",
    "butt kicks", "cross toe touch", "side kick", "yawn", "stretch oneself", "blow nose",
    "hit other person with object", "wield knife towards other person", "knock over other person",
    "grab other person's stuff", "shoot at other person with gun", "step on foot", "high-five", "cheers and drink",
    "carry object with other person", "take a photo of other person", "follow other person",
    "whisper in other person's ear", "exchange things with other person", "support somebody", "rock-paper-scissors",
)  # fmt: skip
"""NTU RGB+D 120: class k is action k + 1 of a file name."""
NTU60: tuple[str, ...] = NTU120[:60]
"""NTU RGB+D."""
PKU51: tuple[str, ...] = (
    "bow", "brush hair", "brush teeth", "check time (from watch)", "cheer up", "clap", "cross hands in front",
    "drink water", "drop", "eat meal/snack", "fall down", "give something to other person", "hand wave", "shake hands",
    "hop (one foot jump)", "hug other person", "jump up", "kick other person", "kick something", "phone call",
    "pat on back of other person", "pick up", "play with phone/tablet", "point finger at other person",
    "point to something", "punch/slap other person", "push other person", "put on a hat/cap",
    "put something inside pocket", "read", "rub two hands", "salute", "sit down", "stand up", "take off a hat/cap",
    "take off glasses", "take off jacket", "take out something from pocket", "take a selfie", "tear up paper", "throw",
    "back pain", "chest pain", "headache", "neck pain", "type on a keyboard", "fan self", "put on jacket",
    "put on glasses", "wipe face", "write",
)  # fmt: skip
"""PKU-MMD: class k is action k + 1 of a label file."""
NWUCLA10: tuple[str, ...] = (
    "pick up with one hand", "pick up with two hands", "drop trash", "walk around", "sit down", "stand up", "donning",
    "doffing", "throw", "carry",
)  # fmt: skip
"""Northwestern-UCLA: class k is label k + 1; the file names number them 1, 2, 3, 4, 5, 6, 8, 9, 11, 12."""
SHREC14: tuple[str, ...] = (
    "grab", "tap", "expand", "pinch", "rotate clockwise", "rotate counterclockwise", "swipe right", "swipe left",
    "swipe up", "swipe down", "swipe X", "swipe +", "swipe V", "shake",
)  # fmt: skip
"""SHREC'17: class k is label k + 1 of the lists' 14."""
MA52_PARTS: dict[str, tuple[str, ...]] = {
    "body": ("shaking body", "sitting straightly", "shrugging", "turning around", "rising up"),
    "head": ("bowing head", "head up", "tilting head", "turning head", "nodding", "shaking head"),
    "upper limb": (
        "scratching arms", "playing objects", "putting hands together", "rubbing hands", "pointing oneself",
        "clenching fist", "stretching arms", "retracting arms", "waving", "spreading hands", "hands touching fingers",
        "other finger movements", "illustrative gestures",
    ),
    "lower limb": (
        "shaking legs", "curling legs", "spread legs", "closing legs", "crossing legs", "stretching feet",
        "retracting feet", "tiptoe",
    ),
    "body-hand": (
        "scratching or touching neck", "scratching or touching chest", "scratching or touching back",
        "scratching or touching shoulder", "arms akimbo", "crossing arms",
    ),
    "head-hand": (
        "playing or tidying hair", "touching hindbrain", "touching forehead", "touching face", "rubbing eyes",
        "touching nose", "touching ears", "covering face", "covering mouth", "pushing glasses",
    ),
    "leg-hand": ("patting legs", "touching legs", "scratching legs", "scratching feet"),
}  # fmt: skip
"""MA-52: parts of the body and their actions, in the order of the labels."""
MA52: tuple[str, ...] = tuple(name for names in MA52_PARTS.values() for name in names)
MA52_GROUPS: tuple[str, ...] = tuple(part for part, names in MA52_PARTS.items() for _ in names)
"""The part of each action."""


MOST_CLASSES = 100_000
"""No data set has more classes; a greater label is a broken file."""


def named(count: int, known: tuple[str, ...] = (), where: str | Path | None = None) -> tuple[str, ...]:
    """Names for `count` classes: the known ones, or those of NTU by their number, or `class 0` and so on.

    Args:
        count: number of classes.
        known: names to prefer, where there are as many.
        where: what holds the labels, for the message.

    Raises:
        InputError: there would be more than `MOST_CLASSES`.
    """
    if count > MOST_CLASSES:
        raise InputError(f"holds the label {count - 1}", where, "mend the labels: they are class numbers from 0")
    for names in (known, NTU60, NTU120):
        if len(names) == count:
            return names
    return tuple(f"class {k}" for k in range(count))
