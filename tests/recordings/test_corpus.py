"""Recordings end to end in arrays."""

import errno
import json
import multiprocessing
import os
import signal
from dataclasses import replace
from io import BufferedWriter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings import assemble
from acteme.recordings.annotations import Segment
from acteme.recordings.batch import check_batch
from acteme.recordings.corpus import Corpus
from tests.recordings.damage import damaged, replaced
from tests.recordings.samples import SPEC, clip, mixed


@pytest.fixture(params=["memory", "folder"])
def corpus(request, tmp_path):
    if request.param == "memory":
        return Corpus.of(mixed(), SPEC)
    return Corpus.build(iter(mixed()), SPEC, tmp_path / "corpus")


def same(a, b):
    """Whether two recordings are equal but for the padding of persons and where they were read."""
    pad = a.arrays["skeleton"].shape[1] - b.arrays["skeleton"].shape[1]
    other = np.pad(b.arrays["skeleton"], [(0, 0), (0, pad), (0, 0), (0, 0)])
    return np.array_equal(a.arrays["skeleton"], other) and replace(a, arrays={}) == replace(b, arrays={})


def test_recordings_come_out_as_they_went_in(corpus):
    assert len(corpus) == 4
    assert all(same(out, given) for out, given in zip(corpus, mixed(), strict=True))
    assert same(corpus[-1], mixed()[-1])


def test_it_is_shown_in_one_line(corpus):
    assert repr(corpus) == "Corpus(4 recordings, 35 frames of skeleton (2, 25, 3), frame_labels (3,), 3 classes)"
    assert repr(corpus.select(rows=np.array([0]))).startswith("Corpus(1 recordings, 5 frames of ")


def test_frame_labels(corpus):
    marks = corpus.arrays["frame_labels"]
    assert marks.dtype == np.uint8 and marks.shape == (35, 3)
    assert marks[:5].tolist() == [[0, 1, 0]] * 5
    assert marks[5:17, 0].all() and not marks[17:25, 0].any()  # 0.4 s at 30 fps
    assert np.flatnonzero(marks[5:25, 2]).tolist() == list(range(6, 15))
    assert marks[25:32].tolist() == [[1, 0, 0]] * 7
    assert not marks[32:].any()


def test_absent_persons_are_zero(corpus):
    lonely = corpus[2].arrays["skeleton"]
    assert lonely[:, 0].all() and not lonely[:, 1].any()


def test_columns_and_splits(corpus):
    assert corpus.label.tolist() == [1, -1, 0, -1]
    assert corpus.frames.tolist() == [5, 20, 7, 3]
    assert np.isnan(corpus.column("factor:tempo")[[0, 1, 3]]).all()
    train = corpus.select("train")
    assert train.column("name").tolist() == ["a", "d"]
    assert train.select(rows=np.array([False, True]))[0].name == "d"
    assert corpus.select("train", np.array([1]))[0].name == "d"
    with pytest.raises(InputError, match=r"no split 'val'; its splits: test, train"):
        corpus.select("val")


def test_truth_counts_positions_within_the_selection(corpus):
    truth = corpus.select(rows=np.array([2, 1])).truth()
    assert truth.recording.tolist() == [1, 1]
    assert truth.label.tolist() == [0, 2]
    assert len(corpus.select("train").truth()) == 0


def plain_batch(corpus, index, start, frames):
    """Gathers a batch as loops."""
    skeleton = np.zeros((len(index), frames, 2, 25, 3), np.float32)
    marks, mask = np.zeros((len(index), frames, 3), np.float32), np.zeros((len(index), frames), bool)
    for b, (i, a) in enumerate(zip(index, start, strict=True)):
        offset, size = corpus.column("offset")[i], corpus.frames[i]
        for t in range(frames):
            if a + t < size:
                skeleton[b, t] = corpus.arrays["skeleton"][offset + a + t]
                marks[b, t] = corpus.arrays["frame_labels"][offset + a + t]
                mask[b, t] = True
    return skeleton, marks, mask


SHARED = Corpus.of(mixed(), SPEC)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 19)), min_size=1, max_size=5), st.integers(1, 25))
def test_a_batch_is_the_plain_loop(windows, frames):
    index = np.array([i for i, _ in windows])
    start = np.minimum([a for _, a in windows], SHARED.frames[index] - 1)
    batch = SHARED.batch(index, start, frames)
    check_batch(batch)
    skeleton, marks, mask = plain_batch(SHARED, index, start, frames)
    assert np.array_equal(batch["skeleton"].numpy(), skeleton)
    assert np.array_equal(batch["frame_labels"].numpy(), marks)
    assert np.array_equal(batch["mask"].numpy(), mask)
    assert batch["frames"].tolist() == mask.sum(1).tolist()
    assert batch["label"].tolist() == SHARED.label[index].tolist()
    assert batch["index"].tolist() == index.tolist() and batch["start"].tolist() == start.tolist()


def test_whole_recordings_take_the_longest(corpus):
    batch = corpus.batch(np.array([0, 1]), np.array([0, 0]))
    assert batch["skeleton"].shape[:2] == (2, 20)
    assert batch["mask"].sum(1).tolist() == [5, 20]
    assert not batch["skeleton"][0, 5:].any()


def test_batches_do_not_share_memory_with_the_corpus(corpus):
    before = corpus.arrays["skeleton"][:5].copy()
    corpus.batch(np.array([0]), np.array([0]), 5)["skeleton"].zero_()
    assert np.array_equal(corpus.arrays["skeleton"][:5], before)


def test_index_of_a_selection_is_its_own(corpus):
    chosen = corpus.select(rows=np.array([2, 0]))
    batch = chosen.batch(np.array([0]), np.array([0]), 7)
    assert torch.equal(batch["skeleton"][0], torch.from_numpy(corpus[2].arrays["skeleton"].copy()))
    assert batch["label"].tolist() == [0]


def test_a_start_behind_the_end_is_all_padding(corpus):
    batch = corpus.batch(np.array([3]), np.array([9]), 4)
    assert batch["frames"].tolist() == [0] and not batch["skeleton"].any()


# --- folders ---------------------------------------------------------------------------------------------------------


def test_a_start_before_the_beginning_takes_as_many_frames_fewer(corpus):
    batch = corpus.batch(np.array([1, 1, 1, 0]), np.array([-3, 2, -9, -1]), 5)
    whole = corpus.batch(np.array([1]), np.array([0]), 20)
    assert batch["frames"].tolist() == [2, 5, 0, 4] and batch["start"].tolist() == [0, 2, 0, 0]
    assert batch["mask"].sum(1).tolist() == [2, 5, 0, 4]
    assert torch.equal(batch["skeleton"][0, :2], whole["skeleton"][0, :2]) and not batch["skeleton"][0, 2:].any()
    assert torch.equal(batch["skeleton"][1], whole["skeleton"][0, 2:7])
    assert not batch["frame_labels"][2].any()


def test_a_selection_is_saved_in_its_order(corpus, tmp_path):
    saved = corpus.select(rows=np.array([2, 1])).save(tmp_path / "some")
    assert [r.name for r in saved] == ["d", "b/c"]
    assert same(saved[1], mixed()[1]) and same(saved[0], mixed()[2])
    assert isinstance(saved.arrays["skeleton"], np.memmap)


def test_long_recordings_are_written_in_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(assemble, "CHUNK", 500)
    built = Corpus.build(mixed(), SPEC, tmp_path / "c")
    for name, array in Corpus.of(mixed(), SPEC).arrays.items():
        assert np.array_equal(built.arrays[name], array), name
    monkeypatch.undo()
    assert np.array_equal(built.arrays["frame_labels"], SHARED.arrays["frame_labels"])


def test_the_folder_holds_what_is_needed_and_nothing_else(tmp_path):
    Corpus.build(mixed(), SPEC, tmp_path / "c")
    Corpus.build(mixed()[:1], SPEC, tmp_path / "c")
    assert [p.name for p in tmp_path.iterdir()] == ["c"]
    names = {"corpus.json", "recordings.parquet", "segments.parquet", "skeleton.bin", "frame_labels.bin"}
    assert {p.name for p in (tmp_path / "c").iterdir()} == names
    assert len(Corpus.open(tmp_path / "c")) == 1


def test_other_folders_are_never_replaced(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match="is there already and is no corpus"):
        Corpus.build(mixed(), SPEC, tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "x"


def test_a_bad_recording_leaves_nothing(tmp_path):
    with pytest.raises(InputError):
        Corpus.build([clip("a"), clip("b", label="fly")], SPEC, tmp_path / "deep" / "c")
    assert not any((tmp_path / "deep").iterdir())


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    def refuse(self, name, chunk):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(assemble.Files, "write", refuse)
    with pytest.raises(InputError, match="cannot be written: No space left on device; free some space"):
        Corpus.build(mixed(), SPEC, tmp_path / "c")
    assert not any(tmp_path.iterdir())


def test_a_full_disk_at_the_very_end_keeps_the_old_corpus(tmp_path, monkeypatch):
    Corpus.build(mixed(), SPEC, tmp_path / "c")

    def refuse(self, text, **more):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(InputError, match="No space left"):
        Corpus.build(mixed()[:1], SPEC, tmp_path / "c")
    assert len(Corpus.open(tmp_path / "c")) == 4
    assert [p.name for p in tmp_path.iterdir()] == ["c"]


def killed(folder):
    def recordings():
        yield clip("a")
        os.kill(os.getpid(), signal.SIGKILL)

    Corpus.build(recordings(), SPEC, folder)


def test_a_killed_build_is_never_seen_and_swept_by_the_next(tmp_path):
    process = multiprocessing.get_context("fork").Process(target=killed, args=(tmp_path / "c",))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not (tmp_path / "c").exists() and any(tmp_path.iterdir())
    Corpus.build(mixed(), SPEC, tmp_path / "c")
    assert [p.name for p in tmp_path.iterdir()] == ["c"]


@pytest.mark.parametrize("file", ["corpus.json", "recordings.parquet", "segments.parquet", "skeleton.bin"])
def test_damage_is_named(tmp_path, file):
    Corpus.build(mixed(), SPEC, tmp_path / "c")
    whole = (tmp_path / "c" / file).read_bytes()
    for part in (whole[: len(whole) // 2], b""):
        (tmp_path / "c" / file).write_bytes(part)
        with pytest.raises(InputError, match="delete the folder and make it again"):
            Corpus.open(tmp_path / "c")
    (tmp_path / "c" / file).unlink()
    with pytest.raises(InputError, match="is not a corpus folder, or a damaged one"):
        Corpus.open(tmp_path / "c")


@pytest.mark.parametrize("meta", [[], {}, {"format": 99}, {"format": 1, "shapes": {"sound": [1]}}, 7])
def test_strange_descriptions_are_refused(tmp_path, meta):
    Corpus.build(mixed(), SPEC, tmp_path / "c")
    (tmp_path / "c" / "corpus.json").write_text(json.dumps(meta))
    with pytest.raises(InputError, match="corpus"):
        Corpus.open(tmp_path / "c")


def described(**changes):
    """Changes the description of a corpus folder; None takes an entry out."""

    def change(folder):
        meta = json.loads((folder / "corpus.json").read_text())
        for name, value in changes.items():
            part = meta if name in meta else meta["spec"]
            part[name] = value
            if value is None:
                del part[name]
        (folder / "corpus.json").write_text(json.dumps(meta))

    return change


def tabled(name, column, row, value):
    """Changes one cell of a table of a corpus folder;"""

    def change(folder):
        table = pq.read_table(folder / f"{name}.parquet").to_pydict()
        table[column][row] = value
        pq.write_table(pa.table(table), folder / f"{name}.parquet")

    return change


MISFITS = {
    "joints as a list": described(joints=[25]),
    "more joints than the array has": described(joints=26),
    "persons as a text": described(persons="2"),
    "a class that is no text": described(classes=["sit", [], "wave"]),
    "fewer classes than labels": described(classes=["sit"]),
    "a rate of nothing": described(fps="fast"),
    "no array but the labels": described(shapes={"frame_labels": [35, 3]}),
    "no array": described(shapes={}),
    "an endless shape": described(shapes={"skeleton": [float("inf"), 2, 25, 3]}),
    "frames past the end": tabled("recordings", "frames", 3, 1 << 40),
    "a place past the end": tabled("recordings", "offset", 3, 1 << 40),
    "a place before the start": tabled("recordings", "offset", 0, -1),
    "a recording without frames": tabled("recordings", "frames", 0, 0),
    "a label out of range": tabled("recordings", "label", 0, 3),
    "no rate": tabled("recordings", "fps", 0, float("nan")),
    "a factor that is a text": lambda folder: pq.write_table(
        pq.read_table(folder / "recordings.parquet").append_column("factor:x", pa.array(["red"] * 4)),
        folder / "recordings.parquet",
    ),
    "no names": lambda folder: pq.write_table(
        pq.read_table(folder / "recordings.parquet").drop_columns("name"), folder / "recordings.parquet"
    ),
    "a segment of no recording": tabled("segments", "recording", 1, 4),
    "segments out of order": tabled("segments", "recording", 0, 3),
    "a segment of no class": tabled("segments", "label", 0, -1),
    "an empty segment": tabled("segments", "end", 0, 0.0),
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_parts_that_do_not_fit_together_are_refused(tmp_path, misfit):
    Corpus.build(mixed(), SPEC, tmp_path / "c")
    assert len(Corpus.open(tmp_path / "c")) == 4
    MISFITS[misfit](tmp_path / "c")
    with pytest.raises(InputError, match="c: is not a corpus folder, or a damaged one; delete the folder"):
        Corpus.open(tmp_path / "c")


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(draw=st.data())
@pytest.mark.parametrize("file", ["corpus.json", "recordings.parquet", "segments.parquet", "skeleton.bin"])
def test_damage_gives_a_clear_error_or_recordings(tmp_path_factory, file, draw):
    folder = tmp_path_factory.mktemp("fuzz") / "c"
    Corpus.build(mixed(), SPEC, folder)
    whole = (folder / file).read_bytes()
    (folder / file).unlink()
    if file == "corpus.json" and draw.draw(st.booleans()):
        tree = draw.draw(st.composite(replaced)(json.loads(whole), True))
        (folder / file).write_text(json.dumps(tree))
    else:
        (folder / file).write_bytes(draw.draw(damaged(whole)))
    try:
        made = Corpus.open(folder)
    except InputError as error:
        assert str(folder) in str(error)
    else:
        assert all(r.duration > 0 for r in made) and len(made.truth()) == len(made.segments)
        check_batch(made.batch(np.arange(len(made)), np.zeros(len(made), int)))


def test_arrays_of_a_folder_cannot_be_changed(tmp_path):
    built = Corpus.build(mixed(), SPEC, tmp_path / "c")
    with pytest.raises(ValueError, match="read-only"):
        built.arrays["skeleton"][0] = 0


def test_bad_recordings_are_left_out_when_asked(tmp_path):
    nan = clip("n")
    nan.arrays["skeleton"][3, 1, 7, 0] = np.nan
    left: list[str] = []
    built = Corpus.build([clip("a"), nan, clip("f", label="fly"), *mixed()[1:]], SPEC, tmp_path / "c", left_out=left)
    assert [r.name for r in built] == ["a", "b/c", "d", "e"]
    assert "n: skeleton is NaN or infinite at frame 3, person 1, joint 7" in built.left_out[0]
    assert built.left_out == tuple(left) and len(left) == 2
    assert np.array_equal(built.arrays["skeleton"][8:28], mixed()[1].arrays["skeleton"])
    assert built.segments.recording.tolist() == [1, 1]


def test_nothing_left_is_an_error():
    with pytest.raises(InputError, match="no recordings: all 1 are bad, the first: f: unknown class 'fly'"):
        Corpus.of([clip("f", label="fly")], SPEC, left_out=[])
    with pytest.raises(InputError, match="the data set has no recordings"):
        Corpus.of([], SPEC)


def test_strict_frame_labels():
    r = clip("a", 10, segments=(Segment(0.1, 0.2, "sit"),))
    loose, strict = (Corpus.of([r], SPEC, strict).arrays["frame_labels"][:, 0] for strict in (False, True))
    assert np.flatnonzero(loose).tolist() == [3, 4, 5]
    assert np.flatnonzero(strict).tolist() == [4, 5]


def test_no_file_stays_open(tmp_path, monkeypatch):
    opened: list[BufferedWriter] = []
    plain = Path.open

    def watched(self, *arguments, **more):
        opened.append(plain(self, *arguments, **more))
        return opened[-1]

    monkeypatch.setattr(Path, "open", watched)
    with pytest.raises(InputError):
        Corpus.build([clip("a"), clip("b", label="fly")], SPEC, tmp_path / "c")
    assert opened and all(file.closed for file in opened)
