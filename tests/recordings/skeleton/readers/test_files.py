"""Opening foreign files: one clear error for whatever is wrong."""

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.skeleton.readers import files


def test_text_may_have_a_byte_order_mark(tmp_path):
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfa\xc3\xa9")
    assert files.read_text(tmp_path / "a") == "a\u00e9"
    (tmp_path / "a").write_bytes(b"ab\xff")
    with pytest.raises(InputError, match=r"is not UTF-8 text \(byte 2\)"):
        files.read_text(tmp_path / "a")
    with pytest.raises(InputError, match="cannot be read"):
        files.read_text(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [("{\n1", "line 2: is not JSON"), ("[" * 100_000, "not sensible JSON"), ("9" * 9999, "not sensible JSON")],
)
def test_what_is_no_json(tmp_path, text, message):
    (tmp_path / "a").write_text(text)
    with pytest.raises(InputError, match=message):
        files.read_json(tmp_path / "a")


def test_arrays_are_mapped_and_never_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(3))
    assert isinstance(files.read_npy(tmp_path / "a.npy"), np.memmap)
    np.savez(tmp_path / "a.npz", np.arange(3))
    (tmp_path / "a.npz").rename(tmp_path / "a.npy")  # which numpy.load takes for an archive
    with pytest.raises(InputError, match=r"is not a .npy file of numbers"):
        files.read_npy(tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", np.array([{}], object))
    with pytest.raises(InputError, match=r"is not a .npy file of numbers"):
        files.read_npy(tmp_path / "a.npy")


@pytest.mark.parametrize("value", [[[1], [1, 2]], ["1"], None, [None], {}, [10**400], [[[[]]], 1], "x", [True, "a"]])
def test_what_is_no_array(value):
    with pytest.raises(InputError, match="f: x is not an array of numbers"):
        files.numbers(value, "f", "x")


def test_nan_is_found_with_its_index():
    with pytest.raises(InputError, match="f: x has a NaN or infinity at index 2"):
        files.numbers([1, 2, float("nan")], "f", "x")
    values = np.ones((3, 2), np.float32)
    assert files.finite(values, "f") is values
    with pytest.raises(InputError, match="f: the skeleton has a NaN or infinity at index 1"):
        files.finite(np.array([[0, 1], [1e300, 0]]), "f")  # too large for float32


def test_natural_order():
    assert files.natural(["f10", "f9", "f", "g1", "f9b"]) == ["f", "f9", "f9b", "f10", "g1"]
    assert files.natural(["2", "10", "a"]) == ["a", "2", "10"]
