"""Rows of one array in a `.npz` archive, without loading the array."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from acteme.errors import InputError
from acteme.recordings.skeleton.readers.files import AGAIN

_LOCAL_HEADER = 30
"""Bytes of a zip entry's own header before its name."""


class Member:
    """One array of a `.npz` archive: mapped where it is stored plainly, streamed where it is compressed.

    Raises InputError where the archive is broken, has no such array, or the array is not of numbers.
    """

    def __init__(self, path: Path, name: str):
        self.path, self.name = path, name
        try:
            with zipfile.ZipFile(path) as archive:
                info = archive.getinfo(f"{name}.npy")
                with archive.open(info) as stream:
                    self.shape, fortran, self.dtype = _header(stream)
                    self.start = stream.tell()
        except KeyError:
            raise InputError(
                f"has no array '{name}'", path, "give an archive with x_train, y_train, x_test and y_test"
            ) from None
        except Exception as error:  # zipfile and NumPy's header parser raise whatever they stumble over
            raise InputError(f"'{name}' cannot be read, or the archive is truncated", path, AGAIN) from error
        if self.dtype.kind not in "biuf" or not self.shape or (fortran and len(self.shape) > 1):
            raise InputError(
                f"'{name}' is not a plain array of numbers with rows", path, "save it in row-major order, as numbers"
            )
        self.width = int(np.prod(self.shape[1:], dtype=object)) * self.dtype.itemsize
        if self.width * self.shape[0] + self.start != info.file_size:
            raise InputError(f"'{name}' is truncated", path, AGAIN)
        self.mapped = self._map(info) if info.compress_type == zipfile.ZIP_STORED and self.width else None
        self.stream: Any = None

    def _map(self, info: zipfile.ZipInfo) -> np.ndarray:
        with self.path.open("rb") as file:
            file.seek(info.header_offset)
            head = file.read(_LOCAL_HEADER)
        name, extra = int.from_bytes(head[26:28], "little"), int.from_bytes(head[28:30], "little")
        offset = info.header_offset + _LOCAL_HEADER + name + extra + self.start
        try:
            return np.memmap(self.path, self.dtype, "r", offset, self.shape)
        except (ValueError, OSError) as error:
            raise InputError(f"'{self.name}' is truncated", self.path, AGAIN) from error

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, i: int) -> np.ndarray:
        """Row i, as a copy. Rows of a compressed array are cheap in rising order only."""
        if self.mapped is not None:
            return np.array(self.mapped[i])
        try:
            if self.stream is None:
                self.stream = zipfile.ZipFile(self.path).open(f"{self.name}.npy")  # noqa: SIM115 (for all rows)
            self.stream.seek(self.start + i * self.width)
            data = self.stream.read(self.width)
            return np.frombuffer(data, self.dtype).reshape(self.shape[1:]).copy()
        except Exception as error:  # a damaged stream fails in zlib, in zipfile or by its length
            raise InputError(f"row {i} of '{self.name}' cannot be unpacked", self.path, AGAIN) from error

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"stream": None}


def _header(stream: Any) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(stream)
