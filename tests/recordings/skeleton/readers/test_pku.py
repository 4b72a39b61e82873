"""PKU-MMD: frames, labels, splits, whole recordings and the instances that HaLP cuts."""

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.corpus import Corpus
from acteme.recordings.skeleton.readers.names import PKU51
from acteme.recordings.skeleton.readers.pku import Row, pku, read_frames, read_labels, read_split
from tests.recordings.skeleton.readers.cases import CASES, walk


@pytest.fixture
def folder(tmp_path):
    CASES["pku skeleton"].files(tmp_path)
    return tmp_path


def test_a_line_is_two_bodies_of_joints(tmp_path):
    rows = walk(3, 50).reshape(3, 150)
    (tmp_path / "a.txt").write_text("\n".join(" ".join(f"{v:.5f}" for v in row) for row in rows) + "\n")
    frames = read_frames(tmp_path / "a.txt")
    assert frames.shape == (3, 2, 25, 3)
    assert frames[2, 1, 4, 1] == pytest.approx(rows[2, 75 + 4 * 3 + 1], abs=1e-5)
    # the same as the plain way
    np.testing.assert_array_equal(frames.reshape(3, 150), np.loadtxt(tmp_path / "a.txt").astype(np.float32))


def test_whole_recordings(folder):
    listing = pku(folder)
    r = listing.items[0].read()
    assert (r.name, r.split, r.camera, r.frames) == ("0002-L", "train", "L", 8)
    assert [(s.label, s.start * 30, s.end * 30) for s in r.segments] == [("brush teeth", 1, 4), ("write", 5, 8)]
    assert [i.read().split for i in listing.items] == ["train", "test"] and listing.spec.classes == PKU51
    labels = Corpus.of([r], listing.spec).arrays["frame_labels"]
    assert [list(np.flatnonzero(labels[:, k])) for k in (2, 50)] == [[1, 2, 3], [5, 6, 7]]


def test_instances(folder):
    listing = pku(folder, instances=True)
    recordings = [item.read() for item in listing.items]
    assert [r.name for r in recordings] == ["0002-L_0", "0002-L_1", "0003-M_0", "0003-M_1"]
    assert [(r.label, r.frames, r.split) for r in recordings[1:3]] == [
        ("write", 3, "train"),
        ("brush teeth", 3, "test"),
    ]
    whole = read_frames(folder / "skeleton" / "0002-L.txt")
    np.testing.assert_array_equal(recordings[1].arrays["skeleton"], whole[5:8])


def test_segments_past_the_end(folder):
    (folder / "label" / "0002-L.txt").write_text("1,6,20,1\n")
    assert pku(folder).items[0].read().segments[0].end * 30 == 8
    assert pku(folder, instances=True).items[0].read().frames == 2
    (folder / "label" / "0002-L.txt").write_text("1,0,5,1\n1,8,20,1\n")
    for listing, at in ((pku(folder), 0), (pku(folder, instances=True), 1)):
        with pytest.raises(InputError, match=r"0002-L.txt, row 2: starts at frame 8 where the recording has 8"):
            listing.items[at].read()


def test_cross_view_and_files_that_are_missing(folder):
    with pytest.raises(InputError, match=r"has no cross_view_v2.txt"):
        pku(folder, "xview")
    (folder / "split").mkdir()
    (folder / "split" / "cross-view.txt").write_text("a\n0003-M, 0009-R,\nb\n0002-L\n")
    listing = pku(folder, "xview")
    assert [(i.name, i.read().split) for i in listing.items] == [("0003-M", "train"), ("0002-L", "test")]
    assert listing.notes == ["1 recordings that cross-view.txt names have no skeleton file"]
    with pytest.raises(InputError, match="use xsub or xview"):
        pku(folder, "xset")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3,1,4,2\n52,1,4,2\n", "row 2: class 52 is not one of 1 to 51"),
        ("0,1,4,2\n", "row 1: class 0 is not"),
        ("3,4,4,2\n", "row 1: frames 4 to 4 are empty or reversed"),
        ("3,-1,4,2\n", "row 1: frames -1 to 4"),
        ("\n3;1;4\n", "row 2: '3;1;4' is not class,start,end,confidence"),
        ("3,nan,4,2\n", "row 1: "),
        ("3,1e999,4,2\n", "row 1: "),
    ],
)
def test_broken_labels(tmp_path, text, message):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        read_labels(tmp_path / "a.txt")


def test_label_numbers_may_be_floats(tmp_path):
    (tmp_path / "a.txt").write_text("3.0,1.0,4.0,2\n")
    assert read_labels(tmp_path / "a.txt") == [Row(2, 1, 4)]


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "has 0 numbers"), ("1 2 3", "has 3 numbers, not 150 per frame"), ("x " * 150, "line 1: 'x' is not a number"),
     ("nan " * 150, "NaN or infinity at index 0")],
)  # fmt: skip
def test_broken_skeletons(tmp_path, text, message):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        read_frames(tmp_path / "a.txt")


def test_split_files(tmp_path):
    (tmp_path / "a.txt").write_text("x\n a, b,\ny\nc\n")
    assert read_split(tmp_path / "a.txt") == (["a", "b"], ["c"])
    (tmp_path / "a.txt").write_text("x\na\n")
    with pytest.raises(InputError, match="has no names of training"):
        read_split(tmp_path / "a.txt")


def test_class_names():
    assert len(PKU51) == len(set(PKU51)) == 51 and (PKU51[0], PKU51[10], PKU51[50]) == ("bow", "fall down", "write")
