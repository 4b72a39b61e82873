"""Records of the Linux audit daemon (audit.log, or `ausearch --raw`), read into calls.

An event is several lines with the same `msg=audit(seconds:serial)`: SYSCALL says who did what, PATH about which file,
CWD from which folder, SOCKADDR (hexadecimal) with whom. Only events with a SYSCALL line are kept.
"""

import ipaddress
import posixpath
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from acteme.errors import InputError
from acteme.recordings.events.calls import Calls, columns

LINE = re.compile(r"(?:node=\S+ )?type=(\S+) msg=audit\((\d+\.\d+):(\d+)\): ?(.*)")
PAIR = re.compile(r'(\w+)=("[^"]*"|\S*)')
NAMES = {
    2: "open", 42: "connect", 49: "bind", 50: "listen", 56: "clone", 57: "fork", 58: "vfork", 59: "execve", 62: "kill",
    80: "chdir", 82: "rename", 83: "mkdir", 84: "rmdir", 87: "unlink", 90: "chmod", 92: "chown", 101: "ptrace",
    105: "setuid", 257: "openat", 263: "unlinkat", 264: "renameat", 316: "renameat2", 322: "execveat",
}  # fmt: skip
"""System calls of x86-64 by number, where the records do not name them."""
ERRORS = {1: "EPERM", 2: "ENOENT", 13: "EACCES", 17: "EEXIST", 20: "ENOTDIR", 111: "ECONNREFUSED", 115: "EINPROGRESS"}
X86_64 = "c000003e"
MEND = "give audit.log as the audit daemon writes it, or leave the line out"


def read_auditd(path: Path) -> Calls:
    """The calls of a file.

    Raises:
        InputError: the file cannot be read, a line is no audit record, or there is no call.
    """
    try:
        with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            calls = parse_auditd(file, str(path))
    except OSError as error:
        mend = "correct its name or its access rights"
        raise InputError(f"cannot be read ({error.strerror})", path, mend) from error
    if not len(calls):
        raise InputError("has no records of type SYSCALL", path, "add a rule such as -a always,exit -S execve,connect")
    return calls


def parse_auditd(lines: Iterable[str], where: str) -> Calls:
    """The calls that audit records tell, in the order of their first lines. Raises InputError on any other line."""
    events: dict[tuple[str, str], dict[str, list[dict[str, str]]]] = {}
    for number, raw in enumerate(lines, 1):
        text = raw.strip()
        if not text or text == "----" or text.startswith("time->"):
            continue
        found = LINE.fullmatch(text)
        if found is None:
            if not raw.endswith("\n"):  # cut off while it was written
                break
            raise InputError(f"is no audit record ('{text[:40]}')", f"{where}, line {number}", MEND)
        kind, time, serial, rest = found.groups()
        records = events.setdefault((time, serial), {})
        records.setdefault(kind, []).append(dict(PAIR.findall(rest.replace("\x1d", " "))))
    return columns(_rows(events))


def _rows(events: dict[tuple[str, str], dict[str, list[dict[str, str]]]]) -> Iterator[dict[str, Any]]:
    """Calls; a process's parent is what the log said last of that process, if it said anything."""
    known: dict[str, str] = {}
    for (time, _), records in events.items():
        for said in records.get("SYSCALL", []):
            program = _text(said.get("exe", "")) or _text(said.get("comm", ""))
            folder = _text(next((r.get("cwd", "") for r in records.get("CWD", [])), ""))
            paths = [r for r in records.get("PATH", []) if r.get("nametype", "") != "PARENT"]
            paths.sort(key=lambda r: r.get("nametype", "") not in ("CREATE", "DELETE"))
            name = _text(paths[0].get("name", "")) if paths else ""
            address, port, local = _socket(next((r.get("saddr", "") for r in records.get("SOCKADDR", [])), ""))
            pid, ppid = said.get("pid", "-1"), said.get("ppid", "-1")
            yield {
                "time": float(time), "pid": int(pid), "user": _text(said.get("UID", "")) or said.get("uid", ""),
                "program": program, "parent": known.get(ppid, ""), "call": _call(said),
                "path": posixpath.normpath(posixpath.join(folder, name)) if name else local,
                "error": _error(said), "address": address, "port": port,
            }  # fmt: skip
            known[pid] = program


def _call(said: dict[str, str]) -> str:
    named, number = said.get("SYSCALL", ""), said.get("syscall", "")
    if named or not number.isdecimal():
        return named or number
    return NAMES.get(int(number), number) if said.get("arch") == X86_64 else number


def _error(said: dict[str, str]) -> str:
    if said.get("success", "yes") == "yes":
        return ""
    code = said.get("exit", "").lstrip("-")
    return ERRORS.get(int(code), f"error {code}") if code.isdecimal() else code or "failed"


def _text(value: str) -> str:
    """A quoted value, or one in hexadecimal because it holds blanks or quotes."""
    if value.startswith('"'):
        return value.strip('"')
    if value in ("(null)", "?"):
        return ""
    if len(value) % 2 == 0 and re.fullmatch(r"[0-9A-F]+", value):
        return bytes.fromhex(value).rstrip(b"\0").decode("utf-8", "replace")
    return value


def _socket(value: str) -> tuple[str, int, str]:
    """Address, port and path of a socket address in hexadecimal; its family comes in the order of little machines."""
    try:
        raw = bytes.fromhex(value.strip('"'))
    except ValueError:
        return "", -1, ""
    family = int.from_bytes(raw[:2], "little")
    if family == 2 and len(raw) >= 8:
        return str(ipaddress.IPv4Address(raw[4:8])), int.from_bytes(raw[2:4], "big"), ""
    if family == 10 and len(raw) >= 24:
        return str(ipaddress.IPv6Address(raw[8:24])), int.from_bytes(raw[2:4], "big"), ""
    if family == 1:
        return "unix", -1, raw[2:].split(b"\0")[0].decode("utf-8", "replace")
    return "", -1, ""
