"""Skeletons in .npy and .npz files, mapped rather than read where the file allows it, and never unpickled.

- `.npy`: positions (T, M, V, C) or (T, V, C): frames, persons, joints, 2 or 3 coordinates.
- `.npz`: `skeleton` as above and, as wanted, `fps` (a number), `layout` (a name), `confidence` (T, M, V) or (T, V).
"""

import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from acteme.errors import InputError
from acteme.recordings.folder.header import Header, Media

AXES = "(frames, persons, joints, coordinates) or (frames, joints, coordinates)"


def peek_npy(path: Path) -> Header:
    with _readable(path):
        with path.open("rb") as file:
            shape, dtype, _ = _header(file)
        return _check(path, shape, dtype)


def load_npy(path: Path) -> Media:
    header = peek_npy(path)
    with _readable(path):
        return Media(header, {"skeleton": _persons(np.load(path, mmap_mode="r", allow_pickle=False), 4)})


def peek_npz(path: Path) -> Header:
    with _readable(path), zipfile.ZipFile(path) as archive:
        names = {n.removesuffix(".npy") for n in archive.namelist()}
        if "skeleton" not in names:
            held = ", ".join(sorted(names)) or "nothing"
            raise InputError(f"has no array 'skeleton' but {held}", path, f"save it as skeleton, {AXES}")
        if unknown := names - {"skeleton", "fps", "layout", "confidence"}:
            what = f"has the unknown array '{min(unknown)}'"
            raise InputError(what, path, "an .npz holds skeleton and, as wanted, fps, layout, confidence")
        with archive.open("skeleton.npy") as member:
            shape, dtype, _ = _header(member)
        header = _check(path, shape, dtype)
        if "confidence" in names:
            with archive.open("confidence.npy") as member:
                score, kind, _ = _header(member)
            if score != shape[:-1] or kind.kind not in "fiu":
                what = f"confidence has shape {score} and type {kind}"
                raise InputError(what, path, f"it must be numbers of shape {shape[:-1]}")
        fps = _one(archive, "fps", path) if "fps" in names else 0.0
        layout = _one(archive, "layout", path) if "layout" in names else ""
        if not isinstance(fps, int | float) or not 0 <= fps < np.inf:
            raise InputError(f"fps is {fps!r}", path, "save frames per second as a number")
        if not isinstance(layout, str):
            raise InputError(f"layout is {layout!r}", path, "save the name of a layout")
        return Header(header.persons, header.joints, header.channels, float(fps), layout, "confidence" in names)


def load_npz(path: Path) -> Media:
    header = peek_npz(path)
    with _readable(path), zipfile.ZipFile(path) as archive:
        arrays = {"skeleton": _persons(_member(archive, "skeleton", path), 4)}
        if header.confidence:
            arrays["confidence"] = _persons(_member(archive, "confidence", path), 3)
        return Media(header, arrays)


class _readable:
    """Turns whatever the parsers of NumPy and zip raise on damaged bytes into an InputError."""

    def __init__(self, path: Path):
        self.path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, InputError):
            what = f"is damaged or no {self.path.suffix} file ({type(error).__name__})"
            raise InputError(what, self.path, "write it again with numpy") from error


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype, bool]:
    """Shape, type and column-major order of an array in .npy form; the file then stands at the data."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    else:
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(file)
    return shape, dtype, fortran


def _check(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> Header:
    if dtype.kind not in "fiu":
        raise InputError(f"holds {dtype} rather than numbers", path, "save positions as float32")
    if len(shape) not in (3, 4) or shape[-1] not in (2, 3):
        raise InputError(f"has shape {shape}", path, f"it must be {AXES} with 2 or 3 coordinates")
    if 0 in shape:
        raise InputError(f"is empty: its shape is {shape}", path, "leave it out")
    return Header(persons=shape[1] if len(shape) == 4 else 1, joints=shape[-2], channels=shape[-1])


def _persons(array: np.ndarray, axes: int) -> np.ndarray:
    return array if array.ndim == axes else array[:, None]


def _one(archive: zipfile.ZipFile, name: str, path: Path) -> object:
    """A single number or word of an .npz."""
    with archive.open(f"{name}.npy") as member:
        value = np.lib.format.read_array(member, allow_pickle=False)
    if value.size != 1:
        raise InputError(f"{name} has shape {value.shape}", path, f"save {name} as a single value")
    return value.item()


def _member(archive: zipfile.ZipFile, name: str, path: Path) -> np.ndarray:
    """An array of an .npz: mapped where it is stored as it is, read where it is compressed."""
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as member:
        if info.compress_type != zipfile.ZIP_STORED:
            return np.lib.format.read_array(member, allow_pickle=False)
        shape, dtype, fortran = _header(member)
        inside = member.tell()
    with path.open("rb") as file:  # the local header: 30 bytes, then a name and an extra field of these lengths
        file.seek(info.header_offset + 26)
        lengths = np.frombuffer(file.read(4), "<u2")
    offset = info.header_offset + 30 + int(lengths.sum()) + inside
    return np.memmap(path, dtype, "r", offset, shape, "F" if fortran else "C")
