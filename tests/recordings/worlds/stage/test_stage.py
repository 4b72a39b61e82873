import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.annotations import rasterize
from acteme.recordings.corpus import Corpus
from acteme.recordings.skeleton import kinematics
from acteme.recordings.sources import open_data
from acteme.recordings.worlds.stage import stage
from acteme.recordings.worlds.stage.primitives import PRIMITIVES, STILL
from acteme.recordings.worlds.stage.rig import PARTS
from acteme.recordings.worlds.stage.rules import MICRO

CLEAN = {"noise": (0.0, 0.0), "dropout": 0.0}
FORMS = [
    {"train": 30, "test": 20},
    {"train": 30, "test": 20, "labels": "part"},
    {"train": 30, "test": 20, "rule": "rhythm", "classes": 20},
    {"train": 30, "test": 20, "rule": "micro", "classes": 20, "siblings": "place", "sway": 0.1},
    {"train": 3, "test": 2, "form": "untrimmed", "seconds": (6.0, 9.0)},
    {"train": 3, "test": 2, "form": "untrimmed", "seconds": (6.0, 9.0), "labels": "part"},
]


def same(a: Corpus, b: Corpus) -> bool:
    arrays = all(np.array_equal(a.arrays[n], b.arrays[n]) for n in a.arrays)
    return arrays and all(np.array_equal(a.table[n], b.table[n]) for n in a.table)


@pytest.mark.parametrize("dials", FORMS)
def test_the_seed_decides_everything(dials: dict) -> None:
    one = stage(**dials)
    assert same(one, stage(**dials))
    other = stage(**dials, seed=1)
    assert other.spec == one.spec
    assert other.arrays["skeleton"].shape != one.arrays["skeleton"].shape or not same(one, other)


@pytest.mark.parametrize("dials", FORMS)
def test_labels_and_segments_say_the_same(dials: dict) -> None:
    c = stage(**dials)
    truth, k = c.truth(), len(c.spec.classes)
    for i in range(len(c)):
        s, row, a = truth.select(truth.recording == i), c[i], int(c.table["offset"][i])
        labels = c.arrays["frame_labels"][a : a + row.frames]
        np.testing.assert_array_equal(rasterize(s.start, s.end, s.label, row.frames, 30.0, k), labels)
        if c.label[i] >= 0:
            assert set(np.flatnonzero(labels.any(0))) == {c.label[i]} and labels.mean() * k > 0.5
    single = dials.get("labels") != "part"
    assert c.spec.multilabel != single and (c.arrays["frame_labels"].sum(1).max() == 1) == single
    built = Corpus.of(list(c), c.spec)
    np.testing.assert_array_equal(built.arrays["frame_labels"], c.arrays["frame_labels"])
    np.testing.assert_array_equal(built.arrays["skeleton"], c.arrays["skeleton"])


def test_split_sizes_lengths_and_subjects() -> None:
    c = stage(train=120, test=60, frames=(20, 30), subjects=5, test_subjects=3, views=4)
    train, test = c.select("train"), c.select("test")
    assert (len(train), len(test)) == (120, 60) and c.frames.min() == 20 and c.frames.max() == 30
    assert set(train.column("subject")) == {f"person{i}" for i in range(5)}
    assert set(test.column("subject")) == {f"person{i}" for i in range(5, 8)}
    assert set(train.column("camera")) == {"view0", "view2"} and set(test.column("camera")) == {"view1", "view3"}
    assert len(set(c.table["name"])) == 180
    assert np.bincount(train.label).tolist() == [10] * 12 and np.bincount(test.label).tolist() == [5] * 12


def test_the_factors_tell_the_rule() -> None:
    c = stage(train=100, test=20, left_handed=0.5)
    primitive = np.stack([c.table[f"factor:{p}:primitive"] for p in PARTS], 1).astype(int)
    lefty = c.table["factor:left_handed"] == 1
    assert 0.2 < lefty.mean() < 0.8
    for i in range(len(c)):
        for clause in c.spec.classes[c.label[i]].split("+"):
            part, move = clause.split(":")
            if lefty[i]:
                swap = {"left": "right", "right": "left"}
                part = "_".join(swap.get(w, w) for w in part.split("_"))
            assert PRIMITIVES[primitive[i, PARTS.index(part)]] == move
            assert c.table[f"text:{part}"][i] in c.table["text"][i]


def test_nuisances_do_not_tell_the_class() -> None:
    c = stage(train=3000, test=0)
    label = c.label
    for name, column in c.table.items():
        if name.startswith("factor:") and ":primitive" not in name and np.ptp(column) > 0:
            means = np.array([column[label == k].mean() for k in range(12)])
            spread = column.std() / np.sqrt(250)
            assert np.abs(means - column.mean()).max() < 4.5 * spread, name


def test_bones_are_the_subjects() -> None:
    c = stage(train=40, test=0, subjects=3, **CLEAN)
    lengths = kinematics.lengths(c.arrays["skeleton"][:, 0].astype(np.float64), "ntu25")
    rows = np.repeat(c.table["subject"], c.frames)
    for who in set(rows):
        assert lengths[rows == who][:, [2, 3, 5, 6, 9, 13, 14, 17]].std(0).max() < 1e-4
    standard = kinematics.lengths(stage(train=1, test=0, proportions=0.0, **CLEAN).arrays["skeleton"][0, 0], "ntu25")
    ratio = lengths[:, [3, 5, 6, 13, 14]] / standard[[3, 5, 6, 13, 14]]
    assert 0.849 < ratio.min() < 0.95 and 1.05 < ratio.max() < 1.151


def test_noise_and_dropout_are_measured() -> None:
    dials = {"train": 150, "test": 0}
    clean = stage(**dials, **CLEAN).arrays["skeleton"]
    noisy = stage(**dials, noise=(0.015, 0.015), dropout=0.0).arrays["skeleton"]
    assert abs((noisy - clean).std() - 0.015) < 1e-4
    full = stage(**dials, noise=(0.0, 0.0), dropout=0.1)
    gone = (full.arrays["skeleton"] == 0).all(-1)
    assert abs(gone.mean() - 0.1) < 0.005
    np.testing.assert_array_equal(full.arrays["skeleton"][~gone], clean[~gone])


def test_the_long_tail() -> None:
    c = stage(train=1000, test=120, tail=50.0)
    counts = np.bincount(c.select("train").label, minlength=12)
    assert 45 < counts[0] / counts[-1] < 55 and (np.diff(counts) <= 0).all() and counts.sum() == 1000
    assert np.bincount(c.select("test").label).tolist() == [10] * 12


QUIET = {"rest": 1.0, "frames": (90, 90), **dict.fromkeys(("style", "warp", "turn", "path", "crop", "easing"), 0.0)}


def test_small_movements_are_of_centimeters() -> None:
    c = stage(rule="micro", classes=20, train=200, test=0, proportions=0.0, **QUIET, **CLEAN)
    assert c.spec.groups == tuple(MICRO) * 4 and c.spec.group_names == tuple(MICRO)
    x = c.arrays["skeleton"].reshape(200, 90, 25, 3)[:, 20:70]
    far = np.linalg.norm(np.ptp(x, axis=1), axis=-1).max(1) / 2  # once the part is in its place
    assert 0.004 < far.min() < 0.008 and 0.016 < far.max() < 0.026
    hand = [x[c.label == c.spec.classes.index(f"right_arm:slow:{place}")] for place in ("close", "far")]
    low, high = ((h[:, :, 11, 1] - h[:, :, 8, 1]).mean() for h in hand)  # wrist over shoulder
    assert 0.015 < high - low < 0.08, "held forward the hand is higher"


def test_sway_moves_what_is_still() -> None:
    dials = {"rule": "micro", "classes": 20, "train": 20, "test": 0, **QUIET, **CLEAN}
    calm, moved = (stage(**dials, sway=s).arrays["skeleton"].reshape(20, 90, 25, 3) for s in (0.0, 0.1))
    apart = np.linalg.norm(moved - calm, axis=-1)
    assert apart[:, :, 10].mean() > 0.01 and apart.max() < 0.5
    assert (stage(**dials, sway=0.0).arrays["skeleton"] == stage(**dials).arrays["skeleton"]).all()
    assert np.abs(np.diff(moved - calm, axis=1)).max() < 0.02, "it is slow"


def test_missing_limbs_and_second_persons() -> None:
    c = stage(train=200, test=0, missing=0.5, second=0.3, dropout=0.0)
    assert c.spec.persons == 2 and c.arrays["skeleton"].shape[1:] == (2, 25, 3)
    first = np.array([(c[i].arrays["skeleton"][:, 0] == 0).all((0, 2)).any() for i in range(len(c))])
    np.testing.assert_array_equal(first, c.table["factor:missing"] >= 0)
    there = np.array([c[i].arrays["skeleton"][:, 1].any() for i in range(len(c))])
    np.testing.assert_array_equal(there, c.table["factor:persons"] == 2)
    assert 0.4 < first.mean() < 0.6 and 0.2 < there.mean() < 0.4


def test_a_second_person_changes_nothing_else() -> None:
    alone, together = (stage(train=20, test=0, second=s).arrays["skeleton"] for s in (0.0, 1.0))
    np.testing.assert_array_equal(alone[:, 0], together[:, 0])


def test_a_shortcut_holds_in_training_only() -> None:
    c = stage(train=600, test=600, shortcut=0.9, rest=0.25)
    rate = {}
    for split in ("train", "test"):
        s = c.select(split)
        primitive = np.stack([s.column(f"factor:{p}:primitive") for p in PARTS], 1).astype(int)
        bound = np.array([[p in n for p in PARTS] for n in s.spec.classes])
        best = []
        for k in range(12):
            mine = primitive[s.label == k][:, ~bound[k]]
            best.append(max(np.bincount(column).max() / len(mine) for column in mine.T))
        rate[split] = np.mean(best)
    assert rate["train"] > 0.75 and rate["test"] < 0.5


def test_rest_and_background() -> None:
    still = stage(train=100, test=0, rest=1.0)
    moving = np.stack([still.table[f"factor:{p}:primitive"] for p in PARTS], 1) != STILL
    assert (moving.sum(1) == 2).all()
    empty = stage(form="untrimmed", train=20, test=0, background=0.4)
    share = (empty.arrays["frame_labels"].sum(1) == 0).mean()
    assert 0.3 < share < 0.5
    assert set(empty.arrays["frame_labels"].any(0)) == {True}


def test_views_and_camera_height_move_what_is_seen() -> None:
    dials = {"train": 60, "test": 0, "path": 0.0, "turn": 0.0, **CLEAN}
    level = stage(**dials, camera_height=(0.9, 0.9), distance=(3.0, 3.0))
    high = stage(**dials, camera_height=(2.5, 2.5), distance=(3.0, 3.0))
    a, b = (c.arrays["skeleton"][:, 0] for c in (level, high))
    np.testing.assert_allclose(kinematics.lengths(a, "ntu25"), kinematics.lengths(b, "ntu25"), atol=1e-4)
    np.testing.assert_allclose(a[:, 0, [0, 2]], np.broadcast_to([0, 3.0], (len(a), 2)), atol=1e-5)
    across = a[:, 16] - a[:, 12]  # from the left hip to the right
    angle = np.rad2deg(np.arctan2(-across[:, 2], across[:, 0])) % 360
    wanted = np.repeat(level.table["factor:azimuth"], level.frames)
    assert np.abs((angle - wanted + 180) % 360 - 180).max() < 0.1


def test_dials_as_text() -> None:
    c = open_data("stage?train=4&test=2&classes=3&frames=10,12&noise=0,0&labels=class")
    assert len(c) == 6 and len(c.spec.classes) == 3 and set(c.frames) <= {10, 11, 12}


@pytest.mark.parametrize(
    ("dials", "message"),
    [
        ({"form": "films"}, "form is 'films'"),
        ({"labels": "none"}, "labels is 'none'; use class or part"),
        ({"frames": (9, 3)}, "frames is 9,3"),
        ({"noise": (-0.1, 0.1)}, "noise is -0.1,0.1"),
        ({"easing": 0.6}, "easing is out of its range; give a number between 0 and 0.5"),
        ({"dropout": 2.0}, "dropout is out of its range"),
        ({"tail": 0.5}, "tail at least 1"),
        ({"fps": 1e9}, r"fps must be in \[5, 240\]"),
        ({"classes": 999}, "classes is 999"),
        ({"subjects": 0}, "subjects is 0"),
        ({"train": 0, "test": 0}, "no recordings"),
    ],
)
def test_bad_dials_are_named(dials: dict, message: str) -> None:
    with pytest.raises(InputError, match=message.replace(".", r"\.")):
        stage(**dials)
