"""Opening foreign files: JSON, text and NumPy arrays, with one clear error for whatever is wrong with them."""

import json
import re
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from acteme.errors import InputError

AGAIN = "download or export it again"
ACCESS = "correct its name or its access rights"


def read_text(path: Path) -> str:
    """A UTF-8 text (with or without a byte-order mark). Raises InputError where it is none."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", path, ACCESS) from error
    except UnicodeDecodeError as error:
        raise InputError(f"is not UTF-8 text (byte {error.start})", path, "save it as UTF-8") from error


def read_json(path: Path) -> Any:
    """What a JSON file holds. Raises InputError where it is not JSON."""
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise InputError(f"is not JSON ({error.msg})", f"{path}, line {error.lineno}", AGAIN) from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; lists a thousand deep
        raise InputError("is not sensible JSON", path, AGAIN) from error


def read_npy(path: Path) -> np.ndarray:
    """The array of a `.npy` file, memory-mapped; never unpickles. Raises InputError where it is none."""
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # on headers of Python 2
            return np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # NumPy raises whatever its header parser stumbles over
        raise InputError("is not a .npy file of numbers, or is truncated", path, AGAIN) from error


def numbers(value: Any, where: str | Path, what: str) -> Float[np.ndarray, "..."]:
    """Nested lists of numbers as float32. Raises InputError where they are ragged, not finite or no numbers."""
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "biuf":
            raise TypeError
        return finite(array, where, what)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise InputError(f"{what} is not an array of numbers", where, AGAIN) from error


def finite(
    values: Float[np.ndarray, "t ..."], where: str | Path, what: str = "the skeleton"
) -> Float[np.ndarray, "t ..."]:
    """The values as float32. Raises InputError, with the first index (the frame), where one is NaN or infinite."""
    with np.errstate(over="ignore"):
        out = np.asarray(values, np.float32)
    good = np.isfinite(out)
    if not good.all():
        frame = int(np.argwhere(~np.atleast_1d(good))[0][0])
        raise InputError(f"{what} has a NaN or infinity at index {frame}", where, "fill or cut this frame")
    return out


def version(path: Path) -> tuple[int, int]:
    """Size and time of a file: a key for what was parsed of it. Raises InputError where it is not there."""
    try:
        stat = path.stat()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", path, ACCESS) from error
    return stat.st_size, stat.st_mtime_ns


def natural(names: Iterable[str]) -> list[str]:
    """Names in the order in which a person counts: `f2` before `f10`."""
    return sorted(names, key=lambda name: [(int(n), "") if n else (-1, s) for n, s in re.findall(r"(\d+)|(\D+)", name)])
