"""The kinds of skeleton files that your own data may consist of."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from acteme.errors import InputError
from acteme.recordings.folder.arrays import load_npy, load_npz, peek_npy, peek_npz
from acteme.recordings.folder.header import Header, Media
from acteme.recordings.folder.naming import guess
from acteme.recordings.folder.tables import load_csv, peek_csv
from acteme.recordings.recording import Recording
from acteme.recordings.skeleton.layouts import LAYOUTS
from acteme.recordings.skeleton.readers.ntu import read_skeleton


@dataclass(frozen=True)
class Format:
    """One kind of file; both functions take its path and the layout where that is known, else ""."""

    peek: Callable[[Path, str], Header]
    """Reads as little as it takes to know shape, clock and layout."""
    load: Callable[[Path, str], Media]
    """Reads it, or maps it."""


def _skeleton(path: Path, layout: str) -> Media:
    return _media(read_skeleton(path), "ntu25")


def _media(r: Recording, layout: str) -> Media:
    persons, joints, channels = r.arrays["skeleton"].shape[1:]
    return Media(Header(persons, joints, channels, r.fps, layout, "confidence" in r.arrays), dict(r.arrays))


FORMATS: dict[str, Format] = {
    ".npy": Format(lambda path, layout: peek_npy(path), lambda path, layout: load_npy(path)),
    ".npz": Format(lambda path, layout: peek_npz(path), lambda path, layout: load_npz(path)),
    ".csv": Format(peek_csv, load_csv),
    ".skeleton": Format(lambda path, layout: Header(2, 25, 3, 30.0, "ntu25"), _skeleton),
}
"""Suffix, in lower case, to format."""


def peek(path: Path, layout: str = "") -> Header:
    """Header of a file, with its layout: as it says, as told, or by its number of joints.

    Raises:
        InputError: the file is damaged, or its layout is unknown, ambiguous or another one than told.
    """
    header = _format(path).peek(path, layout)
    name = header.layout or layout or guess(header.joints, str(path))
    if name not in LAYOUTS:
        raise InputError(f"its layout '{name}' is unknown", path, f"use one of {', '.join(LAYOUTS)}")
    if LAYOUTS[name].count != header.joints:
        what = f"has {header.joints} joints where layout '{name}' has {LAYOUTS[name].count}"
        raise InputError(what, path, "name the right layout")
    return Header(header.persons, header.joints, header.channels, header.fps, name, header.confidence)


def load(path: Path, layout: str = "") -> Media:
    """Reads a file."""
    return _format(path).load(path, layout)


def _format(path: Path) -> Format:
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"cannot read a '{suffix}' file", path, f"convert it to one of {', '.join(FORMATS)}")
    return FORMATS[suffix]
