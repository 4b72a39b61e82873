"""Argument extraction against loops from the rules of the official scorers."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.annotations import Arguments
from acteme.tasks import arguments, heads
from tests.tasks.data import same

ROLES = ("victim", "place", "killer")


def columns(rows):
    """Arguments from (document, (trigger), (span), role, score)."""
    table = np.array([(d, *t, *s, r) for d, t, s, r, _ in rows], np.int64).reshape(-1, 6)
    return Arguments(table[:, 0], table[:, 1:3], table[:, 3:5], table[:, 5], np.array([x[4] for x in rows], float))


@st.composite
def cases(draw):
    """Predictions, truth (with repetitions) and mentions of three documents, each with two triggers."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))

    def some(most):
        n = int(rng.integers(0, most))
        spans = [(a, a + int(rng.integers(0, 2))) for a in rng.integers(0, 4, n).tolist()]
        triggers = [(5 + int(t),) * 2 for t in rng.integers(0, 2, n)]
        score = (rng.integers(0, 3, n) / 2).tolist()
        return list(
            zip(rng.integers(0, 3, n).tolist(), triggers, spans, rng.integers(0, 3, n).tolist(), score, strict=True)
        )

    mentions = [(d, a, a + int(rng.integers(0, 2)), c)
                for d, a, c in rng.integers(0, 3, (int(rng.integers(0, 7)), 3)).tolist()]  # fmt: skip
    return some(12), [*some(8), (0, (5, 5), (0, 1), 0, 1.0)], mentions


def f1(right, predicted, true):
    return 2 * right / (predicted + true) if predicted + true else 0.0


def plain_multiset(found, true, roles, cluster):
    right = 0
    for document in range(3):
        sides = [
            Counter((t, cluster.get((d, *s), s), r if roles else None) for d, t, s, r, _ in rows if d == document)
            for rows in (found, true)
        ]
        right += sum((sides[0] & sides[1]).values())
    return f1(right, len(found), len(true))


def plain_any(found, true, roles, cluster):
    ours, theirs = {x[:4] for x in found}, {x[:4] for x in true}
    right = 0
    for d, t, s, r in ours:
        event = [x for x in theirs if x[:2] == (d, t)]
        same_span = [x for x in event if x[2] == s]
        if same_span:
            right += not roles or any(x[3] == r for x in same_span)
        elif (d, *s) in cluster:
            mine = cluster[d, *s]
            right += any(cluster.get((d, *x[2])) == mine and (not roles or x[3] == r) for x in event)
    return f1(right, len(ours), len(theirs))


@given(cases(), st.sampled_from(["multiset", "any"]))
def test_equal_the_definitions(data, rule):
    found, true, mentions = data
    cluster = {(d, a, b): f"cluster {c}" for d, a, b, c in mentions}
    out = arguments.measure(
        columns(found), columns(true), 3, ROLES, mentions=np.array(mentions), rule=rule, resamples=2
    )
    plain = {"multiset": plain_multiset, "any": plain_any}[rule]
    for name, roles, by in (("f1", True, {}), ("identification_f1", False, {}), ("coref_f1", True, cluster),
                            ("coref_identification_f1", False, cluster)):  # fmt: skip
        same(out.metrics[name], plain(found, true, roles, by))
    for k, role in enumerate(ROLES):
        mine, its = [x for x in found if x[3] == k], [x for x in true if x[3] == k]
        if mine or its:
            same(out.per_class[role]["f1"], plain_multiset(mine, its, True, {}))
            assert out.per_class[role]["arguments"] == len(its)


@given(cases())
def test_constrained_decoding_keeps_the_best_of_what_the_type_allows(data):
    found, _, _ = data
    budget = np.array([[1, 0, 2], [2, 1, 0]])
    types = np.array([(d + t[0]) % 3 - 1 for d, t, *_ in found], np.int64)
    kept, used = [], Counter()
    for i in sorted(range(len(found)), key=lambda i: -found[i][4]):
        d, t, _, r, _ = found[i]
        if types[i] < 0 or used[d, t, r] < budget[types[i], r]:
            kept.append(i)
            used[d, t, r] += 1
    out = arguments.constrained(columns(found), types, budget)
    expected = columns([found[i] for i in sorted(kept)])
    for name in ("document", "trigger", "span", "role", "score"):
        np.testing.assert_array_equal(getattr(out, name), getattr(expected, name))


def test_one_right_and_one_wrong_of_two():
    true = columns([(0, (5, 5), (0, 0), 0, 1), (0, (5, 5), (2, 3), 1, 1)])
    found = columns([(0, (5, 5), (0, 0), 0, 1), (0, (5, 5), (4, 4), 1, 1)])
    out = arguments.measure(found, true, 1, ROLES, resamples=2)
    assert [out.metrics[n] for n in ("precision", "recall", "f1")] == [0.5, 0.5, 0.5]
    more = columns([(0, (5, 5), (0, 0), 0, 1)] * 3)
    rates = arguments.tally(more, true, 1).rates()
    assert rates == (pytest.approx(1 / 3), 0.5, 0.4), "one true argument is found once"
    assert arguments.measure(columns([]), true, 1, ROLES, resamples=2).metrics["f1"] == 0
    wrong_trigger = columns([(0, (6, 6), (0, 0), 0, 1)])
    assert arguments.measure(wrong_trigger, true, 1, ROLES, resamples=2).metrics["identification_f1"] == 0


def test_coreferent_mentions_count_and_recall_of_any_can_exceed_one():
    true = columns([(0, (5, 5), (0, 0), 0, 1)])
    found = columns([(0, (5, 5), (2, 2), 0, 1), (0, (5, 5), (3, 3), 0, 1)])
    mentions = np.array([(0, a, a, 7) for a in (0, 2, 3)])
    out = {rule: arguments.measure(found, true, 1, ROLES, mentions=mentions, rule=rule, resamples=2).metrics["coref_f1"]
           for rule in ("multiset", "any")}  # fmt: skip
    assert out == {"multiset": pytest.approx(2 / 3), "any": pytest.approx(4 / 3)}


def test_heads_sentences_and_intervals():
    words = ["the", "old", "mayor", "of", "Oslo", "met", "him"]
    true = columns([(0, (5, 5), (0, 4), 0, 1), (1, (5, 5), (6, 6), 1, 1), (1, (5, 5), (0, 0), 2, 1)])
    found = columns([(0, (5, 5), (2, 2), 0, 1), (1, (5, 5), (6, 6), 1, 1)])
    sentence = [np.array([0, 0, 0, 0, 0, 1, 2])] * 2
    out = arguments.measure(found, true, 2, ROLES, head=lambda spans, _: heads.ruled_heads(spans, words),
                            sentence=sentence, resamples=200)  # fmt: skip
    assert out.metrics["f1"] == pytest.approx(2 / 5) and out.metrics["head_f1"] == pytest.approx(4 / 5)
    assert {n: v for n, v in out.metrics.items() if "at" in n and "f1_at" in n} == {"f1_at-1": 0.0, "f1_at+1": 1.0}
    assert out.intervals["f1"] == (0.0, pytest.approx(2 / 3))
    assert out.per_class["killer"] == {"precision": 0, "recall": 0, "f1": 0, "arguments": 1}
    whole = arguments.reduced(true, lambda spans, _: heads.without_articles(spans, words))
    assert whole.span.tolist() == [[1, 4], [6, 6], [0, 0]] and true.span[0, 0] == 0


def test_what_cannot_be_scored():
    good = columns([(0, (5, 5), (0, 0), 0, 1)])
    for row, line in (
        ((3, (5, 5), (0, 0), 0, 1), "predicted argument 0 has document 3 of 1"),
        ((0, (5, 5), (0, 0), 9, 1), "predicted argument 0 has role 9 of 3"),
        ((0, (5, 5), (3, 2), 0, 1), "goes from word 3 to 2"),
        ((0, (5, 5), (0, 0), 0, np.nan), "score of predicted argument 0 is NaN"),
    ):
        with pytest.raises(InputError, match=line):
            arguments.measure(columns([row]), good, 1, ROLES)
    with pytest.raises(InputError, match="no document has a true argument"):
        arguments.measure(good, columns([]), 1, ROLES)
    with pytest.raises(InputError, match="no rule 'best'"):
        arguments.measure(good, good, 1, ROLES, rule="best")
    with pytest.raises(InputError, match="behind the last word"):
        arguments.measure(good, good, 1, ROLES, sentence=[np.zeros(2)])
    with pytest.raises(InputError, match=r"budgets of shape \(1, 1\)"):
        arguments.constrained(columns([(0, (5, 5), (0, 0), 1, 1)]), np.zeros(1, int), np.ones((1, 1)))
    flat = Arguments(np.zeros(1, int), np.zeros(2, int), np.zeros((1, 2), int), np.zeros(1, int))
    with pytest.raises(InputError, match="spans, roles of shapes"):
        arguments.measure(flat, good, 1, ROLES)


def test_what_cannot_be_found_counts_as_missed():
    found = columns([(0, (5, 5), (0, 1), 0, 1.0), (0, (5, 5), (2, 2), 1, 1.0)])
    true = columns([(0, (5, 5), (0, 1), 0, 1.0), (0, (5, 5), (-1, -1), 1, 1.0), (0, (5, 5), (2, 2), -1, 1.0)])
    words = ["the", "man", "from", "here", "saw"]
    out = arguments.measure(found, true, 1, ROLES, sentence=[np.zeros(6, int)], resamples=5,
                            head=lambda spans, _: heads.ruled_heads(spans, [*words, "."]))  # fmt: skip
    assert (out.metrics["precision"], out.metrics["recall"]) == (1 / 2, 1 / 3)
    assert out.metrics["head_f1"] == 2 / 5 and out.metrics["identification_f1"] == 4 / 5
    assert out.metrics["f1_at+0"] == 2 / 4
    for bad in (true, columns([(0, (5, 5), (0, 0), -1, 1.0)])):
        with pytest.raises(InputError):
            arguments.measure(bad, true, 1, ROLES)
