"""Rows of archives: the same whether stored or compressed, in any order, and nothing loaded whole."""

import pickle
import zipfile

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.skeleton.readers.npz import Member

X = np.random.default_rng(0).normal(size=(5, 3, 2)).astype(np.float32)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_rows_equal_the_array(tmp_path, save):
    save(tmp_path / "a.npz", other=np.arange(7), x=X)
    member = Member(tmp_path / "a.npz", "x")
    assert (member.shape, len(member)) == ((5, 3, 2), 5)
    assert (member.mapped is not None) == (save is np.savez)
    for i in (0, 3, 1, 4, 4):
        np.testing.assert_array_equal(member[i], X[i])
    again = pickle.loads(pickle.dumps(member))
    np.testing.assert_array_equal(again[2], X[2])


def test_a_mapped_array_is_the_file(tmp_path):
    np.savez(tmp_path / "a.npz", x=X)
    assert isinstance(Member(tmp_path / "a.npz", "x").mapped, np.memmap)


def test_errors(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=X, o=np.array([{}], object), n=np.float32(1), f=np.asfortranarray(X))
    for name, message in (("y", "has no array 'y'"), ("o", "not a plain array"), ("n", "not a plain array"),
                          ("f", "not a plain array")):  # fmt: skip
        with pytest.raises(InputError, match=message):
            Member(path, name)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="cannot be read, or the archive is truncated"):
        Member(path, "x")
    with pytest.raises(InputError, match="cannot be read"):
        Member(tmp_path / "none.npz", "x")


def test_a_header_that_promises_more_than_there_is(tmp_path):
    np.save(tmp_path / "x.npy", X)
    data = (tmp_path / "x.npy").read_bytes().replace(b"(5, 3, 2)", b"(9, 3, 2)")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", data)
    with pytest.raises(InputError, match="'x' is truncated"):
        Member(tmp_path / "a.npz", "x")


def test_a_damaged_stream_names_its_row(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x=np.random.default_rng(0).normal(size=(400, 30)))
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 40] = bytes(40)
    (tmp_path / "a.npz").write_bytes(data)
    member = Member(tmp_path / "a.npz", "x")
    with pytest.raises(InputError, match=r"row .* of 'x' cannot be unpacked"):
        [member[i] for i in range(400)]
