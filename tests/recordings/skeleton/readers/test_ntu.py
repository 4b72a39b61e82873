"""NTU RGB+D: parsing against a plain reader, damage, names, splits and the lists of missing skeletons."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.skeleton.readers import ntu
from acteme.recordings.skeleton.readers.names import NTU60, NTU120
from tests.recordings.skeleton.readers.cases import skeleton_text, walk

HAND_MADE = "1\n1\n72057594037931101 0 1 1 1 1 0 0.02 -0.09 2\n25\n" + "".join(
    f"0.{j:02d} 1.{j:02d} -2.5 1 2 3 4 5 6 7 8 2\n" for j in range(25)
)


def write(folder, text, name="S001C002P003R002A013.skeleton"):
    path = folder / name
    path.write_text(text)
    return path


def plainly(text: str) -> list[list[np.ndarray]]:
    """The bodies of every frame, a line at a time."""
    lines = iter(text.splitlines())
    frames = []
    for _ in range(int(next(lines))):
        bodies = []
        for _ in range(int(next(lines))):
            next(lines)
            rows = [next(lines).split()[:3] for _ in range(int(next(lines)))]
            bodies.append(np.array(rows, np.float64).astype(np.float32))
        frames.append(bodies)
    return frames


def test_hand_made_file(tmp_path):
    recording = ntu.read_skeleton(write(tmp_path, HAND_MADE))
    skeleton = recording.arrays["skeleton"]
    assert skeleton.shape == (1, 2, 25, 3) and skeleton.dtype == np.float32
    np.testing.assert_allclose(skeleton[0, 0, 7], [0.07, 1.07, -2.5], rtol=1e-6)
    assert not skeleton[0, 1].any()
    assert (recording.label, recording.subject, recording.camera) == ("tear up paper", "P003", "C002")
    assert recording.factors == {"setup": 1, "replication": 2} and recording.fps == 30


def test_one_frame_two_bodies(tmp_path):
    a, b = walk(1)[0], walk(1, seed=1)[0]
    skeleton = ntu.read_skeleton(write(tmp_path, skeleton_text([{"1": a, "2": b}])), "agcn").arrays["skeleton"]
    assert skeleton.shape == (1, 2, 25, 3)
    assert {skeleton[0, 0, 0, 0], skeleton[0, 1, 0, 0]} == {a[0, 0], b[0, 0]}


@settings(max_examples=25, deadline=None)
@given(counts=st.lists(st.integers(0, 4), min_size=1, max_size=6), ends=st.sampled_from(["\n", "\r\n"]))
def test_equals_a_plain_reader(tmp_path_factory, counts, ends):
    frames = [{str(10**17 + b): walk(1, seed=10 * t + b)[0] for b in range(n)} for t, n in enumerate(counts)]
    text = skeleton_text(frames)
    path = tmp_path_factory.mktemp("ntu") / "a.skeleton"
    path.write_bytes(text.replace("\n", ends).encode())
    bodies, expected = ntu.parse(path), plainly(text)
    assert bodies.frames == len(counts)
    assert list(zip(bodies.frame, bodies.slot, strict=True)) == [(t, b) for t, n in enumerate(counts) for b in range(n)]
    np.testing.assert_array_equal(bodies.joints, np.array([b for f in expected for b in f]).reshape(-1, 25, 3))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: "", "is empty"),
        (lambda t: t[: len(t) // 2], "ends within frame 1 of 1"),
        (lambda t: t.rsplit(" ", 1)[0] + "\n", "line 29: has 11 values where a joint has 12"),
        (lambda t: t.replace("0.07 ", "0.07 9 ", 1), "line 12: has 13 values where a joint has 12"),
        (lambda t: "\n\n" + t.replace("0.07 ", "0.0x  ", 1), "line 14: '0.0x' is not a number"),
        (lambda t: "2" + t[1:], "ends within frame 2 of 2"),
        (lambda t: t + "1\n", "line 30: has text after its last frame"),
        (lambda t: t.replace("\n25\n", "\n20\n"), "line 4: has 20 joints where Kinect v2 has 25"),
        (lambda t: t.replace("1\n1\n", "1\nx\n", 1), "line 2: 'x' is not a number of bodies"),
        (lambda t: "-" + t, "line 1: '-1' is not a number of frames"),
        (lambda t: t.replace("0.07 ", "0.0x ", 1), "line 12: '0.0x' is not a number"),
        (lambda t: t.replace("0.07 ", "nan ", 1), "line 12: a coordinate is NaN or infinite"),
        (lambda t: "3\n0\n0\n0\n", "no frame has a body"),
    ],
)
def test_damage_is_named_with_its_place(tmp_path, change, message):
    path = write(tmp_path, change(HAND_MADE))
    with pytest.raises(InputError, match=message) as caught:
        ntu.read_skeleton(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.replace(" ", "  "),
        lambda t: t.replace("\n", " \n"),
        lambda t: t.replace("\n", "\n\n"),
        lambda t: "\r\n" + t.replace(" ", "\t").replace("\n", "\r\n"),
        lambda t: t.rstrip("\n"),
        lambda t: t + "\n \n",
        lambda t: t.replace("0.07 ", "7e-2 ", 1),
        lambda t: t.replace("0.07 ", "0.07" + "0" * 60 + " ", 1),
    ],
)
def test_blanks_and_spellings_do_not_matter(tmp_path, change):
    expected = ntu.parse(write(tmp_path, HAND_MADE)).joints
    np.testing.assert_array_equal(ntu.parse(write(tmp_path, change(HAND_MADE))).joints, expected)


def test_a_shorter_file_after_a_longer_one_sees_nothing_of_it(tmp_path):
    frames = [{"1": walk(9)[t]} for t in range(9)]
    ntu.parse(write(tmp_path, skeleton_text(frames)))
    assert ntu.parse(write(tmp_path, HAND_MADE.rstrip("\n"))).frames == 1
    with pytest.raises(InputError, match="ends within frame 1 of 1"):
        ntu.parse(write(tmp_path, HAND_MADE[: len(HAND_MADE) // 2]))


def test_a_huge_frame_count_ends_at_once(tmp_path):
    with pytest.raises(InputError, match="ends within frame 2 of 999999999"):
        ntu.parse(write(tmp_path, "999999999" + HAND_MADE[1:]))


@pytest.mark.parametrize(
    ("name", "protocol", "split"),
    [
        ("S001C001P001R001A001", "xsub", "train"),
        ("S001C001P003R001A001", "xsub", "test"),
        ("S018C001P045R001A061", "xsub", "train"),
        ("S018C001P044R001A061", "xsub", "test"),
        ("S001C001P001R001A001", "xview", "test"),
        ("S001C002P001R001A001", "xview", "train"),
        ("S001C003P001R001A001", "xview", "train"),
        ("S002C001P001R001A001", "xset", "train"),
        ("S017C001P001R001A001", "xset", "test"),
    ],
)
def test_splits(name, protocol, split):
    clip = ntu.parse_name(name)
    assert clip is not None and ntu.split_of(clip, protocol) == split


def test_training_subjects_are_those_of_the_papers():
    assert len([p for p in ntu.TRAIN_SUBJECTS if p <= 40]) == 20
    assert len(ntu.TRAIN_SUBJECTS) == 53 and max(ntu.TRAIN_SUBJECTS) == 103


def dataset(folder, *names):
    for name in names:
        write(folder, HAND_MADE, f"{name}.skeleton")
    return folder


def test_listed_missing_skeletons_are_left_out_and_said(tmp_path):
    data = dataset(tmp_path / "x" if (tmp_path / "x").mkdir() is None else tmp_path, "S001C001P001R001A001",
                   "S001C002P003R001A060", "S001C001P001R001A120")  # fmt: skip
    listing = ntu.ntu60(data)
    assert [i.name for i in listing.items] == ["S001C001P001R001A001", "S001C002P003R001A060"]
    assert "no list of samples with missing skeletons" in listing.notes[0]
    (tmp_path / ntu.MISSING[0]).write_text("There are 302 samples:\nS001C002P003R001A060\n")
    listing = ntu.ntu60(data)
    assert [i.name for i in listing.items] == ["S001C001P001R001A001"]
    assert listing.notes[0].startswith("1 clips that NTU_RGBD_samples_with_missing_skeletons.txt lists")
    assert listing.spec.classes == NTU60 and listing.spec.layout == "ntu25"
    (data / ntu.MISSING[1]).write_text("S001C001P001R001A120\n")
    assert [i.name for i in ntu.ntu120(data).items] == ["S001C001P001R001A001"]
    assert tmp_path / ntu.MISSING[0] in ntu.ntu120(data).files


def test_a_list_elsewhere_can_be_given(tmp_path):
    data = dataset(tmp_path, "S001C001P001R001A001", "S001C002P003R001A060")
    (tmp_path / "mine.txt").write_text("S001C001P001R001A001.skeleton")
    listing = ntu.ntu60(data, "xview", missing=str(tmp_path / "mine.txt"))
    assert [i.read().split for i in listing.items] == ["train"]
    (tmp_path / "mine.txt").write_text("nothing")
    with pytest.raises(InputError, match="names no clip"):
        ntu.ntu60(data, missing=str(tmp_path / "mine.txt"))


def test_strange_names_are_counted(tmp_path):
    listing = ntu.ntu60(dataset(tmp_path, "S001C001P001R001A001", "walk", "S001C001P001R001A000"))
    assert len(listing.items) == 1 and "1 .skeleton files with other names left out" in listing.notes


def test_wrong_folders_and_options(tmp_path):
    with pytest.raises(InputError, match="holds no clip"):
        ntu.ntu60(tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        ntu.ntu60(tmp_path / "none")
    with pytest.raises(InputError, match="use xsub or xview"):
        ntu.ntu60(tmp_path, "xset")
    with pytest.raises(InputError, match="use xsub or xset"):
        ntu.ntu120(tmp_path, "xview")


def test_class_names():
    assert len(NTU120) == len(set(NTU120)) == 120
    assert NTU60[49].startswith("punch") and NTU60[59] == "walk apart from each other" and NTU120[105].startswith("hit")
