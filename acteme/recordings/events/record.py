"""Records what a command does on this host, as categorical events in a table: the work of `acteme record-host`."""

import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from acteme.atomic import fresh_file
from acteme.errors import InputError, MissingError
from acteme.recordings.events.calls import Calls
from acteme.recordings.events.categorical import FIELDS, Events, categorical
from acteme.recordings.events.corpus import USUAL
from acteme.recordings.events.mask import Mask, read_key
from acteme.recordings.events.polls import poll, read_polls
from acteme.recordings.events.strace import read_strace

CALLS = "process,network,openat,unlink,unlinkat,rename,newfstatat,readlink,access,mkdir,chdir"
"""System calls and classes of them that are recorded."""


def trace(command: Sequence[str], calls: str = CALLS) -> tuple[Calls, int]:
    """What a command and all that it starts do, by strace, and the command's exit status.

    Needs no rights but to trace one's own processes. What strace's own child does before the command is left out.

    Raises:
        MissingError: strace is not installed.
        InputError: the command cannot be started, or this system does not allow to trace it.
    """
    if not command:
        raise InputError("there is no command to record", mend="write it after --")
    strace = shutil.which("strace")
    if strace is None:
        raise MissingError(
            "recording a command needs strace: install it with your system's packages (apt install strace), or look at"
            " all processes without a command: --poll 2 --for 600"
        )
    if shutil.which(command[0]) is None:
        raise InputError(f"there is no program '{command[0]}'", mend="correct its name or give its path")
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        tracing = [strace, "-f", "-qq", "-y", "-ttt", "-s", "256", "-e", f"trace={calls}", "-o", str(log), "--"]
        done = subprocess.run([*tracing, *command], check=False)
        if not log.exists() or not log.stat().st_size:
            mend = (
                "allow it (kernel.yama.ptrace_scope 0 or 1; in a container the capability SYS_PTRACE), or poll instead"
            )
            raise InputError("strace recorded nothing", command[0], mend)
        return read_strace(log), done.returncode


def look(seconds: float, rate: float = 5.0) -> Calls:
    """What all processes of this host do for some time, as far as psutil sees it; an interrupt ends it early.

    Raises:
        MissingError: psutil is not installed.
        InputError: as `poll` does, or nothing new was seen.
    """
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log.jsonl"
        with suppress(KeyboardInterrupt):
            poll(log, seconds, rate)
        if not log.exists() or not log.stat().st_size:
            mend = "record for longer, more often, or while the machine has something to do"
            raise InputError(f"no process or connection began within {seconds:g} s", mend=mend)
        return read_polls(log)


def record_host(
    to: Path,
    command: Sequence[str] = (),
    every: float | None = None,
    seconds: float = 60.0,
    masked: bool = True,
    key: Path | None = None,
) -> tuple[Path, Events, int]:
    """Records a command by strace, or without one all processes by looking at them, into a new table of a folder.

    Args:
        to: the folder; `events:FOLDER` reads all of its tables.
        command: what to run, with its arguments.
        every: seconds from one look to the next, where there is no command.
        seconds: how long to look.
        masked: put numbers in the place of names of people, machines, networks and own folders.
        key: the file that holds what these numbers follow from, so that they are the same in all recordings; written
            where there is none. Without it the numbers are of this recording alone.

    Returns:
        the table, what is in it, and the exit status of the command.

    Raises:
        MissingError: strace or psutil is not installed.
        InputError: there is neither a command nor `every`, or both; it cannot be recorded or written.
    """
    if bool(command) == (every is not None):
        raise InputError("give either a command or --poll", "record-host",
                         "write the command after --, or how often to look, as --poll 2 --for 60")  # fmt: skip
    if to.exists() and not to.is_dir():
        raise InputError("is a file", to, "name a folder")
    if every is not None and every <= 0:
        raise InputError(f"cannot look every {every:g} s", "--poll", "give a number above 0")
    tables = sorted(p for p in to.glob("host-*.csv") if p.stem[5:].isdecimal())
    if not masked and key is not None:
        raise InputError("names are kept, so that a key has no use", "--key", "leave --key or --plain out")
    if masked and key is None and tables:
        raise InputError("holds recordings, whose numbers would stand for other names than the new one's", to,
                         "name a new folder; for several in one give them all --key FILE, or --plain")  # fmt: skip
    secret = None if key is None else read_key(key, fresh=True)
    calls, status = trace(command) if every is None else (look(seconds, 1 / every), 0)
    path = to / f"host-{1 + max((int(p.stem[5:]) for p in tables), default=0):04d}.csv"
    return path, save(calls, path, USUAL, Mask.here(secret) if masked else None), status


def save(calls: Calls, to: Path, fields: Sequence[str] = FIELDS, mask: Mask | None = None) -> Events:
    """Writes calls as a table of categorical events, a `.csv` or `.parquet` file with `timestamp` and the fields.

    Raises:
        InputError: the file has another ending or cannot be written, or there is no such field.
    """
    if to.suffix not in (".csv", ".parquet"):
        raise InputError(f"cannot write a '{to.suffix}' file", to, "end its name in .csv or .parquet")
    events = categorical(calls, fields, mask)
    columns = {"timestamp": pa.array(events.time)}
    columns |= {name: pa.array(events.values[:, k].tolist(), pa.string()) for k, name in enumerate(events.fields)}
    with fresh_file(to) as work:
        if to.suffix == ".csv":
            pyarrow.csv.write_csv(pa.table(columns), work)
        else:
            pq.write_table(pa.table(columns), work)
    return events
