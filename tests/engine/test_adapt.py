"""Views of recordings in a run's layout, persons and frame rate."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.engine.adapt import View, adapt
from acteme.engine.slide import Slide, slide
from acteme.errors import InputError
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording
from acteme.recordings.skeleton.layouts import convert
from acteme.recordings.windows import Windows
from tests.engine.toys import SPEC, untrimmed

NTU = replace(SPEC, layout="ntu25", joints=25, channels=3)


def ramp(frames=20, fps=10.0, persons=1, spec=SPEC) -> Recording:
    x = np.ones((frames, persons, spec.joints, spec.channels), np.float32) * (
        1 + np.arange(frames)[:, None, None, None]
    )
    return Recording("walk", fps, {"skeleton": x.astype(np.float32)})


def test_the_same_shape_is_read_as_it_is():
    view = View(ramp(), SPEC, SPEC)
    assert view.frames == 20 and view.fps == 10
    np.testing.assert_array_equal(view.read(3, 7)["skeleton"], ramp().arrays["skeleton"][3:7])


@settings(max_examples=50)
@given(st.floats(2, 60), st.integers(1, 40), st.data())
def test_resampling_keeps_a_linear_motion_and_the_duration(fps, frames, data):
    view = View(ramp(frames, fps), SPEC, SPEC)
    assert abs(view.frames / view.fps - frames / fps) <= max(0.5, view.frames == 1) / view.fps + 1e-9
    a = data.draw(st.integers(0, view.frames - 1))
    b = data.draw(st.integers(a + 1, view.frames))
    got = view.read(a, b)["skeleton"]
    expected = 1 + np.minimum(np.arange(a, b) * (fps / 10.0 if view.resampled else 1.0), frames - 1)
    np.testing.assert_allclose(got[:, 0, 0, 0], expected, rtol=1e-4)
    assert got.shape == (b - a, 1, SPEC.joints, SPEC.channels)


def test_pieces_are_the_whole():
    view = View(ramp(50, 25.0), SPEC, SPEC)
    pieces = [view.read(a, min(a + 7, view.frames))["skeleton"] for a in range(0, view.frames, 7)]
    np.testing.assert_array_equal(np.concatenate(pieces), view.whole()["skeleton"])


def test_an_absent_person_is_not_blended_with_a_present_one():
    r = ramp(4, 20.0)
    r.arrays["skeleton"][2:] = 0
    values = View(r, SPEC, replace(SPEC, fps=40.0)).whole()["skeleton"][:, 0, 0, 0]
    np.testing.assert_allclose(values, [1, 1.5, 2, 0, 0, 0, 0, 0])


def test_layouts_are_converted_and_persons_padded():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6, 1, 25, 3)).astype(np.float32)
    view = View(Recording("r", 10.0, {"skeleton": x}), NTU, replace(SPEC, channels=3, persons=2))
    got = view.whole()["skeleton"]
    np.testing.assert_allclose(got[:, :1], convert(x, "ntu25", "coco17"))
    assert got.shape == (6, 2, 17, 3) and not got[:, 1].any()


def test_stored_vectors_are_cut_with_their_frames_and_never_converted():
    r = Recording("r", 10.0, {"skeleton": np.ones((6, 1, 25, 3)), "vector": np.arange(6.0)[:, None] + np.zeros(299)})
    wide = replace(NTU, persons=2)
    assert View(r, NTU, wide).read(2, 5)["vector"][:, 7].tolist() == [2, 3, 4]
    assert "vector" not in View(r, NTU, replace(NTU, fps=20.0)).whole()
    assert "vector" not in View(r, NTU, replace(SPEC, channels=3)).whole()
    assert adapt(Corpus.of([r], NTU), wide).batch(np.array([0]), np.array([3]))["vector"][0, :, 0].tolist() == [3, 4, 5]
    without = replace(r, arrays={"skeleton": r.arrays["skeleton"]})
    ((batch, _),) = slide([View(each, NTU, NTU) for each in (r, without)], Slide(Windows(frames=4, stride=4), 1.0))
    assert "vector" not in batch and batch["skeleton"].shape[0] == 4


@pytest.mark.parametrize(
    ("spec", "wanted", "message"),
    [
        (NTU, SPEC, "3D joints where the run reads 2D"),
        (replace(SPEC, layout="openpose18", joints=18), replace(SPEC, layout="ntu25", joints=25), "there is no map"),
        (replace(SPEC, persons=2), SPEC, "2 persons where the run reads 1"),
    ],
)
def test_what_cannot_be_converted_is_said(spec, wanted, message):
    with pytest.raises(InputError, match=message):
        View(ramp(spec=spec, persons=spec.persons), spec, wanted)


def test_room_for_persons_who_never_come_is_no_obstacle():
    r = ramp(persons=2)
    r.arrays["skeleton"][:, 1] = 0
    assert View(r, replace(SPEC, persons=2), SPEC).whole()["skeleton"].shape[1] == 1


@pytest.mark.parametrize("fps", [10.0, 30.0])
def test_a_nan_is_named_with_its_frame(fps):
    r = ramp(fps=fps)
    r.arrays["skeleton"][13, 0, 2, 1] = np.nan
    with pytest.raises(InputError, match="walk: skeleton has a NaN or infinity at frame 13"):
        View(r, SPEC, SPEC).whole()


def test_confidence_goes_along():
    r = ramp(4)
    confidence = np.full((4, 1, 17), 0.5, np.float32)
    view = View(replace(r, arrays={**r.arrays, "confidence": confidence}), SPEC, replace(SPEC, fps=20.0))
    assert view.whole()["confidence"].shape == (8, 1, 17) and (view.whole()["confidence"] == 0.5).all()


def test_memory_mapped_recordings_are_read_piece_by_piece(tmp_path):
    np.save(tmp_path / "x.npy", ramp(1000).arrays["skeleton"])
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    view = View(Recording("x", 10.0, {"skeleton": mapped}), SPEC, SPEC)
    for a in (0, 990, 500):
        np.testing.assert_array_equal(view.read(a, a + 10)["skeleton"], ramp(1000).arrays["skeleton"][a : a + 10])


def test_a_corpus_that_fits_is_returned_as_it_is():
    corpus = untrimmed(2)
    assert adapt(corpus, SPEC) is corpus


def test_a_corpus_is_resampled_with_its_labels():
    corpus = untrimmed(3, frames=40)
    double = adapt(corpus, replace(SPEC, fps=20.0))
    assert isinstance(double, Corpus) and double.frames.tolist() == [80] * 3
    assert (double.column("fps") == 20).all() and double.spec.classes == SPEC.classes
    assert double.column("split").tolist() == corpus.column("split").tolist()
    truth = corpus.arrays["frame_labels"][:40]
    np.testing.assert_array_equal(double.arrays["frame_labels"][:80:2], truth)
