import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.worlds.stage import rules as r
from acteme.recordings.worlds.stage.primitives import PRIMITIVES, STILL
from acteme.recordings.worlds.stage.rig import MIRROR, PARTS
from acteme.recordings.worlds.stage.script import Range

TIMES = (0.5, 3.0)


def kept_by_hand(wanted: np.ndarray, primitive: np.ndarray) -> bool:
    return all(w in (r.FREE, p) for w, p in zip(wanted, primitive, strict=True))


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_rules_differ_even_in_the_mirror(parts: int) -> None:
    rules = r.on_primitives(20, parts, 0)
    seen = {tuple(w) for w in rules.wanted} | {tuple(w[MIRROR]) for w in rules.wanted}
    itself = sum(tuple(w) == tuple(w[MIRROR]) for w in rules.wanted)
    assert len(seen) == 40 - itself and len(set(rules.names)) == 20
    assert (rules.parts.sum(1) == parts).all() and (rules.wanted != STILL).all()


def test_rules_follow_their_seed() -> None:
    assert r.on_primitives(8, 2, 0).names == r.on_primitives(12, 2, 0).names[:8]
    assert r.on_primitives(8, 2, 0).names != r.on_primitives(8, 2, 1).names


def test_a_small_bank_makes_classes_that_share_what_parts_do() -> None:
    rules = r.on_primitives(32, 3, 0, bank=3)
    assert set(np.unique(rules.wanted)) == {r.FREE, 1, 2, 3}
    assert len(r.on_primitives(4, 1, 0, bank=1).names) == 4
    assert r.on_primitives(24, 2, 0, bank=6).names == r.on_primitives(24, 2, 0).names
    for bank in (0, 7):
        with pytest.raises(InputError, match=f"bank is {bank}"):
            r.on_primitives(4, 1, 0, bank=bank)


def test_all_rules_on_one_part() -> None:
    rules = r.on_primitives(24, 1, 0)  # six primitives of head, torso, an arm and a leg
    assert {n.split(":")[0] for n in rules.names} == {"head", "torso", "right_arm", "right_leg"}
    with pytest.raises(InputError, match="rules on 1 parts make 1 to 24 classes"):
        r.on_primitives(25, 1, 0)
    with pytest.raises(InputError, match="rule_parts is 7"):
        r.on_primitives(2, 7, 0)
    with pytest.raises(InputError, match="1 to 20 classes"):
        r.on_rhythm(21)


@pytest.mark.parametrize(("classes", "parts"), [(12, 2), (24, 1), (60, 3), (1, 6)])
def test_a_cast_keeps_its_rule_and_no_other(classes: int, parts: int) -> None:
    rng, rules = np.random.default_rng(0), r.on_primitives(classes, parts, 0)
    label = np.arange(600) % (classes + 1) - 1
    out = r.cast(rng, rules, label, r.any_primitives(rng, (600, 6), 0.1), 0.1)
    for row, k in zip(out, label, strict=True):
        for j, wanted in enumerate(rules.wanted):
            kept = kept_by_hand(wanted, row) or kept_by_hand(wanted[MIRROR], row)
            if j == k:
                assert kept_by_hand(wanted, row)
            else:
                assert not kept, (rules.names[j], k)


def test_rules_on_halves_are_made_of_both() -> None:
    rules = r.on_halves(24, 0)
    arms, legs = zip(*(name.split("+") for name in rules.names), strict=True)
    assert len(set(rules.names)) == 24 and len(set(arms)) == 12 and set(legs) == {"legs:still", "legs:lift"}
    assert all(arms.count(a) == 2 for a in arms), "every gesture goes with both"
    assert not rules.parts[:, [0, 5]].any() and rules.parts[:, 1:5].all()
    assert len({tuple(w) for w in rules.wanted} | {tuple(w[MIRROR]) for w in rules.wanted}) == 36
    for name, wanted in zip(rules.names, rules.wanted, strict=True):
        (who, gesture), (_, step) = (part.split(":") for part in name.split("+"))
        left = gesture if who == "arms" else "still"
        assert [PRIMITIVES[w] for w in wanted[1:5]] == [gesture, left, step, step]
    assert r.on_halves(8, 3).names == r.on_halves(24, 3).names[:8] != r.on_halves(8, 4).names
    with pytest.raises(InputError, match="rules on halves make 1 to 24 classes"):
        r.on_halves(25, 0)
    rng, label = np.random.default_rng(0), np.arange(480) % 24
    out = r.cast(rng, rules, label, r.any_primitives(rng, (480, 6), 0.3), 0.3)
    assert (rules.kept(out) == (np.arange(24) == label[:, None])).all()


def test_small_movements_are_of_groups() -> None:
    rules = r.on_micro(20, "both")
    assert len(set(rules.names)) == 20 and rules.groups == tuple(r.MICRO) * 4
    assert rules.names[0] == "head:slow:close" and rules.names[-1] == "right_arm+left_arm:fast:far"
    still = r.on_micro(20, "place")
    assert still.names[5] == "head:any:near" and set(still.band) == {(0.95, 1.47)} and len(set(still.lean)) == 4
    for k, name in enumerate(rules.names):
        parts, rate, place = name.split(":")
        assert {PARTS[p] for p in np.flatnonzero(rules.parts[k])} == set(parts.split("+"))
        assert rules.band[k] == r.RATES[rate] and rules.lean[k] == r.PLACES[place] and rules.pattern[k] == 0
    with pytest.raises(InputError, match="small movements make 1 to 20 classes"):
        r.on_micro(21, "place")


def test_small_movements_keep_their_rule() -> None:
    rng, rules, label = np.random.default_rng(0), r.on_micro(20, "both"), np.arange(-1, 20)[:, None]
    start = np.zeros((21, 1, 6))
    script = r.compose(rng, rules, label, start, start + 1, Range(), 1.0)
    about = np.where(label[..., None] >= 0, rules.parts[label], False)
    assert (script.primitive[~about] == STILL).all() and (script.primitive[about] != STILL).all()
    assert script.lean is not None and (script.lean[~about] == 0).all()
    for i, k in enumerate(label[1:, 0], 1):
        mine = about[i, 0]
        low, high = rules.band[k]
        assert ((script.frequency[i, 0, mine] >= low) & (script.frequency[i, 0, mine] <= high)).all()
        assert (script.lean[i, 0, mine] == rules.lean[k]).all()
        assert len(set(script.phase[i, 0, mine])) == len(set(script.amplitude[i, 0, mine])) == 1


def test_free_parts_stay_free() -> None:
    """Given its class, what an unbound part does is still anything."""
    rng, rules = np.random.default_rng(0), r.on_primitives(12, 2, 0)
    label = np.zeros(6000, int)
    out = r.cast(rng, rules, label, r.any_primitives(rng, (6000, 6), 0.25), 0.25)
    free = ~rules.parts[0]
    counts = np.stack([np.bincount(out[:, p], minlength=7) for p in np.flatnonzero(free)])
    # An arm that pokes while the torso circles would be another class, whichever arm it is.
    assert (counts == 0).sum() == 2 and np.sort(counts.ravel())[2] > 400
    assert abs(counts[:, STILL].mean() / 6000 - 0.27) < 0.03


def test_rest_is_the_fraction_of_still_parts() -> None:
    for rest in (0.0, 0.3, 1.0):
        assert abs((r.any_primitives(np.random.default_rng(0), (20000,), rest) == STILL).mean() - rest) < 0.01


def test_rhythm_binds_frequency_and_phase_and_no_primitive() -> None:
    rng, rules = np.random.default_rng(0), r.on_rhythm(20)
    assert len(set(rules.names)) == 20
    label = np.tile(np.arange(20), 50)[:, None]
    shape = (1000, 1, len(PARTS))
    script = r.compose(rng, rules, label, np.zeros(shape), np.ones(shape), Range(frequency=TIMES), 0.2)
    for n, k in enumerate(label[:, 0]):
        one, two = np.flatnonzero(rules.parts[k])
        low, high = rules.band[k]
        rate, phase = script.frequency[n, 0], script.phase[n, 0]
        assert rate[one] == rate[two] and low <= rate[one] <= high
        assert (phase[two] - phase[one]) % 1 == pytest.approx(rules.pattern[k], abs=1e-9)
        assert script.primitive[n, 0, one] == script.primitive[n, 0, two] != STILL
        others = np.delete(rate, [one, two])
        assert len(set(others.tolist())) == 4
    played = {script.primitive[n, 0, rules.parts[k].argmax()] for n, k in enumerate(label[:, 0]) if k == 3}
    assert played == set(range(1, 7))


def test_no_rule_makes_free_parts_and_a_lure_takes_them() -> None:
    rng, shape = np.random.default_rng(0), (500, 2, len(PARTS))
    times = np.zeros(shape), np.ones(shape)
    none = np.full(shape[:2], -1)
    script = r.compose(rng, None, none, *times, Range(), 0.5)
    assert abs((script.primitive == STILL).mean() - 0.5) < 0.03
    lure = np.full(shape, r.FREE)
    lure[:, 1, 3] = 5
    assert (r.compose(rng, None, none, *times, Range(), 0.5, lure).primitive[:, 1, 3] == 5).all()


def test_bait_binds_one_part_that_the_rule_does_not() -> None:
    rules = r.on_primitives(12, 2, 0)
    bait = r.bait(rules, 0)
    assert ((bait != r.FREE).sum(1) == 1).all() and not (rules.parts & (bait != r.FREE)).any()
    assert (r.bait(r.on_primitives(2, 6, 0), 0) == r.FREE).all()  # nothing is free
