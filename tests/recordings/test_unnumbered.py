"""Values that have no number."""

import numpy as np
import pyarrow as pa
import pytest

from acteme.recordings import unnumbered
from acteme.recordings.corpus import Corpus
from acteme.recordings.unnumbered import Gathering, cut, moved, permuted
from tests.engine.logs import table


def cells(*rows: tuple[int, str, str]) -> pa.Table:
    made = Gathering()
    for position, field, value in rows:
        made.add(field, np.array([position]), pa.array(["no", value]), np.array([1]))
    return made.table()


def rows(some: pa.Table | None) -> list[tuple[int, str, str]]:
    assert some is not None
    return [tuple(row.values()) for row in some.to_pylist()]


def test_cells_are_in_order_and_say_something() -> None:
    assert rows(cells((7, "b", "x"), (2, "b", "y"), (7, "a", "z"), (3, "a", ""))) == [
        (2, "b", "y"), (7, "a", "z"), (7, "b", "x"),
    ]  # fmt: skip
    assert rows(Gathering().table()) == []


def test_no_more_are_kept_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unnumbered, "MOST", 3)
    made = Gathering()
    for first in (0, 2, 4):
        made.add("a", np.array([first, first + 1]), pa.array(["x"]), np.zeros(2, np.int64))
    assert [row[0] for row in rows(made.table())] == [0, 1, 2]


def test_cells_go_with_their_events() -> None:
    some = cells((0, "a", "p"), (3, "a", "q"), (3, "b", "r"), (5, "a", "s"))
    order = np.array([5, 4, 3, 0, 1, 2])
    wanted = [(0, "a", "s"), (2, "a", "q"), (2, "b", "r"), (3, "a", "p")]
    assert rows(permuted(some, [(0, order)])) == rows(permuted(some, [(0, order[:2]), (2, order[2:])])) == wanted
    assert rows(permuted(cells(), [(0, order)])) == []
    assert rows(cut(some, np.array([3, 0]), np.array([2, 2]))) == [(0, "a", "q"), (0, "b", "r"), (2, "a", "p")]
    keep = np.array([False, True, True, True])
    assert rows(moved(some, np.array([9, 2, 2, 1]), keep)) == [(1, "a", "s"), (2, "a", "q"), (2, "b", "r")]


EVENTS = "timestamp,a,b\n9,late,x\n1,p,x\n2,p,x\n3,rare,x\n4,p,\n5,p,x\n6,p,y\n7,p,x\n"


def test_a_log_without_users_keeps_what_it_does_not_number(tmp_path) -> None:  # type: ignore[no-untyped-def]
    corpus = table(tmp_path, EVENTS, "?rare=2&val=0&test=0.25")
    assert corpus.arrays["field"][:, 0].tolist() == [1, 1, 0, 1, 1, 1, 1, 0]
    wanted = [(2, "a", "rare"), (5, "b", "y"), (7, "a", "late")]
    assert rows(corpus.unnumbered) == wanted, "in the order of time"
    assert rows(corpus.save(tmp_path / "whole").unnumbered) == wanted
    corpus.select("test").save(tmp_path / "test")
    assert rows(Corpus.open(tmp_path / "test").unnumbered) == [(1, "a", "late")]


def test_a_log_of_users_does_so_too(tmp_path) -> None:  # type: ignore[no-untyped-def]
    lines = "".join(f"u,i{t},{t},{c}\nv,i{t},{t},k\n" for t, c in ((4, "new"), (1, "k"), (2, "k"), (3, "odd")))
    corpus = table(tmp_path, "user,item,timestamp,kind\n" + lines)
    assert rows(corpus.unnumbered) == [(2, "kind", "odd"), (3, "kind", "new")]
    assert corpus.arrays["field"][:4, 0].tolist() == [1, 1, 0, 0]
