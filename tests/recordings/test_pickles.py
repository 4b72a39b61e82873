"""The restricted unpickler: plain data comes through, everything else is refused by name and never run."""

import collections
import io
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.pickles import load_pickle, loads_pickle

ARRAYS = {
    "plain": np.arange(12.0).reshape(3, 4),
    "half, by columns": np.asfortranarray(np.arange(12, dtype=np.float16).reshape(3, 4)),
    "strided": np.arange(12).reshape(3, 4)[:, ::2],
    "empty": np.zeros((0, 3), np.float32),
    "number": np.array(3.5),
    "big-endian": np.arange(3, dtype=">i4"),
    "text": np.array(["ab", "c"]),
    "bool": np.array([True, False]),
}


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_and_plain_data_come_through(protocol):
    plain = {"a": [1, 2.5, None, True], "b": (b"raw", "text"), "c": {"d": np.float32(1.5)}, "e": np.int64(3)}
    plain["f"] = collections.OrderedDict(x=1)
    data = loads_pickle(pickle.dumps((plain, ARRAYS), protocol))
    assert data[0] == plain
    for name, array in ARRAYS.items():
        found = data[1][name]
        assert found.dtype.newbyteorder("=") == array.dtype.newbyteorder("=") and found.shape == array.shape, name
        np.testing.assert_array_equal(found, array, err_msg=name)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_what_was_read_can_be_sent_to_another_process(protocol):
    x = np.asfortranarray(np.arange(12, dtype=">f4").reshape(3, 4))
    read = loads_pickle(pickle.dumps({"x": x}, 2))
    sent = pickle.loads(pickle.dumps(read, protocol))["x"]
    assert type(sent) is np.ndarray and sent.dtype == np.float32
    np.testing.assert_array_equal(sent, x)


def test_an_array_that_stands_twice_is_read_twice():
    array = np.arange(3)
    first, second = loads_pickle(pickle.dumps([array, array]))
    np.testing.assert_array_equal(first, second)


class Malicious:
    def __reduce__(self):
        return os.system, ("touch acteme-was-here",)


@pytest.mark.parametrize("protocol", range(6))
def test_code_is_refused_by_name_and_not_run(protocol, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"x": [Malicious()]}, protocol))
    with pytest.raises(InputError, match=rf"a.pkl: the pickle asks for '{os.name}.system', which may run code"):
        load_pickle(tmp_path / "a.pkl")
    assert not (tmp_path / "acteme-was-here").exists()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.array([{}], object), "type 'O8'"),
        (np.zeros(2, "f4,i4"), "type 'V8'"),
        (np.datetime64("2020"), "type 'M8'"),
        ({(1, 2): 3}, "a dict with a tuple as key"),
        (Path("x"), "pathlib"),
        (collections.Counter("a"), "'collections.Counter'"),
        (slice(1), "slice"),
        (np.random.default_rng(0), "numpy.random"),
        (eval, "eval"),
    ],
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_other_types_are_refused(value, message, protocol):
    with pytest.raises(InputError, match=message):
        loads_pickle(pickle.dumps(value, protocol))


def op(*parts: bytes) -> bytes:
    return b"".join(parts) + b"."


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (op(b"\x80\x04", b"\x8f"), "holds a set"),
        (op(b"cbuiltins\neval\n", b"(Vprint(1)\n", b"tR"), "'builtins.eval'"),
        (op(b"(i", b"os\nsystem\n"), "'os.system'"),
        (op(b"\x80\x02", b"\x82\x01"), "extension 1"),
        (op(b"Pabc\n"), "objects outside it"),
        (op(b"cnumpy\ndtype\n", b"}Vx\nI1\nsb"), "state of an object"),
        (op(b"cnumpy\nndarray\n", b"((I9\ntI9\n", b"tR"), "not a pickle|by hand"),
        (op(b"cnumpy\nndarray\n", b"(I9\n", b"tR"), "makes a NumPy array by hand"),
        (op(b"c_codecs\nlookup\n"), "'_codecs.lookup'"),
        (op(b"cbuiltins\nbytes\n", b"(I999999999999\n", b"tR"), "not a pickle"),
        (b"", "not a pickle"),
        (b"\x80\x04", "not a pickle"),
        (b"text", "not a pickle"),
    ],
)
def test_crafted_pickles(data, message):
    with pytest.raises(InputError, match=message):
        loads_pickle(data)


def test_a_shape_that_does_not_fit_its_bytes_is_refused():
    data = pickle.dumps(np.zeros(4, np.int8), 2)
    assert data.count(b"K\x04\x85") == 1
    for wrong in (b"K\x05\x85", b"K\x03\x85", b"J\x00\x00\x00\x7f\x85"):
        with pytest.raises(InputError, match="not a pickle"):
            loads_pickle(data.replace(b"K\x04\x85", wrong))


def test_a_memo_index_reserves_no_memory():
    # the unpickler in C makes room for 2^32 entries here
    data = b"\x80\x02" + b"]" + b"r" + struct.pack("<I", 0xFFFFFFF0) + b"."
    assert loads_pickle(data) == []


def test_tuples_within_tuples_are_no_keys():
    # hashing this key would take 2^60 steps
    out = io.BytesIO(b"")
    out.write(b"(tq\x00")
    out.write(b"".join(b"h\x00h\x00\x86q\x00" for _ in range(60)))
    with pytest.raises(InputError, match="a tuple as key"):
        loads_pickle(b"\x80\x02}" + out.getvalue() + b"K\x01s.")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_pickle(tmp_path / "none.pkl")


SAMPLE = {p: pickle.dumps([{"a": np.zeros((2, 3), np.float16), "n": ["x", 1]}, ARRAYS], p) for p in range(6)}


@settings(max_examples=150)
@given(data=st.data())
def test_damage_gives_a_clear_error_or_data(data):
    whole = bytearray(SAMPLE[data.draw(st.integers(0, 5))])
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        loads_pickle(bytes(whole[: data.draw(st.integers(0, len(whole)))] if data.draw(st.booleans()) else whole))
    except InputError as error:
        assert str(error)
