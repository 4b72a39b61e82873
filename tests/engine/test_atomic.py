"""Whole or not at all."""

import os

import pytest

from acteme.engine.atomic import fresh_file, fresh_folder, write_text
from acteme.errors import ActemeError


def test_a_file_appears_only_when_its_block_ends(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with fresh_file(path) as work:
        work.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ValueError), fresh_file(path) as work:
        work.write_text("half")
        raise ValueError
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_link_stays_and_its_file_is_replaced(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there/a.txt").write_text("old")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "there/a.txt")
    write_text(link, "new")
    assert link.is_symlink() and (tmp_path / "there/a.txt").read_text() == "new"


def test_a_folder_replaces_the_old_one_whole(tmp_path):
    path = tmp_path / "table"
    for text in ("one", "two"):
        with fresh_folder(path) as work:
            (work / text).touch()
    assert [p.name for p in path.iterdir()] == ["two"] and [p.name for p in tmp_path.iterdir()] == ["table"]


def test_an_error_leaves_the_old_folder(tmp_path):
    path = tmp_path / "table"
    with fresh_folder(path) as work:
        (work / "one").touch()
    with pytest.raises(ValueError), fresh_folder(path) as work:
        (work / "two").touch()
        raise ValueError
    assert [p.name for p in path.iterdir()] == ["one"] and [p.name for p in tmp_path.iterdir()] == ["table"]


@pytest.mark.parametrize("fresh", [fresh_file, fresh_folder])
def test_leftovers_of_the_dead_are_swept_and_of_the_living_not(tmp_path, fresh):
    (tmp_path / ".a.999999999").mkdir()
    (tmp_path / ".a.999999998").write_text("half")
    (tmp_path / f".a.{os.getppid()}").mkdir()
    (tmp_path / ".a.txt").touch()
    with fresh(tmp_path / "a") as work:
        (work if fresh is fresh_file else work / "x").write_text("new")
    assert sorted(p.name for p in tmp_path.iterdir()) == [f".a.{os.getppid()}", ".a.txt", "a"]


def test_what_a_killed_process_had_moved_away_comes_back(tmp_path):
    (tmp_path / ".a.999999999.old").mkdir()
    (tmp_path / ".a.999999999.old" / "precious").touch()
    with pytest.raises(ValueError), fresh_folder(tmp_path / "a"):
        raise ValueError
    assert [p.name for p in tmp_path.iterdir()] == ["a"] and (tmp_path / "a" / "precious").exists()


def test_a_full_disk_is_one_clear_line(tmp_path):
    with pytest.raises(ActemeError, match=r"a.txt: could not be written \(No space left on device\); free the disk"), \
            fresh_file(tmp_path / "a.txt"):  # fmt: skip
        raise OSError(28, "No space left on device")
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_way_of_a_folder_is_said(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(ActemeError, match="could not be written"):
        write_text(tmp_path / "a" / "b.txt", "x")
