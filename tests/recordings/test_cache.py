"""The cache of parsed data sets."""

import errno
import multiprocessing
import os
import signal
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings import assemble
from acteme.recordings.cache import cache_folder, cached
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Item, Listing, Recording
from tests.recordings.samples import SPEC, mixed, skeleton


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    monkeypatch.setenv("ACTEME_CACHE", str(tmp_path / "cache"))


class Reader:
    """Reads .npy files of a folder and counts how often."""

    def __init__(self, folder):
        self.folder, self.glob, self.lists, self.reads = folder, "*.npy", 0, 0

    def __call__(self):
        self.lists += 1
        files = sorted(self.folder.glob(self.glob))
        return Listing(SPEC, [Item(f.stem, str(f), partial(self.read, f)) for f in files], files)

    def read(self, file):
        self.reads += 1
        if file.stem.startswith("bad"):
            raise InputError("is bad", file, "mend it")
        if file.stem.startswith("gone"):
            file.unlink()
        return Recording(file.stem, 30.0, {"skeleton": np.load(file)}, label="sit")


@pytest.fixture
def reader(tmp_path):
    (tmp_path / "data").mkdir()
    for i in range(3):
        np.save(tmp_path / "data" / f"r{i}.npy", skeleton(4, seed=i))
    return Reader(tmp_path / "data")


def opened(reader, **more):
    return cached("npy", reader.folder, more.pop("options", {}), reader, **more)


def test_the_second_time_nothing_is_listed_or_parsed(reader):
    first, second = opened(reader), opened(reader)
    assert (reader.lists, reader.reads) == (1, 3)
    assert all(np.array_equal(first.arrays[n], second.arrays[n]) for n in first.arrays)
    assert isinstance(second.arrays["skeleton"], np.memmap)
    assert [r.name for r in second] == ["r0", "r1", "r2"]


@pytest.mark.parametrize("change", ["content", "time", "added", "removed", "renamed"])
def test_a_change_is_noticed(reader, change):
    opened(reader)
    file = reader.folder / "r1.npy"
    if change == "content":
        np.save(file, skeleton(5))
    elif change == "time":
        os.utime(file, ns=(1, 1))
    elif change == "added":
        np.save(reader.folder / "r3.npy", skeleton(4))
    elif change == "removed":
        file.unlink()
    else:
        file.rename(reader.folder / "r9.npy")
    names = [r.name for r in opened(reader)]
    assert reader.lists == 2
    assert names == sorted(p.stem for p in reader.folder.iterdir())
    places = list((cache_folder() / "corpora").iterdir())
    assert len(places) == 1, "the old one is replaced"


def test_options_and_code_have_their_part(reader, monkeypatch):
    opened(reader)
    opened(reader, options={"fps": 25.0})
    assert reader.lists == 2
    opened(reader)
    assert reader.lists == 2
    monkeypatch.setattr("acteme.recordings.cache._code", lambda: "another version")
    opened(reader)
    assert reader.lists == 3


def test_a_folder_between_counts_and_one_outside_does_not(reader, tmp_path):
    """A new part of a data set, in a folder of its own, beside the parts that are known."""
    deep = reader.folder / "part" / "one"
    deep.mkdir(parents=True)
    for file in list(reader.folder.glob("*.npy")):
        file.rename(deep / file.name)
    reader.glob = "part/*/*.npy"
    assert len(opened(reader)) == 3
    (tmp_path / "beside").touch()
    assert len(opened(reader)) == 3 and reader.lists == 1
    (reader.folder / "part" / "two").mkdir()
    np.save(reader.folder / "part" / "two" / "r4.npy", skeleton(4))
    assert len(opened(reader)) == 4 and reader.lists == 2


def test_a_file_named_by_an_option_counts(reader, tmp_path):
    listed = tmp_path / "missing.txt"
    listed.write_text("a")
    opened(reader, options={"missing": listed})
    listed.write_text("ab")
    opened(reader, options={"missing": listed})
    assert reader.lists == 2


@pytest.mark.parametrize("damage", ["corpus.json", "source.json", "skeleton.bin", "recordings.parquet"])
def test_damage_is_mended_by_itself(reader, damage):
    opened(reader)
    place = next((cache_folder() / "corpora").iterdir())
    (place / "corpus" / damage).write_bytes(b"{")
    assert len(opened(reader)) == 3
    assert reader.lists == 2


def test_a_bad_recording_stops_or_is_left_out(reader):
    np.save(reader.folder / "bad.npy", skeleton(4))
    with pytest.raises(InputError, match=r"bad.npy: is bad; mend it"):
        opened(reader)
    place = next((cache_folder() / "corpora").iterdir())
    assert {p.name for p in place.iterdir()} <= {"lock"}, "nothing half-written"
    corpus = opened(reader, skip_bad=True)
    assert [r.name for r in corpus] == ["r0", "r1", "r2"]
    assert corpus.left_out == (f"{reader.folder / 'bad.npy'}: is bad; mend it",)
    assert opened(reader, skip_bad=True).left_out == corpus.left_out
    assert reader.lists == 2
    with pytest.raises(InputError, match="is bad"):
        opened(reader)
    assert reader.lists == 2, "known to be bad without reading again"


def test_several_bad_ones_are_counted(reader):
    for name in ("bad1", "bad2", "bad3"):
        np.save(reader.folder / f"{name}.npy", skeleton(4))
    assert len(opened(reader, skip_bad=True).left_out) == 3
    with pytest.raises(InputError, match=r"bad1.npy: is bad; mend it \(and 2 more\)"):
        opened(reader)


def test_a_file_that_vanishes_is_a_bad_recording(reader):
    np.save(reader.folder / "gone.npy", skeleton(4))
    with pytest.raises(InputError, match=r"gone.npy: cannot be read: No such file"):
        opened(reader)


def test_where_a_recording_broke_is_said(reader):
    np.save(reader.folder / "r1.npy", np.full((2, 2, 25, 3), np.nan))
    with pytest.raises(InputError, match=r"data/r1.npy: skeleton is NaN or infinite at frame 0"):
        opened(reader)


def test_progress_counts_every_recording(reader):
    seen = []
    opened(reader, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    opened(reader, progress=lambda done, total: pytest.fail("nothing is parsed"))


def test_a_world_is_made_once():
    made = []

    def world():
        made.append(1)
        return Corpus.of(mixed(), SPEC)

    first, second = (cached("world", None, {"seed": 1}, world) for _ in range(2))
    assert len(made) == 1 and isinstance(first.arrays["skeleton"], np.memmap)
    assert [r.name for r in second] == ["a", "b/c", "d", "e"]
    cached("world", None, {"seed": 2}, world)
    assert len(made) == 2


def test_a_full_disk_leaves_nothing(reader, monkeypatch):
    def refuse(self, name, chunk):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(assemble.Files, "write", refuse)
    with pytest.raises(InputError, match=r"No space left on device; free some space, or set .* ACTEME_CACHE"):
        opened(reader)
    place = next((cache_folder() / "corpora").iterdir())
    assert {p.name for p in place.iterdir()} <= {"lock"}
    monkeypatch.undo()


def test_a_disk_that_fills_at_the_very_end(reader, monkeypatch):
    plain = Path.write_text

    def refuse(self, *arguments, **more):
        if self.name == "source.json":
            raise OSError(errno.ENOSPC, "No space left on device")
        return plain(self, *arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", refuse)
        with pytest.raises(InputError, match=r"No space left on device; free some space, or set .* ACTEME_CACHE"):
            opened(reader)
    place = next((cache_folder() / "corpora").iterdir())
    assert {p.name for p in place.iterdir()} <= {"lock"}
    assert len(opened(reader)) == 3


def test_a_cache_that_cannot_be_written(reader, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ACTEME_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(InputError, match="set the environment variable ACTEME_CACHE"):
        opened(reader)


def test_what_a_killed_process_left_is_replaced(reader):
    opened(reader)
    place = next((cache_folder() / "corpora").iterdir())
    (place / "corpus").rename(place / "new")
    assert len(opened(reader)) == 3
    assert {p.name for p in place.iterdir()} <= {"lock", "corpus"}


def test_a_half_removed_one_of_a_killed_process_is_replaced(reader):
    opened(reader)
    place = next((cache_folder() / "corpora").iterdir())
    (place / "corpus").rename(place / "new")
    (place / "new" / "corpus.json").unlink()
    assert len(opened(reader)) == 3
    assert {p.name for p in place.iterdir()} <= {"lock", "corpus"}


def test_killed_in_the_middle(reader, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(assemble.Files, "keep", lambda _: os.kill(os.getpid(), signal.SIGKILL))
        process = os.fork()
        if not process:
            opened(reader)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -signal.SIGKILL
    assert len(opened(reader)) == 3
    place = next((cache_folder() / "corpora").iterdir())
    assert {p.name for p in place.iterdir()} <= {"lock", "corpus"}


def race(reader, barrier, ends):
    barrier.wait()
    corpus = opened(reader)
    ends.put((reader.lists, len(corpus), float(corpus.arrays["skeleton"].sum())))


def test_processes_at_once_parse_once(reader):
    fork = multiprocessing.get_context("fork")
    barrier, ends = fork.Barrier(3), fork.Queue()
    racing = [fork.Process(target=race, args=(reader, barrier, ends)) for _ in range(3)]
    for process in racing:
        process.start()
    results = sorted(ends.get(timeout=60) for _ in racing)
    for process in racing:
        process.join()
    assert [r[0] for r in results] == [0, 0, 1]
    assert len({r[1:] for r in results}) == 1 and results[0][1] == 3


def test_the_folder_follows_the_environment(monkeypatch):
    monkeypatch.delenv("ACTEME_CACHE")
    assert cache_folder() == Path.home() / ".cache" / "acteme"
