"""What psutil sees of processes and connections when it looks again and again, read into calls.

A line of the file is a JSON object: `{"time", "kind": "start" | "connection", "pid", "user", "program", "parent",
"status", "address", "port"}`, written when a process or a connection is seen for the first time. Processes that
live shorter than the time between two looks are missed.
"""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from acteme.errors import InputError, MissingError
from acteme.recordings.documents.lines import get, read_lines
from acteme.recordings.events.calls import Calls, columns

KINDS = ("start", "connection")


def read_polls(path: Path) -> Calls:
    """The calls of a file; a connection's status (ESTABLISHED, ...) is its mode.

    Raises:
        InputError: the file cannot be read, a line is no such record, or there is none.
    """
    rows = []
    for where, line in read_lines(path):
        kind, when = get(line, "kind", str, where), line.get("time")
        if kind not in KINDS or not isinstance(when, int | float):
            raise InputError(f"has the kind '{kind}' or no time", where, f"use {' or '.join(KINDS)}, and seconds")
        texts = {name: get(line, name, str, where, "") for name in ("user", "program", "parent", "address")}
        row = {"time": float(when), "pid": get(line, "pid", int, where), "call": kind, **texts}
        row |= {"mode": get(line, "status", str, where, ""), "port": get(line, "port", int, where, -1)}
        rows.append(row)
    if not rows:
        raise InputError("has no records", path, "record for longer")
    return columns(rows)


def poll(to: Path, seconds: float, rate: float = 5.0) -> int:
    """Looks at processes and connections `rate` times a second and appends what is new; gives the number of records.

    What this process does, and what it has started, is left out. What runs when it begins is not recorded as started,
    but its connections are.

    Raises:
        MissingError: psutil is not installed.
        InputError: the file cannot be written, or a number is not above 0.
    """
    if not (seconds > 0 and rate > 0):
        raise InputError(f"cannot look {rate:g} times a second for {seconds:g} s", mend="give numbers above 0")
    end, seen, count = time.monotonic() + seconds, _Seen(), 0
    for _ in seen.new():
        pass
    seen.links.clear()
    try:
        with to.open("a", encoding="utf-8") as file:
            while time.monotonic() < end:
                for row in seen.new():
                    file.write(json.dumps(row) + "\n")
                    count += 1
                file.flush()
                time.sleep(max(0.0, min(1 / rate, end - time.monotonic())))
    except OSError as error:
        raise InputError(f"cannot be written ({error.strerror})", to, "choose another place") from error
    return count


class _Seen:
    """What was seen before."""

    def __init__(self) -> None:
        self.processes: set[tuple[int, float]] = set()
        self.links: set[tuple[Any, ...]] = set()

    def new(self) -> Iterator[dict[str, Any]]:
        """What is there that was not there before, but for the recorder's own."""
        try:
            import psutil
        except ImportError as error:
            raise MissingError("looking at processes needs psutil: pip install psutil") from error
        now, me = time.time(), os.getpid()
        found = {p.pid: p.info for p in psutil.process_iter(["pid", "ppid", "name", "exe", "username", "create_time"])}
        own = {me}
        while more := {pid for pid, info in found.items() if info["ppid"] in own} - own:
            own |= more

        def record(kind: str, pid: int) -> dict[str, Any]:
            info = found.get(pid, {})
            above = found.get(info.get("ppid", -1), {})
            runs, parent = (i.get("exe") or i.get("name") or "" for i in (info, above))
            return {"time": now, "kind": kind, "pid": pid, "user": info.get("username") or "", "program": runs,
                    "parent": parent}  # fmt: skip

        for pid, info in found.items():
            key = (pid, info["create_time"] or 0.0)
            if key not in self.processes:
                self.processes.add(key)
                if pid not in own:
                    yield record("start", pid)
        try:
            links = psutil.net_connections(kind="inet")
        except psutil.AccessDenied:  # some systems show connections to their administrator only
            links = []
        for link in links:
            place = (link.pid, link.laddr, link.raddr, link.status)
            if link.pid and link.raddr and link.pid not in own and place not in self.links:
                self.links.add(place)
                address = {"address": link.raddr.ip, "port": link.raddr.port, "status": link.status}
                yield record("connection", link.pid) | address
