"""Lists of categories as columns."""

import pyarrow as pa

from acteme.recordings.behavior.about import About
from acteme.recordings.behavior.items import flattened, joined, once
from acteme.recordings.behavior.streams import Chunk


def test_flattened_and_once():
    deep = pa.array([[["a", "b"], ["a", "c"]], None, [], [["b"], [], ["b", "d"]]])
    flat = flattened(deep)
    assert flat.to_pylist() == [["a", "b", "a", "c"], None, [], ["b", "b", "d"]]
    assert once(flat).to_pylist() == [["a", "b", "c"], None, [], ["b", "d"]]
    assert once(flat.slice(2)).to_pylist() == [[], ["b", "d"]]  # of a part of a column too
    assert flattened(deep.slice(1, 3)).to_pylist() == flat.slice(1, 3).to_pylist()
    assert once(pa.array([["x", None, "x"], None], pa.list_(pa.string()))).to_pylist() == [["x"], None]
    assert once(pa.array([None, []], pa.list_(pa.string()))).to_pylist() == [None, []]


def test_who_is_not_known_has_null_and_of_two_rows_the_first_counts():
    known = pa.table({"item": ["b", "a", "b"], "title": ["B", "A", "C"]})
    assert joined(known)(pa.array(["a", "b", "z"]))["title"].to_pylist() == ["A", "B", None]
    about = About("who", pa.array(["u", "v", "u"]), {"age": pa.array(["1", "2", "3"])})
    rows = about.added(Chunk(None, {"who": pa.array([" v", "u", "x", "v"])}, None))
    assert rows.columns["age"].to_pylist() == ["2", "1", None, "2"]
