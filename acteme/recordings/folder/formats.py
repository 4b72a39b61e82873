"""The kinds of skeleton files that your own data may consist of."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from acteme.errors import InputError
from acteme.recordings.folder.arrays import load_npy, load_npz, peek_npy, peek_npz
from acteme.recordings.folder.header import Header, Media
from acteme.recordings.folder.naming import guess
from acteme.recordings.folder.tables import load_csv, peek_csv
from acteme.recordings.recording import Recording
from acteme.recordings.skeleton.layouts import LAYOUTS, convert
from acteme.recordings.skeleton.readers import nwucla, openpose
from acteme.recordings.skeleton.readers.bvh import read_bvh
from acteme.recordings.skeleton.readers.files import read_json
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


def _json(path: Path, layout: str) -> Media:
    """OpenPose (a folder of files, one per frame), COCO or Kinetics-Skeleton keypoints, or one file of NW-UCLA."""
    if path.is_file() and isinstance(data := read_json(path), dict) and "skeletons" in data:
        return _media(nwucla.read_json(path), "kinect20")
    r = replace(openpose.read_keypoints(path), fps=0.0)  # such files do not say it
    return _media(r, openpose.LAYOUTS[r.arrays["skeleton"].shape[2]])


def _bvh(path: Path, layout: str) -> Media:
    return _media(read_bvh(path, "smpl22"), "smpl22")


def _media(r: Recording, layout: str) -> Media:
    persons, joints, channels = r.arrays["skeleton"].shape[1:]
    return Media(Header(persons, joints, channels, r.fps, layout, "confidence" in r.arrays), dict(r.arrays))


FORMATS: dict[str, Format] = {
    ".npy": Format(lambda path, layout: peek_npy(path), lambda path, layout: load_npy(path)),
    ".npz": Format(lambda path, layout: peek_npz(path), lambda path, layout: load_npz(path)),
    ".csv": Format(peek_csv, load_csv),
    ".bvh": Format(lambda path, layout: _bvh(path, layout).header, _bvh),
    ".json": Format(lambda path, layout: _json(path, layout).header, _json),
    ".skeleton": Format(lambda path, layout: Header(2, 25, 3, 30.0, "ntu25"), _skeleton),
}
"""Suffix, in lower case, to format."""


def peek(path: Path, layout: str = "") -> Header:
    """Header of a file as `load` gives it. Its own layout is what it says, else what is told, else by its joints.

    Args:
        path: the file, or a folder of OpenPose files.
        layout: the layout that is wanted; empty takes the file's own.

    Raises:
        InputError: the file is damaged, or its layout is unknown, ambiguous or cannot become the wanted one.
    """
    header = _format(path).peek(path, layout)
    own = header.layout or layout or guess(header.joints, str(path))
    if own not in LAYOUTS:
        raise InputError(f"its layout '{own}' is unknown", path, f"use one of {', '.join(LAYOUTS)}")
    if LAYOUTS[own].count != header.joints:
        what = f"has {header.joints} joints where layout '{own}' has {LAYOUTS[own].count}"
        raise InputError(what, path, "name the right layout")
    wanted = layout or own
    if LAYOUTS[wanted].joints != LAYOUTS[own].joints:
        try:
            convert(np.zeros((1, header.joints, header.channels), np.float32), own, wanted)
        except InputError as error:
            raise InputError(error.what, path, error.mend) from error
    return replace(header, layout=wanted, joints=LAYOUTS[wanted].count)


def load(path: Path, layout: str) -> Media:
    """Reads a file, and turns it into a layout that `peek` gave."""
    media = _format(path).load(path, layout)
    own = media.header.layout or layout
    if LAYOUTS[own].joints == LAYOUTS[layout].joints:
        return media
    arrays = {"skeleton": convert(np.asarray(media.arrays["skeleton"], np.float32), own, layout)}
    if "confidence" in media.arrays:  # as points of a plane: a joint made of one that was not found is not found
        pairs = np.stack([media.arrays["confidence"]] * 2, -1)
        arrays["confidence"] = convert(pairs, own, layout)[..., 0].clip(0, 1)
    return Media(replace(media.header, layout=layout, joints=LAYOUTS[layout].count), arrays)


def _format(path: Path) -> Format:
    suffix = ".json" if path.is_dir() else path.suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"cannot read a '{suffix}' file", path, f"convert it to one of {', '.join(FORMATS)}")
    return FORMATS[suffix]
