"""Skeletons in .npy and .npz files."""

import io
import pickle
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.folder.arrays import load_npy, load_npz, peek_npy, peek_npz
from acteme.recordings.folder.header import Header
from tests.recordings.samples import skeleton


def test_npy_is_mapped(tmp_path):
    np.save(tmp_path / "a.npy", skeleton(6))
    media = load_npy(tmp_path / "a.npy")
    assert isinstance(media.arrays["skeleton"], np.memmap)
    assert media.header == Header(2, 25, 3)
    assert np.array_equal(media.arrays["skeleton"], skeleton(6))


def test_one_person_needs_no_axis(tmp_path):
    np.save(tmp_path / "a.npy", skeleton(6, channels=2)[:, 0])
    media = load_npy(tmp_path / "a.npy")
    assert media.header == Header(1, 25, 2)
    assert media.arrays["skeleton"].shape == (6, 1, 25, 2)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npz_of_any_kind(tmp_path, save, dtype, order):
    given_ = (skeleton(6) * 100).astype(dtype, order=order)
    save(tmp_path / "a.npz", confidence=np.ones((6, 2, 25)), skeleton=given_, fps=25, layout="ntu25")
    media = load_npz(tmp_path / "a.npz")
    assert media.header == Header(2, 25, 3, 25.0, "ntu25", True) == peek_npz(tmp_path / "a.npz")
    assert np.array_equal(media.arrays["skeleton"], given_)
    assert media.arrays["confidence"].shape == (6, 2, 25)
    assert isinstance(media.arrays["skeleton"], np.memmap) == (save is np.savez)


def test_npz_with_the_least(tmp_path):
    np.savez(tmp_path / "a.npz", skeleton=skeleton(3)[:, 0])
    assert load_npz(tmp_path / "a.npz").header == Header(1, 25, 3)


class Evil:
    def __reduce__(self):
        return (open, ("/tmp/never", "w"))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 25)), "has shape (3, 25); it must be (frames, persons, joints, coordinates) or"),
        (np.zeros((3, 2, 25, 4)), "with 2 or 3 coordinates"),
        (np.zeros((0, 2, 25, 3)), "is empty: its shape is (0, 2, 25, 3)"),
        (np.zeros((3, 25, 3), complex), "holds complex128 rather than numbers"),
        (np.full((3, 25, 3), "x"), "holds <U1 rather than numbers"),
        (np.array([[[Evil()]]], object), "holds object rather than numbers"),
    ],
)
def test_arrays_that_are_no_skeletons(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    np.savez(tmp_path / "a.npz", skeleton=array)
    for load, name in ((load_npy, "a.npy"), (load_npz, "a.npz")):
        with pytest.raises(InputError) as caught:
            load(tmp_path / name)
        assert message in str(caught.value) and name in str(caught.value)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"keypoint": skeleton(2)}, "has no array 'skeleton' but keypoint; save it as skeleton"),
        ({"skeleton": skeleton(2), "lables": np.ones(2)}, "has the unknown array 'lables'"),
        ({"skeleton": skeleton(2), "fps": np.ones(2)}, "fps has shape (2,); save fps as a single value"),
        ({"skeleton": skeleton(2), "fps": "fast"}, "fps is 'fast'"),
        ({"skeleton": skeleton(2), "fps": np.nan}, "fps is nan"),
        ({"skeleton": skeleton(2), "layout": 3}, "layout is 3; save the name"),
        ({"skeleton": skeleton(2), "confidence": np.ones((2, 25))}, "must be numbers of shape (2, 2, 25)"),
        (
            {"skeleton": skeleton(2), "confidence": np.full((2, 2, 25), "x")},
            "confidence has shape (2, 2, 25) and type <U1",
        ),
        ({"skeleton": skeleton(2), "layout": np.array(Evil(), object)}, "is damaged or no .npz file"),
    ],
)
def test_npz_with_strange_parts(tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(InputError) as caught:
        load_npz(tmp_path / "a.npz")
    assert message in str(caught.value)


def test_pickles_in_disguise_are_not_run(tmp_path):
    for name, load in (("a.npy", load_npy), ("a.npz", load_npz)):
        (tmp_path / name).write_bytes(pickle.dumps(Evil()))
        with pytest.raises(InputError, match=r"is damaged or no .np[yz] file"):
            load(tmp_path / name)


def saved(save):
    out = io.BytesIO()
    save(out)
    return out.getvalue()


NPY = saved(lambda out: np.save(out, skeleton(2)))
NPZ = saved(lambda out: np.savez(out, skeleton=skeleton(2), fps=30.0))
ZIPPED = saved(lambda out: np.savez_compressed(out, skeleton=skeleton(2), fps=30.0))


def touch(load, path):
    with suppress(InputError):
        for array in load(path).arrays.values():
            assert array.ndim in (3, 4) and np.asarray(array).size > 0


@pytest.mark.parametrize(("whole", "load"), [(NPY, load_npy), (NPZ, load_npz), (ZIPPED, load_npz)])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.5, 0.99])
def test_truncated_files_are_named(tmp_path, whole, load, share):
    path = tmp_path / ("a.npy" if load is load_npy else "a.npz")
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=r"a.np[yz]: is damaged"):
        load(path)


@settings(max_examples=120)
@given(
    st.sampled_from([(NPY, load_npy), (NPZ, load_npz), (ZIPPED, load_npz)]),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=8),
    st.booleans(),
)
def test_changed_bytes_are_read_or_refused(tmp_path_factory, kind, changes, at_end):
    whole, load = kind
    data = bytearray(whole)
    for at, value in changes:
        data[-1 - at if at_end else at] = value
    path = tmp_path_factory.getbasetemp() / ("fuzz.npy" if load is load_npy else "fuzz.npz")
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    touch(load, path)


def test_a_header_that_promises_too_much(tmp_path):
    """A shape of terabytes over a few bytes must not be allocated."""
    header = io.BytesIO()
    shape = {"descr": "<f4", "fortran_order": False, "shape": (10**12, 25, 3)}
    np.lib.format.write_array_header_1_0(header, shape)
    (tmp_path / "a.npy").write_bytes(header.getvalue() + bytes(64))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("skeleton.npy", header.getvalue() + bytes(64))
    with zipfile.ZipFile(tmp_path / "b.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("skeleton.npy", header.getvalue() + bytes(64))
    assert peek_npy(tmp_path / "a.npy").joints == 25
    for load, name in ((load_npy, "a.npy"), (load_npz, "a.npz"), (load_npz, "b.npz")):
        with pytest.raises(InputError, match="is damaged"):
            load(tmp_path / name)
