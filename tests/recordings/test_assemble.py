"""What is checked of every recording before it joins a corpus."""

from dataclasses import replace

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.annotations import Segment
from acteme.recordings.assemble import Assembly, Files, Memory
from acteme.recordings.recording import Recording
from tests.recordings.samples import SPEC, clip, skeleton


def fails(recording, spec=SPEC, before=()):
    made = Assembly(spec, Memory(), False)
    for each in before:
        made.add(each)
    with pytest.raises(InputError) as caught:
        made.add(recording)
    assert len(made.rows) == len(before)
    return str(caught.value)


def of(array, **more):
    return Recording("r", 30.0, {"skeleton": array, **more}, where="walk.npz")


@pytest.mark.parametrize(
    ("recording", "message"),
    [
        (of(skeleton(0)), "walk.npz: has no frames"),
        (Recording("r", 30.0, {}), "r: has no frames"),
        (of(skeleton(3, joints=17)), "17 joints where layout 'ntu25' has 25; name the right layout"),
        (of(skeleton(3, persons=3)), "3 persons where the data set has room for 2"),
        (of(skeleton(3, channels=2)), "skeleton has 2 coordinates where the data set has 3"),
        (of(skeleton(3)[:, 0]), "skeleton has shape (3, 25, 3); it must be (frames, persons, joints, coordinates)"),
        (of(skeleton(3), confidence=np.ones((2, 2, 25))), "confidence has 2 frames where others have 3"),
        (of(skeleton(3), vector=np.ones((3, 263))), "vector has 263 numbers where 25 joints have 299"),
        (of(skeleton(3), sound=np.ones(3)), "unknown array 'sound'; use skeleton or confidence"),
        (replace(clip("a"), fps=0.0), "frame rate is 0.0"),
        (replace(clip("a"), fps=float("nan")), "frame rate is nan"),
        (clip("a", label="fly"), "unknown class 'fly'; the data set's classes: sit, walk, wave"),
        (
            clip("a", segments=(Segment(1.0, 1.0, "sit"),)),
            "segment 'sit' from 1 s to 1 s is empty, reversed or negative",
        ),
        (clip("a", segments=(Segment(2.0, 1.0, "sit"),)), "from 2 s to 1 s is empty, reversed"),
        (clip("a", segments=(Segment(-1.0, 1.0, "sit"),)), "from -1 s to 1 s"),
        (clip("a", segments=(Segment(0.0, float("nan"), "sit"),)), "to nan s"),
        (clip("a", segments=(Segment(0.0, float("inf"), "sit"),)), "to inf s"),
    ],
)
def test_bad_recordings_are_named(recording, message):
    assert message in fails(recording)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_numbers_that_are_none(value):
    array = skeleton(5).astype(np.float64)
    array[4, 1, 3, 2] = value
    assert "skeleton is NaN or infinite at frame 4, person 1, joint 3" in fails(of(array))


def test_names_are_unique():
    assert "a second recording is called 'a'" in fails(clip("a"), before=[clip("a")])


def test_arrays_are_the_same_in_all():
    scored = of(skeleton(3), confidence=np.ones((3, 2, 25)))
    assert "has confidence, skeleton where the recordings before have skeleton" in fails(scored, before=[clip("a")])


def test_a_bad_recording_takes_back_what_it_wrote(tmp_path, monkeypatch):
    monkeypatch.setattr("acteme.recordings.assemble.CHUNK", 300)
    store = Files(tmp_path)
    made = Assembly(SPEC, store, False)
    made.add(clip("a", 4))
    bad = clip("bb", 9)
    bad.arrays["skeleton"][8] = np.nan
    with pytest.raises(InputError):
        made.add(bad)
    made.add(clip("c", 2))
    store.close()
    written = np.fromfile(tmp_path / "skeleton.bin", np.float32).reshape(-1, 2, 25, 3)
    expected = np.concatenate([clip("a", 4).arrays["skeleton"], clip("c", 2).arrays["skeleton"]])
    assert np.array_equal(written, expected)
    assert store.kept == {"skeleton": [6, 2, 25, 3], "frame_labels": [6, 3]}


def test_any_numbers_become_float32():
    memory = Memory()
    Assembly(SPEC, memory, False).add(of(np.ones((2, 2, 25, 3), ">f8")))
    assert memory.arrays()["skeleton"].dtype == np.float32


def test_without_classes_there_are_no_frame_labels():
    memory = Memory()
    Assembly(replace(SPEC, classes=()), memory, False).add(clip("a"))
    assert memory.arrays().keys() == {"skeleton"}
