"""Tables of latents: rows, whole or not at all, the same from a pool."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from acteme.engine.encode import encode, label_of, open_table
from acteme.errors import ActemeError, InputError
from acteme.recordings.annotations import Segment
from acteme.recordings.recording import Recording
from tests.engine.toys import untrimmed
from tests.engine.trained import segmenting


def rows(table):
    return table.open().to_arrow().to_pylist()


def test_every_window_is_a_row(tmp_path):
    run, corpus = segmenting()
    table = encode(run, corpus, tmp_path / "t", overlap=0.5, batch=3)
    found = rows(table)
    assert table.rows == len(found) == 6 * 9 and table.width == 3 and table.stage == "encoder"
    assert open_table(tmp_path / "t") == table
    one = found[9 + 2]
    assert (one["recording"], one["start"], one["end"], one["split"]) == ("r1", 0.8, 1.6, "train")
    with torch.no_grad():
        expected = run.module("encoder").encode(corpus.batch(np.array([1]), np.array([8]), 8)).pooled[0]
    np.testing.assert_allclose(one["vector"], expected, rtol=1e-5)


def test_labels_hold_for_at_least_half_of_the_window():
    segments = (Segment(0, 1, "a"), Segment(1, 4, "b"), Segment(1.5, 1.8, "a"))
    r = Recording("r", 1.0, {"skeleton": np.zeros((9, 1, 1, 1))}, segments=segments)
    assert [label_of(r, a, b) for a, b in ((0, 2), (0.5, 2.5), (3.5, 5), (3, 5), (6, 7))] == ["a", "b", "", "b", ""]
    assert label_of(replace(r, label="c"), 6, 7) == "c"


def test_an_old_table_is_replaced_whole_and_a_failure_keeps_it(tmp_path):
    run, corpus = segmenting()
    encode(run, corpus, tmp_path / "t")
    again = encode(run, corpus, tmp_path / "t", split="test")
    assert again.rows == 2 * 9 and {r["split"] for r in rows(again)} == {"test"}
    bad = corpus[0]
    bad.arrays["skeleton"] = np.full_like(bad.arrays["skeleton"], np.nan)
    with pytest.raises(InputError, match="NaN"):
        encode(run, [corpus[1], bad], tmp_path / "t")
    assert len(rows(open_table(tmp_path / "t"))) == 18 and [p.name for p in tmp_path.iterdir()] == ["t"]


def test_a_full_disk_is_one_clear_line_and_keeps_the_old_table(tmp_path, monkeypatch):
    """The words are those of LanceDB 0.40 on a disk that is full."""
    said = "lance error: LanceError(IO): No space left on device (os error 28), /root/lance-file/structural.rs:258:9"
    run, corpus = segmenting()
    encode(run, corpus, tmp_path / "t")

    class Full:
        def create_table(self, name, data):
            data.read_next_batch()
            raise RuntimeError(said)

    monkeypatch.setattr("lancedb.connect", lambda path: Full())
    with pytest.raises(ActemeError, match=r"t: cannot be written: No space left on device; free some space or"):
        encode(run, corpus, tmp_path / "t")
    said = "something else"
    with pytest.raises(RuntimeError, match="something else"):
        encode(run, corpus, tmp_path / "t")
    monkeypatch.undo()
    assert len(rows(open_table(tmp_path / "t"))) == 6 * 9 and [p.name for p in tmp_path.iterdir()] == ["t"]


def test_what_is_refused(tmp_path):
    run, corpus = segmenting()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(InputError, match="mine: exists and is not a table of latents"):
        encode(run, corpus, tmp_path / "mine")
    with pytest.raises(InputError, match="stage 'tagger' does not encode"):
        encode(run, corpus, tmp_path / "t", stage="tagger")
    with pytest.raises(InputError, match="no recording is in split"):
        encode(run, replace(corpus[0], split="train"), tmp_path / "t", split="test")
    with pytest.raises(InputError, match="is not a table of latents; make one with"):
        open_table(tmp_path / "mine")
    assert not (tmp_path / "t").exists()


def test_a_table_moves_with_its_run(tmp_path):
    run, _ = segmenting()
    shutil.copytree(run.folder, tmp_path / "a" / "run")
    table = encode(replace(run, folder=tmp_path / "a" / "run"), untrimmed(2), tmp_path / "a" / "t")
    assert table.run == "../run"
