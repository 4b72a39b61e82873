"""Where Acteme keeps what it can make again: parsed data sets as memory-mapped corpora, and unpacked data files.

A data set has one place in the cache, named by its source, path and options. What lies there is good as long as every
file that was read, and every folder of the data set that holds one, has the size and time it had, and the code that
read it is the same; then it is opened without listing or parsing anything. Otherwise it is made anew, by one process at
a time.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock

from acteme import __version__
from acteme.errors import InputError
from acteme.recordings.assets import cache_folder
from acteme.recordings.corpus import FORMAT, Corpus
from acteme.recordings.recording import Listing, Recording
from acteme.recordings.watching import Progress, watching

MEND = "free some space, or set the environment variable ACTEME_CACHE to a folder that can be written"
"""What helps where the cache cannot be written."""
REST = re.compile(r"and (\d+) more rows")
"""How a reader counts the bad rows that it does not describe."""


def cached(
    source: str,
    path: Path | None,
    options: Mapping[str, Any],
    make: Callable[[], Listing | Corpus],
    skip_bad: bool = False,
    progress: Progress | None = None,
) -> Corpus:
    """The corpus of a data set, from the cache where that is good, else made with `make` and kept.

    Args:
        source: name of the source.
        path: the path that it reads; None for a world.
        options: everything else that decides the result.
        make: lists the data set, or makes it (a world).
        skip_bad: leave bad recordings out (`Corpus.left_out` says which) rather than raise.
        progress: told after each recording while they are parsed, and how much of each file of a log is read.

    Raises:
        InputError: a recording is bad, or the cache cannot be written.
    """
    asked = {"source": source, "path": str(path.resolve()) if path else None, "options": _plain(options)}
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
    place = cache_folder() / "corpora" / f"{source}-{digest}"
    try:
        place.mkdir(parents=True, exist_ok=True)
        lock = FileLock(place / "lock")
        lock.acquire()
    except OSError as error:
        raise InputError(f"the cache cannot be written: {error.strerror or error}", place, MEND) from error
    try:
        corpus = _open(place)
        if corpus is None:
            named = [p for p in (path, *options.values()) if isinstance(p, Path)]
            corpus = _make(place, asked, named, make, skip_bad, progress)
    finally:
        lock.release()
    if corpus.left_out and not skip_bad:
        mend = "acteme data check names all, ?skip_bad=true leaves them out"
        raise InputError(corpus.left_out[0] + and_more(corpus.left_out), mend=mend)
    return corpus


def and_more(lines: Sequence[str]) -> str:
    """How many bad recordings or rows there are besides the first; the last line may count those that are not told."""
    counted = REST.match(lines[-1])
    more = len(lines) - 1 + (int(counted[1]) - 1 if counted else 0)
    return f" (and {more} more)" if more else ""


def read_all(listing: Listing, left_out: list[str] | None, progress: Progress | None = None) -> Iterator[Recording]:
    """Parses the recordings of a listing, one at a time.

    Args:
        listing: what to read.
        left_out: with a list, the messages of those that cannot be read are appended to it.
        progress: told after each.

    Raises:
        InputError: a recording cannot be read and `left_out` is None.
    """
    if left_out is not None:
        left_out.extend(str(problem) for problem in listing.problems)
    elif listing.problems:
        raise listing.problems[0]
    for n, item in enumerate(listing.items):
        try:
            recording = item.parsed()
        except InputError as error:
            if left_out is None:
                raise
            left_out.append(str(error))
        else:
            yield recording
        if progress is not None:
            progress(n + 1, len(listing.items))


def _make(
    place: Path,
    asked: dict[str, Any],
    named: list[Path],
    make: Callable[[], Listing | Corpus],
    skip_bad: bool,
    progress: Progress | None,
) -> Corpus:
    """Makes the corpus in a folder of its own and moves it into place when it is whole."""
    new, at = place / "new", place / "corpus"
    with watching(progress):
        made = make()
    files = [*made.files, *named]
    shutil.rmtree(new, ignore_errors=True)  # of a process that was killed
    # before parsing, so that a change while at it counts
    state = {"asked": asked, "code": _code(), "files": _stamps([*files, *_between(files, named)])}
    try:
        if isinstance(made, Corpus):
            made.save(new)
        else:
            left_out: list[str] | None = [] if skip_bad else None
            recordings = read_all(made, left_out, progress)
            Corpus.build(recordings, made.spec, new, made.strict, left_out, made.surfaces, made.catalog)
        (new / "source.json").write_text(json.dumps(state))
        shutil.rmtree(at, ignore_errors=True)
        new.rename(at)
    except InputError as error:
        raise InputError(error.what, error.where, MEND if error.where == new else error.mend) from error
    except OSError as error:
        raise InputError(f"the cache cannot be written: {error.strerror or error}", place, MEND) from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return Corpus.open(at)


def _open(place: Path) -> Corpus | None:
    """The corpus that lies in a place of the cache, or None where there is none or it is no longer good."""
    try:
        state = json.loads((place / "corpus" / "source.json").read_text())
        known = state["files"]
        if state["code"] != _code() or _stamps(map(Path, known)) != known:
            return None
        return Corpus.open(place / "corpus")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, InputError):
        return None


def _stamps(files: Iterable[Path]) -> dict[str, list[int]]:
    """Size and time of each file or folder; of one that is not there -1."""
    stamps: dict[str, list[int]] = {}
    for path in sorted({str(p.absolute()) for p in files}):
        try:
            stat = os.stat(path)  # noqa: PTH116 - called for every file of a data set
            stamps[path] = [stat.st_size, stat.st_mtime_ns]
        except OSError:
            stamps[path] = [-1, -1]
    return stamps


def _between(files: Iterable[Path], roots: Iterable[Path]) -> set[Path]:
    """The folders below `roots` that hold the files at any depth: what appears in one of them changes its time.

    Other folders may change with what has nothing to do with the data.
    """
    tops = {root.absolute() for root in roots}
    out: set[Path] = set()
    for folder in {file.absolute().parent for file in files}:
        way = [folder, *folder.parents]
        found = next((i for i, above in enumerate(way) if above in tops), 0)
        out.update(way[:found])
    return out


@cache
def _code() -> str:
    """Fingerprint of the code that reads and makes recordings."""
    folder = Path(__file__).parent
    stamps = {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in sorted(folder.rglob("*.py"))}
    return hashlib.sha256(json.dumps([__version__, FORMAT, stamps]).encode()).hexdigest()[:16]


def _plain(options: Mapping[str, Any]) -> dict[str, str]:
    return {name: repr(str(value) if isinstance(value, Path) else value) for name, value in sorted(options.items())}
