"""2D keypoints in all their forms: frames, persons, confidences, and what is broken."""

import json

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.skeleton.readers.openpose import keypoints, kinetics, read_keypoints
from tests.recordings.skeleton.readers.cases import people, walk


def body(seed: int, joints: int = 25, confidence: float | None = None) -> np.ndarray:
    x = walk(1, joints, 3, seed)[0]
    if confidence is not None:
        x[:, 2] = confidence
    return x


def frames(folder, *contents, pattern="clip_{:03d}_keypoints.json"):
    folder.mkdir(exist_ok=True)
    for t, content in enumerate(contents):
        (folder / pattern.format(t)).write_text(json.dumps(content))
    return folder


def test_a_folder_of_frames(tmp_path):
    a, b = body(0), body(1)
    r = read_keypoints(frames(tmp_path / "clip", people(a), people(), people(b, a)), fps=25)
    assert r.arrays["skeleton"].shape == (3, 2, 25, 2) and r.arrays["confidence"].shape == (3, 2, 25)
    np.testing.assert_array_equal(r.arrays["skeleton"][2], [b[:, :2], a[:, :2]])
    np.testing.assert_array_equal(r.arrays["confidence"][0, 0], a[:, 2])
    assert not r.arrays["skeleton"][1].any() and (r.name, r.fps) == ("clip", 25)


def test_frames_are_counted_not_spelled(tmp_path):
    r = read_keypoints(frames(tmp_path / "c", *[people(body(t)) for t in range(11)], pattern="f{}_keypoints.json"))
    np.testing.assert_array_equal(r.arrays["skeleton"][10, 0], body(10)[:, :2])


def test_fifteen_joints_are_the_first_of_twenty_five(tmp_path):
    folder = frames(tmp_path / "clip", people(body(0)))
    np.testing.assert_array_equal(read_keypoints(folder, layout="body15").arrays["skeleton"][0, 0], body(0)[:15, :2])
    with pytest.raises(InputError, match="has the joints of 'body25', not of 'coco17'"):
        read_keypoints(folder, layout="coco17")


def test_the_surest_persons_are_kept_in_their_order(tmp_path):
    a, b, c = body(0, confidence=0.5), body(1, confidence=0.1), body(2, confidence=0.9)
    r = read_keypoints(frames(tmp_path / "clip", people(a, b, c)))
    np.testing.assert_array_equal(r.arrays["skeleton"][0], [a[:, :2], c[:, :2]])


def write(path, data):
    path.write_text(json.dumps(data))
    return path


@pytest.mark.parametrize("wrap", [lambda f: f, lambda f: {"frames": f}])
def test_a_sequence_in_one_file(tmp_path, wrap):
    r = read_keypoints(write(tmp_path / "a.json", wrap([people(body(0)), people()])))
    assert r.frames == 2 and r.arrays["skeleton"][0, 0].any() and not r.arrays["skeleton"][1].any()


def coco(seed, image):
    return {"image_id": image, "category_id": 1, "keypoints": body(seed, 17).ravel().tolist(), "score": 0.5}


@pytest.mark.parametrize(
    ("ids", "rows"),
    [
        ([5, 5, 7], [0, 0, 2]),  # numbers are frames; a frame without persons stays
        (["9.jpg", "10.jpg", "12.jpg"], [0, 1, 3]),
        ([139, 10**9, 5 * 10**8], [0, 2, 1]),  # numbers of images, not of frames
        (["b", "a", "c"], [1, 0, 2]),
        (["v1_1.png", "v2_1.png", "v2_2.png"], [0, 1, 2]),  # not unique as numbers
    ],
)
def test_coco_results(tmp_path, ids, rows):
    r = read_keypoints(write(tmp_path / "a.json", [coco(n, i) for n, i in enumerate(ids)]))
    assert r.frames == max(rows) + 1 and r.arrays["skeleton"].shape[1:] == (2, 17, 2)
    for n, row in enumerate(rows):
        place = rows[:n].count(row)
        np.testing.assert_array_equal(r.arrays["skeleton"][row, place], body(n, 17)[:, :2])


def test_coco_annotations_follow_their_images(tmp_path):
    data = {"images": [{"id": 9}, {"id": 4}, {"id": 7}], "annotations": [coco(0, 4), coco(1, 9)]}
    r = read_keypoints(write(tmp_path / "a.json", data))
    np.testing.assert_array_equal(r.arrays["skeleton"][:2, 0], [body(1, 17)[:, :2], body(0, 17)[:, :2]])
    data["annotations"].append(coco(2, 8))
    with pytest.raises(InputError, match='image 8 is not among the "images"'):
        read_keypoints(write(tmp_path / "a.json", data))


def kinetics_clip(*frames_of_scores, first=1):
    data = []
    for t, scores in enumerate(frames_of_scores):
        persons = [{"pose": [0.75, 0.25] * 18, "score": [0.0, *[s] * 17]} for s in scores]
        data.append({"frame_index": first + 2 * t, "skeleton": persons})
    return {"data": data, "label": "abseiling", "label_index": 0}


def test_kinetics_skeleton_as_st_gcn_takes_it(tmp_path):
    r = read_keypoints(write(tmp_path / "v.json", kinetics_clip([0.2, 0.9], [0.1, 0.2, 0.3, 0.4, 0.5, 0.99])))
    assert r.frames == 3 and r.label == "abseiling" and not r.arrays["skeleton"][1].any()
    np.testing.assert_array_equal(r.arrays["skeleton"][0, 0, :2], [[0, 0], [0.25, 0.25]])
    # the two surest, by falling confidence; the sixth person is not looked at
    np.testing.assert_allclose(r.arrays["confidence"][[0, 2], :, 5], [[0.9, 0.2], [0.5, 0.4]], rtol=1e-6)


def test_kinetics_folder(tmp_path):
    for part in ("train", "val"):
        folder = tmp_path / f"kinetics_{part}"
        folder.mkdir()
        write(folder / f"{part}1.json", kinetics_clip([0.5]))
        labels = {f"{part}1": {"has_skeleton": True, "label": "abseiling", "label_index": 0},
                  f"{part}2": {"has_skeleton": False, "label": "air drumming", "label_index": 1}}  # fmt: skip
        write(tmp_path / f"kinetics_{part}_label.json", labels)
    listing = kinetics(tmp_path)
    assert [(i.name, i.read().split) for i in listing.items] == [("train1", "train"), ("val1", "test")]
    assert listing.spec.classes == ("abseiling", "air drumming") and "2 videos without any skeleton" in listing.notes[0]
    with pytest.raises(InputError, match=r"has no kinetics_train_label.json"):
        kinetics(tmp_path / "kinetics_val")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "neither OpenPose, COCO nor Kinetics"),
        (3, "neither OpenPose, COCO nor Kinetics"),
        ({"people": [{}]}, 'has no "people" with'),
        ({"people": []}, "no frame has a person"),
        ([people(body(0)), {}], 'frame 1: has no "people"'),
        ([people(body(0)), people(body(0)[:17])], "persons have 17 and 25 joints"),
        (people(body(0)[:3]), "persons have 3 joints"),
        ({"people": [{"pose_keypoints_2d": [1, 2]}]}, "expected x, y, confidence per joint"),
        ({"people": [{"pose_keypoints_2d": [1, 2, None] * 25}]}, "is not an array of numbers"),
        ([{"image_id": 1}], 'an entry has no "keypoints"'),
        ([coco(0, 1.5)], 'or no "image_id"'),
        ([coco(0, 1), coco(1, True)], 'or no "image_id"'),  # found by fuzzing: True equals 1
        ({"data": []}, '"data" lists no frame'),
        ({"data": [{"frame_index": 0, "skeleton": []}]}, 'no sensible "frame_index"'),
        ({"data": [{"frame_index": 10**9, "skeleton": []}]}, 'no sensible "frame_index"'),
        ({"data": [{"frame_index": 1}]}, 'frame 0: has no "skeleton"'),
        ({"data": [{"frame_index": 1, "skeleton": [{"pose": [1, 2, 3], "score": [1]}]}]}, "do not fit together"),
    ],
)
def test_broken_files(tmp_path, data, message):
    with pytest.raises(InputError, match=message):
        read_keypoints(write(tmp_path / "a.json", data))


def test_listing_of_folders_and_files(tmp_path):
    frames(tmp_path / "clip", people(body(0)))
    (tmp_path / "wave").mkdir()
    frames(tmp_path / "wave" / "one", people(body(1)))
    write(tmp_path / "wave" / "two.json", [people(body(2))])
    listing = keypoints(tmp_path, fps=25)
    assert {i.name: i.read().label for i in listing.items} == {"clip": "", "wave/one": "wave", "wave/two.json": "wave"}
    assert listing.spec.classes == ("wave",) and (listing.spec.layout, listing.spec.channels) == ("body25", 2)
    with pytest.raises(InputError, match="holds no JSON file"):
        keypoints(tmp_path / "none")
