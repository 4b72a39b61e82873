"""Damaged files: only InputError may come out of a reader, never another exception, never a hang."""

import json
import pickle
import re
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acteme.errors import InputError
from tests.recordings.damage import damaged, replaced
from tests.recordings.skeleton.readers.cases import CASES, skeleton_text, walk


@pytest.fixture(scope="module", params=sorted(CASES))
def case(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    one = CASES[request.param]
    one.files(folder)
    return one, folder, (folder / one.victim).read_bytes()


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damage_gives_a_clear_error_or_data(case, data):
    one, folder, whole = case
    (folder / one.victim).write_bytes(data.draw(damaged(whole)))
    try:
        one.read(folder)
    except InputError as error:
        assert str(folder) in str(error) and "\n" not in str(error), "it names the file"


TREES = [name for name, one in CASES.items() if one.victim.endswith((".json", ".pkl"))]


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(data=st.data())
@pytest.mark.parametrize("name", TREES)
def test_strange_values_give_a_clear_error_or_data(tmp_path_factory, name, data):
    one, folder = CASES[name], tmp_path_factory.mktemp("strange")
    one.files(folder)
    victim = folder / one.victim
    if victim.suffix == ".json":
        tree = data.draw(st.composite(replaced)(json.loads(victim.read_text()), True))
        victim.write_text(json.dumps(tree))
    else:
        tree = data.draw(st.composite(replaced)(pickle.loads(victim.read_bytes()), False))
        victim.write_bytes(pickle.dumps(tree))
    try:
        one.read(folder)
    except InputError as error:
        assert str(folder) in str(error) and "\n" not in str(error), "it names the file"


FOUND: dict[str, tuple[str, object]] = {
    "a label of thirty digits": ("agcn label", pickle.dumps((["a", "b"], [0, 10**30]))),
    "a label beyond what an array holds": ("agcn label", pickle.dumps((["a", "b"], [0, 2**63]))),
    "a frame of years": ("pybullet", lambda whole: whole.replace(b"[0.05, ", b"[1e300, ", 1)),
    "a quaternion of 1e300": ("pybullet", lambda whole: whole.replace(b"0, 1, 0, 1, 0", b"0, 1, 0, 1e300, 0", 1)),
    "a coordinate beyond float32": ("ntu", lambda whole: re.sub(rb"\n25\n\S+", b"\n25\n3.0e+39", whole)),
    "a joint line cut short": ("ntu", skeleton_text([{"7": walk()[0]}]).rsplit(" ", 12)[0].encode()),
    "a frame number of the far future": ("kinetics", b'{"data": [{"frame_index": 99999999, "skeleton": []}]}'),
    "an image number of a hundred digits": ("coco", b'[{"image_id": 1%s, "keypoints": [1, 1, 1]}]' % (b"0" * 100)),
    "lists a thousand deep": ("nwucla", b"[" * 2000),
    "a number of ten thousand digits": ("nwucla", b'{"skeletons": ' + b"9" * 10_000 + b"}"),
    "a class of infinity": ("tsu table", lambda whole: whole.replace(b"[3, 10", b"[1e999, 10")),
    "frames without end": ("bvh", lambda whole: whole.replace(b"Frames: 2", b"Frames: " + b"9" * 30)),
    "a joint with channels without end": ("bvh", lambda whole: whole.replace(b"CHANNELS 3", b"CHANNELS 999999999999")),
    "a time of no number": ("humanml3d text", b"a man#a/DET#nan#inf\n"),
    "a null among names": ("humanml3d split", b"0\x00001\n"),
}
"""Damaged files that once got through, or came close: the case, and the bytes or what makes them of the whole file."""


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", FOUND)
def test_what_was_found(tmp_path, name):
    of, data = FOUND[name]
    one, folder = CASES[of], tmp_path
    one.files(folder)
    victim = folder / one.victim
    whole = victim.read_bytes()
    changed = data(whole) if callable(data) else data
    assert isinstance(changed, bytes) and changed != whole
    victim.write_bytes(changed)
    with pytest.raises(InputError) as caught:
        one.read(folder)
    assert str(folder) in str(caught.value)


def test_the_whole_file_is_read(case):
    one, folder, whole = case
    (folder / one.victim).write_bytes(whole)
    assert len(one.read(folder))
    shutil.rmtree(folder)
    with pytest.raises(InputError):
        one.read(folder)
