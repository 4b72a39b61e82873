"""2s-AGCN folders: axes, frame counts, labels, and what does not fit together."""

import pickle

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.skeleton.readers.agcn import agcn

X = np.random.default_rng(0).normal(size=(3, 3, 8, 25, 2)).astype(np.float32)
NAMES = ["S001C001P001R001A001.skeleton", "b", "c"]


@pytest.fixture
def folder(tmp_path):
    for part, x, labels in (("train", X, [0, 5, 59]), ("val", X[:1], (3.0,))):
        np.save(tmp_path / f"{part}_data_joint.npy", x)
        np.save(tmp_path / f"{part}_num_frame.npy", np.array([4, 8, 300])[: len(x)])
        (tmp_path / f"{part}_label.pkl").write_bytes(pickle.dumps((NAMES[: len(x)], labels)))
    return tmp_path


def test_reads_frames_of_persons(folder):
    listing = agcn(folder)
    recordings = [item.read() for item in listing.items]
    assert [r.frames for r in recordings] == [4, 8, 8, 4]  # PKU-MMD counts frames beyond the array
    np.testing.assert_array_equal(recordings[0].arrays["skeleton"][2, 1, 7], X[0, :, 2, 7, 1])
    assert [r.label for r in recordings] == ["drink water", "pick up", "walk apart from each other", "brush hair"]
    assert [r.split for r in recordings] == ["train"] * 3 + ["test"] and recordings[0].name == NAMES[0][:-9]
    assert (listing.spec.persons, listing.spec.channels, len(listing.files), listing.notes) == (2, 3, 6, [])


def test_without_frame_counts_padding_goes_and_it_is_said(folder):
    (folder / "train_num_frame.npy").unlink()
    x = X.copy()
    x[0, :, 5:] = 0
    np.save(folder / "train_data_joint.npy", x)
    listing = agcn(folder)
    assert [item.read().frames for item in listing.items] == [5, 8, 8, 4]
    assert "no train_num_frame.npy" in listing.notes[0]


def test_a_protocol_is_a_folder(folder):
    (folder / "xsub").mkdir()
    with pytest.raises(InputError, match=r"has no train_data_joint.npy"):
        agcn(folder, "xsub")
    assert len(agcn(folder.parent, folder.name).items) == 4


def test_a_pair_of_names_and_labels_may_be_the_first_of_a_list(folder):
    table = folder / "train_label.pkl"
    wanted = [(item.name, item.read().label) for item in agcn(folder).items]
    for wrapped in ([pickle.loads(table.read_bytes())], ((NAMES, [0, 5, 59]), "more", 3)):
        table.write_bytes(pickle.dumps(wrapped))
        assert [(item.name, item.read().label) for item in agcn(folder).items] == wanted


def test_classes_may_be_given(folder):
    assert len(agcn(folder, classes=120).spec.classes) == 120
    with pytest.raises(InputError, match="has label 59 where there are 51 classes"):
        agcn(folder, classes=51)


@pytest.mark.parametrize(
    ("file", "value", "message"),
    [
        ("train_data_joint.npy", X[:, :, :, :20], "expected floats"),
        ("train_data_joint.npy", X[0], "expected floats"),
        ("train_data_joint.npy", X[:2], "names 3 clips where train_data_joint.npy has 2"),
        ("train_data_joint.npy", X[..., :1], "train and val differ"),
        ("train_num_frame.npy", np.array([1, 2]), "does not hold 3 positive frame counts"),
        ("train_num_frame.npy", np.array([1, 0, 2]), "does not hold 3 positive frame counts"),
        ("train_num_frame.npy", np.array([1.0, 2, 3]), "does not hold 3 positive frame counts"),
    ],
)
def test_arrays_that_do_not_fit(folder, file, value, message):
    np.save(folder / file, value)
    with pytest.raises(InputError, match=message):
        agcn(folder)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1, 2, 3], "is not a pair of names and labels"),
        ([(NAMES, 5)], "is not a pair of names and labels"),
        ([], "is not a pair of names and labels"),
        ([(NAMES, [1, 2])], "has 3 names but 2 labels"),
        ((NAMES, [1, 2]), "has 3 names but 2 labels"),
        ((NAMES, [1, 2, -1]), "row 2 is not a name and a class"),
        ((NAMES, [1, 2.5, 1]), "row 1 is not a name and a class"),
        ((NAMES, [float("inf"), 2, 1]), "row 0 is not a name and a class"),
        (([1, 2, 3], [1, 2, 3]), "row 0 is not a name and a class"),
        ((NAMES, print), "which may run code"),
    ],
)
def test_labels_that_make_no_sense(folder, value, message):
    (folder / "train_label.pkl").write_bytes(pickle.dumps(value))
    with pytest.raises(InputError, match=message):
        agcn(folder)


def test_a_missing_table_and_an_unknown_layout(folder):
    with pytest.raises(InputError, match="unknown layout 'x'"):
        agcn(folder, layout="x")
    (folder / "val_label.pkl").unlink()
    with pytest.raises(InputError, match=r"val_label.pkl: cannot be read"):
        agcn(folder)
