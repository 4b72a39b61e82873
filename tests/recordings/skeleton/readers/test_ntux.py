"""NTU-X: the last data set of a file, 67 of its joints, splits, labels, and what is broken."""

import pickle
import sys

import h5py
import numpy as np
import pytest

from acteme.errors import InputError, MissingError
from acteme.recordings.skeleton.readers.ntux import ntux, read_h5
from acteme.recordings.sources import list_data
from tests.recordings.skeleton.readers.cases import CASES, walk


def h5(path, x):
    with h5py.File(path, "w") as file:
        file["a"], file["z"] = np.zeros(2), x
    return path


def test_the_folder(tmp_path):
    CASES["ntux"].files(tmp_path)
    listing = list_data(f"ntux:{tmp_path}")
    found = [item.read() for item in listing.items]
    assert [r.split for r in found] == ["train", "train", "test", "test"]
    assert [r.label for r in found[:2]] == ["eat meal/snack", "drop"]
    assert (found[1].subject, found[1].camera) == ("P001", "C002")
    assert all(r.arrays["skeleton"].shape == (4, 2, 67, 3) for r in found)
    assert (listing.spec.layout, listing.spec.joints, len(listing.spec.classes)) == ("ntux67", 67, 60)


def test_the_last_data_set_and_the_first_joints_are_taken(tmp_path):
    x = walk(3 * 4, 70, 2).reshape(3, 4, 70, 2)
    found = read_h5(h5(tmp_path / "a.h5", x))
    assert found.shape == (4, 2, 67, 3)
    assert np.array_equal(found[2, 1, 66], x[:, 2, 66, 1])


def test_more_persons_than_there_is_room_for(tmp_path):
    x = walk(3 * 4, 67, 3).reshape(3, 4, 67, 3)
    path = h5(tmp_path / "a.h5", x)
    assert read_h5(path, persons=3).shape == (4, 3, 67, 3)
    with pytest.raises(InputError, match="3 persons where there is room for 2"):
        read_h5(path)
    x[..., 2] = 0
    assert read_h5(h5(path, x)).shape == (4, 2, 67, 3)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((3, 4, 25, 2), np.float32), r"has shape \(3, 4, 25, 2\)"),
        (np.zeros((3, 4, 67, 2), np.float32), "no frame that is not zero"),
        (np.full((3, 4, 67, 2), np.nan, np.float32), "NaN or infinity"),
        (np.zeros((3, 4, 67, 2), np.int32), "of int32, expected floats"),
    ],
)
def test_broken_clips(tmp_path, x, message):
    with pytest.raises(InputError, match=message):
        read_h5(h5(tmp_path / "a.h5", x))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "does not begin with a pair"),
        ([(["a"], [])], "has 1 names and 0 labels"),
        ([(["a"], [60])], "row 0 is not a name and a class from 0 to 59"),
        ([(["../a"], [0])], "row 0 is not a name"),
    ],
)
def test_broken_labels(tmp_path, value, message):
    (tmp_path / "train_label_60.pkl").write_bytes(pickle.dumps(value))
    with pytest.raises(InputError, match=message):
        ntux(tmp_path)


def test_nothing_there_or_no_h5py(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"has no train_label_60\.pkl"):
        ntux(tmp_path)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingError, match=r"pip install 'acteme\[ntux\]'"):
        read_h5(tmp_path / "a.h5")
