"""Files and folders that appear whole or not at all, whatever happens while they are written."""

import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from acteme.errors import ActemeError
from acteme.recordings.appear import alive


@contextmanager
def fresh_file(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` to write to; it becomes `path` when the block ends without an error.

    What is no file (/dev/stdout, a pipe) is written to as it is.

    Raises:
        ActemeError: the disk is full, or the folder cannot be written.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        yield path
        return
    if path.is_symlink():  # the file itself is replaced, not the link (/dev/stdout that a shell sends to a file)
        path = path.resolve()
    work = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        yield work
        work.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with suppress(OSError):
            work.unlink()


@contextmanager
def fresh_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path`; it takes the place of `path` when the block ends without an error.

    Raises:
        ActemeError: the disk is full, or the folder cannot be written.
    """
    work = path.with_name(f".{path.name}.{os.getpid()}")
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    try:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        _sweep(path)
        yield work
        if path.exists():
            path.rename(old)
        work.rename(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _sweep(path: Path) -> None:
    """Removes what processes that were killed left beside `path`; what they had moved away comes back if need be."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*"):
        process, _, kind = left.name.removeprefix(f".{path.name}.").partition(".")
        if not process.isdecimal() or alive(process):
            continue
        if kind == "old" and not path.exists():
            left.rename(path)
        shutil.rmtree(left, ignore_errors=True)
        with suppress(OSError):
            left.unlink()


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text, whole or not at all."""
    with fresh_file(path) as work:
        work.write_text(text, encoding="utf-8")


def _unwritable(path: Path, error: OSError) -> ActemeError:
    return ActemeError(
        f"{path}: could not be written ({error.strerror or error}); free the disk or choose another place"
    )
