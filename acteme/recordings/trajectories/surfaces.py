"""Maps of scenes: which class every pixel of a scene's image has (road, pavement, grass, ...)."""

from pathlib import Path

import numpy as np

from acteme.errors import InputError
from acteme.recordings.skeleton.readers.files import AGAIN, read_npy

SIDE = 512
"""Rows and columns that maps are brought to at most, so that a batch of them stays small."""


def read_surfaces(folder: Path, scenes: tuple[str, ...]) -> tuple[np.ndarray, list[Path]]:
    """Maps (scenes, H, W) uint8 of one size, and the files they come from.

    Args:
        folder: holds `SCENE.npy`, (rows, columns) of whole numbers from 0 to 254 (255: nothing), which covers the
            scene's image (or the box around its tracks). A scene without a file has no classes (255).
        scenes: their names.

    Raises:
        InputError: no scene has a map, or one is broken.
    """
    files = [folder / f"{scene.replace('/', '_')}.npy" for scene in scenes]
    found = {n: _read(file) for n, file in enumerate(files) if file.is_file()}
    if not found:
        raise InputError(f"has no map of any scene, such as {files[0].name}", folder, "name them SCENE.npy")
    rows, columns = (min(SIDE, max(map_.shape[axis] for map_ in found.values())) for axis in (0, 1))
    out = np.full((len(scenes), rows, columns), 255, np.uint8)
    for n, map_ in found.items():
        r, c = (np.arange(size) * old // size for size, old in zip((rows, columns), map_.shape, strict=True))
        out[n] = map_[r][:, c]
    return out, files


def _read(path: Path) -> np.ndarray:
    array = read_npy(path)
    if array.ndim != 2 or array.dtype.kind not in "iu" or not array.size:
        raise InputError(f"is {array.dtype} of shape {array.shape}", path, "give (rows, columns) of whole numbers")
    if array.min() < 0 or array.max() > 255:
        raise InputError(f"has class {int(array.max())}", path, "number classes from 0 to 254; " + AGAIN)
    return np.asarray(array, np.uint8)
