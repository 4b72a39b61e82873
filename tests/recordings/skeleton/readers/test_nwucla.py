"""Northwestern-UCLA: actions to labels, views to splits, and what is broken."""

import json

import pytest

from acteme.errors import InputError
from acteme.recordings.skeleton.readers.names import NWUCLA10
from acteme.recordings.skeleton.readers.nwucla import ACTIONS, nwucla, read_json
from tests.recordings.skeleton.readers.cases import walk


def write(folder, name, skeletons, label=1):
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"file_name": name, "skeletons": skeletons, "label": label}))
    return path


def test_one_frame_is_a_clip(tmp_path):
    r = read_json(write(tmp_path, "a12_s10_e03_v03", walk(1, 20).tolist()))
    assert r.arrays["skeleton"].shape == (1, 1, 20, 3)
    assert (r.label, r.split, r.subject, r.camera) == ("carry", "test", "s10", "v03")


def test_actions_are_labels_one_to_ten_in_order():
    assert len(ACTIONS) == len(NWUCLA10) == 10
    assert [NWUCLA10[ACTIONS.index(a)] for a in (1, 8, 9, 11, 12)] == ["pick up with one hand", "donning", "doffing",
                                                                       "throw", "carry"]  # fmt: skip


def test_the_folder(tmp_path):
    (tmp_path / "all_sqe").mkdir()
    for view in (1, 2, 3):
        write(tmp_path / "all_sqe", f"a08_s01_e00_v0{view}", walk(3, 20).tolist())
    (tmp_path / "other.json").write_text("{")
    listing = nwucla(tmp_path)
    assert [i.read().split for i in listing.items] == ["train", "train", "test"]
    assert (listing.spec.layout, listing.spec.persons) == ("kinect20", 1)
    with pytest.raises(InputError, match="holds no clip named like"):
        nwucla(tmp_path / "all_sqe" / "none")


def test_other_names_take_the_label_of_the_file(tmp_path):
    assert read_json(write(tmp_path, "clip", walk(2, 20).tolist(), 3)).label == "drop trash"
    assert read_json(write(tmp_path, "clip", walk(2, 20).tolist(), 11)).label == ""


@pytest.mark.parametrize(
    ("skeletons", "name", "message"),
    [
        ([], "a01_s01_e01_v01", r"has shape \(0,\)"),
        (walk(2, 19).tolist(), "a01_s01_e01_v01", r"has shape \(2, 19, 3\)"),
        ([[[1, 2], [3]]], "a01_s01_e01_v01", "is not an array of numbers"),
        (walk(2, 20).tolist(), "a07_s01_e01_v01", "action 7 is not one of"),
    ],
)
def test_broken_files(tmp_path, skeletons, name, message):
    with pytest.raises(InputError, match=message):
        read_json(write(tmp_path, name, skeletons))


def test_no_skeletons(tmp_path):
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(InputError, match='has no "skeletons"'):
        read_json(tmp_path / "a.json")
