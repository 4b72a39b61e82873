"""Files and folders that appear whole or not at all."""

import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acteme.errors import InputError


@contextmanager
def new_folder(folder: Path, replace: bool = False) -> Iterator[Path]:
    """A folder to write into that becomes `folder` at the end, and is removed where anything goes wrong.

    Args:
        folder: where it will be; folders above are made.
        replace: take the place of what is there.

    Raises:
        InputError: `folder` is there already, or the disk refuses.
    """
    with _beside(folder, replace) as work:
        work.mkdir()
        yield work


@contextmanager
def new_file(file: Path) -> Iterator[Path]:
    """The name of a file to write that becomes `file` at the end; otherwise as `new_folder`."""
    with _beside(file, False) as work:
        yield work


@contextmanager
def _beside(target: Path, replace: bool) -> Iterator[Path]:
    if target.exists() and not replace:
        raise InputError("is there already", target, "delete it or choose another name")
    mine = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for left in target.parent.glob(f".{glob.escape(target.name)}.*.new"):  # of a process that was killed
            if not alive(left.name.split(".")[-3]):
                shutil.rmtree(left, ignore_errors=True)
        mine = Path(tempfile.mkdtemp(prefix=f".{target.name}.{os.getpid()}.", suffix=".new", dir=target.parent))
        work = mine / target.name
        yield work
        if replace and target.exists():
            target.rename(mine / "old")
        work.rename(target)
    except OSError as error:
        mend = "free some space or choose another place"
        raise InputError(f"cannot be written: {error.strerror or error}", target, mend) from error
    finally:
        if mine is not None:
            shutil.rmtree(mine, ignore_errors=True)


def alive(process: str) -> bool:
    """Whether a process of this machine runs; where one cannot ask without ending it, yes."""
    if os.name == "nt":
        return True
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        pass
    return True
