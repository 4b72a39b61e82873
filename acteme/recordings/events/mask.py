"""Hides who and where: names of people, machines and networks become numbers.

Without a key they are numbered in the order in which they occur, so that those of two recordings have nothing to do
with each other. With a key a name has the same number wherever that key is used: recordings compare, and whoever sees
several can tell that they speak of the same. From a number alone nothing follows; who has the key as well can try
whether a name that he thinks of is among them.
"""

import getpass
import hmac
import os
import platform
import re
import secrets
from collections.abc import Sequence
from pathlib import Path

from acteme.errors import InputError

SYSTEM = frozenset(
    ("", "root", "daemon", "bin", "sys", "nobody", "mail", "www-data", "sshd", "messagebus", "syslog",
     "systemd-network", "systemd-resolve", "systemd-timesync", "postgres", "mysql", "redis", "nginx",
     "apache", "ntp", "man", "games")
)  # fmt: skip
"""Users that every machine has."""
OPEN = frozenset(
    ("bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "run", "sbin", "sys", "tmp", "usr",
     "var", "opt", "srv", "home", "root", "mnt", "media")
)  # fmt: skip
"""First parts of paths that every machine has."""
SHARED = frozenset(
    ("bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "run", "sbin", "sys", "usr", "var")
)  # fmt: skip
"""Those whose second part every machine has as well."""
CLASSES = frozenset(("", "any", "loopback", "local", "unix"))
SHORTEST = 16
"""Bytes of a key at least."""


def read_key(path: Path, fresh: bool = False) -> bytes:
    """A key, which is what a file holds; with `fresh` one is drawn and written, for its owner's eyes only, where there
    is none.

    Raises:
        InputError: the file cannot be read or written, or is too short.
    """
    try:
        if fresh and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(32) + "\n")
        key = path.read_bytes().strip()
    except OSError as error:
        raise InputError(f"cannot be used ({error.strerror})", path, "name the file with the key of names") from error
    if len(key) < SHORTEST:
        raise InputError(f"holds {len(key)} bytes, too few for a key", path, "take one that record-host --key writes")
    return key


class Mask:
    """Numbers for names; the same name always gets the same number of one mask.

    Args:
        names: names of people and machines that must not appear, wherever they stand.
        plain: change nothing.
        key: what the numbers follow from; else from the order in which names occur.
    """

    def __init__(self, names: Sequence[str] = (), plain: bool = False, key: bytes | None = None):
        self.plain, self.key = plain, key
        self.known: dict[str, dict[str, str]] = {}
        own = sorted({n.lower() for n in names if n.lower() not in SYSTEM}, key=lambda n: (-len(n), n))
        self.names = {name: self._number("name", name) for name in own}
        some = "|".join(map(re.escape, own))
        self.found = re.compile(rf"(?<![A-Za-z])(?:{some})(?![A-Za-z])", re.IGNORECASE) if own else None

    @classmethod
    def here(cls, key: bytes | None = None) -> "Mask":
        """Knows the user and the machine that it is made on."""
        try:
            user = getpass.getuser()
        except (KeyError, OSError):
            user = ""
        host = platform.node()
        return cls([user, host, host.partition(".")[0]], key=key)

    def user(self, name: str) -> str:
        return name if self.plain or name in SYSTEM else self._number("user", name)

    def network(self, name: str) -> str:
        return name if self.plain or name in CLASSES else self._number("network", name)

    def text(self, text: str) -> str:
        """A text in which known names are numbers."""
        if self.plain or self.found is None:
            return text
        return self.found.sub(lambda match: self.names[match[0].lower()], text)

    def folder(self, path: str) -> str:
        """The first parts of a path in which those that not every machine has are numbers."""
        if self.plain or not path:
            return path
        top, *rest = path.lstrip("./").split("/")
        first = top if top in OPEN or not top else self._number("folder", top)
        deep = [self.text(part) if top in SHARED else self._number(f"{first} folder", part) for part in rest]
        lead = "./" if path.startswith("./") else "/"
        return lead + "/".join([first, *(name.rpartition(" ")[2] for name in deep)])

    def _number(self, kind: str, name: str) -> str:
        names = self.known.setdefault(kind, {})
        if name not in names:
            names[name] = f"{kind}{len(names) + 1}" if self.key is None else f"{kind}-{self._digest(kind, name)}"
        return names[name]

    def _digest(self, kind: str, name: str) -> str:
        assert self.key is not None
        said = f"{kind}\n{name}".encode("utf-8", "surrogateescape")
        return hmac.new(self.key, said, "sha256").hexdigest()[:8]
