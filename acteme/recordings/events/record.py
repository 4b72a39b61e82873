"""Records what a command does on this host, as categorical events in a table: the work of `acteme record-host`."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from acteme.atomic import fresh_file
from acteme.errors import InputError, MissingError
from acteme.recordings.events.calls import Calls
from acteme.recordings.events.categorical import FIELDS, Events, categorical
from acteme.recordings.events.mask import Mask
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
            "recording a command needs strace: install it with your system's packages (apt install strace)"
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
    """What all processes of this host do for some time, as far as psutil sees it. Raises InputError as `poll` does."""
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log.jsonl"
        poll(log, seconds, rate)
        return read_polls(log)


def save(calls: Calls, to: Path, fields: Sequence[str] = FIELDS, masked: bool = True) -> Events:
    """Writes calls as a table of categorical events, a `.csv` or `.parquet` file with `timestamp` and the fields.

    Raises:
        InputError: the file has another ending or cannot be written, or there is no such field.
    """
    if to.suffix not in (".csv", ".parquet"):
        raise InputError(f"cannot write a '{to.suffix}' file", to, "end its name in .csv or .parquet")
    events = categorical(calls, fields, Mask.here() if masked else None)
    columns = {"timestamp": pa.array(events.time)}
    columns |= {name: pa.array(events.values[:, k].tolist(), pa.string()) for k, name in enumerate(events.fields)}
    with fresh_file(to) as work:
        if to.suffix == ".csv":
            pyarrow.csv.write_csv(pa.table(columns), work)
        else:
            pq.write_table(pa.table(columns), work)
    return events
