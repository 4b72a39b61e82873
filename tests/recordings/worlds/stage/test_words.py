import numpy as np

from acteme.recordings.worlds.stage import words
from acteme.recordings.worlds.stage.primitives import PRIMITIVES
from acteme.recordings.worlds.stage.rig import PARTS
from acteme.recordings.worlds.stage.rules import on_primitives, on_rhythm

WAVE, KICK, STILL = (PRIMITIVES.index(p) for p in ("wave", "kick", "still"))


def test_captions_by_hand() -> None:
    primitive = np.zeros((4, 6), int)
    primitive[1, PARTS.index("right_arm")] = WAVE
    primitive[2, [PARTS.index("right_arm"), PARTS.index("left_leg")]] = WAVE, KICK
    primitive[3] = WAVE
    said = words.descriptions(primitive, np.array([[0.6, 2.5, 1.5, 1.5, 0.8, 1.0]] * 4))
    assert words.captions(said, primitive).tolist() == [
        "A person stands still.",
        "A person waves the right arm quickly.",
        "A person waves the right arm quickly and kicks with the left leg slowly.",
        "A person tilts the head from side to side slowly, waves the right arm quickly, waves the left arm, "
        "waves the right leg, waves the left leg slowly and leans from side to side.",
    ]
    assert said[0, PARTS.index("left_arm")] == "keeps the left arm still"  # rest has no speed


def test_every_movement_of_every_part_has_a_phrase_of_its_own() -> None:
    assert words.PHRASES.shape == (6, 7) and len(set(words.PHRASES.ravel().tolist())) == 42


def test_rules_in_words() -> None:
    rules = on_primitives(12, 2, 0)
    phrases = words.rule_phrases(rules)
    assert len(set(phrases)) == 12 and all(" and " in p for p in phrases)
    assert words.rule_phrases(on_rhythm(2)) == [
        "right arm and left arm, slow, together",
        "right arm and left arm, slow, opposite",
    ]
