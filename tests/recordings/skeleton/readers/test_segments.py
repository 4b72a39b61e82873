"""TSU and Charades: the strict rule, frames and seconds, the CSV, and what is broken."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.corpus import Corpus
from acteme.recordings.skeleton.readers.segments import charades, read_charades_csv, read_videos, tsu
from tests.recordings.skeleton.readers.cases import CASES, walk


def write_tsu(path, rows: int, duration: float, actions: list, layout: int = 17) -> None:
    (path / "poses").mkdir(exist_ok=True)
    np.save(path / "poses" / "P11T15C01.npy", walk(rows, layout))
    table = {"P11T15C01": {"subset": "testing", "duration": duration, "actions": actions}}
    (path / "smarthome_CS_51.json").write_text(json.dumps(table))


def positive(listing, label: int) -> list[int]:
    corpus = Corpus.of([item.read() for item in listing.items], listing.spec, listing.strict)
    return list(np.flatnonzero(corpus.arrays["frame_labels"][:, label]))


def test_strict_at_both_ends(tmp_path):
    write_tsu(tmp_path, 40, 40, [[3, 10, 20]])
    listing = tsu(tmp_path)
    assert positive(listing, 3) == list(range(11, 20))
    assert listing.strict and listing.spec.multilabel and len(listing.spec.classes) == 51
    r = listing.items[0].read()
    assert r.split == "test" and r.fps == 25 and r.segments[0].start == pytest.approx(0.4)


@settings(max_examples=60)
@given(
    rows=st.integers(1, 60), factor=st.integers(1, 60), start=st.integers(0, 300), length=st.integers(1, 300),
    fps=st.sampled_from([20.0, 25.0, 29.97, 30.0]),
)  # fmt: skip
def test_boundaries_that_fall_on_rows_stay_outside(tmp_path_factory, rows, factor, start, length, fps):
    path = tmp_path_factory.mktemp("tsu")
    duration = rows * factor
    start = start % duration
    write_tsu(path, rows, duration, [[0, start, start + length]])
    expected = [r for r in range(rows) if start < r * factor < start + length]
    assert positive(tsu(path, fps=fps), 0) == expected


def test_overlapping_actions_and_lcrnet_poses(tmp_path):
    CASES["tsu table"].files(tmp_path)
    listing = tsu(tmp_path)
    r = listing.items[0].read()
    assert r.arrays["skeleton"].shape == (4, 1, 17, 3) and [s.label for s in r.segments] == ["c003", "c005"]
    assert positive(listing, 3) == [] and positive(listing, 5) == [2]  # rows stand at frames 0, 10, 20, 30
    flat = tsu(tmp_path, axes=2)
    assert flat.spec.channels == 2 and np.abs(flat.items[0].read().arrays["skeleton"]).max() < 1.1


def test_class_names_come_from_a_file(tmp_path):
    write_tsu(tmp_path, 4, 4, [[50, 1, 3]])
    (tmp_path / "classes.txt").write_text("\n".join(f"action {k}" for k in range(51)))
    assert tsu(tmp_path).items[0].read().segments[0].label == "action 50"
    (tmp_path / "classes.txt").write_text("one\n")
    with pytest.raises(InputError, match="does not have 51 different names"):
        tsu(tmp_path)


def test_charades_csv_in_seconds(tmp_path):
    CASES["charades table"].files(tmp_path)
    (tmp_path / "Charades_v1_classes.txt").write_text("\n".join(f"c{k:03d} Doing {k}" for k in range(157)))
    listing = charades(tmp_path)
    r = listing.items[0].read()
    assert (r.split, r.subject, r.text) == ("train", "XYZ1", "A person, who cooks.")
    assert r.fps == pytest.approx(6 / 24.83) and listing.spec.classes[92] == "Doing 92"
    spans = [(s.label, round(s.start, 4), round(s.end, 4)) for s in r.segments]
    assert spans == [("Doing 92", 11.9, 21.2), ("Doing 147", 0, 12.6)]
    # rows stand every 4.138 s
    assert positive(listing, 92) == [3, 4, 5] and positive(listing, 147) == [1, 2, 3]


def test_charades_json_goes_before_the_csv(tmp_path):
    CASES["charades table"].files(tmp_path)
    table = {"AB12C": {"subset": "testing", "duration": 6.0, "actions": [[156, 0.5, 2.5]]},
             "GONE1": {"subset": "training", "duration": 6.0, "actions": []}}  # fmt: skip
    (tmp_path / "charades.json").write_text(json.dumps(table))
    listing = charades(tmp_path)
    assert listing.items[0].read().split == "test" and positive(listing, 156) == [1, 2]
    assert "1 annotated videos have no skeletons" in listing.notes[0]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"subset": "training", "duration": 40}, 'has no "actions"'),
        ({"subset": "x", "duration": 40, "actions": []}, "has \"subset\" 'x'"),
        ({"subset": "training", "duration": 0, "actions": []}, "has duration 0"),
        ({"subset": "training", "duration": None, "actions": []}, "has duration None"),
        ({"subset": "training", "duration": 40, "actions": [[51, 1, 2]]}, "action 0 has class 51, expected 0 to 50"),
        ({"subset": "training", "duration": 40, "actions": [[1, 1, 2], [-1, 1, 2]]}, "action 1 has class -1"),
        ({"subset": "training", "duration": 40, "actions": [[1.5, 1, 2]]}, "action 0 has class 1.5"),
        ({"subset": "training", "duration": 40, "actions": [[1, 5, 5]]}, "action 0 from 5 to 5 is empty, reversed"),
        ({"subset": "training", "duration": 40, "actions": [[1, 40, 50]]}, "action 0 from 40 to 50 is .* past the end"),
        ({"subset": "training", "duration": 40, "actions": [[1, "x", 5]]}, "action 0 from 'x' to 5"),
        ({"subset": "training", "duration": 40, "actions": [[1, 2]]}, "action 0 is not"),
        ([], 'has no "actions"'),
    ],
)
def test_broken_tables(tmp_path, entry, message):
    (tmp_path / "a.json").write_text(json.dumps({"P1": entry}))
    with pytest.raises(InputError, match=f"a.json, P1: {message}"):
        read_videos(tmp_path / "a.json", 51)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,length\nA,3\n", "has no column actions"),
        ("id,actions,length\nA,c092 1.0,3\n", "line 2: 'c092 1.0' is not a class code, a start and an end"),
        ("id,actions,length\nA,c200 1.0 2.0,3\n", "line 2: action 0 has class 200"),
        ("id,actions,length\nA,c001 1.0 2.0,\n", "line 2: has duration ''"),
        ('id,actions,length\nA,"c001\n', "is not a CSV file"),
        ("id,actions,length\nA\n", "line 2: has duration None"),
    ],
)
def test_broken_csv(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_charades_csv(tmp_path / "a.csv", "train")


def test_an_action_may_end_after_the_video(tmp_path):
    (tmp_path / "a.csv").write_text("id,actions,length\nA,c001 1.0 32.0,30\nB,,5\n")
    first, second = read_charades_csv(tmp_path / "a.csv", "train")
    assert first.actions == ((1, 1.0, 32.0),) and second.actions == ()


def test_skeletons_of_a_wrong_shape(tmp_path):
    write_tsu(tmp_path, 4, 4, [], layout=25)
    with pytest.raises(InputError, match="layout is 'posetics17'"):
        tsu(tmp_path)
    assert tsu(tmp_path, layout="ntu25").spec.joints == 25
    with pytest.raises(InputError, match="has no skeletons of the annotated videos"):
        tsu(tmp_path, poses="none")
    with pytest.raises(InputError, match=r"has no charades.json, Charades_v1_train.csv"):
        charades(tmp_path)
