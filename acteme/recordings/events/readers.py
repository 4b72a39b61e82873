"""Recordings of hosts as data: what strace, the audit daemon or psutil wrote, as categorical events."""

from collections.abc import Callable
from pathlib import Path

from acteme.errors import InputError
from acteme.recordings.behavior.single import Shares
from acteme.recordings.corpus import Corpus
from acteme.recordings.events.auditd import read_auditd
from acteme.recordings.events.calls import Calls
from acteme.recordings.events.categorical import categorical
from acteme.recordings.events.corpus import USUAL, Split, corpus_of
from acteme.recordings.events.mask import Mask, read_key
from acteme.recordings.events.polls import read_polls
from acteme.recordings.events.strace import read_strace


def strace(
    path: Path,
    fields: tuple[str, ...] = (),
    split: Split = "time",
    val: float = 0.1,
    test: float = 0.2,
    seed: int = 0,
    rare: int = 5,
    mask: bool = False,
    key: Path | None = None,
) -> Corpus:
    """What programs did on a host: the output of `strace -f -qq -y -ttt -o FILE COMMAND`, an event per call.

    Each split is one recording; every event stands for itself. `acteme record-host` records without further ado.

    Args:
        path: a file, or a folder of files, taken by name.
        fields: some of account, program, parent, call, folder, suffix, mode, error, network, port, hour; else all but
            the hour.
        split: `time`: the last events are the test; `random`: drawn; `part`: whole files, the last ones by name.
        val: share of the events (files) for validation.
        test: share of the events (files) for the test.
        seed: of the draw.
        rare: a field's values that fewer events of the training split have become the unknown value, 0.
        mask: put numbers in the place of names of people, machines, networks and own folders.
        key: do so by the key in this file (see `acteme record-host --key`), the same in all recordings.

    Raises:
        InputError: a line is none of strace's, or there are no calls.
    """
    return _read(path, read_strace, fields, split, Shares(val, test, seed=seed), rare, mask, key)


def auditd(
    path: Path,
    fields: tuple[str, ...] = (),
    split: Split = "time",
    val: float = 0.1,
    test: float = 0.2,
    seed: int = 0,
    rare: int = 5,
    mask: bool = False,
    key: Path | None = None,
) -> Corpus:
    """What programs did on a host: records of the Linux audit daemon, an event per call.

    Args:
        path: audit.log (or what `ausearch --raw` wrote), or a folder of such files, taken by name.
        fields: some of account, program, parent, call, folder, suffix, mode, error, network, port, hour; else all but
            the hour.
        split: `time`: the last events are the test; `random`: drawn; `part`: whole files, the last ones by name.
        val: share of the events (files) for validation.
        test: share of the events (files) for the test.
        seed: of the draw.
        rare: a field's values that fewer events of the training split have become the unknown value, 0.
        mask: put numbers in the place of names of people, machines, networks and own folders.
        key: do so by the key in this file (see `acteme record-host --key`), the same in all recordings.

    Raises:
        InputError: a line is no audit record, or none is of type SYSCALL.
    """
    return _read(path, read_auditd, fields, split, Shares(val, test, seed=seed), rare, mask, key)


def polls(
    path: Path,
    fields: tuple[str, ...] = (),
    split: Split = "time",
    val: float = 0.1,
    test: float = 0.2,
    seed: int = 0,
    rare: int = 5,
    mask: bool = False,
    key: Path | None = None,
) -> Corpus:
    """Processes and connections of a host as psutil saw them, an event when one is seen for the first time.

    Args:
        path: a file of JSON lines, or a folder of such files, taken by name.
        fields: some of account, program, parent, call, folder, suffix, mode, error, network, port, hour; else all but
            the hour.
        split: `time`: the last events are the test; `random`: drawn; `part`: whole files, the last ones by name.
        val: share of the events (files) for validation.
        test: share of the events (files) for the test.
        seed: of the draw.
        rare: a field's values that fewer events of the training split have become the unknown value, 0.
        mask: put numbers in the place of names of people, machines, networks and own folders.
        key: do so by the key in this file (see `acteme record-host --key`), the same in all recordings.

    Raises:
        InputError: a line is no such record, or there is none.
    """
    return _read(path, read_polls, fields, split, Shares(val, test, seed=seed), rare, mask, key)


def _read(path: Path, read: Callable[[Path], Calls], fields: tuple[str, ...], split: Split, shares: Shares, rare: int,
          mask: bool, key: Path | None) -> Corpus:  # fmt: skip
    """A corpus of one file or of those of a folder."""
    files = [path] if path.is_file() else sorted(p for p in path.iterdir() if p.is_file())
    if not files:
        raise InputError("has no files", path, "give a recording, or a folder of some")
    if wrong := [name for name in fields if fields.count(name) > 1]:
        raise InputError(f"names '{wrong[0]}' twice", "option 'fields'", "name each field once")
    hide = Mask.here(None if key is None else read_key(key)) if mask or key is not None else None
    parts = [categorical(read(file), fields or USUAL, hide) for file in files]
    seen = [*files, *([path] if path.is_dir() else []), *([key] if key is not None else [])]
    return corpus_of(parts, seen, split, shares, rare)
