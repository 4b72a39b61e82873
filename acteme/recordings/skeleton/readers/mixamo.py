"""Mixamo animations as LAC (Yang et al., ICCV 2023) prepares them: `{train,test}/{character}/{animation}/...npy`.

A file is (15, 3, T): the 15 joints of `body15`, x, y and z in meters, z up. `{animation}/{animation}.npy` is the whole
animation, `{animation}/motions/1.npy` and so on its windows, which are read where the whole one is not there. The data
may not be passed on; the official scripts make them from downloaded animations.
"""

from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from acteme.errors import InputError
from acteme.recordings.recording import Item, Listing, Recording
from acteme.recordings.skeleton.readers.files import finite, natural, read_npy
from acteme.recordings.spec import Spec

JOINTS = 15


def read_animation(path: Path) -> Float[np.ndarray, "t 1 15 3"]:
    """One animation, meters, turned so that y is up as in all other data (x stays).

    Raises InputError where the file is no array of that shape, has no frame, or a number that is not finite.
    """
    x = read_npy(path)
    if x.ndim != 3 or x.shape[:2] != (JOINTS, 3) or not x.shape[2] or x.dtype.kind != "f":
        raise InputError(
            f"has shape {x.shape} of {x.dtype}, expected ({JOINTS}, 3, frames) of floats",
            path,
            "prepare it with LAC's scripts",
        )
    x = finite(x.transpose(2, 0, 1), path)
    return np.stack([x[..., 0], x[..., 2], -x[..., 1]], -1)[:, None]


def mixamo(path: Path, fps: float = 30.0) -> Listing:
    """Mixamo animations by several characters, as LAC's generator learns from; they have no labels.

    Args:
        path: folder with `train` and `test`, in each a folder per character (the subject of a recording), in each a
            folder per animation (its text).
        fps: frames per second of the animations.
    """
    path = Path(path)
    items: list[Item] = []
    found: list[Path] = []
    for split in ("train", "test"):
        folders = [f for character in _folders(path / split) for f in _folders(character)]
        for folder in folders:
            whole = folder / f"{folder.name}.npy"
            files = [whole] if whole.is_file() else [folder / "motions" / n for n in _windows(folder / "motions")]
            for file in files:
                name = "/".join(folder.parts[-3:]) + ("" if file == whole else f"/{file.stem}")
                items.append(Item(name, str(file), partial(_read, file, name, split, fps)))
            found += files
    if not items:
        raise InputError("has no train/CHARACTER/ANIMATION/ANIMATION.npy", path, "give the folder mixamo_data")
    return Listing(Spec("body15", JOINTS, 1, 3, (), fps), items, found)


def _folders(path: Path) -> list[Path]:
    return [path / name for name in natural(f.name for f in path.iterdir() if f.is_dir())] if path.is_dir() else []


def _windows(path: Path) -> list[str]:
    return natural(f.name for f in path.glob("*.npy"))


def _read(file: Path, name: str, split: str, fps: float) -> Recording:
    _, character, animation = name.split("/")[:3]
    arrays = {"skeleton": read_animation(file)}
    return Recording(name, fps, arrays, split=split, subject=character, text=animation)
