"""PYSKL pickles: 2D and 3D, splits, scaling of pixels, and the Kinetics variant with its rules."""

import pickle

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.skeleton.readers.pyskl import MOST, decompress, pyskl
from tests.recordings.skeleton.readers.cases import pyskl_data


def save(tmp_path, data):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(data, 4))
    return tmp_path / "a.pkl"


def test_3d(tmp_path):
    data = pyskl_data(two=False)
    listing = pyskl(save(tmp_path, data))
    a, b = [item.read() for item in listing.items]
    assert (a.frames, b.frames, a.split, b.split) == (3, 4, "train", "test")
    assert b.arrays["skeleton"].shape == (4, 2, 25, 3) and set(b.arrays) == {"skeleton"}
    expected = data["annotations"][1]["keypoint"][1, 3].astype(np.float32)
    np.testing.assert_array_equal(b.arrays["skeleton"][3, 1], expected)
    assert (listing.spec.layout, listing.spec.persons, listing.spec.channels) == ("ntu25", 2, 3)


def test_2d_pixels_are_scaled_by_the_image(tmp_path):
    data = pyskl_data()
    data["annotations"][0]["keypoint"][0, 0, 5] = [320, 0]
    data["annotations"][0]["keypoint"][0, 0, 6] = 0
    data["annotations"][0]["keypoint_score"][0, 0, 6] = 0
    a = pyskl(save(tmp_path, data)).items[0].read()
    np.testing.assert_array_equal(a.arrays["skeleton"][0, 0, 5:7], [[1, -1], [0, 0]])
    raw = pyskl(tmp_path / "a.pkl", pixels=True).items[0].read()
    np.testing.assert_array_equal(raw.arrays["skeleton"][0, 0, 5:7], [[320, 0], [0, 0]])
    assert a.arrays["confidence"].shape == (3, 1, 17) and a.arrays["confidence"][0, 0, 6] == 0


def test_classes_may_be_given(tmp_path):
    path = save(tmp_path, pyskl_data())
    assert pyskl(path, classes=60).items[1].read().label == "eat meal/snack"
    assert pyskl(path).items[1].read().label == "class 1"
    with pytest.raises(InputError, match="has label 1 where there are 1 classes"):
        pyskl(path, classes=1)


def test_persons_are_capped(tmp_path):
    listing = pyskl(save(tmp_path, pyskl_data()), persons=1)
    assert listing.spec.persons == 1 and listing.items[1].read().arrays["skeleton"].shape[1] == 1


@pytest.mark.parametrize(
    ("names", "protocol", "picked"),
    [
        (("train", "val"), "", "ab"),
        (("train1", "test1", "train2", "test2"), "", "ab"),
        (("train1", "test1", "train2", "test2"), "2", "ab"),
        (("xsub_train", "xsub_val", "xview_train", "xview_val"), "xview", "ab"),
        (("xsub_train",), "", "a"),
    ],
)
def test_protocols(tmp_path, names, protocol, picked):
    data = pyskl_data() | {"split": {name: [["a"], ["b"]][n % 2] for n, name in enumerate(names)}}
    assert "".join(item.name for item in pyskl(save(tmp_path, data), protocol).items) == picked


def test_an_ambiguous_or_unknown_protocol_lists_them(tmp_path):
    data = pyskl_data() | {"split": {"xsub_train": ["a"], "xset_val": ["b"]}}
    with pytest.raises(InputError, match="several protocols; give protocol, one of: xset, xsub"):
        pyskl(save(tmp_path, data))
    with pytest.raises(InputError, match="has no protocol 'xview'"):
        pyskl(tmp_path / "a.pkl", "xview")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keypoint": np.zeros((1, 3, 16, 2), np.float16)}, r"keypoints are not \(M, T, 17, 2\)"),
        ({"keypoint": np.zeros((1, 0, 17, 2), np.float16)}, "has 0 frames"),
        ({"total_frames": 9}, "has 4 frames of keypoints"),
        ({"keypoint_score": np.zeros((1, 3, 17))}, '"keypoint_score" does not fit'),
        ({"img_shape": (0, 5)}, 'has no "img_shape"'),
        ({"img_shape": None}, 'has no "img_shape"'),
        ({"keypoint": np.full((2, 4, 17, 2), np.inf, np.float16)}, "NaN or infinity"),
        ({"keypoint": None}, r"keypoints are not"),
    ],
)
def test_broken_annotations_are_named(tmp_path, change, message):
    data = pyskl_data()
    data["annotations"][1] |= change
    item = pyskl(save(tmp_path, data)).items[1]
    with pytest.raises(InputError, match=f"a.pkl, b: .*{message}"):
        item.read()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], 'is not a dict with "split" and "annotations"'),
        ({"split": {}, "annotations": 3}, '"annotations" is not a list of dicts'),
        ({"split": {"train": "ab"}, "annotations": []}, "a split is not a list of names"),
        ({"split": {"train": ["z"]}, "annotations": [{"frame_dir": "a", "label": 0}]}, "no annotation of its own"),
        ({"split": {"train": ["a"]}, "annotations": [{"frame_dir": "a", "label": -1}]}, "annotation 0: has no"),
        ({"split": {"train": ["a"]}, "annotations": [{"frame_dir": "a", "label": 10**9}]}, "annotation 0: has no"),
        ({"split": {"train": ["a"]}, "annotations": [{"label": 1}]}, "annotation 0: has no"),
    ],
)
def test_broken_pickles(tmp_path, data, message):
    with pytest.raises(InputError, match=message):
        pyskl(save(tmp_path, data))


def kinetics(tmp_path, frames=(0, 0, 3, 7), box=(0.9, 0.4, 0.8, 0.7)):
    keypoint = np.random.default_rng(0).uniform(1, 100, (len(frames), 17, 3)).astype(np.float16)
    item = {"frame_dir": "v", "label": 0, "img_shape": (100, 100), "raw_file": "/elsewhere/../kp.pkl"}
    item |= {"frame_inds": np.array(frames, np.int16), "box_score": np.array(box, np.float16), "valid": {0.5: 3}}
    (tmp_path / "kp.pkl").write_bytes(pickle.dumps({"v": {"keypoint": keypoint}}))
    return save(tmp_path, {"split": {"train": ["v"]}, "annotations": [item]}), keypoint.astype(np.float32)


def test_kinetics_reads_the_named_file_beside_the_pickle(tmp_path):
    path, keypoint = kinetics(tmp_path)
    r = pyskl(path, pixels=True).items[0].read()
    # the second skeleton has too low a box score; frames without skeletons close up
    np.testing.assert_array_equal(r.arrays["skeleton"][:, 0], keypoint[[0, 2, 3], :, :2])
    np.testing.assert_array_equal(r.arrays["confidence"][:, 0], keypoint[[0, 2, 3], :, 2])
    assert r.arrays["skeleton"].shape == (3, 2, 17, 2) and not r.arrays["skeleton"][:, 1].any()
    both = pyskl(path, pixels=True, box_threshold=0.1).items[0].read()
    np.testing.assert_array_equal(both.arrays["skeleton"][0], keypoint[:2, :, :2])


def test_kinetics_errors(tmp_path):
    path, _ = kinetics(tmp_path, frames=(0, 3, 1, 7))
    with pytest.raises(InputError, match='"frame_inds" falls'):
        pyskl(path).items[0].read()
    with pytest.raises(InputError, match=r"has no skeleton with a box score of 0.95"):
        pyskl(kinetics(tmp_path)[0], box_threshold=0.95).items[0].read()
    with pytest.raises(InputError, match=r"kp.pkl: cannot be read"):
        pyskl(path, kpfiles=str(tmp_path / "none")).items[0].read()


def test_decompress_sorts_only_where_a_frame_is_crowded():
    keypoint = np.random.default_rng(0).uniform(0, 1, (MOST + 4, 17, 3)).astype(np.float32)
    frame = np.array([0] * 3 + [1] * (MOST + 1))
    crowded = decompress(keypoint, frame)
    assert crowded.shape == (2, MOST, 17, 3)
    for row in (keypoint[:3], keypoint[3:]):
        best = row[np.argsort(-row[..., 2].sum(-1), kind="stable")][:MOST]
        np.testing.assert_array_equal(crowded[0 if len(row) == 3 else 1][: len(best)], best)
    np.testing.assert_array_equal(decompress(keypoint[:3], frame[:3])[0], keypoint[:3])
