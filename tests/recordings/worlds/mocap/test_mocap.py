import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.annotations import rasterize
from acteme.recordings.corpus import Corpus
from acteme.recordings.skeleton import kinematics
from acteme.recordings.sources import open_data
from acteme.recordings.worlds.mocap import mocap

SMALL = {"train": 6, "test": 4, "seconds": (6.0, 10.0)}


@pytest.fixture(scope="module")
def small() -> Corpus:
    return mocap(**SMALL)


def same(a: Corpus, b: Corpus) -> bool:
    arrays = all(np.array_equal(a.arrays[n], b.arrays[n]) for n in a.arrays)
    return arrays and all(np.array_equal(a.table[n], b.table[n]) for n in a.table)


def test_the_seed_decides_everything(small: Corpus) -> None:
    assert same(small, mocap(**SMALL))
    other = mocap(**SMALL, seed=1)
    assert other.arrays["skeleton"].shape != small.arrays["skeleton"].shape or not same(small, other)


def test_more_test_recordings_change_no_training_recording(small: Corpus) -> None:
    more = mocap(**(SMALL | {"test": 9})).select("train")
    n = small.select("train").frames.sum()
    np.testing.assert_array_equal(more.arrays["skeleton"][:n], small.arrays["skeleton"][:n])


@pytest.mark.parametrize("form", ["untrimmed", "clips"])
def test_no_body_and_no_viewpoint_is_in_both_splits(form: str) -> None:
    c = mocap(form=form, train=40, test=40, seconds=(3.0, 6.0), views=6, bodies=3, test_bodies=2)
    train, test = c.select("train"), c.select("test")
    for column in ("subject", "camera", "factor:body"):
        assert not set(train.column(column)) & set(test.column(column)), column
    assert set(train.column("camera")) == {"view0", "view2", "view4"}
    assert set(test.column("subject")) == {"body3", "body4"}
    sector = np.floor(c.table["factor:azimuth"] / 60).astype(int)
    assert [f"view{s}" for s in sector] == c.table["camera"].tolist()


def test_bodies_are_what_the_subject_says() -> None:
    c = mocap(form="clips", train=30, test=10, noise=0.0, bodies=3)
    lengths = {}
    for i, who in enumerate(c.table["subject"]):
        bones = kinematics.lengths(c[i].arrays["skeleton"][:, 0].astype(np.float64), "body15")[:, [3, 4, 7, 10, 11]]
        assert bones.std(0).max() < 1e-4
        lengths.setdefault(who, []).append(bones.mean(0))
    for every in lengths.values():
        assert np.ptp(every, axis=0).max() < 1e-4
    means = [np.mean(v, 0) for v in lengths.values()]
    assert min(np.abs(a - b).max() for i, a in enumerate(means) for b in means[:i]) > 0.005


def test_labels_and_segments_say_the_same(small: Corpus) -> None:
    truth = small.truth()
    for i in range(len(small)):
        s, row = truth.select(truth.recording == i), small[i]
        a = int(small.table["offset"][i])
        labels = small.arrays["frame_labels"][a : a + row.frames]
        np.testing.assert_array_equal(rasterize(s.start, s.end, s.label, row.frames, 30.0, 15), labels)
        assert set(labels.sum(1)) <= {1, 2}
        assert max(x.end for x in row.segments) == pytest.approx(row.duration)


def test_the_corpus_is_as_if_built_of_its_recordings(small: Corpus) -> None:
    built = Corpus.of(list(small), small.spec)
    for name, array in built.arrays.items():
        np.testing.assert_array_equal(small.arrays[name], array)


def test_two_action_frames_come_with_overlap() -> None:
    for overlap, low, high in ((0.0, 0, 0), (0.5, 0.2, 0.5), (1.0, 0.6, 0.85)):
        c = mocap(train=12, test=1, overlap=overlap)
        share = (c.arrays["frame_labels"].sum(1) == 2).mean()
        assert low <= share <= high
        assert c.spec.multilabel == (overlap > 0)


def test_noise_is_measured() -> None:
    quiet, loud = (mocap(**SMALL, noise=n).arrays["skeleton"] for n in (0.0, 0.02))
    assert abs((loud - quiet).std() - 0.02) < 2e-4
    assert abs((loud - quiet).mean()) < 2e-4


def test_clips_are_balanced_and_of_the_wanted_length() -> None:
    c = mocap(form="clips", train=150, test=30, layout="ntu25", window=(20, 30))
    assert np.bincount(c.select("train").label).tolist() == [10] * 15
    assert c.spec.joints == 25 and not c.spec.multilabel
    assert c.frames.max() <= 30 and np.median(c.frames) >= 20
    assert (c.arrays["frame_labels"].sum(1) == 1).all()
    assert c[0].text.startswith("A person ") and c[0].segments[0].label == c[0].label


@pytest.mark.parametrize("layout", ["body15", "mocap15", "ntu25"])
def test_layouts_are_views_of_one_figure(layout: str) -> None:
    one = mocap(train=1, test=1, seconds=(4.0, 5.0), noise=0.0, layout=layout)
    base = mocap(train=1, test=1, seconds=(4.0, 5.0), noise=0.0, layout="mocap15")
    assert one.arrays["skeleton"].dtype == np.float32
    pelvis = one.arrays["skeleton"][:, 0, kinematics.pelvis(layout)]
    np.testing.assert_array_equal(pelvis, base.arrays["skeleton"][:, 0, 0])


def test_upright_is_y_and_the_floor_is_zero() -> None:
    c = mocap(form="clips", train=60, test=0, noise=0.0, proportions=0.0)
    walk = np.concatenate([r.arrays["skeleton"][:, 0] for r in c if r.label == "walk"])
    assert 0.0 < walk[:, [11, 14], 1].min() < 0.1 and (walk[:, 0, 1] > 1.3).all()


def test_frames_per_second() -> None:
    c = mocap(**(SMALL | {"train": 2, "test": 1}), fps=60.0)
    assert (c.table["fps"] == 60).all() and c.spec.fps == 60
    assert (c.frames / 60 >= 6).all() and (c.frames / 60 <= 10).all()


def test_dials_as_text() -> None:
    c = open_data("mocap?train=2&test=1&seconds=4,5&overlap=0&blocks=true&layout=ntu25")
    assert len(c) == 3 and c.spec.layout == "ntu25" and (c.frames <= 150).all()


@pytest.mark.parametrize(
    ("dial", "message"),
    [
        ({"form": "films"}, "form is 'films'"),
        ({"overlap": 1.5}, "overlap is 1.5"),
        ({"noise": -1.0}, "noise is -1.0"),
        ({"seconds": (9.0, 3.0)}, "seconds is"),
        ({"window": (1, 3)}, "window is"),
        ({"stride": 0}, "stride is 0"),
        ({"fps": 0.0}, "fps is 0.0"),
        ({"bodies": 0}, "bodies is"),
        ({"views": 0}, "views is 0"),
        ({"train": 0, "test": 0}, "no recordings"),
        ({"layout": "coco17"}, "no joints for layout"),
    ],
)
def test_bad_dials_are_named(dial: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        mocap(**dial)
