"""Positions of agents in scenes, with maps of the scenes."""

import json
from dataclasses import replace

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.batch import check_batch
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording
from acteme.recordings.spec import Spec

SPEC = Spec(channels=2, scenes=("square", "hall"))


def track(name, camera, frames=5, **changes):
    return Recording(name, 2.5, {"position": np.ones((frames, 2), np.float32)} | changes, camera=camera)


def test_a_batch_names_the_scene_and_brings_its_map(tmp_path):
    maps = np.stack([np.zeros((3, 4)), np.full((3, 4), 7)]).astype(np.uint8)
    made = Corpus.of([track("a", "hall"), track("b", "square"), track("c", "elsewhere")], SPEC, surfaces=maps)
    for corpus in (made, made.save(tmp_path / "corpus")):
        batch = corpus.batch(np.array([0, 1, 2]), np.zeros(3, int), 6)
        check_batch(batch)
        assert batch["position"].shape == (3, 6, 2) and not batch["position"][:, 5].any()
        assert batch["scene"].tolist() == [1, 0, -1]
        assert batch["surface"][0].unique().tolist() == [7] and not batch["surface"][1:].any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"position": np.ones((5, 3), np.float32)}, "position has 3 coordinates where the data set has 2"),
        ({"position": np.ones((5, 1, 2), np.float32)}, "it must be (frames, coordinates)"),
        ({"position": np.full((5, 2), np.nan, np.float32)}, "position is NaN or infinite at frame 0; fill or cut"),
    ],
)
def test_bad_positions_are_named(changes, message):
    with pytest.raises(InputError) as caught:
        Corpus.of([track("a", "hall", **changes)], SPEC)
    assert message in str(caught.value)


def test_a_corpus_whose_maps_do_not_fit_its_scenes_is_damaged(tmp_path):
    Corpus.of([track("a", "hall")], SPEC, surfaces=np.zeros((2, 3, 4), np.uint8)).save(tmp_path / "corpus")
    np.save(tmp_path / "corpus" / "surfaces.npy", np.zeros((3, 3, 4), np.uint8))
    with pytest.raises(InputError, match="damaged"):
        Corpus.open(tmp_path / "corpus")


def test_agents_are_counted_within_their_scenes_in_order():
    made = {"a": ("hall", "eve"), "b": ("square", "eve"), "c": ("hall", ""), "d": ("hall", "eve"), "e": ("hall", ""),
            "f": ("square", "bob")}  # fmt: skip
    tracks = [replace(track(name, camera), subject=subject) for name, (camera, subject) in made.items()]
    corpus = Corpus.of(tracks, SPEC)
    assert corpus.agent.tolist() == [0, 0, 1, 0, 2, 1]
    few = corpus.select(rows=np.array([4, 3, 5]))
    assert few.agent.tolist() == [0, 1, 0], "of a selection, from zero on"
    assert few.batch(np.array([1, 0]), np.zeros(2, int), 3)["agent"].tolist() == [1, 0]


def test_a_batch_brings_the_extent_of_its_scenes(tmp_path):
    spec = replace(SPEC, extents=((0.0, 0.0, 4.0, 3.0), (-1.0, -2.0, 9.0, 8.0)))
    made = Corpus.of([track("a", "hall"), track("b", "square"), track("c", "elsewhere")], spec)
    for corpus in (made, made.save(tmp_path / "corpus")):
        assert corpus.spec == spec
        batch = corpus.batch(np.arange(3), np.zeros(3, int), 2)
        check_batch(batch)
        assert batch["extent"].tolist() == [[-1, -2, 9, 8], [0, 0, 4, 3], [0, 0, 0, 0]]
    assert "extent" not in Corpus.of([track("a", "hall")], SPEC).batch(np.array([0]), np.array([0]), 2)


@pytest.mark.parametrize("extents", [((0.0, 0.0, 1.0, 1.0),), ((0.0, 0.0, 1.0, np.nan),) * 2])
def test_extents_that_do_not_fit_the_scenes_are_damage(tmp_path, extents):
    corpus = Corpus.of([track("a", "hall")], SPEC)
    folder = tmp_path / "corpus"
    corpus.save(folder)
    meta = json.loads((folder / "corpus.json").read_text())
    meta["spec"]["extents"] = extents
    (folder / "corpus.json").write_text(json.dumps(meta))
    with pytest.raises(InputError, match="damaged"):
        Corpus.open(folder)
