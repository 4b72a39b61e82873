"""What each format's files mean."""

import json

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.corpus import Corpus
from acteme.recordings.trajectories.readers import ethucy, mot, motsynth, sdd, table, trajnet, wildtrack
from tests.recordings.trajectories.readers.cases import CASES, put, ways


@pytest.mark.parametrize("name", CASES)
def test_the_whole_data_set_is_read(name, tmp_path):
    """Every format says the same of the same two people."""
    one = CASES[name]
    one.files(tmp_path)
    listing = one.list(tmp_path)
    found = [item.read() for item in listing.items]
    unit = 10.0 if name in ("ethucy", "trajnet") else 1.0
    for scene in listing.spec.scenes:
        tracks = [r for r in found if r.camera == scene]
        assert len(tracks) == 2 and not listing.problems
        for r, way in zip(tracks, ways().values(), strict=True):
            np.testing.assert_allclose(r.arrays["position"] * unit, way, atol=1e-3)
            assert r.fps == listing.spec.fps and r.factors == {"start": 0.0} and r.subject.startswith(scene)
    corpus = Corpus.of(found, listing.spec)
    batch = corpus.batch(np.arange(len(found)), np.zeros(len(found), int), 20)
    assert batch["extent"].shape == (len(found), 4) and (batch["scene"] >= 0).all()
    assert set(batch["agent"].tolist()) == {0, 1}
    inside = (batch["position"][:, 0] >= batch["extent"][:, :2]) & (batch["position"][:, 0] <= batch["extent"][:, 2:])
    assert inside.all()


def test_ethucy_takes_splits_from_folders_and_scenes_from_names(tmp_path):
    CASES["ethucy"].files(tmp_path)
    found = ethucy.ethucy(tmp_path)
    assert found.spec.scenes == ("crowds_zara01", "biwi_eth")
    assert [i.read().split for i in found.items] == ["train"] * 2 + ["test"] * 2
    single = ethucy.ethucy(tmp_path / "test" / "biwi_eth.txt", rate=10.0, fps=1.0)
    assert [i.read().split for i in single.items] == ["", ""] and single.spec.fps == 1.0
    np.testing.assert_allclose(single.items[0].read().arrays["position"] * 10, ways()[1], atol=1e-4)


def test_mot_takes_pedestrians_of_fixed_cameras_once(tmp_path):
    CASES["mot"].files(tmp_path)
    found = mot.mot(tmp_path)
    assert found.spec.scenes == ("MOT17-02",) and found.spec.extents == ((0.0, 0.0, 200.0, 100.0),)
    assert found.notes == ["1 sequences of moving cameras are left out (option moving)"]
    assert mot.mot(tmp_path, moving=True).spec.scenes == ("MOT17-02", "MOT17-13")
    assert len(mot.mot(tmp_path / "train" / "MOT17-02-SDP").items) == 2, "a sequence by itself"


def test_motsynth_says_when_the_camera_moves_and_counts_frames_by_name_or_number(tmp_path):
    CASES["motsynth"].files(tmp_path)
    tree = json.loads((tmp_path / "000.json").read_text())
    for t, image in enumerate(tree["images"]):
        image["frame_n"], image["file_name"] = 2 * t, "x"
    put(tmp_path / "000.json", json.dumps(tree))
    found = motsynth.motsynth(tmp_path, rate=5.0)
    np.testing.assert_allclose(found.items[0].read().arrays["position"], ways()[1], atol=1e-4)
    tree["info"]["is_moving"] = 1
    put(tmp_path / "000.json", json.dumps(tree))
    with pytest.raises(InputError, match="has no sequence of a fixed camera; set moving=true"):
        motsynth.motsynth(tmp_path)
    assert len(motsynth.motsynth(tmp_path, moving=True).items) == 2
    put(tmp_path / "001.json", json.dumps({**tree, "info": {"is_moving": 0}}))
    both = motsynth.motsynth(tmp_path)
    assert both.spec.scenes == ("001",) and not both.problems
    assert both.notes == ["1 sequences of moving cameras are left out (option moving)"]


def test_wildtrack_gives_each_camera_what_it_sees(tmp_path):
    CASES["wildtrack"].files(tmp_path)
    found = wildtrack.wildtrack(tmp_path)
    assert found.spec.scenes == ("camera1",) and found.spec.extents == ((0.0, 0.0, 1920.0, 1080.0),)
    r = found.items[0].read()
    assert r.fps == 2.5 and r.frames == 7, "2.5 s at 2.5 per second, between frames on the line"
    np.testing.assert_allclose(np.diff(r.arrays["position"], axis=0), [[1.6, 0.8]] * 6, atol=1e-4)
    (tmp_path / "annotations_positions" / "00000015.json").unlink()
    cut = [item.read() for item in wildtrack.wildtrack(tmp_path, fps=2.0).items]
    assert [(r.frames, r.factors["start"]) for r in cut] == [(3, 0.0)] * 2 + [(2, 2.0)] * 2, "a file is missing"
    put(tmp_path / "annotations_positions" / "notes.json", "[]")
    with pytest.raises(InputError, match=r"notes\.json: is not named by the number of its frame"):
        wildtrack.wildtrack(tmp_path)
    (tmp_path / "annotations_positions" / "notes.json").unlink()
    with pytest.raises(InputError, match="has no tracks"):
        wildtrack.wildtrack(tmp_path, cameras=(2,))
    with pytest.raises(InputError, match="cameras are 0; number them from 1"):
        wildtrack.wildtrack(tmp_path, cameras=(0,))


def test_sdd_takes_who_is_not_lost_and_reaches_to_the_furthest_box(tmp_path):
    CASES["sdd"].files(tmp_path)
    found = sdd.sdd(tmp_path)
    assert found.spec.scenes == ("gates_video0",) and found.spec.extents == ((0.0, 0.0, 180.0, 97.5),)
    assert len(sdd.sdd(tmp_path, labels=("Biker",), shortest=1).items) == 1
    assert len(sdd.sdd(tmp_path, labels=(), shortest=1).items) == 3
    text = (tmp_path / "gates" / "video0" / "annotations.txt").read_text()
    put(tmp_path / "ynet" / "test" / "gates_1" / "annotations.txt", text)
    found = sdd.sdd(tmp_path / "ynet")
    assert found.spec.scenes == ("gates_1",) and found.items[0].read().split == "test"


def test_trajnet_knows_the_time_from_its_frame_rate(tmp_path):
    CASES["trajnet"].files(tmp_path)
    assert trajnet.trajnet(tmp_path).items[0].read().split == "train"
    file = tmp_path / "train" / "biwi_hotel.ndjson"
    file.write_text(file.read_text().replace("2.5", "5.0"))
    assert trajnet.trajnet(file, fps=5.0).items[0].read().frames == 6


def test_your_own_table_may_name_splits_and_a_size(tmp_path):
    CASES["table"].files(tmp_path)
    text = (tmp_path / "own.csv").read_text()
    lines = [
        "split," + text.splitlines()[0],
        *(f"{'test' if 'p2' in row else 'train'},{row}" for row in text.splitlines()[1:]),
    ]
    put(tmp_path / "split.csv", "\n".join(lines))
    found = table.table(tmp_path / "split.csv", size=(200.0, 100.0))
    assert [i.read().split for i in found.items] == ["train", "test"]
    assert found.spec.extents == ((0.0, 0.0, 200.0, 100.0),) and found.spec.scenes == ("yard",)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("yard,p1,0,1", "line 3: has 4 values where the header has 5"),
        ("yard,p1,later,1,2", "line 3: time 'later' is not a number"),
        ("yard,p1,1,nan,2", "line 3: x is nan"),
        ("yard,,1,2,3", "line 3: names no scene or no agent"),
        ("yard,p1,0.0,5,5", "agent 'p1' is twice at 0 s in scene 'yard'; keep one of the rows"),
    ],
)
def test_a_broken_row_of_your_table_is_named(row, message, tmp_path):
    put(tmp_path / "own.csv", f"scene,agent,time,x,y\nyard,p1,0.0,1,2\n{row}\n")
    with pytest.raises(InputError) as caught:
        table.table(tmp_path / "own.csv")
    assert message in str(caught.value) and str(tmp_path / "own.csv") in str(caught.value)


def test_a_table_without_its_columns_is_refused(tmp_path):
    put(tmp_path / "own.csv", "scene,agent,x,y\n")
    with pytest.raises(
        InputError, match="has no column 'time'; its first line must name the columns scene,agent,time,x,y"
    ):
        table.table(tmp_path / "own.csv")
    with pytest.raises(InputError, match=r"has no \.csv files"):
        table.table(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 2 3", "line 2: has 3 values where frame, id, x, y are expected"),
        ("1 2 x 4", "line 2: x 'x' is not a number"),
    ],
)
def test_a_broken_line_of_numbers_is_named(line, message, tmp_path):
    put(tmp_path / "eth.txt", f"0 1 2 3\n{line}\n")
    with pytest.raises(InputError) as caught:
        ethucy.ethucy(tmp_path / "eth.txt")
    assert message in str(caught.value)


def test_a_bad_scene_is_a_problem_and_the_others_are_read(tmp_path):
    CASES["ethucy"].files(tmp_path)
    put(tmp_path / "train" / "broken.txt", "0 1 2 x\n")
    found = ethucy.ethucy(tmp_path)
    assert len(found.items) == 4 and len(found.problems) == 1 and "broken.txt" in str(found.problems[0])
