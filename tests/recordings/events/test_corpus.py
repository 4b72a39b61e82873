import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.behavior.single import Shares
from acteme.recordings.events.categorical import Events
from acteme.recordings.events.corpus import corpus_of


def events(rows: list[str], time: float = 0.0) -> Events:
    """Each row is the values of `call` and `user`, a letter each."""
    values = np.array([list(row) for row in rows], object)
    return Events(("call", "user"), values, time + np.arange(len(rows), dtype=float))


PARTS = [events(["ax", "bx", "ax"]), events(["cx"] * 4, 10), events(["dx"] * 2, 20)]


def named(corpus, split: str) -> list[str]:  # type: ignore[no-untyped-def]
    names = {row["number"]: row["value"] for row in corpus.values.to_pylist() if row["field"] == "call"}
    return [names.get(int(v), "?") for v in corpus.select(split)[0].arrays["field"][:, 0]]


def test_a_field_of_one_value_stays_for_another_may_come() -> None:
    corpus = corpus_of(PARTS, [], rare=1)
    assert corpus.spec.fields == ("call", "user") and corpus.spec.sizes == (4, 2)


def test_splits() -> None:
    shares = Shares(0.2, 0.3)
    by_time = corpus_of(PARTS, [], "time", shares, 1)
    assert [named(by_time, s) for s in ("train", "val", "test")] == [list("abac"), ["c", "c"], ["c", "?", "?"]]
    assert by_time.arrays["when"].tolist() == [0, 1, 2, 10, 11, 12, 13, 20, 21]
    by_part = corpus_of(PARTS, [], "part", shares, 1)
    assert [named(by_part, s) for s in ("train", "val", "test")] == [list("aba"), ["?"] * 4, ["?"] * 2]
    given = corpus_of(PARTS, [], "given", shares, 1)
    assert given.frames.tolist() == [3, 4, 2]
    drawn = [corpus_of(PARTS, [], "random", Shares(0.2, 0.3, seed=k), 1) for k in (0, 0, 1)]
    assert [c.frames.tolist() for c in drawn] == [[4, 2, 3]] * 3
    assert drawn[0].arrays["when"].tolist() == drawn[1].arrays["when"].tolist() != drawn[2].arrays["when"].tolist()
    with pytest.raises(InputError, match="cannot split 1 recordings; give more, or split by time"):
        corpus_of(PARTS[:1], [], "part", shares, 1)


def test_rare_values_are_counted_in_training() -> None:
    rows = events(["ax"] * 4 + ["bx"] * 5 + ["ay"] * 9)
    corpus = corpus_of([rows], [], "time", Shares(0.0, 0.5), 5)
    assert named(corpus, "train") == ["?"] * 4 + ["b"] * 5 and named(corpus, "test") == ["?"] * 9
    assert corpus.spec.sizes == (2, 2), "a and y are too few"


def test_outcomes_go_with_their_events() -> None:
    late = [PARTS[2], PARTS[0], PARTS[1]]  # in the order of time, whatever that of the parts
    labels = [np.array([1.0, 0]), np.zeros(3), np.array([0, 1.0, 0, 0])]
    corpus = corpus_of(late, [], "time", Shares(0.0, 0.3), 1, labels)
    assert corpus.arrays["outcome"].tolist() == [0, 0, 0, 0, 1, 0, 0, 1, 0]
