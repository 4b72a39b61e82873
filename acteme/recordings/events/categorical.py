"""Calls as categorical events: a few named fields with a bounded number of values each."""

import ipaddress
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from acteme.errors import InputError
from acteme.recordings.events.calls import Calls
from acteme.recordings.events.mask import Mask

FIELDS = ("account", "program", "parent", "call", "folder", "suffix", "mode", "error", "network", "port", "hour")
"""`account` is the user of the machine: in a table, `user` would be whose events follow one another."""
OTHER = "OTHER"
"""Stands for what is rare or unknown, number 0 of every field."""
SERVICES = (20, 21, 22, 23, 25, 53, 80, 110, 123, 143, 389, 443, 445, 465, 587, 631, 993, 995, 3306, 5432, 6379, 8080)


@dataclass(frozen=True)
class Events:
    """Categorical events, one row each, in the order of time."""

    fields: tuple[str, ...]
    values: np.ndarray
    """(events, fields) of str objects."""
    time: Float[np.ndarray, " n"]
    """Seconds, see `Calls.time`."""

    def __len__(self) -> int:
        return len(self.values)

    def select(self, keep: np.ndarray) -> "Events":
        """The events that `keep` (a mask or indices) names."""
        return Events(self.fields, self.values[keep], self.time[keep])


@dataclass(frozen=True)
class Vocabulary:
    """Values of each field with their numbers; 0 is whatever is rare or was not seen."""

    fields: tuple[str, ...]
    names: tuple[tuple[str, ...], ...]
    """Of each field, name of each number; `OTHER` first."""

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(map(len, self.names))

    @classmethod
    def of(cls, events: Events, least: int = 5) -> "Vocabulary":
        """The values that occur at least `least` times in events of the training; in the order of their names."""
        names = []
        for column in events.values.T:
            found, counts = np.unique(column.astype(str), return_counts=True)
            names.append((OTHER, *(n for n in found[counts >= least].tolist() if n != OTHER)))
        return cls(events.fields, tuple(names))

    def encode(self, events: Events) -> Int[np.ndarray, "n f"]:
        """Numbers of the values. Raises InputError where the fields are others."""
        if events.fields != self.fields:
            mend = f"the fields must be {', '.join(self.fields)}"
            raise InputError(f"the events have the fields {', '.join(events.fields)}", mend=mend)
        out = np.zeros(events.values.shape, np.int32)
        for k, names in enumerate(self.names):
            found, where = np.unique(events.values[:, k].astype(str), return_inverse=True)
            numbers = {name: number for number, name in enumerate(names)}
            out[:, k] = np.array([numbers.get(n, 0) for n in found.tolist()], np.int32)[where]
        return out

    def decode(self, codes: Int[np.ndarray, "n f"]) -> np.ndarray:
        """(n, f) names of the values."""
        parts = [np.array(names, object)[codes[:, k]] for k, names in enumerate(self.names)]
        return np.stack(parts, 1) if parts else np.empty((len(codes), 0), object)


def categorical(calls: Calls, fields: Sequence[str] = FIELDS, mask: Mask | None = None) -> Events:
    """Calls as events.

    The program and its parent without their folders; the first two parts of the path, numbers in them replaced by `#`;
    the suffix of the file; the network of the other side (its first 16 bits, 32 of IPv6) and its port (well-known
    ones by number, others by range); the hour of the day. A text that there is not is `-`.

    Args:
        calls: what was recorded.
        fields: which of `FIELDS`, in which order.
        mask: puts numbers in the place of names of people, machines and networks; None leaves them.

    Raises:
        InputError: there is no such field.
    """
    if wrong := [name for name in fields if name not in FIELDS]:
        raise InputError(f"events have no field '{wrong[0]}'", mend=f"use {', '.join(FIELDS)}")
    hide = mask or Mask(plain=True)
    made = {
        "account": lambda: _each(calls.user, hide.user),
        "program": lambda: _each(calls.program, lambda p: hide.text(_program(p))),
        "parent": lambda: _each(calls.parent, lambda p: hide.text(_program(p))),
        "call": lambda: calls.call,
        "folder": lambda: _each(calls.path, lambda p: hide.folder(folder(p))),
        "suffix": lambda: _each(calls.path, suffix),
        "mode": lambda: calls.mode,
        "error": lambda: calls.error,
        "network": lambda: _each(calls.address, lambda a: hide.network(network(a))),
        "port": lambda: _each(calls.port, port),
        "hour": lambda: _each(np.floor(calls.time / 3600).astype(np.int64) % 24, lambda h: f"{h:02d}"),
    }
    values = np.empty((len(calls), len(fields)), object)
    for k, name in enumerate(fields):
        column = made[name]()
        values[:, k] = np.where(column == "", "-", column)
    return Events(tuple(fields), values, calls.time)


def _each(column: np.ndarray, change) -> np.ndarray:  # type: ignore[no-untyped-def]
    """A function of each value, called once for each distinct one, in the order in which they occur."""
    seen = {value: change(value) for value in dict.fromkeys(column.tolist())}
    out = np.empty(len(column), object)
    out[:] = [seen[value] for value in column.tolist()]
    return out


def _program(path: str) -> str:
    return re.sub(r"\d{3,}", "#", posixpath.basename(path))


def folder(path: str) -> str:
    """The first two parts of a path, or the first where the second is the file; numbers become `#`."""
    if not path:
        return ""
    parts = [re.sub(r"\d+", "#", part) for part in path.strip("/").split("/")]
    top = "/" if path.startswith("/") else "./"
    return top + "/".join(parts[:-1][:2] if len(parts) > 1 else [])


def suffix(path: str) -> str:
    """What follows the last dot of the file's name, in small letters; version numbers of libraries are left out."""
    name = re.sub(r"(\.\d+)+$", "", posixpath.basename(path))
    found = re.search(r"[^.]\.([A-Za-z][\w+-]{0,9})$", name)
    return found[1].lower() if found else ""


def network(address: str) -> str:
    """The network of an address: `loopback`, `local`, `any`, or its first 16 (IPv6: 32) bits."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    for name, holds in (("any", ip.is_unspecified), ("loopback", ip.is_loopback), ("local", ip.is_link_local)):
        if holds:
            return name
    return str(ipaddress.ip_network((ip, 16 if ip.version == 4 else 32), strict=False))


def port(number: int) -> str:
    """A port: its number where a known service has it, else its range."""
    if number < 0:
        return ""
    if number in SERVICES:
        return str(number)
    return "below 1024" if number < 1024 else "below 32768" if number < 32768 else "from 32768"
