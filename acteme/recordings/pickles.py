"""Pickles that cannot run code: a restricted unpickler for the data files of other projects.

A pickle is a program; loading a foreign one with `pickle.load` may do anything. This one builds lists, tuples, dicts,
strings, numbers and NumPy arrays of numbers, and refuses every other name by an error that says which. Arrays are made
by functions of this module, not by NumPy's own, which trust what a pickle tells them about sizes and memory.
"""

import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from acteme.errors import InputError

MEND = "convert it to .npz with the program that wrote it, if you trust it"
KINDS = "biufcSU"
"""Kinds of NumPy values that a pickle may hold: numbers and strings, no objects."""
KEYS = (str, bytes, int, float, bool, np.generic)
"""What may be a key of a dict; nested tuples would take exponential time to hash."""


def load_pickle(path: Path, encoding: str = "latin1") -> Any:
    """What a pickle file holds.

    Args:
        encoding: of strings that Python 2 wrote.

    Raises InputError, naming the file, where it asks for anything but plain data, or is broken.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            return _Unpickler(file, encoding=encoding).load()
    except InputError as error:
        raise InputError(error.what, path, error.mend) from error
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", path, "correct its name or its access rights") from error
    except Exception as error:  # a broken pickle fails in as many ways as there are opcodes
        raise InputError("is not a pickle, or is truncated", path, "download it again") from error


def loads_pickle(data: bytes, encoding: str = "latin1") -> Any:
    """What pickled bytes hold. Raises InputError like `load_pickle`."""
    try:
        return _Unpickler(io.BytesIO(data), encoding=encoding).load()
    except InputError:
        raise
    except Exception as error:
        raise InputError("is not a pickle, or is truncated", mend="download it again") from error


class _Dtype:
    """Stands for a NumPy dtype until it is used; checks its kind."""

    def __init__(self, code: Any = "", align: Any = False, copy: Any = True):
        self.dtype = np.dtype(code if isinstance(code, str) else "")
        if self.dtype.kind not in KINDS or self.dtype.fields or self.dtype.subdtype:
            raise InputError(f"the pickle holds NumPy values of type '{code}'", mend=MEND)

    def __setstate__(self, state: Any) -> None:
        order = state[1]
        if order in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(order)


class _Array(np.ndarray):
    """An array that takes its shape and bytes from a pickle only where they fit together."""

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, fortran, raw = state
        raw = raw.encode("latin1") if isinstance(raw, str) else raw
        array = _from_bytes(raw, kind, shape, "F" if fortran else "C")  # checks that they fit
        if not array.dtype.isnative:
            array = array.astype(array.dtype.newbyteorder("="))
            raw = array.tobytes("A")
        super().__setstate__((1, array.shape, array.dtype, int(bool(fortran)), bytes(raw)))  # type: ignore[arg-type]

    def __reduce_ex__(self, protocol: Any) -> Any:
        """On its way to another process it is a plain array."""
        return self.view(np.ndarray).__reduce_ex__(protocol)


def _from_bytes(raw: Any, kind: Any, shape: Any, order: Any) -> np.ndarray:
    if isinstance(raw, str):
        raw = raw.encode("latin1")
    if not isinstance(raw, bytes | bytearray) or not isinstance(kind, _Dtype):
        raise InputError("the pickle holds a NumPy array of objects", mend=MEND)
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    return np.frombuffer(raw, kind.dtype).reshape(shape, order="F" if order == "F" else "C")


def _array(subtype: Any = None, shape: Any = None, code: Any = None) -> np.ndarray:
    return np.ndarray.__new__(_Array, (0,), np.int8)


def _scalar(kind: _Dtype, raw: Any = b"") -> Any:
    return _from_bytes(raw, kind, (1,), "C")[0]


def _encode(text: str, encoding: str = "latin1") -> bytes:
    return text.encode("latin1" if encoding == "latin1" else "utf-8")


def _bytes(text: str = "", encoding: str = "latin1") -> bytes:
    return _encode(text, encoding)


def _nothing(*_: Any) -> Any:
    raise InputError("the pickle makes a NumPy array by hand", mend=MEND)


_NUMPY = {"_reconstruct": _array, "scalar": _scalar, "_frombuffer": _from_bytes}
_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): _nothing,
    ("_codecs", "encode"): _encode,
    ("builtins", "bytes"): _bytes,
    ("__builtin__", "bytes"): _bytes,
    ("collections", "OrderedDict"): OrderedDict,
} | {
    (f"numpy.{core}.{module}", name): function
    for core in ("core", "_core")
    for module in ("multiarray", "numeric")
    for name, function in _NUMPY.items()
}  # fmt: skip


_Python: Any = pickle._Unpickler  # type: ignore[attr-defined]


class _Unpickler(_Python):
    """The unpickler written in Python: the one in C reserves whatever memory a damaged file asks for."""

    dispatch: ClassVar[dict[int, Any]] = dict(_Python.dispatch)

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise InputError(f"the pickle asks for '{module}.{name}', which may run code", mend=MEND) from None

    def get_extension(self, code: int) -> None:
        raise InputError(f"the pickle asks for extension {code}, which may run code", mend=MEND)

    def persistent_load(self, pid: Any) -> Any:
        raise InputError("the pickle refers to objects outside it", mend=MEND)

    def load_build(self) -> None:
        if type(self.stack[-2]) not in (_Array, _Dtype):
            raise InputError("the pickle sets the state of an object", mend=MEND)
        state = self.stack.pop()
        self.stack[-1].__setstate__(state)

    def load_setitem(self) -> None:
        _check_keys(self.stack[-2:-1])
        super().load_setitem()

    def load_setitems(self) -> None:
        _check_keys(self.stack[::2])
        super().load_setitems()

    def load_set(self) -> None:
        raise InputError("the pickle holds a set", mend=MEND)

    def load_dict(self) -> None:
        _check_keys(self.stack[::2])
        super().load_dict()

    dispatch[pickle.BUILD[0]] = load_build
    dispatch[pickle.SETITEM[0]] = load_setitem
    dispatch[pickle.SETITEMS[0]] = load_setitems
    dispatch[pickle.DICT[0]] = load_dict
    dispatch[pickle.EMPTY_SET[0]] = load_set
    dispatch[pickle.FROZENSET[0]] = load_set


def _check_keys(keys: list[Any]) -> None:
    for key in keys:
        if not isinstance(key, KEYS):
            raise InputError(f"the pickle has a dict with a {type(key).__name__} as key", mend=MEND)
