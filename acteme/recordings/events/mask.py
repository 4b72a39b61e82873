"""Hides who and where: names of people, machines and networks become numbers, in the order in which they occur."""

import getpass
import platform
import re
from collections.abc import Sequence

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


class Mask:
    """Numbers for names; the same name always gets the same number of one mask.

    Args:
        names: names of people and machines that must not appear, wherever they stand.
        plain: change nothing.
    """

    def __init__(self, names: Sequence[str] = (), plain: bool = False):
        self.plain = plain
        self.known: dict[str, dict[str, str]] = {}
        for name in sorted({n for n in names if n.lower() not in SYSTEM}, key=lambda n: (-len(n), n)):
            self._number("name", name)

    @classmethod
    def here(cls) -> "Mask":
        """Knows the user and the machine that it is made on."""
        try:
            user = getpass.getuser()
        except (KeyError, OSError):
            user = ""
        host = platform.node()
        return cls([user, host, host.partition(".")[0]])

    def user(self, name: str) -> str:
        return name if self.plain or name in SYSTEM else self._number("user", name)

    def network(self, name: str) -> str:
        return name if self.plain or name in CLASSES else self._number("network", name)

    def text(self, text: str) -> str:
        """A text in which known names are numbers."""
        if self.plain:
            return text
        for name, number in self.known.get("name", {}).items():
            text = re.sub(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])", number, text, flags=re.IGNORECASE)
        return text

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
        return names.setdefault(name, f"{kind}{len(names) + 1}")
