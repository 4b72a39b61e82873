"""The kinds of files, whatever is in them."""

import json
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.folder.formats import FORMATS, load, peek
from tests.recordings.samples import skeleton

BODY = [0.5] * 75
ANY = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["people", "pose_keypoints_2d", "skeletons", "data", "keypoints", "image_id", "label"]),
            inner | st.just(BODY),
            max_size=3,
        )
    ),
    max_leaves=8,
)


@pytest.mark.filterwarnings("ignore:overflow")
@settings(max_examples=150)
@given(ANY)
def test_any_json_is_read_or_refused(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "fuzz.json"
    path.write_text(json.dumps(value))
    with suppress(InputError):
        header = peek(path)
        assert load(path, header.layout).arrays["skeleton"].shape[1:] == (
            header.persons,
            header.joints,
            header.channels,
        )


@settings(max_examples=120)
@given(st.sampled_from(sorted(FORMATS)), st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path_factory, suffix, data):
    path = tmp_path_factory.getbasetemp() / f"bytes{suffix}"
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    for layout in ("", "ntu25"):
        with suppress(InputError):
            load(path, peek(path, layout).layout)


def test_clips_of_kinect_v1(tmp_path):
    x = skeleton(4, 1, 20)
    (tmp_path / "a.json").write_text(json.dumps({"skeletons": x[:, 0].tolist(), "label": 3}))
    header = peek(tmp_path / "a.json")
    assert (header.layout, header.joints, header.channels, header.fps) == ("kinect20", 20, 3, 30.0)
    assert np.allclose(load(tmp_path / "a.json", "kinect20").arrays["skeleton"], x)


def test_suffixes_in_capitals(tmp_path):
    np.save(tmp_path / "a.npy", skeleton(4))
    (tmp_path / "a.npy").rename(tmp_path / "A.NPY")
    assert peek(tmp_path / "A.NPY", "ntu25").joints == 25


def test_layouts_that_cannot_be_made(tmp_path):
    np.savez(tmp_path / "a.npz", skeleton=skeleton(4, 1, 22), layout="smpl22")
    with pytest.raises(InputError, match=r"a.npz: there is no map from layout 'smpl22' to 'kinect20'; layouts that"):
        peek(tmp_path / "a.npz", "kinect20")


def test_a_layout_that_nobody_knows(tmp_path):
    np.savez(tmp_path / "a.npz", skeleton=skeleton(4), layout="octopus8")
    with pytest.raises(InputError, match=r"a.npz: its layout 'octopus8' is unknown; use one of ntu25"):
        peek(tmp_path / "a.npz")
