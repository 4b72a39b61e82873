"""Names of classes."""

import pytest

from acteme.errors import InputError
from acteme.recordings.skeleton.readers.names import MOST_CLASSES, NTU60, NTU120, PKU51, named


def test_names_by_their_number():
    assert named(60) is NTU60 and named(120) is NTU120 and named(51, PKU51) is PKU51
    assert named(2) == ("class 0", "class 1") and named(51)[50] == "class 50"


def test_a_huge_label_is_damage():
    with pytest.raises(InputError, match="holds the label 100000"):
        named(MOST_CLASSES + 1)


def test_no_name_stands_for_two_classes():
    for names in (NTU120, PKU51):
        assert len(set(names)) == len(names)


def test_ntu_and_pku_share_their_names():
    assert set(PKU51) - set(NTU60) == {"bow", "put something inside pocket", "take out something from pocket"}
