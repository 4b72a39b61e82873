"""Folders as TMR prepares them: crops, captions by their own numbers, events, and what is broken."""

import json

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.skeleton.readers.humanml3d_vectors import to_positions
from acteme.recordings.skeleton.readers.tmr import tmr
from tests.recordings.skeleton.readers.cases import CASES, _tmr


@pytest.fixture
def folder(tmp_path):
    CASES["tmr annotations"].files(tmp_path)
    return tmp_path


def changed(folder, **changes):
    path = folder / "annotations.json"
    keys = json.loads(path.read_text())
    keys["a"] |= changes
    path.write_text(json.dumps(keys))


def test_a_recording_is_what_its_captions_span(folder):
    listing = tmr(folder)
    (r,) = [item.read() for item in listing.items]
    vectors = np.load(folder / "motions/guoh3dfeats/CMU/01.npy")
    np.testing.assert_allclose(r.arrays["skeleton"][:, 0], to_positions(vectors[10:50]))
    np.testing.assert_array_equal(r.arrays["vector"], vectors[10:50])
    assert (r.name, r.split, r.fps, r.factors) == ("a", "train", 20.0, {"nsim": 1.0})
    assert [(s.start, s.end, s.text, s.events) for s in r.segments] == [
        (0.0, 2.0, "a man bends and waves", ("a man bends", "a man waves")),
        (0.5, 1.5, "he waves", ("he",)),
    ]


def test_events_belong_to_their_caption_whatever_else_is_missing(folder):
    (folder / "event_texts/a_0.json").unlink()
    (r,) = [item.read() for item in tmr(folder).items]
    assert [s.events for s in r.segments] == [(), ("he",)]


def test_kit(tmp_path):
    _tmr(tmp_path, 251)
    listing = tmr(tmp_path, layout="kit21")
    arrays = listing.items[0].read().arrays
    assert listing.spec.layout == "kit21" and arrays["skeleton"].shape == (25, 1, 21, 3)
    assert arrays["vector"].shape == (25, 251)
    with pytest.raises(InputError, match=r"expected \(frames, 263\)"):
        tmr(tmp_path).items[0].read()


def test_keys_without_annotation_or_motion_are_counted(folder):
    (folder / "splits" / "test.txt").write_text("b a")
    changed(folder, path="CMU/02")
    with pytest.raises(InputError, match="has no motion that splits"):
        tmr(folder)
    changed(folder, path="CMU/01")
    listing = tmr(folder)
    assert [i.name for i in listing.items] == ["a", "a"] and "1 keys of the splits" in listing.notes[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"annotations": []}, "has no caption"),
        ({"annotations": [{"text": "x", "start": 3, "end": 1}]}, "times 3 to 1 are empty, reversed or endless"),
        ({"annotations": [{"text": "x", "start": 50, "end": 51}]}, "span no frame of 60"),
        ({"annotations": [{"text": "x", "start": "a", "end": 1}]}, "no start or end"),
        ({"annotations": [{"start": 0, "end": 1}]}, "an annotation has no text"),
        ({"path": "../../etc/x"}, "leads out of the folder"),
        ({"path": 3}, "has no path"),
    ],
)
def test_what_is_broken(folder, changes, message):
    changed(folder, **changes)
    with pytest.raises(InputError, match=message):
        [item.read() for item in tmr(folder).items]


def test_an_empty_folder(tmp_path):
    with pytest.raises(InputError, match=r"annotations.json"):
        tmr(tmp_path)
