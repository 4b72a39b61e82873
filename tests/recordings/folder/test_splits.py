"""Splits where the table does not say."""

from hypothesis import given
from hypothesis import strategies as st

from acteme.recordings.folder.splits import split

FILES = [f"f{i}.npz" for i in range(10)]
ALL = [True] * 10


def test_whole_subjects_are_tested():
    subjects = [f"P{i % 5}" for i in range(10)]
    parts = split(FILES, subjects, ALL)
    tested = {s for s, part in zip(subjects, parts, strict=True) if part == "test"}
    trained = {s for s, part in zip(subjects, parts, strict=True) if part == "train"}
    assert len(tested) == 1 and not tested & trained


def test_files_where_there_is_one_subject():
    assert split(FILES, ["P1"] * 10, ALL).count("test") == 2
    assert split(FILES, [""] * 10, ALL).count("test") == 2


def test_two_are_one_and_one_and_one_is_for_training():
    assert sorted(split(["a", "b"], ["", ""], [True] * 2)) == ["test", "train"]
    assert split(["a"], [""], [True]) == ["train"]


def test_unlabeled_recordings():
    assert split(["a", "b", "c"], [""] * 3, [True, False, True]).count("") == 1
    assert split(["a", "b"], ["P1", "P2"], [False, False]) == ["train", "train"]
    assert set(split(["a", "b", "c"], ["P1", "P1", "P2"], [True, True, False])) == {"train", "test", ""}


@given(st.permutations(range(10)))
def test_the_order_does_not_matter(order):
    parts = dict(zip(FILES, split(FILES, [""] * 10, ALL), strict=True))
    shuffled = [FILES[i] for i in order]
    assert split(shuffled, [""] * 10, ALL) == [parts[file] for file in shuffled]


def test_known_outcome_stays():
    """The same files are tested on every machine and by every version."""
    parts = split(FILES, [""] * 10, ALL)
    assert [f for f, part in zip(FILES, parts, strict=True) if part == "test"] == ["f0.npz", "f9.npz"]
