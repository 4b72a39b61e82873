"""Skeletons in .csv files."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.folder import tables
from acteme.recordings.folder.header import Header
from acteme.recordings.folder.tables import load_csv, peek_csv
from acteme.recordings.skeleton.layouts import LAYOUTS
from tests.recordings.samples import skeleton

NAMES = LAYOUTS["coco17"].joints


def wide(x, names=NAMES, axes="xyz", frame=True):
    """A wide table of (T, V, C)."""
    head = (["frame"] if frame else []) + [f"{n}_{a}" for n in names for a in axes]
    rows = [([t] if frame else []) + [repr(float(v)) for v in row.ravel()] for t, row in enumerate(x)]
    return "\n".join(",".join(map(str, row)) for row in [head, *rows]) + "\n"


def long(x, names=NAMES, persons=None, first=0):
    """A long table of (T, M, V, C); joints of zeros have no row."""
    lines = ["frame,person,joint," + ",".join("xyz"[: x.shape[-1]])]
    for t, m, v in np.ndindex(*x.shape[:3]):
        if x[t, m, v].any():
            person = persons[m] if persons else m
            lines.append(f"{first + t},{person},{names[v]}," + ",".join(repr(float(c)) for c in x[t, m, v]))
    return "\n".join(lines) + "\n"


@pytest.fixture
def write(tmp_path):
    def made(text):
        path = tmp_path / "walk.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return made


@pytest.fixture(params=[1 << 22, 2000])
def blocks(request, monkeypatch):
    """One chunk, and many."""
    monkeypatch.setattr(tables, "BLOCK", request.param)


def test_wide(write, blocks):
    x = skeleton(40, 1, 17)
    media = load_csv(write(wide(x[:, 0])))
    assert media.header == Header(1, 17, 3, layout="coco17")
    assert np.array_equal(media.arrays["skeleton"], x)


def test_wide_in_two_dimensions_with_confidence_and_shuffled_names(write):
    x = skeleton(5, 1, 17)
    path = write(wide(x[:, 0, ::-1], [n.title() for n in NAMES[::-1]], "xyc", frame=False))
    media = load_csv(path)
    assert media.header == Header(1, 17, 2, layout="coco17", confidence=True) == peek_csv(path)
    assert np.array_equal(media.arrays["skeleton"], x[..., :2])
    assert np.array_equal(media.arrays["confidence"], x[..., 2])


def test_wide_with_numbers_for_names(write):
    x = skeleton(3, 1, 25)
    path = write(wide(x[:, 0], [f"j{i}" for i in range(25)]))
    with pytest.raises(InputError, match="25 joints could be any of"):
        peek_csv(path)
    assert np.array_equal(load_csv(path, "ntu25").arrays["skeleton"], x)


def test_long(write, blocks):
    x = skeleton(30, 2, 17)
    x[4:9] = 0  # nobody
    x[2, 1] = 0
    x[3, 0, 5] = 0
    media = load_csv(write(long(x, persons=[7, 3], first=101)))
    assert media.header == Header(2, 17, 3, layout="coco17")
    assert np.array_equal(media.arrays["skeleton"], x[:, ::-1]), "persons are ordered by their numbers"


def test_long_with_numbered_joints(write):
    x = skeleton(3, 1, 20, 2)
    assert np.array_equal(load_csv(write(long(x, list(range(20))))).arrays["skeleton"], x)
    x = skeleton(3, 1, 25)
    x[:, :, 21:] = 0  # joints that never occur
    path = write(long(x, list(range(25))))
    assert np.array_equal(load_csv(path, "ntu25").arrays["skeleton"], x)
    with pytest.raises(InputError, match="21 joints"):
        peek_csv(write(long(x[:, :, :21], [str(i) for i in range(21)]).replace(",20,", ",24,")))


def test_a_byte_order_mark_and_crlf(write):
    x = skeleton(4, 1, 17)
    text = "\ufeff" + wide(x[:, 0]).replace("\n", "\r\n")
    assert np.array_equal(load_csv(write(text)).arrays["skeleton"], x)


def test_an_empty_cell_is_nan_to_be_found_by_the_check(write):
    text = wide(skeleton(4, 1, 17)[:, 0]).splitlines()
    text[2] = text[2].rpartition(",")[0] + ","
    assert np.argwhere(np.isnan(load_csv(write("\n".join(text))).arrays["skeleton"])).tolist() == [[1, 0, 16, 2]]


X = skeleton(4, 1, 17)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; leave it out"),
        (wide(X[:0, 0]), "has no rows; leave it out"),
        ("frame\n1\n", "line 1: has no joints"),
        (wide(X[:, 0]).replace("nose_x", "nose"), "line 1: unknown column 'nose'; name columns JOINT_x"),
        (wide(X[:, 0]).replace("nose_y,", "nose_x,"), "line 1: has two columns 'nose_x'"),
        (
            wide(X[:, 0]).replace("nose_z,", "nose_c,"),
            "joint 'left_eye' has the columns x, y, z; give every joint the same",
        ),
        (wide(X[:, 0]).replace("nose_", "tail_"), "make up no layout"),
        (wide(X[:, 0]).replace("\n2,", "\n2,9,"), "line 4: 53 cells in 52 columns; mend the row"),
        (wide(X[:, 0]).replace("\n2,", "\n2,x"), "in column 'nose_x' is no number; mend the cell"),
        (wide(X[:, 0]).encode() + b"4,\xff\n", "is not UTF-8 text"),
        (b"\xff\xfe\n", "is not UTF-8 text"),
        ("frame,person,joint,x,y,w\n0,0,0,1,1,1\n", "unknown column 'w'; use frame,person,joint,x,y,z,c"),
        ("frame,person,joint,x,y\n", "fit no layout"),
        (long(X).replace("\n3,", "\n1,"), "goes back"),
        (long(X).replace("\n3,", "\n99999999,"), "line 53: frame 99999999 goes back, or follows frames"),
        (long(X).replace("\n3,", "\n9223372036854775807,"), "goes back, or follows frames"),
        (long(X).replace("\n1,0,nose", "\n1,0,left_eye"), "joint 1 of person 0 occurs twice in frame 1; keep one"),
        (long(X).replace("\n1,0,nose", "\n1,0,"), "column 'joint' has empty cells"),
        (long(X).replace("\n1,0,nose", "\n1,x,nose"), "line 19: 'x' in column 'person' is no number"),
        (long(np.repeat(X, 17, 1)), "names more than 16 persons"),
    ],
)
def test_mistakes_are_named(write, text, message):
    path = write(text)
    with pytest.raises(InputError) as caught:
        load_csv(path)
    assert message in str(caught.value) and str(path) in str(caught.value)


def test_twice_is_found_across_chunks(write, monkeypatch):
    monkeypatch.setattr(tables, "BLOCK", 400)
    lines = long(X).splitlines()
    lines.insert(30, lines[29])
    with pytest.raises(InputError, match="line 31: joint 11 of person 0 occurs twice in frame 1"):
        load_csv(write("\n".join(lines)))


def test_a_long_table_needs_little_memory(write, monkeypatch):
    """The chunks of a pass are never together in memory: each is gone when the next is asked for."""
    monkeypatch.setattr(tables, "BLOCK", 2000)
    sizes = []
    plain = tables._spool

    def watched(parts, shape, path):
        return plain((sizes.append(len(p)) or p for p in parts), shape, path)

    monkeypatch.setattr(tables, "_spool", watched)
    load_csv(write(wide(skeleton(200, 1, 17)[:, 0])))
    assert sum(sizes) == 200 and max(sizes) < 5


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 900), st.integers(0, 255)), min_size=1, max_size=5), st.booleans())
def test_changed_bytes_are_read_or_refused(tmp_path_factory, changes, is_long):
    data = bytearray((long(X) if is_long else wide(X[:, 0])).encode())
    for at, value in changes:
        data[at] = value
    path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    path.write_bytes(data)
    with suppress(InputError):
        assert load_csv(path).arrays["skeleton"].shape[2:] == (17, 3)


@settings(max_examples=60)
@given(st.binary(max_size=120))
def test_any_bytes_are_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "bytes.csv"
    for head in (b"", b"frame,person,joint,x,y\n0,0,0,1,1\n"):
        path.write_bytes(head + data)
        with suppress(InputError):
            load_csv(path)
