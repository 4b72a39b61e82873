"""Which layout a skeleton has."""

import pytest

from acteme.errors import InputError
from acteme.recordings.folder.naming import guess, order, plain
from acteme.recordings.skeleton.layouts import LAYOUTS


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("left_shoulder", "left_shoulder"),
        ("LeftShoulder", "left_shoulder"),
        ("L-shoulder", "left_shoulder"),
        (" Left Shoulder ", "left_shoulder"),
        ("LShoulder", "left_shoulder"),
        ("nose", "nose"),
        ("joint7", "joint7"),
    ],
)
def test_spellings(said, meant):
    assert plain(said) == meant


def test_a_number_of_joints_that_one_layout_has():
    assert guess(20, "x") == "kinect20"


def test_a_number_of_joints_that_several_layouts_have():
    with pytest.raises(InputError) as caught:
        guess(25, "walk.npy")
    line = str(caught.value)
    assert line.startswith("walk.npy: 25 joints could be any of the layouts ntu25")
    assert "body25" in line and "add ?layout=ntu25, or layout in acteme.toml" in line


def test_a_number_of_joints_that_no_layout_has():
    with pytest.raises(InputError, match=r"99 joints fit no layout; reduce them to one of ntu25 \(25\)"):
        guess(99, "x")


def test_names_in_any_order_and_spelling():
    joints = LAYOUTS["coco17"].joints
    shuffled = [joint.upper().replace("_", " ") for joint in reversed(joints)]
    assert order(shuffled, "", "x") == ("coco17", list(range(16, -1, -1)))
    assert order(shuffled, "coco17", "x") == ("coco17", list(range(16, -1, -1)))


def test_more_joints_than_the_layout_has():
    name, positions = order(["tail", *LAYOUTS["coco17"].joints], "", "x")
    assert (name, positions) == ("coco17", list(range(1, 18)))


def test_names_that_say_nothing_stand_in_order():
    assert order([f"p{i}" for i in range(20)], "", "x") == ("kinect20", list(range(20)))
    assert order([f"p{i}" for i in range(25)], "body25", "x") == ("body25", list(range(25)))


def test_names_that_make_up_no_layout():
    with pytest.raises(InputError, match="the joints nose, tail make up no layout"):
        order(["nose", "tail"], "", "x")
    with pytest.raises(InputError, match="has no joint 'nose' of layout 'coco17'"):
        order(["tail"] + [f"q{i}" for i in range(3)], "coco17", "x")
