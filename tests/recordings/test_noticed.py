"""What makes the cache of a real data set no longer good: every file that has a say in it, there or not yet."""

import json
import pickle
import shutil

import numpy as np
import pytest

from acteme.recordings.sources import open_data
from tests.recordings.samples import skeleton, write_folder
from tests.recordings.skeleton.readers.cases import CASES


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    monkeypatch.setenv("ACTEME_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def path(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def test_a_bad_file_that_was_left_out_and_is_mended(path):
    write_folder(path, "file,label\na.npz,sit\nb.npz,walk\nd.npz,walk\n", a=skeleton(5), d=skeleton(5))
    (path / "b.npz").write_bytes(b"half")
    assert [r.name for r in open_data(path, skip_bad=True)] == ["a", "d"]
    shutil.copy(path / "a.npz", path / "b.npz")
    assert [r.name for r in open_data(path, skip_bad=True)] == ["a", "b", "d"]


def test_frames_of_openpose_in_a_folder(path):
    CASES["openpose"].files(path)
    (path / "annotations.csv").write_text("file,label,fps\nclip,wave,30\n")
    before = open_data(path)[0].arrays["skeleton"]
    frame = path / "clip" / "clip_000000000001_keypoints.json"
    data = json.loads(frame.read_text())
    data["people"] = data["people"][:1]
    frame.write_text(json.dumps(data))
    after = open_data(path)[0].arrays["skeleton"]
    assert before[1, 1].any() and not after[1].reshape(len(after[1]), -1).any(1)[1:].any()


@pytest.mark.parametrize("beside", [False, True])
def test_a_list_of_missing_skeletons_that_appears(path, beside):
    CASES["ntu"].files(path)
    shutil.copy(path / "S001C002P003R002A013.skeleton", path / "S001C002P003R002A014.skeleton")
    assert len(open_data(f"ntu60:{path}")) == 2
    place = path.parent if beside else path
    (place / "NTU_RGBD_samples_with_missing_skeletons.txt").write_text("S001C002P003R002A013\n")
    assert [r.name for r in open_data(f"ntu60:{path}")] == ["S001C002P003R002A014"]


CLASS_FILES = {"tsu": ("tsu table", "classes.txt", 51), "charades": ("charades table", "Charades_v1_classes.txt", 157)}


@pytest.mark.parametrize("source", CLASS_FILES)
def test_other_names_of_classes(path, source):
    case, name, count = CLASS_FILES[source]
    CASES[case].files(path)
    for word in ("act", "deed"):
        (path / name).write_text("".join(f"{word} {k:03d}\n" for k in range(count)))
        assert open_data(f"{source}:{path}").spec.classes[7] == f"{word} 007"


def test_skeletons_elsewhere(path, tmp_path):
    CASES["charades table"].files(path)
    (path / "poses").rename(tmp_path / "poses")
    table = path / "Charades_v1_train.csv"
    table.write_text(table.read_text() + table.read_text().splitlines()[1].replace("AB12C", "ZZ12C") + "\n")
    data = f"charades:{path}?poses={tmp_path / 'poses'}"
    assert len(open_data(data)) == 1
    shutil.copy(tmp_path / "poses" / "AB12C.npy", tmp_path / "poses" / "ZZ12C.npy")
    assert len(open_data(data)) == 2


def test_keypoints_of_kinetics_in_files_of_their_own(path):
    note = {"frame_dir": "a", "label": 0, "total_frames": 2, "raw_file": "/there/raw.pkl", "img_shape": (240, 320)}
    note |= {"frame_inds": np.arange(2), "box_score": np.ones(2, np.float16)}
    (path / "a.pkl").write_bytes(pickle.dumps({"split": {"train": ["a"]}, "annotations": [note]}, 4))
    for value in (100, 101):
        keypoint = np.full((2, 17, 3), value, np.float16)
        (path / "raw.pkl").write_bytes(pickle.dumps({"a": {"keypoint": keypoint}}, 4))
        found = open_data(f"pyskl:{path / 'a.pkl'}?pixels=true")[0].arrays["skeleton"]
        assert (found[:, 0] == value).all()


def test_a_long_recording_that_instances_are_cut_from(path):
    CASES["pku label"].files(path)
    file = path / "skeleton" / "0002-L.txt"
    for row in ("1 " * 150 + "\n", "2 " * 150 + "\n"):
        file.write_text(row * 8)
        found = open_data(f"pku:{path}?instances=true")
        assert (found[0].arrays["skeleton"] == float(row[0])).all()
