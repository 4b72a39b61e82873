"""HumanML3D folders: captions, statistics, splits, and what is broken."""

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.skeleton.readers import humanml3d_vectors
from acteme.recordings.skeleton.readers.humanml3d import humanml3d, kitml, read_captions, read_statistics
from tests.recordings.skeleton.readers.cases import CASES, walk


@pytest.fixture
def folder(tmp_path):
    CASES["humanml3d text"].files(tmp_path)
    return tmp_path


def test_recordings_with_captions(folder):
    listing = humanml3d(folder)
    r = listing.items[0].read()
    assert r.arrays["skeleton"].shape == (5, 1, 22, 3) and (r.fps, r.split, r.text) == (20, "train", "a man waves.")
    assert [(s.start, s.end, s.text) for s in r.segments] == [(0, 0.25, "a man waves."), (0.05, 0.15, "he")]
    assert listing.spec.layout == "smpl22" and {s.label for s in r.segments} == set(listing.spec.classes)


def test_vectors_give_the_same_positions(folder):
    (folder / "new_joint_vecs").mkdir()
    x = humanml3d_vectors.canonical(walk(6, 22))
    vectors = humanml3d_vectors.to_vectors(x)
    np.save(folder / "new_joint_vecs" / "000001.npy", vectors)
    r = humanml3d(folder, vectors=True).items[0].read()
    np.testing.assert_allclose(r.arrays["skeleton"][:, 0], x[:-1], atol=1e-4)
    np.testing.assert_array_equal(r.arrays["vector"], vectors)
    assert set(humanml3d(folder).items[0].read().arrays) == {"skeleton"}, "nothing is stored of positions"


def test_names_without_motion_are_counted(folder):
    (folder / "test.txt").write_text("M000001\n\n000001\n")
    listing = humanml3d(folder)
    assert [i.read().split for i in listing.items] == ["train", "test"] and "1 names of the splits" in listing.notes[0]


def test_kit(folder):
    np.save(folder / "new_joints" / "000001.npy", walk(5, 21))
    listing = kitml(folder)
    assert (listing.spec.layout, listing.items[0].read().fps) == ("kit21", 12.5)
    with pytest.raises(InputError, match=r"has shape \(5, 21, 3\) of float32, expected \(frames, 22, 3\)"):
        humanml3d(folder).items[0].read()


def test_captions(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("x #1 runs#x/NOUN 1/NUM run/VERB and/or/CCONJ#0.0#0.0\n\na#a/DET#1.5#nan\n".replace("#nan", "#2"))
    first, second = read_captions(path)
    assert first.text == "x #1 runs" and first.words[-1] == ("and/or", "CCONJ") and first.words[0] == ("x", "NOUN")
    assert (second.start, second.end) == (1.5, 2)
    path.write_text("a#a/DET#nan#nan\n")
    assert read_captions(path)[0].end == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no caption"),
        ("a b\n", "line 1: is not caption"),
        ("a#a/DET#0.0#0.0\nb#b/X#x#1\n", "line 2: 'x#1' are not two times"),
        ("a#a/DET#2.0#1.0\n", "line 1: times 2 to 1 are empty or reversed"),
        ("a#a/DET#0#inf\n", "line 1: times 0 to inf"),
    ],
)
def test_broken_captions(tmp_path, text, message):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        read_captions(tmp_path / "a.txt")


def test_statistics(tmp_path):
    for name, values in (("Mean", np.zeros(263)), ("Std", np.ones(263))):
        np.save(tmp_path / f"{name}.npy", values)
    mean, std = read_statistics(tmp_path)
    assert mean.shape == std.shape == (263,) and std.dtype == np.float32
    np.save(tmp_path / "Std.npy", np.zeros(263))
    with pytest.raises(InputError, match="not one positive deviation per mean"):
        read_statistics(tmp_path)


def test_an_empty_folder(tmp_path):
    with pytest.raises(InputError, match="has no motion in new_joints"):
        humanml3d(tmp_path)
