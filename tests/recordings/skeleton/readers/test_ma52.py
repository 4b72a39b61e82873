"""MA-52: pickles with and without lists, labels of the test, picture units, what is refused."""

import pickle

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.corpus import Corpus
from acteme.recordings.skeleton.readers.ma52 import ma52
from acteme.recordings.skeleton.readers.names import MA52, MA52_GROUPS
from tests.recordings.skeleton.readers.cases import ma52_annotation


def save(folder, split, clips, under="annotations"):
    folder.mkdir(exist_ok=True)
    (folder / f"MA52_{split}.pkl").write_bytes(pickle.dumps({under: clips, "split": {}} if under else clips, 4))


def test_classes_and_their_parts():
    assert len(MA52) == len(MA52_GROUPS) == len(set(MA52)) == 52
    assert [MA52_GROUPS.count(g) for g in dict.fromkeys(MA52_GROUPS)] == [5, 6, 13, 8, 6, 10, 4]
    assert (MA52[9], MA52[4], MA52[23], MA52[48]) == ("nodding", "rising up", "illustrative gestures", "patting legs")


@pytest.mark.parametrize("under", ["annotations", ""])
def test_pickles_alone(tmp_path, under):
    save(tmp_path, "train", [ma52_annotation("0003_01_0001", 9), ma52_annotation("videos/0003_01_0002.mp4", 0)], under)
    save(tmp_path, "test", [ma52_annotation("test0000", 0), ma52_annotation("test0001", 0)], under)
    listing = ma52(tmp_path)
    found = {r.name: r for r in (item.read() for item in listing.items)}
    assert list(found) == ["0003_01_0001", "0003_01_0002", "test0000", "test0001"]
    assert [r.label for r in found.values()] == ["nodding", "shaking body", "", ""]
    assert [r.split for r in found.values()] == ["train", "train", "test", "test"]
    assert listing.spec.layout == "ma52_28" and listing.spec.groups == MA52_GROUPS and listing.spec.persons == 1
    corpus = Corpus.of(found.values(), listing.spec)
    assert corpus.label.tolist() == [9, 0, -1, -1] and corpus.spec.group_of[9] == 1


def test_lists_choose_order_and_label(tmp_path):
    save(tmp_path / "MA-52_openpose_28kp", "train", [ma52_annotation(n, 3) for n in "abc"], "")
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "train_list_videos.txt").write_text("c.mp4 7\na.mp4 3\n\nlost.mp4 1\n")
    listing = ma52(tmp_path)
    found = [item.read() for item in listing.items]
    assert [(r.name, r.label) for r in found] == [("c", MA52[7]), ("a", MA52[3])]
    assert listing.notes == [
        "train: 1 clips of the list have no skeleton",
        "train: 1 clips are not in the list",
        "train: 1 labels are not those of the list, which count",
    ]
    assert len(listing.files) == 2


def test_labels_of_a_test_that_has_some(tmp_path):
    save(tmp_path, "test", [ma52_annotation("a", 0), ma52_annotation("b", 5)], "")
    assert [item.read().label for item in ma52(tmp_path).items] == [MA52[0], MA52[5]]


def test_picture_units_keep_the_aspect(tmp_path):
    clip = ma52_annotation("a", 1)
    clip["keypoint"][0, 0, :3] = [[320, 0], [0, 0], [0, 120]]
    clip["keypoint_score"][0, 0, 1] = 0
    save(tmp_path, "val", [clip], "")
    x = ma52(tmp_path).items[0].read().arrays["skeleton"]
    assert x.shape == (3, 1, 28, 2)
    np.testing.assert_allclose(x[0, 0, :3], [[1, -0.75], [0, 0], [-1, 0]])
    raw = ma52(tmp_path, pixels=True).items[0].read()
    np.testing.assert_array_equal(raw.arrays["skeleton"][0, 0, 0], [320, 0])
    assert raw.arrays["confidence"].shape == (3, 1, 28) and raw.arrays["confidence"][0, 0, 1] == 0


def test_further_persons_are_left_out(tmp_path):
    clip = ma52_annotation("a", 1)
    for name in ("keypoint", "keypoint_score"):
        clip[name] = np.concatenate([clip[name]] * 3)
    save(tmp_path, "val", [clip], "")
    assert ma52(tmp_path).items[0].read().arrays["skeleton"].shape[1] == 1
    assert ma52(tmp_path, persons=2).items[0].read().arrays["skeleton"].shape[1] == 2


@pytest.mark.parametrize(
    ("clips", "message"),
    [
        (3, "is not a list of dicts"),
        ([3], "is not a list of dicts"),
        ([{"frame_dir": "a", "label": 52}], 'annotation 0: has no "frame_dir" or no "label" from 0 to 51'),
        ([{"label": 1}], "annotation 0: has no"),
        ([ma52_annotation("a", 1), ma52_annotation("v/a.mp4", 1)], "annotation 1: a second annotation is of 'a'"),
    ],
)
def test_broken_pickles(tmp_path, clips, message):
    save(tmp_path, "train", clips, "")
    with pytest.raises(InputError, match=message):
        ma52(tmp_path)


@pytest.mark.parametrize(
    "line", ["a.mp4", "a.mp4 52", "a.mp4 -1", "a.mp4 x", "a.mp4 1.0", "a.mp4 ٣", "a.mp4 " + "9" * 5000]
)
def test_broken_lists(tmp_path, line):
    save(tmp_path, "train", [ma52_annotation("a", 1)], "")
    (tmp_path / "train_list_videos.txt").write_text(f"a.mp4 1\n{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"train_list_videos\.txt, line 2: is not a clip and its class from 0 to 51"):
        ma52(tmp_path)


def test_broken_clips_are_named(tmp_path):
    clip = ma52_annotation("a", 1)
    save(tmp_path, "train", [clip | {"keypoint": clip["keypoint"][:, :, :18]}, ma52_annotation("b", 1)], "")
    save(tmp_path, "val", [clip | {"img_shape": (0, 5), "frame_dir": "c"}], "")
    first, _, third = ma52(tmp_path).items
    with pytest.raises(InputError, match=r"MA52_train.pkl, a: keypoints are not \(M, T, 28, 2\)"):
        first.read()
    with pytest.raises(InputError, match=r'MA52_val\.pkl, c: has no "img_shape"'):
        third.read()


def test_a_folder_without_clips(tmp_path):
    with pytest.raises(InputError, match=r"has no clips of MA52_train\.pkl"):
        ma52(tmp_path)
