"""Captions taken apart into clauses of one action each, in the order of time, by rules; and clauses in another order.

The rules know connectives (then, and then, after that, followed by, before, after), commas, "and" before a verb, and
gerunds. They are for short English captions of movements; a language model can do better, see `engine.clauses`. Every
clause gets the caption's subject in the same words: from "a person" and then "the person", or "he", the order could be
told without looking at the actions.
"""

import re
from collections.abc import Callable, Sequence

VERBS = (
    "approach", "balance", "bend", "bounce", "bow", "box", "bring", "brush", "carry", "cartwheel", "catch",
    "change", "circle", "clap", "clean", "climb", "close", "continue", "cower", "crawl", "creep", "cross", "crouch",
    "curl", "dance", "deliver", "do", "dodge", "drag", "drink", "drive", "drop", "duck", "eat", "end", "enter",
    "extend", "face", "fall", "fight", "fix", "flap", "flex", "flip", "float", "fly", "gesture", "get", "give",
    "go", "grab", "greet", "hit", "hold", "hop", "hug", "hurry", "jog", "join", "juggle", "jump", "keep", "kick",
    "kneel", "knock", "land", "lean", "leap", "leave", "lie", "lift", "limp", "look", "lower", "lunge", "make",
    "march", "mimic", "mop", "move", "nod", "open", "pace", "paddle", "pass", "pat", "pause", "perform", "pick",
    "place", "plank", "play", "point", "pour", "pull", "punch", "push", "put", "raise", "reach", "repeat", "rest",
    "return", "ride", "rise", "roll", "rotate", "row", "rub", "run", "salute", "scoop", "scoot", "scratch", "shake",
    "shift", "shrug", "shuffle", "side-step", "sidestep", "sit", "skate", "skip", "slide", "slow", "sneak",
    "somersault", "spin", "sprint", "squat", "stagger", "stand", "start", "stay", "step", "stir", "stomp", "stop",
    "straighten", "stretch", "stride", "strike", "stroke", "stroll", "stumble", "sway", "sweep", "swim", "swing",
    "swipe", "swivel", "take", "tap", "throw", "tilt", "tiptoe", "toss", "touch", "trip", "trot", "try", "tug",
    "tumble", "turn", "twirl", "twist", "use", "wait", "walk", "wander", "warm", "wash", "watch", "wave", "weave",
    "whirl", "wiggle", "wipe", "wobble", "write", "yawn",
)  # fmt: skip
"""Lemmas of what people do in captions."""
PAST = {
    "bend": "bent", "bring": "brought", "catch": "caught", "creep": "crept", "do": "did", "drink": "drank",
    "drive": "drove", "eat": "ate", "fall": "fell", "fight": "fought", "fly": "flew", "get": "got", "give": "gave",
    "go": "went", "hit": "hit", "hold": "held", "keep": "kept", "kneel": "knelt", "leap": "leapt", "leave": "left",
    "lie": "lay", "make": "made", "put": "put", "ride": "rode", "rise": "rose", "run": "ran", "shake": "shook",
    "sit": "sat", "slide": "slid", "spin": "spun", "stand": "stood", "strike": "struck", "sweep": "swept",
    "swim": "swam", "swing": "swung", "take": "took", "throw": "threw", "weave": "wove", "write": "wrote",
}  # fmt: skip
DOUBLED = {"mimic": "mimick", "side-step": "side-stepp", "sidestep": "sidestepp", "squat": "squatt"}
"""Stems that change before -ing and -ed though they have more than one syllable, or two vowels."""
PEOPLE = (
    "person", "people", "man", "men", "woman", "women", "figure", "guy", "individual", "human", "character", "boy",
    "girl", "child", "kid", "lady", "gentleman", "dancer", "player",
)  # fmt: skip
PRONOUNS = ("he", "she", "they", "it")


def present(verb: str) -> str:
    """Third person singular of a lemma: walk, walks; catch, catches; carry, carries."""
    if re.search(r"(s|x|z|ch|sh|o)$", verb):
        return verb + "es"
    return verb[:-1] + "ies" if re.search(r"[^aeiou]y$", verb) else verb + "s"


def gerund(verb: str) -> str:
    """The -ing form of a lemma: walk, walking; wave, waving; sit, sitting; lie, lying."""
    if verb in DOUBLED:
        return DOUBLED[verb] + "ing"
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if re.search(r"[^e]e$", verb) and not verb.endswith("oe"):
        return verb[:-1] + "ing"
    if re.fullmatch(r"[^aeiou]*[aeiou][^aeiouwxy]", verb):  # one syllable that ends in one vowel and one consonant
        return verb + verb[-1] + "ing"
    return verb + "ing"


def _past(verb: str) -> str:
    stem = gerund(verb)[:-3]
    return PAST.get(verb, stem + "ed" if not re.search(r"[^aeiou]y$", verb) else verb[:-1] + "ied")


_LEMMA = {gerund(verb): verb for verb in VERBS}
_FORMS = sorted({form for verb in VERBS for form in (verb, present(verb), gerund(verb), _past(verb))}, key=len)[::-1]
_FINITE = sorted({form for verb in VERBS for form in (verb, present(verb), _past(verb))}, key=len)[::-1]
_VERB, _ACTS = (rf"(?:{'|'.join(map(re.escape, forms))})\b" for forms in (_FORMS, _FINITE))
_MANNER = r"(?:(?:\w+ly|again|also|now|just|once more)\s+)*"
_NOUN = (
    rf"(?:(?:a|an|the|this|that|one|two|three|some|another)\s+(?:[\w-]+\s+){{0,2}}?(?:{'|'.join(PEOPLE)})"
    rf"|{'|'.join(PEOPLE)}|someone|somebody|everyone|{'|'.join(PRONOUNS)})\b"
)
_SUBJECT = re.compile(rf"^{_NOUN}", re.IGNORECASE)
_THEN = r"(?:and\s+)?(?:then|next|afterwards?|after that|after which|subsequently|later|finally|lastly|at last)"
_SEQUENCE = re.compile(
    rf"(?:^|,?\s+){_THEN}\b,?\s*(?:and\s+)?|,?\s+(?:and\s+)?followed by\s+|,\s*(?=(?:and\s+)?{_MANNER}{_ACTS})"
    rf"|,?\s+and\s+(?={_MANNER}{_ACTS})|,?\s+and\s+(?={_NOUN}\s+{_MANNER}{_ACTS})|,\s+(?={_NOUN}\s+{_MANNER}{_ACTS})",
    re.IGNORECASE,
)
_RELATION = re.compile(rf",?\s+(before|after)\s+(?={_MANNER}[a-z-]+ing\b|{_NOUN}\s+{_MANNER}{_VERB})", re.IGNORECASE)
_FRONT = re.compile(rf"^(before|after)\s+((?:{_MANNER}[a-z-]+ing\b|{_NOUN}\s+).*?),\s*(.+)$", re.IGNORECASE)
_OPENING = re.compile(
    r"^(?:and|then|first|firstly|second|secondly|next|finally|lastly|initially|eventually)\b,?\s*", re.IGNORECASE
)


def decompose(text: str) -> tuple[str, ...]:
    """The clauses of a caption, in the order in which they happen; the caption alone where it tells of one action.

    Example:
        >>> decompose("A man waves before sitting down, then he stands up.")
        ('a man waves', 'a man sits down', 'a man stands up')
    """
    whole = " ".join(text.split()).strip(" .;,")
    clauses: list[str] = []
    subject = ""
    for sentence in re.split(r"(?:[.;!?]+\s+|[.;!?]+$)", whole):
        if not sentence.strip():
            continue
        pieces = _ordered(sentence.strip())
        for piece in pieces:  # the first that is named, wherever it stands
            found = _SUBJECT.match(_opened(piece))
            subject = subject or (found[0].lower() if found and found[0].lower() not in PRONOUNS else "")
        clauses += pieces
    made = [c for c in (_clause(piece, subject) for piece in clauses) if c]
    return tuple(made) if len(made) > 1 else ((whole,) if whole else ())


def shuffled(clauses: Sequence[str], draw: Callable[[int], Sequence[int]]) -> list[str]:
    """The clauses in another order, which reads differently; the same one where all are equal.

    Args:
        clauses: of a caption.
        draw: a random order of so many things; called until the order differs.
    """
    same = list(clauses)
    if len(set(same)) < 2:
        return same
    while True:  # ends soon: at most half of the orders read like the one that was given
        other = [same[i] for i in draw(len(same))]
        if other != same:
            return other


def _ordered(sentence: str) -> list[str]:
    """Pieces of a sentence in the order of time."""
    if front := _FRONT.match(sentence):
        when, one, rest = front.groups()
        first, second = _ordered(one), _ordered(rest)
        return first + second if when.lower() == "after" else second + first
    out: list[str] = []
    for piece in _SEQUENCE.split(sentence):
        parts = _RELATION.split(piece or "")
        held = [parts[0]]
        for when, other in zip(parts[1::2], parts[2::2], strict=True):
            held = [*held, other] if when.lower() == "before" else [other, *held]
        out += [h for h in held if h.strip(" ,")]
    return out


def _opened(piece: str) -> str:
    """Without words that say where in a sequence it stands."""
    piece = piece.strip(" ,")
    while (shorter := _OPENING.sub("", piece)) != piece:
        piece = shorter
    return piece


def _clause(piece: str, subject: str) -> str:
    """A piece as a clause of its own."""
    rest = _opened(piece)
    if found := _SUBJECT.match(rest):
        subject = subject or found[0].lower()
        rest = _opened(rest[found.end() :])
    manner = re.match(_MANNER, rest, re.IGNORECASE)
    at = manner.end() if manner else 0
    word = re.match(r"[\w-]+", rest[at:])
    if word and word[0].lower() in _LEMMA:
        rest = rest[:at] + _agreeing(_LEMMA[word[0].lower()], subject) + rest[at + word.end() :]
    elif word and word[0].lower() in ("a", "an"):
        rest = f"{_agreeing('do', subject)} {rest}"
    return f"{subject} {rest}".strip() if rest else ""


def _agreeing(verb: str, subject: str) -> str:
    """The verb as the subject wants it."""
    return verb if re.search(r"\b(people|men|women|they)$", subject) else present(verb)
