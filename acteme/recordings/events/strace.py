"""Output of `strace -f -qq -y -tt -o FILE COMMAND`, read into calls.

A line is `PID TIME call(arguments) = result [ERROR (text)]`. Calls that others interrupt come in two lines,
`<unfinished ...>` and `<... call resumed>`, which are joined in the place of the first; signals and messages are passed
over. Times are those of -t, -tt or -ttt, or missing.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acteme.errors import InputError
from acteme.recordings.events.calls import Calls, columns

LINE = re.compile(
    r"(?:\[pid +(\d+)\] |(\d+) +(?![\d:.]*$))?(?:(\d+):(\d\d):(\d\d(?:\.\d+)?) |(\d{9,}\.\d+) )?(.*)", re.S
)
HEAD = re.compile(r"(\w+)\((.*)", re.S)
RESUMED = re.compile(r"<\.\.\. (\w+) resumed>(.*)", re.S)
CUT = re.compile(r"(.*?)\s*<(?:unfinished \.\.\.|detached \.\.\.)>$", re.S)
RESULT = re.compile(
    r"(.*)\)\s+= (-?\d+|0x[0-9a-f]+|\?)(<(?:[^\\>]|\\.|(?<=-)>)*>)?(?: (E[A-Z0-9]+))?(?: \(.*\))?(?: <[\d.]+>)?$", re.S
)
SUPERSEDED = re.compile(r"\+\+\+ superseded by execve in pid (\d+) \+\+\+")
TOKEN = re.compile(r'(AT_FDCWD|\b\d+)<((?:[^\\>]|\\.|(?<=-)>)*)>|"((?:[^"\\]|\\.)*)"')
"""A file descriptor with what it names, or a quoted text."""
FLAGS = re.compile(r"\bO_[A-Z|_]+")
INTERNET = re.compile(r"sin6?_port=htons\((\d+)\)")
ADDRESS = re.compile(r'inet_addr\("([^"]*)"\)|inet_pton\(AF_INET6, "([^"]*)"')
ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|x([0-9a-f]{2})|(.))", re.S)
SIMPLE = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"v": b"\v", b"f": b"\f"}
STARTS = ("clone", "clone3", "fork", "vfork")
TWO = ("rename", "link", "symlink", "renameat", "renameat2", "linkat", "symlinkat")
"""Calls whose path is the one that is made: the last of two."""
MODES = {"O_RDONLY": "r", "O_WRONLY": "w", "O_RDWR": "rw"}
EXTRAS = {"O_CREAT": "c", "O_TRUNC": "t", "O_APPEND": "a", "O_DIRECTORY": "d"}
MEND = "record with strace -f -qq -y -tt -o FILE COMMAND, or leave the line out"


@dataclass
class Line:
    """A call as strace writes it, its two lines joined."""

    pid: int
    time: float
    call: str
    arguments: str
    result: str = ""
    error: str = "unfinished"


@dataclass
class _Process:
    """What is known of a process."""

    program: str = ""
    parent: str = ""
    folder: str = ""


def read_strace(path: Path, own: bool = False) -> Calls:
    """The calls of a file.

    Args:
        path: what `strace -o` wrote.
        own: keep what strace's own child did, which is to execute the command.

    Raises:
        InputError: the file cannot be read, a line is not strace's, or there is no call.
    """
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            calls = parse_strace(file, str(path), own)
    except OSError as error:
        mend = "correct its name or its access rights"
        raise InputError(f"cannot be read ({error.strerror})", path, mend) from error
    if not len(calls):
        raise InputError("has no calls", path, MEND)
    return calls


def parse_strace(lines: Iterable[str], where: str, own: bool = False) -> Calls:
    """The calls that lines of strace tell, in the order in which they began.

    Raises:
        InputError: a line is not strace's; the last one may be cut off.
    """
    return columns(_rows(joined(lines, where), own))


def joined(lines: Iterable[str], where: str) -> list[Line]:
    """The calls as they are written, in the order in which they began, the two lines of interrupted ones joined."""
    out: list[Line] = []
    waiting: dict[int, Line] = {}
    clock, days = -1.0, 0
    for number, raw in enumerate(lines, 1):
        text = raw.rstrip("\n")
        if not text.strip() or text.startswith("strace: "):
            continue
        found = LINE.fullmatch(text)
        assert found is not None
        a, b, hour, minute, second, stamp, rest = found.groups()
        pid, time = int(a or b or 0), float(stamp or 0)
        if hour:
            time = int(hour) * 3600 + int(minute) * 60 + float(second) + days * 86400
            if time < clock - 43200:  # past midnight
                days, time = days + 1, time + 86400
            clock = time
        if rest.startswith(("--- ", "+++ ")):
            if (over := SUPERSEDED.match(rest)) and (thread := waiting.pop(int(over[1]), None)):
                waiting[pid] = thread
            continue
        if again := RESUMED.fullmatch(rest):
            line = waiting.pop(pid, None)
            if line is None or line.call != again[1]:  # it began before the recording
                continue
            line.arguments, line.pid = line.arguments + again[2], pid
        elif head := HEAD.fullmatch(rest):
            line = Line(pid, time, head[1], head[2])
            out.append(line)
        elif raw.endswith("\n"):
            raise InputError(f"is no line of strace ('{text[:40]}')", f"{where}, line {number}", MEND)
        else:
            continue
        if cut := CUT.fullmatch(line.arguments):
            line.arguments = cut[1]
            waiting[pid] = line
        elif end := RESULT.fullmatch(line.arguments):
            line.arguments, line.result, line.error = end[1], end[2], end[4] or ""
        elif raw.endswith("\n"):
            raise InputError(f"has a call without a result ('{text[-40:]}')", f"{where}, line {number}", MEND)
    return out


def _rows(lines: Iterable[Line], own: bool) -> Iterator[dict[str, Any]]:
    """Calls with the program of each process, which follows what it executes and is inherited by what it starts."""
    known: dict[int, _Process] = {}
    first = True
    for line in lines:
        process = known.setdefault(line.pid, _Process())
        paths, folder, at = _paths(line.arguments, process)
        process.folder = at or process.folder
        began = line.call in ("execve", "execveat") and line.result == "0"
        if not (first and began and not own):
            port, address = _network(line.arguments)
            chosen = paths[-1] if paths and line.call in TWO else paths[0] if paths else folder
            yield {
                "time": line.time, "pid": line.pid, "program": process.program, "parent": process.parent,
                "call": line.call, "path": chosen if address in ("", "unix") else "", "mode": _mode(line.arguments),
                "error": line.error, "address": address, "port": port,
            }  # fmt: skip
        first = False
        if began and paths:
            process.program = paths[0]
        elif line.call == "chdir" and line.result == "0" and paths:
            process.folder = paths[0]
        elif line.call in STARTS and line.result.isdecimal() and line.result != "0":
            thread = "CLONE_THREAD" in line.arguments
            parent = process.parent if thread else process.program
            known[int(line.result)] = _Process(process.program, parent, process.folder)


def _paths(arguments: str, process: _Process) -> tuple[list[str], str, str]:
    """Paths among a call's arguments, the file that its first descriptor names, and the process's folder, if told."""
    paths: list[str] = []
    base, named, folder = "", "", ""
    for found in TOKEN.finditer(arguments):
        kind, name, quoted = found.groups()
        if kind is not None:
            base = decode(name) if name.startswith("/") else ""
            named = named or ("" if kind == "AT_FDCWD" else base)
            folder = base if kind == "AT_FDCWD" else folder
        elif found.start() and arguments[found.start() - 1] in "([":
            continue  # inet_addr("...") and lists of arguments
        elif quoted:
            text = decode(quoted)
            top = base or folder or process.folder
            paths.append(posixpath.normpath(posixpath.join(top, text)) if top or text.startswith("/") else text)
    return paths, named, folder


def _mode(arguments: str) -> str:
    found = FLAGS.search(TOKEN.sub("", arguments))
    if found is None:
        return ""
    flags = found[0].split("|")
    return "".join(m for f, m in MODES.items() if f in flags) + "".join(m for f, m in EXTRAS.items() if f in flags)


def _network(arguments: str) -> tuple[int, str]:
    """Port and address of the first socket address among a call's arguments."""
    if "sa_family=" not in arguments:
        return -1, ""
    port, address = INTERNET.search(arguments), ADDRESS.search(arguments)
    if port and address:
        return int(port[1]), address[1] or address[2]
    return -1, "unix" if "sa_family=AF_UNIX" in arguments else ""


def decode(text: str) -> str:
    """A text as strace quotes it: octal and C escapes of bytes, which are taken for UTF-8."""

    def plain(found: re.Match[bytes]) -> bytes:
        octal, hexadecimal, other = found.groups()
        if other is not None:
            return SIMPLE.get(other, other)
        return bytes([int(octal, 8) & 255 if octal else int(hexadecimal, 16)])

    return ESCAPE.sub(plain, text.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")
