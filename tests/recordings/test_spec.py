"""What a system must know of its data."""

import json

from acteme.recordings.spec import Spec


def test_json_round_trip_keeps_types():
    spec = Spec("coco17", 17, 2, 2, ("a", "b"), 25.0, True)
    again = Spec.from_json(json.loads(json.dumps(spec.to_json())))
    assert again == spec and isinstance(again.classes, tuple)


def test_fields_of_a_later_version_are_ignored():
    assert Spec.from_json({"joints": 25, "moons": 2}) == Spec(joints=25)


def test_groups_are_numbered_by_their_first_class():
    spec = Spec(classes=("nod", "wave", "shake"), groups=("head", "arm", "head"))
    assert spec.group_names == ("head", "arm") and spec.group_of == (0, 1, 0)
    assert Spec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    assert Spec(classes=("a",)).group_names == Spec(classes=("a",)).group_of == ()
