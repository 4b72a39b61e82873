"""Predictions: times and labels, any frame rate and length, clip-level systems on long recordings, pools."""

from dataclasses import replace

import numpy as np
import pytest

from acteme.engine.predict import predict
from acteme.engine.segmenter import Rules
from acteme.errors import DataWarning, InputError
from acteme.recordings.recording import Recording
from acteme.recordings.skeleton.layouts import layout
from tests.engine.toys import SPEC, untrimmed
from tests.engine.trained import alike, recognizing, segmenting


def spans(prediction):
    return [(s.start, s.end, s.label) for s in prediction.segments]


def truth(recording):
    return [(s.start, s.end, s.label) for s in recording.segments]


def test_segments_are_those_of_the_recording():
    run, corpus = segmenting()
    found = list(predict(run, corpus))
    assert [p.recording for p in found] == [r.name for r in corpus]
    for p, r in zip(found, corpus, strict=True):
        assert spans(p) == truth(r) and p.duration == 4.0 and p.scores is None
        assert all(0.5 < s.score <= 1 for s in p.segments)


def test_only_a_split():
    run, corpus = segmenting()
    assert [p.recording for p in predict(run, corpus, split="test")] == ["r2", "r5"]


def test_a_recording_alone_with_its_scores():
    run, corpus = segmenting()
    (found,) = predict(run, corpus[1], scores=True, overlap=0, batch=1)
    assert found.scores.shape == (40, 2) and found.fps == 10
    np.testing.assert_allclose(found.scores.sum(1), 1, rtol=1e-5)
    assert (found.scores.argmax(1) == corpus.arrays["frame_labels"][40:80].argmax(1)).all()


@pytest.mark.parametrize("fps", [5.0, 25.0])
def test_another_frame_rate_gives_the_same_times(fps):
    run, corpus = segmenting()
    r = corpus[0]
    at = np.minimum(np.arange(int(4 * fps)) * 10 // int(fps) if fps < 10 else np.arange(int(4 * fps)) * 10 / fps, 39)
    other = replace(r, fps=fps, arrays={"skeleton": r.arrays["skeleton"][at.astype(int)]})
    (found,) = predict(run, other)
    assert found.fps == 10 and found.duration == 4.0
    assert [s.label for s in found.segments] == ["low", "high", "low"]
    np.testing.assert_allclose([s[:2] for s in spans(found)], [s[:2] for s in truth(r)], atol=0.21)


def test_a_clip_level_system_finds_actions_in_a_long_recording():
    run, _ = recognizing()
    x = np.full((200, 1, 17, 2), -1, np.float32)
    x[60:120] = 1
    (found,) = predict(run, Recording("long", 10.0, {"skeleton": x}))
    assert [s.label for s in found.segments] == ["low", "high", "low"]
    np.testing.assert_allclose([s.end for s in found.segments], [6, 12, 20], atol=0.5)


def test_recordings_shorter_than_a_window_and_of_one_frame():
    run, _ = segmenting()
    for frames in (1, 3):
        x = np.ones((frames, 1, 17, 2), np.float32)
        (found,) = predict(run, Recording("short", 10.0, {"skeleton": x}))
        assert spans(found) == [(0.0, frames / 10, "high")]


def test_rules_and_windows_are_used():
    run, corpus = segmenting()
    assert not next(predict(run, corpus, rules=Rules(shortest=9))).segments
    assert spans(next(predict(run, corpus, window=0.2))) == truth(corpus[0])


def test_files_are_read_and_converted(tmp_path):
    run, corpus = segmenting()
    np.save(tmp_path / "clip.npy", corpus[0].arrays["skeleton"])
    (found,) = predict(run, f"file:{tmp_path / 'clip.npy'}?layout=coco17&fps=10")
    assert found.recording == "clip" and spans(found) == truth(corpus[0])


def test_nothing_but_broken_files_is_refused(tmp_path):
    run, _ = segmenting()
    rows = ["frame,person,joint,x,y", *(f"0,0,{j},1,1" for j in layout("coco17").joints), "1,0,nose,far,away"]
    (tmp_path / "a.csv").write_text("\n".join(rows))
    (tmp_path / "annotations.csv").write_text("file,fps,label\na.csv,10,")
    with pytest.warns(DataWarning, match="left out"), pytest.raises(InputError, match="no recording could be read"):
        list(predict(run, f"{tmp_path}?skip_bad=true"))


def test_a_pool_predicts_the_same():
    run, corpus = segmenting()
    assert alike(list(predict(run, corpus, workers=2)), list(predict(run, corpus)))


def test_what_is_refused():
    run, corpus = segmenting()
    with pytest.raises(InputError, match="overlap is 1"):
        predict(run, corpus, overlap=1)
    with pytest.raises(InputError, match="window is 0 seconds"):
        predict(run, corpus, window=0)
    with pytest.raises(InputError, match="stage 'encoder' does not predict"):
        predict(run, corpus, stage="encoder")
    x = np.ones((5, 1, 12, 2), np.float32)
    with pytest.raises(InputError, match=r"odd: skeleton of shape \(5, 1, 12, 2\), not \(frames, persons, 17, 2\)"):
        list(predict(run, Recording("odd", 10.0, {"skeleton": x})))
    with pytest.raises(InputError, match="r0: has 2D joints where the run reads 3D"):
        list(predict(replace(run, spec=replace(SPEC, channels=3)), untrimmed(1)))
