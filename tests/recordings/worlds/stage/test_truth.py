import numpy as np

from acteme.recordings.annotations import rasterize
from acteme.recordings.worlds.stage import truth
from acteme.recordings.worlds.stage.primitives import PRIMITIVES
from acteme.recordings.worlds.stage.rig import PARTS
from acteme.recordings.worlds.stage.script import Range, Script, draw

FPS, TIME = 10.0, np.arange(40) / 10.0


def scripts() -> Script:
    rng, shape = np.random.default_rng(0), (5, 3, len(PARTS))
    cuts = np.sort(rng.uniform(0, 4, (5, 4, len(PARTS))), 1)
    return draw(rng, rng.integers(0, 7, shape), cuts[:, :-1], cuts[:, 1:], Range())


def test_part_labels_say_what_the_script_says() -> None:
    script = scripts()
    got = truth.part_labels(script, TIME)
    assert got.shape == (5, 40, 36) and len(truth.PART_CLASSES) == 36
    for n in range(5):
        wanted = np.zeros((40, 36), np.uint8)
        for s in range(3):
            for p, part in enumerate(PARTS):
                name = PRIMITIVES[script.primitive[n, s, p]]
                if name != "still":
                    on = (script.start[n, s, p] <= TIME) & (script.end[n, s, p] > TIME)
                    wanted[on, truth.PART_CLASSES.index(f"{part}:{name}")] = 1
        np.testing.assert_array_equal(got[n], wanted)


def test_a_class_holds_while_all_of_its_parts_play() -> None:
    script = scripts()
    label = np.array([[0, -1, 1]] * 5)
    about = np.zeros((5, 3, 6), bool)
    about[..., [1, 4]] = True
    got = truth.class_labels(script, label, about, TIME, 2)
    for n in range(5):
        for k, s in ((0, 0), (1, 2)):
            start = max(script.start[n, s, p] for p in (1, 4))
            end = min(script.end[n, s, p] for p in (1, 4))
            np.testing.assert_array_equal(got[n, :, k], (start <= TIME) & (end > TIME))


def test_segments_are_the_maximal_stretches() -> None:
    labels = (np.random.default_rng(0).random((4, 40, 3)) < 0.7).astype(np.uint8)
    s = truth.segments(labels, FPS)
    for n in range(4):
        mine = s.select(s.recording == n)
        back = rasterize(mine.start, mine.end, mine.label, 40, FPS, 3)
        np.testing.assert_array_equal(back, labels[n])
    key = s.recording * 1e6 + s.start * 1e3 + s.label
    assert (np.diff(key) > 0).all()
    starts = ((np.diff(np.pad(labels, ((0, 0), (1, 0), (0, 0))).astype(int), axis=1)) == 1).sum()
    assert len(s) == starts


def test_nothing_gives_no_segments() -> None:
    assert len(truth.segments(np.zeros((2, 5, 3), np.uint8), FPS)) == 0
