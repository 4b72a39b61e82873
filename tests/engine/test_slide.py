"""Windows that slide: coverage, batches across recordings, lengths for whole-clip systems."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.engine.adapt import View
from acteme.engine.slide import Slide, slide
from acteme.recordings.batch import check_batch
from acteme.recordings.windows import Windows
from tests.engine.toys import SPEC, untrimmed


@settings(max_examples=100)
@given(st.integers(1, 60), st.integers(1, 20), st.floats(0, 0.95))
def test_windows_cover_every_frame(frames, length, overlap):
    first = Slide(Windows(), 0.0, overlap=overlap).starts(frames, length)
    seen = np.zeros(frames, bool)
    for a in first:
        seen[a : a + length] = True
    assert seen.all() and first[-1] == max(frames - length, 0) and (np.diff(first) > 0).all()


@pytest.mark.parametrize(
    ("how", "fps", "frames", "length"),
    [
        (Slide(Windows(frames=64), 1.0), 10, 1000, 64),
        (Slide(Windows(frames=64), 1.0, seconds=2.5), 10, 1000, 25),
        (Slide(Windows(frames=64), 1.0, seconds=0.01), 10, 1000, 1),
        (Slide(Windows(frames=None, limit=300), 8.04), 10, 150, 150),
        (Slide(Windows(frames=None, limit=300), 8.04), 10, 161, 80),
        (Slide(Windows(frames=None, limit=300), 100.0), 10, 301, 300),
        (Slide(Windows(frames=None, limit=300), 0.0), 10, None, 1),
    ],
)
def test_lengths_of_windows(how, fps, frames, length):
    assert how.length(fps, frames) == length


def views(*frames):
    return [View(untrimmed(1, n, seed=n)[0], SPEC, SPEC) for n in frames]


def test_batches_go_across_recordings_and_are_full():
    made = list(slide(views(20, 9, 31), Slide(Windows(frames=8), 0.0, batch=4)))
    assert [len(b["skeleton"]) for b, _ in made] == [4, 4, 4, 1]
    rows = [(p.number, s) for _, pieces in made for p in pieces for s in p.start.tolist()]
    assert rows == [(0, 0), (0, 4), (0, 8), (0, 12), (1, 0), (1, 1), *((2, s) for s in (0, 4, 8, 12, 16, 20, 23))]
    for batch, pieces in made:
        check_batch(batch)
        assert batch["start"].tolist() == [s for p in pieces for s in p.start.tolist()]
        for i, (number, start) in enumerate((p.number, s) for p in pieces for s in p.start.tolist()):
            view = next(p.view for p in pieces if p.number == number)
            expected = view.recording.arrays["skeleton"][start : start + 8]
            np.testing.assert_array_equal(batch["skeleton"][i], expected)


def test_clips_of_unlike_length_are_padded():
    how = Slide(Windows(frames=None, limit=50), 2.0, batch=8)
    ((batch, pieces),) = slide(views(20, 9, 31), how)
    assert batch["frames"].tolist() == [20, 9, 31] == batch["mask"].sum(1).tolist() and batch["skeleton"].shape[1] == 31
    assert not batch["skeleton"][1, 9:].any() and [p.length for p in pieces] == [20, 9, 31]
    torch.testing.assert_close(batch["skeleton"][0, :20], torch.tensor(views(20)[0].recording.arrays["skeleton"]))


def test_recordings_are_taken_as_they_are_needed():
    taken = []

    def lazily():
        for view in views(40, 40, 40):
            taken.append(view)
            yield view

    batches = slide(lazily(), Slide(Windows(frames=8), 0.0, batch=5))
    next(batches)
    assert len(taken) == 1


def test_the_clock_is_that_of_the_view():
    view = View(untrimmed(1, 40)[0], SPEC, replace(SPEC, fps=20.0))
    ((batch, _),) = slide([view], Slide(Windows(frames=80), 0.0))
    assert batch["fps"].tolist() == [20.0] and batch["frames"].tolist() == [80]
