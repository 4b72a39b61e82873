"""NTU RGB+D: names, splits and the lists of missing skeletons."""

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.skeleton.readers import ntu
from acteme.recordings.skeleton.readers.names import NTU60, NTU120
from tests.recordings.skeleton.readers.cases import HAND_MADE, skeleton_text, walk


def write(folder, text, name="S001C002P003R002A013.skeleton"):
    path = folder / name
    path.write_text(text)
    return path


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


def test_a_clip_without_a_body(tmp_path):
    with pytest.raises(InputError, match="no frame has a body"):
        ntu.read_skeleton(write(tmp_path, "3\n0\n0\n0\n"))


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
