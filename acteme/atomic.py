"""Files and folders that appear whole or not at all, whatever happens while they are written."""

import glob
import os
import platform
import shutil
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acteme.errors import InputError

HOST = f"{zlib.crc32(platform.node().encode()):08x}"
"""This machine, in the names of what is unfinished: several may write to one disk."""
FORGOTTEN = 24 * 3600
"""Seconds after which what another machine has left unfinished, and not touched, counts as left behind."""


@contextmanager
def fresh_file(path: Path, replace: bool = True) -> Iterator[Path]:
    """A name to write a file to, which becomes `path` at the end, or is removed where anything goes wrong.

    What is neither a file nor a folder (/dev/stdout, a pipe) is written to as it is.

    Args:
        path: where it will be; folders above are made. Of a link the file that it names is written.
        replace: take the place of what is there.

    Raises:
        InputError: the disk is full or refuses, or `path` is there and is not to be replaced.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        yield path
        return
    with _beside(path.resolve() if path.is_symlink() else path, replace) as work:
        yield work


@contextmanager
def fresh_folder(path: Path, replace: bool = True) -> Iterator[Path]:
    """An empty folder to write into that becomes `path` at the end; otherwise as `fresh_file`."""
    with _beside(path, replace) as work:
        work.mkdir()
        yield work


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text, whole or not at all."""
    with fresh_file(path) as work:
        work.write_text(text, encoding="utf-8")


@contextmanager
def _beside(target: Path, replace: bool) -> Iterator[Path]:
    if target.exists() and not replace:
        raise InputError("is there already", target, "delete it or choose another name")
    mine = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        prefix = f".{target.name}.{HOST}-{os.getpid()}."
        mine = Path(tempfile.mkdtemp(prefix=prefix, suffix=".new", dir=target.parent))
        work = mine / target.name
        yield work
        if target.is_dir():
            target.rename(mine / "old")
        work.replace(target)
    except OSError as error:
        mend = "free some space or choose another place"
        raise InputError(f"cannot be written: {error.strerror or error}", target, mend) from error
    finally:
        if mine is not None:
            shutil.rmtree(mine, ignore_errors=True)


def _sweep(target: Path) -> None:
    """Removes what processes that were killed left beside `target`; what they had moved away comes back if need be."""
    for left in target.parent.glob(f".{glob.escape(target.name)}.*.new"):
        if in_use(left):
            continue
        if (left / "old").exists() and not target.exists():
            (left / "old").rename(target)
        shutil.rmtree(left, ignore_errors=True)


def in_use(left: Path) -> bool:
    """Whether the process that an unfinished folder is named after may still be writing it."""
    host, _, process = left.name.split(".")[-3].partition("-")
    if host != HOST or os.name == "nt":  # where one cannot ask (on Windows, without ending the process)
        return not left.exists() or time.time() - left.stat().st_mtime < FORGOTTEN
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except PermissionError:
        pass
    return True
