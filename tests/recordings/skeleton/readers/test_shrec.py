"""SHREC'17: lists, labels of 14 and 28, normalization, and what is broken."""

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.skeleton.readers.shrec import normalized, read_world, shrec
from acteme.recordings.sources import list_data
from tests.recordings.skeleton.readers.cases import walk


def write(folder, g=2, f=1, s=3, e=4, x=None):
    place = folder / f"gesture_{g}/finger_{f}/subject_{s}/essai_{e}"
    place.mkdir(parents=True)
    rows = (walk(3, 22) if x is None else x).reshape(-1, 66)
    (place / "skeletons_world.txt").write_text("\n".join(" ".join(map(str, row)) for row in rows) + "\n")
    return place / "skeletons_world.txt"


def test_clips_are_read_as_they_are(tmp_path):
    x = walk(3, 22)
    r = read_world(write(tmp_path, x=x), normalize=False)
    assert r.arrays["skeleton"].shape == (3, 1, 22, 3)
    assert np.allclose(r.arrays["skeleton"][:, 0], x, atol=1e-6)


def test_normalization_is_one_translation_and_one_scale():
    x = walk(5, 22)[:, None] + 3
    y = normalized(x)
    assert (y[0, 0, 0] == 0).all()
    assert np.linalg.norm(y[0, 0, 10]) == pytest.approx(1, abs=1e-6)
    scale = np.linalg.norm(x[0, 0, 10] - x[0, 0, 0])
    assert np.allclose(y * scale + x[0, 0, 0], x, atol=1e-5)
    flat = np.zeros((2, 1, 22, 3), np.float32)
    assert (normalized(flat) == 0).all()
    late = x.copy()
    late[0, 0, 10] = late[0, 0, 0]  # no length in the first frame: the second one's
    z = normalized(late)
    assert np.linalg.norm(z[1, 0, 10] - z[1, 0, 0]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("gestures", "label"), [(14, "tap"), (28, "tap, one finger")])
def test_the_lists_name_splits_and_labels(tmp_path, gestures, label):
    write(tmp_path)
    write(tmp_path, 14, 2, 28, 5)
    (tmp_path / "train_gestures.txt").write_text("2 1 3 4 2 3 3\n")
    (tmp_path / "test_gestures.txt").write_text("14 2 28 5 14 28 3\n\n")
    listing = list_data(f"shrec:{tmp_path}?gestures={gestures}")
    a, b = (item.read() for item in listing.items)
    assert (a.name, a.split, a.label, a.subject) == ("g02_f1_s03_e04", "train", label, "s03")
    assert (b.split, b.label) == ("test", "shake" if gestures == 14 else "shake, whole hand")
    assert len(listing.spec.classes) == gestures and listing.spec.layout == "shrec22"


@pytest.mark.parametrize(
    ("line", "message"),
    [("2 1 3 4 2 3", "is not gesture, finger"), ("2 1 3 4 15 3 3", "label 15 is not one of 1 to 14"),
     ("2 1 3 x 2 3 3", "is not gesture, finger")],
)  # fmt: skip
def test_broken_lists(tmp_path, line, message):
    (tmp_path / "train_gestures.txt").write_text(line + "\n")
    with pytest.raises(InputError, match=rf"train_gestures.txt, line 1: .*{message}"):
        shrec(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "has no frames"), ("1 2 3\n", "line 1: holds 3 numbers where 66"), ("x " * 66, "not a table of numbers"),
     ("nan " * 66, "NaN or infinity")],
)  # fmt: skip
def test_broken_clips(tmp_path, text, message):
    (tmp_path / "w.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        read_world(tmp_path / "w.txt")


def test_a_folder_without_lists(tmp_path):
    with pytest.raises(InputError, match="lists no clips in train_gestures"):
        shrec(tmp_path)
