"""Whole or not at all."""

import errno
import os
import time

import pytest

from acteme.atomic import FORGOTTEN, HOST, fresh_file, fresh_folder, write_text
from acteme.errors import InputError


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_a_file_appears_only_when_its_block_ends(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with fresh_file(path) as work:
        assert work.name == "a.txt"  # writers that go by the ending see it
        work.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new" and names(path.parent) == ["a.txt"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ValueError), fresh_file(path) as work:
        work.write_text("half")
        raise ValueError
    assert path.read_text() == "old" and names(tmp_path) == ["a.txt"]


def test_text_that_cannot_be_encoded_leaves_the_old_file(tmp_path):
    write_text(tmp_path / "a", "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "a", "new \ud800")
    assert (tmp_path / "a").read_text() == "old" and names(tmp_path) == ["a"]


def test_a_link_stays_and_its_file_is_replaced(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there/a.txt").write_text("old")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "there/a.txt")
    write_text(link, "new")
    assert link.is_symlink() and (tmp_path / "there/a.txt").read_text() == "new"


def test_what_is_no_file_is_written_to(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with fresh_file(tmp_path / "pipe") as work:
        assert work == tmp_path / "pipe"
    assert names(tmp_path) == ["pipe"]


def test_a_folder_replaces_the_old_one_whole(tmp_path):
    path = tmp_path / "table"
    for text in ("one", "two"):
        with fresh_folder(path) as work:
            (work / text).touch()
    assert names(path) == ["two"] and names(tmp_path) == ["table"]


def test_an_error_leaves_the_old_folder(tmp_path):
    path = tmp_path / "table"
    with fresh_folder(path) as work:
        (work / "one").touch()
    with pytest.raises(ValueError), fresh_folder(path) as work:
        (work / "two").touch()
        raise ValueError
    assert names(path) == ["one"] and names(tmp_path) == ["table"]


@pytest.mark.parametrize("fresh", [fresh_file, fresh_folder])
def test_what_is_there_stays_where_it_is_not_to_be_replaced(tmp_path, fresh):
    (tmp_path / "a").mkdir()
    with (
        pytest.raises(InputError, match="a: is there already; delete it or choose another name"),
        fresh(tmp_path / "a", replace=False),
    ):
        raise AssertionError


@pytest.mark.parametrize("fresh", [fresh_file, fresh_folder])
def test_leftovers_of_the_dead_are_swept_and_of_the_living_not(tmp_path, fresh):
    dead, alive = tmp_path / f".a.{HOST}-999999999.x.new", tmp_path / f".a.{HOST}-{os.getppid()}.y.new"
    dead.mkdir()
    alive.mkdir()
    (tmp_path / ".a.txt").touch()
    with fresh(tmp_path / "a") as work:
        (work if fresh is fresh_file else work / "x").write_text("new")
    assert names(tmp_path) == sorted([alive.name, ".a.txt", "a"])


def test_what_another_machine_writes_is_left_to_it_for_a_day(tmp_path):
    recent, old = tmp_path / ".a.0000000z-1.x.new", tmp_path / ".a.0000000z-1.y.new"
    recent.mkdir()
    old.mkdir()
    os.utime(old, (time.time() - FORGOTTEN - 60,) * 2)
    write_text(tmp_path / "a", "x")
    assert names(tmp_path) == [recent.name, "a"]


def test_what_a_killed_process_had_moved_away_comes_back(tmp_path):
    left = tmp_path / f".a.{HOST}-999999999.x.new" / "old"
    left.mkdir(parents=True)
    (left / "precious").touch()
    with pytest.raises(ValueError), fresh_folder(tmp_path / "a"):
        raise ValueError
    assert names(tmp_path) == ["a"] and (tmp_path / "a" / "precious").exists()


def test_a_full_disk_is_one_clear_line(tmp_path):
    said = "a.txt: cannot be written: No space left on device; free some space or choose another place"
    with pytest.raises(InputError, match=said), fresh_file(tmp_path / "a.txt") as work:
        work.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not names(tmp_path)


def test_a_file_in_the_way_of_a_folder_is_said(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_text(tmp_path / "a" / "b.txt", "x")
