"""Files and folders that appear whole or not at all."""

import errno
import os

import pytest

from acteme.errors import InputError
from acteme.recordings.appear import new_file, new_folder


def test_a_file_appears_at_the_end(tmp_path):
    with new_file(tmp_path / "deep" / "a.txt") as work:
        work.write_text("x")
        assert not (tmp_path / "deep" / "a.txt").exists()
    assert [p.read_text() for p in (tmp_path / "deep").iterdir()] == ["x"]


def test_nothing_is_left_of_a_failure(tmp_path):
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "a") as work:
        (work / "b").write_text("x")
        _ = 1 / 0
    assert not any(tmp_path.iterdir())


def test_a_full_disk_is_one_clear_line(tmp_path):
    with pytest.raises(InputError, match="cannot be written: No space left"), new_file(tmp_path / "a") as work:
        work.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not any(tmp_path.iterdir())


def test_what_is_there_stays(tmp_path):
    (tmp_path / "a").mkdir()
    with (
        pytest.raises(InputError, match="is there already; delete it or choose another name"),
        new_folder(tmp_path / "a"),
    ):
        raise AssertionError
    with new_folder(tmp_path / "a", replace=True) as work:
        (work / "new").touch()
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_leftovers_of_the_dead_are_swept_and_of_the_living_not(tmp_path):
    dead, alive = tmp_path / ".a.999999999.x.new", tmp_path / f".a.{os.getpid()}.y.new"
    dead.mkdir()
    alive.mkdir()
    with new_folder(tmp_path / "a"):
        pass
    assert alive.exists() and not dead.exists()


def test_a_place_that_cannot_be(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"), new_file(tmp_path / "file" / "a"):
        raise AssertionError
