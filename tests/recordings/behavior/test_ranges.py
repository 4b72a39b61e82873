"""Numbers as ranges: where they are cut, how they are called, and how a name is read again."""

import numpy as np
import pyarrow as pa
import pytest

from acteme.errors import InputError
from acteme.recordings.behavior.ranges import Ranges
from acteme.recordings.check import check
from acteme.recordings.sources import list_data


def ranges(values, bins, count=None):
    found = np.ones(len(values), int) if count is None else np.array(count)
    return Ranges.of(pa.array([str(v) for v in values]), found, bins)


def test_they_are_cut_where_equally_many_events_are():
    assert ranges(range(1, 101), 4).ends.tolist() == [25, 50, 75]
    assert ranges([10, 9, 2, 1], 2).ends.tolist() == [2]
    assert ranges([1, 2, 3, 4], 2, [1, 1, 1, 97]).ends.tolist() == [3], "the highest is no end"
    assert ranges([1, 2, 3, 4], 3, [97, 1, 1, 1]).ends.tolist() == [1], "one number is never in two ranges"
    rng = np.random.default_rng(0)
    values = np.unique(rng.normal(size=1000).round(3))
    drawn = rng.integers(1, 9, len(values))
    found = ranges(values, 10, drawn)
    share = np.bincount(np.searchsorted(found.ends, values), drawn) / drawn.sum()
    assert len(share) == 10 and np.abs(share - 0.1).max() < 0.01


def test_what_is_no_number_or_has_few_values_is_left():
    assert ranges(["1", "2", "x"], 2) is None and ranges([1, 2], 2) is None and ranges([""], 2) is None
    assert ranges(["1", "", "3", "2"], 2, [1, 9, 1, 1]).ends.tolist() == [2], "an empty cell says nothing"


def test_names_tell_the_ends_and_are_read_again():
    some = ranges([-1.5, 0, 0.25, 1e9, 2e9, 3e9], 3)
    assert some.names == ("up to 0", "above 0 up to 1000000000", "above 1000000000")
    text = pa.array(["-7", "0", "0.1", "1e9", "1000000001", "x", ""])
    low, mid, high = some.names
    assert some.named(text).to_pylist() == [low, low, mid, mid, high, "x", ""]
    for kept in ((0, 1, 2), (0, 2), (1,)):
        again = Ranges.read(pa.array([some.names[k] for k in kept])).named(text).to_pylist()
        assert all(again[n] == some.named(text)[n].as_py() for n, k in enumerate((0, 0, 1, 1, 2)) if k in kept)
    odd = Ranges(np.array([0.1, 1 / 3]))
    assert Ranges.read(pa.array(odd.names)).ends.tolist() == odd.ends.tolist(), "to the last digit"
    for other in (["up to 3", "tcp"], ["3"], ["above x"], ["above the law"], [], [""]):
        assert Ranges.read(pa.array(other, pa.string())) is None


def made(tmp_path, options="", port=lambda k: k % 3, size=lambda k: k):
    """100 events, of which the last 20 are the test."""
    path = tmp_path / "log.csv"
    lines = ["program,port,bytes", *(f"p{k % 4},{port(k)},{size(k)}" for k in range(100))]
    path.write_text("\n".join(lines) + "\n")
    return list_data(f"events:{path}?val=0&test=0.2{options}")


def values(corpus, field):
    return {v["number"]: v["value"] for v in corpus.values.to_pylist() if v["field"] == field}


def test_columns_of_numbers_become_ranges_by_their_training_part(tmp_path):
    corpus = made(tmp_path, "&bins=4")
    known, one = values(corpus, "bytes"), corpus.spec.fields.index("bytes")
    assert set(known.values()) == {"up to 19", "above 19 up to 39", "above 39 up to 59", "above 59"}
    said = [known[k] for k in corpus.select("train")[0].arrays["field"][:, one].tolist()]
    assert said == [*["up to 19"] * 20, *["above 19 up to 39"] * 20, *["above 39 up to 59"] * 20, *["above 59"] * 20]
    assert {known[k] for k in corpus.select("test")[0].arrays["field"][:, one].tolist()} == {"above 59"}
    assert set(values(corpus, "port").values()) == {"0", "1", "2"}, "few numbers are values"
    assert corpus.spec.sizes == (5, 4, 5)
    moved = made(tmp_path, "&bins=4", size=lambda k: k if k < 80 else 10 * k)
    assert values(moved, "bytes") == known, "the test decides nothing"


def test_some_columns_can_be_named(tmp_path):
    corpus = made(tmp_path, "&bins=2&cut=bytes", port=lambda k: k)
    assert len(values(corpus, "bytes")) == 2 and len(values(corpus, "port")) == 80
    assert len(values(made(tmp_path, "&bins=2", port=lambda k: k), "port")) == 2
    rare = made(tmp_path, "&bins=3&rare=9", size=lambda k: 0 if k < 75 else k)
    assert set(values(rare, "bytes").values()) == {"up to 0"}, "ranges are counted as values are"


def test_a_check_says_where_numbers_are_values(tmp_path):
    (note,) = check(made(tmp_path)).notes
    assert note.startswith("bytes has 80 different numbers, each a value of its own") and "?bins=10&cut=bytes" in note
    assert not check(made(tmp_path, "&bins=10")).notes and not check(made(tmp_path, size=lambda k: f"b{k}")).notes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("&bins=1", "bins is 1; give 2 or more, or 0 for none"),
        ("&bins=-3", "bins is -3; give 2 or more"),
        ("&cut=bytes", "columns are to be cut, but not into how many ranges; give bins as well"),
        ("&bins=3&cut=size", "has no field 'size'; its fields: program, port, bytes"),
        ("&bins=3&cut=program", "'program' has other values than numbers; name columns of numbers"),
    ],
)
def test_what_cannot_be_cut(tmp_path, options, message):
    with pytest.raises(InputError, match=message) as error:
        made(tmp_path, options)
    assert "\n" not in str(error.value)


def test_users_events_are_not_cut(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user,item,size\n" + "".join(f"u,{k},{k}\n" for k in range(9)))
    with pytest.raises(InputError, match="makes ranges of events without users alone; leave it away"):
        list_data(f"events:{path}?bins=3")
