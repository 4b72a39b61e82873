"""From the rows of a log to the recordings of its users."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from acteme.errors import DataWarning, InputError
from acteme.recordings.behavior import order, spool, streams
from acteme.recordings.behavior.codes import Codes
from acteme.recordings.behavior.problems import Problems
from acteme.recordings.behavior.streams import Delimited, _Replaced, delimited
from acteme.recordings.check import check
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording
from acteme.recordings.sources import list_data, open_data
from acteme.recordings.spec import Spec

ROWS = """user,item,timestamp,shop,rating
ann,hat,30,a,5
bob,cap,7,b,1
ann,cap,10,b,4
ann,hat,10,c,3
bob,hat,7,a,2
ann,tie,20,a,2
cid,tie,1,z,1
bob,tie,7,b,3
"""


def made(tmp_path, text, options=""):
    path = tmp_path / "log.csv"
    path.write_text(text)
    return list_data(f"events:{path}{options}")


def told(corpus, split):
    """Items by name, of each user."""
    names = corpus.catalog["item"].to_pylist()
    part = corpus.select(split)
    return {str(r.subject): [names[k - 1] for k in r.arrays["item"]] for r in part}


def test_each_user_is_seen_up_to_three_times_over_the_same_events(tmp_path):
    corpus = made(tmp_path, ROWS)
    assert told(corpus, "train") == {"ann": ["cap", "hat"], "bob": ["cap"], "cid": ["tie"]}
    assert told(corpus, "val") == {"ann": ["cap", "hat", "tie"], "bob": ["cap", "hat"]}
    assert told(corpus, "test") == {"ann": ["cap", "hat", "tie", "hat"], "bob": ["cap", "hat", "tie"]}
    assert len(corpus.arrays["item"]) == 8 and corpus.arrays["when"].tolist() == [10, 10, 20, 30, 7, 7, 7, 1]
    assert corpus.arrays["outcome"].tolist() == [4, 3, 2, 5, 1, 2, 3, 1]
    assert corpus.notes == (
        "1 of 3 users have fewer than 3 events: they are for training only",
        "the events of 1 of 3 users are not in the order of time in the file: now they are",
        "50.0% of the users have their last two events at the same time: the file's order says which is the last",
    )


def test_values_are_known_from_training_alone(tmp_path):
    corpus = made(tmp_path, ROWS)
    # training has ann b, c; bob b; cid z: a is seen in no row of it
    values = corpus.values.to_pylist()
    assert [v["value"] for v in values] == ["b", "c", "z"] and [v["number"] for v in values] == [1, 2, 3]
    assert corpus.spec.fields == ("shop",) and corpus.spec.sizes == (4,)
    assert corpus.arrays["field"][:, 0].tolist() == [1, 2, 0, 0, 1, 0, 1, 3]
    rare = made(tmp_path, ROWS, "?rare=2")
    assert rare.spec.sizes == (2,) and rare.arrays["field"][:, 0].tolist() == [1, 0, 0, 0, 1, 0, 1, 0]


def test_pieces_and_blocks_make_no_difference(tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    rows = [f"u{u},i{i},{t},s{s}" for u, i, t, s in rng.integers(0, [9, 30, 20, 12], (400, 4))]
    text = "user,item,timestamp,shop\n" + "\n".join(rows) + "\n"
    whole = made(tmp_path, text, "?core=3&rare=2")
    monkeypatch.setattr(spool, "STEP", 7)
    monkeypatch.setattr(order, "STEP", 7)
    monkeypatch.setattr(streams, "BLOCK", 100)
    small = made(tmp_path, text, "?core=3&rare=2")
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(small.arrays[name], array)
    for name, column in whole.table.items():
        np.testing.assert_array_equal(small.table[name], column)
    assert small.catalog == whole.catalog and small.values == whole.values and small.spec == whole.spec


def test_the_target_is_never_in_training_rows(tmp_path):
    rng = np.random.default_rng(2)
    rows = [f"u{u},i{k},{t}" for k, (u, t) in enumerate(rng.integers(0, [40, 5], (300, 2)))]  # every item occurs once
    corpus = made(tmp_path, "user,item,timestamp\n" + "\n".join(rows) + "\n")
    train, test = corpus.select("train"), corpus.select("test")
    seen = {int(k) for r in train for k in r.arrays["item"]}
    held = {int(r.arrays["item"][-1]) for split in ("val", "test") for r in corpus.select(split)}
    assert held and not seen & held and len(seen | held) == 300
    assert set(test.column("subject")) <= set(train.column("subject"))


def test_saved_and_opened(tmp_path):
    corpus = made(tmp_path, ROWS)
    again = corpus.save(tmp_path / "corpus")
    assert (tmp_path / "corpus/item.bin").stat().st_size == 8 * 4  # shared events are written once
    for name, array in corpus.arrays.items():
        np.testing.assert_array_equal(again.arrays[name], array)
        assert again.arrays[name].dtype == array.dtype
    assert again.catalog == corpus.catalog and again.values == corpus.values and again.spec == corpus.spec
    index, start = np.arange(len(corpus)), np.zeros(len(corpus), int)
    for name, value in corpus.batch(index, start).items():
        assert (again.batch(index, start)[name] == value).all()
    part = again.select("test").save(tmp_path / "part")
    assert told(part, "test") == told(corpus, "test")
    short = again.select("train", np.array([2, 0])).save(tmp_path / "short")
    assert short.arrays["item"].tolist() == [*corpus.arrays["item"][7:], *corpus.arrays["item"][:2]]
    assert [r.subject for r in short] == ["cid", "ann"]


def test_a_catalog_that_does_not_fit_is_refused(tmp_path):
    made(tmp_path, ROWS).save(tmp_path / "corpus")
    pq.write_table(pa.table({"item": ["hat"]}), tmp_path / "corpus/catalog.parquet")
    with pytest.raises(InputError, match=r"damaged"):
        Corpus.open(tmp_path / "corpus")


def test_bad_rows_are_named_and_left_out(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user,item,timestamp\na,x,1\na,y\n\n,x,2\na,,3\na,z,soon\na,z,4,5\na,w,inf\na,w,9\n")
    with pytest.raises(InputError, match=r"log.csv line 3: 2 cells in 3 columns; mend .* \(and 5 more\)"):
        open_data(f"events:{path}")
    corpus = open_data(f"events:{path}", skip_bad=True)
    lines = [line.split("log.csv ")[1].split(";")[0] for line in corpus.left_out]
    assert sorted(lines) == ["line 3: 2 cells in 3 columns", "line 5: user is empty", "line 6: item is empty",
                             "line 7: timestamp 'soon' is no time", "line 8: 4 cells in 3 columns",
                             "line 9: timestamp 'inf' is no time"]  # fmt: skip
    assert told(corpus, "train") == {"a": ["x", "w"]}
    assert len(check(f"events:{path}").problems) == 6


def test_bad_rows_can_be_left_out_by_an_option(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user,item\n" + "a,\n" * 30 + "  \n\na,x\nb\n")
    with pytest.raises(InputError, match=r"line 35: 1 cell in .* \(and 30 more\); .* \?skip_bad=true leaves them out"):
        open_data(path)
    with pytest.warns(DataWarning, match=r"what cannot be read is left out: .*line 35: 1 cell.* \(and 30 more\)"):
        corpus = open_data(f"{path}?skip_bad=true")
    assert told(corpus, "train") == {"a": ["x"]} and not any("line 32" in line for line in corpus.left_out)


def test_a_separator_may_be_cut_by_the_end_of_a_block(tmp_path, monkeypatch):
    path = tmp_path / "ratings.dat"
    rows = [(f"u{k % 7}" * (k % 5 + 1), f":i{k}", str(k)) for k in range(200)]
    path.write_text("".join("::".join(row) + "\n" for row in rows))
    for block in (1, 40, 41, 1 << 20):
        monkeypatch.setattr("acteme.recordings.behavior.streams.BLOCK", max(block, 40))
        read = _Replaced(pa.OSFile(str(path)), b"::", b"|")
        parts = list(iter(lambda read=read, block=block: read.read(block), b""))
        assert b"".join(parts) == path.read_bytes().replace(b"::", b"|")
        chunks = list(delimited(path, Delimited("::", ("user", "item", "time"), quoted=False), Problems()))
        got = [row for c in chunks for row in zip(*(c.columns[n].to_pylist() for n in c.columns), strict=True)]
        assert got == [tuple("::".join(row).replace("::", "|").split("|")) for row in rows]


def test_all_rows_bad(tmp_path):
    with pytest.raises(InputError, match=r"has no events: all rows are bad, the first: .*line 2: user is empty"):
        made(tmp_path, "user,item\n,x\n")
    with pytest.raises(InputError, match=r"has no events"):
        made(tmp_path, "user,item\n")


def test_a_long_history(tmp_path):
    count = 100_000
    rows = "\n".join(f"u,i{k % 50},{count - k}" for k in range(count))
    corpus = made(tmp_path, "user,item,timestamp\n" + rows + "\n")
    assert corpus.frames.tolist() == [count - 2, count - 1, count]
    assert (np.diff(corpus.arrays["when"]) == 1).all()
    batch = corpus.batch(np.array([2]), np.array([count - 50]), 60)
    assert batch["mask"].sum() == 50 and batch["item"][0, 49] == 1 and (batch["item"][0, 50:] == 0).all()


@pytest.mark.parametrize(
    ("cells", "seconds"),
    [
        (("1.5", "1.25", "1"), [1, 1, 1]),
        (("2020-01-02", "2020-01-01", "2019-12-31"), [1577750400, 1577836800, 1577923200]),
        (("2020-01-01T00:00:02Z", "2020-01-01 00:00:01", "2020-01-01T01:00+01:00"), [*range(1577836800, 1577836803)]),
    ],
)  # fmt: skip
def test_times(tmp_path, cells, seconds):
    corpus = made(tmp_path, "user,item,timestamp\n" + "".join(f"u,i{k},{t}\n" for k, t in enumerate(cells)))
    assert corpus.arrays["when"].tolist() == seconds
    assert told(corpus, "test") == {"u": ["i2", "i1", "i0"]}


def test_units(tmp_path):
    corpus = made(tmp_path, "user,item,timestamp\nu,a,1500\nu,b,1400\n", "?unit=ms")
    assert corpus.arrays["when"].tolist() == [1, 1] and told(corpus, "train") == {"u": ["b", "a"]}
    with pytest.raises(InputError, match=r"unit is 'h'"):
        made(tmp_path, "user,item,timestamp\nu,a,1500\n", "?unit=h")


def test_a_day_that_is_none(tmp_path):
    corpus = made(tmp_path, "user,item,timestamp\nu,a,2020-02-30\nu,b,2020-02-29\n")
    assert len(corpus.left_out) == 1 and "line 2: timestamp '2020-02-30' is no time" in corpus.left_out[0]


def test_given_splits(tmp_path):
    text = "user,item,timestamp,split\nu,d,1,test\nu,a,5,train\nu,b,4,train\nu,c,9,val\nv,a,1,train\nu,e,2,test\n"
    corpus = made(tmp_path, text)
    names = {str(n): r for n, r in zip(corpus.column("name"), corpus, strict=True)}
    items = corpus.catalog["item"].to_pylist()
    rows = {n: "".join(items[k - 1] for k in r.arrays["item"]) for n, r in names.items()}
    assert rows == {"u/train": "ba", "v/train": "a", "u/val": "bac", "u/test": "bacd", "u/test/2": "bacde"}
    with pytest.raises(InputError, match=r"line 2: split 'now' is no split; use train, val or test"):
        made(tmp_path, "user,item,split\nu,a,now\nu,b,val\n")
        open_data(f"events:{tmp_path / 'log.csv'}")


def test_check_says_what_a_log_holds(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(ROWS)
    report = check(f"events:{path}")
    assert report.good and report.recordings == 7 and report.subjects == 3 and "file's order" in report.notes[2]
    assert report.splits == {"train": 3, "val": 2, "test": 2} and not report.warnings
    console = Console(width=200, record=True)
    console.print(report)
    shown = console.export_text()
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in shown.splitlines()[3:]}
    assert rows["events"] == "8" and rows["users"] == "3, with 1 to 4 events (median 3)" and rows["items"] == "3"
    assert rows["fields"] == "shop (3 values)" and rows["outcome"] == "1 to 5, 2.62 on average" and "time" not in rows
    assert rows["splits"] == "3 users for training, 2 users for validation, 2 users for the test"
    path.write_text("kind,time\n" + "".join(f"k,2020-01-0{d}\n" for d in range(1, 10)))
    report = check(f"events:{path}")
    told = dict(report.log)
    assert not report.warnings and told["fields"] == "kind (1 value)"
    assert told["users"] == "none: every event stands for itself" and told["time"] == "2020-01-01 to 2020-01-09"
    assert told["splits"] == "7 events for training, 1 events for validation, 1 events for the test"


@pytest.mark.parametrize(
    ("rows", "why", "users"),
    [
        ("user,item\nu,a\nu,b\nv,a\nv,b\n", "nobody has 3 events", "2, with 2 each"),
        ("kind\na\n", "there are too few events", "none: every event stands for itself"),
        (
            "user,item,split\nu,a,train\nu,b,train\nu,c,train\n",
            "the column split names only one of them",
            "1, with 3 each",
        ),
    ],
)
def test_check_says_why_there_is_no_test(tmp_path, rows, why, users):
    path = tmp_path / "log.csv"
    path.write_text(rows)
    report = check(f"events:{path}")
    assert report.warnings == (f"there is no split into train and test: {why}",)
    assert dict(report.log)["users"] == users


def test_who_waits_is_told_how_much_is_read(tmp_path, monkeypatch):
    path = tmp_path / "log.csv"
    path.write_text(ROWS)
    monkeypatch.setattr(streams, "BLOCK", 40)
    seen: list[tuple[int, int]] = []
    check(f"events:{path}", progress=lambda done, total: seen.append((done, total)))
    assert len(seen) > 1 and seen == sorted(seen) and {total for _, total in seen} == {len(ROWS)}
    open_data(f"events:{path}", progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(ROWS), len(ROWS)) and len(seen) >= 6


@pytest.mark.parametrize("names", [["7", "3", "12", "3"], ["7", "x", "07", "7"], ["16777215", "16777216", "0"],
                                   ["-1", "1", "+1", "1"], ["0x1f", "31", "1.0", "1"],
                                   ["9", "10", "99", "100"]])  # fmt: skip
def test_names_are_numbered_as_they_are_met(names):
    codes = Codes()
    met: dict[str, int] = {}
    for part in (names[:1], names[1:2], names, []):
        want = [met.setdefault(name, len(met)) for name in part]
        assert codes.of(pa.array(part, pa.string())).tolist() == want
    assert codes.names.to_pylist() == list(met) and len(codes) == len(met)


def test_what_is_worth_knowing(tmp_path):
    corpus = made(tmp_path, "user,item,timestamp\nu,a,1\nu,a,1\nu,b,2\nu,c,3\nv,a,5\nw,a,9\nw,a,8\n")
    assert corpus.notes == (
        "2 of 3 users have fewer than 3 events: they are for training only",
        "the events of 1 of 3 users are not in the order of time in the file: now they are",
        "1 of 7 events are the same as the one before them, user, item and time: they are kept",
        "2 of 3 items are in no event for training: they are met in validation or test only",
    )
    (tmp_path / "items.csv").write_text("item,title,text\na,,\nb,,words\n")
    assert list_data(f"events:{tmp_path / 'log.csv'}?catalog={tmp_path / 'items.csv'}").notes[-1] == (
        "2 of 3 items have no title and no text")  # fmt: skip


def test_an_event_of_no_item_stands_alone():
    def made(items):
        one = Recording("one", 1.0, {"item": np.array(items, np.int32)})
        return Corpus.of([one], Spec(items=2), catalog=pa.table({"item": ["a", "b"]}))

    assert made([0]).arrays["item"].tolist() == [0]
    with pytest.raises(InputError, match="item 0 at frame 1 where the catalog has 1 to 2"):
        made([1, 0])
