"""Work that is done to be recorded: ordinary commands, a server, a compiler and a backup; and what is odd among it.

All happens in a folder of its own and on the loopback interface: nothing leaves the machine, and nothing is asked of it
but what every user may do. The programs `webserver`, `client`, `compiler`, `backup` and `agent` are Python under these
names, each running the script of its name.
"""

import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np

COMMANDS = (
    "ls -lR docs", "ls -a .", "grep -rn alpha docs", "grep -c beta data/1.csv", "find . -name '*.txt'",
    "find src -type f -newer docs/0.txt", "tar cf out.tar docs", "tar tf out.tar", "tar czf out.tgz data",
    "gzip -kf docs/1.txt", "gzip -dc docs/1.txt.gz", "sort data/0.csv", "sort -n -k2 -t, data/2.csv", "du -s .", "df .",
    "ps", "wc -l data/0.csv", "sed s/alpha/beta/ docs/2.txt", "awk -F, '{s+=$2} END {print s}' data/1.csv",
    "head -n 3 data/2.csv", "tail -n 2 docs/3.txt", "cp docs/0.txt out.txt", "mv out.txt moved.txt", "rm -f moved.txt",
    "mkdir -p made/deep", "rm -rf made", "cut -d, -f1 data/0.csv", "uniq docs/1.txt", "cat docs/0.txt docs/1.txt",
    "sha256sum data/0.csv", "cmp docs/0.txt docs/1.txt", "diff docs/1.txt docs/2.txt", "touch made.txt", "date",
    "uname -a", "id", "env", "git init -q repo", "git -C repo add .", "git -C repo status", "git -C repo log",
    "perl -ne 'print if /alpha/' docs/0.txt", "perl -MFile::Find -e 'find(sub {}, \"src\")'", "gcc -c src/0.c -o out.o",
    "gcc src/1.c -o out", "make -n -f src/none", "python3 -c 'import MODULE'", "python3 -c 'import MODULE, MODULE'",
    "ls -l PLACE", "ls PLACE PLACE", "find PLACE -maxdepth 1", "stat PLACE/.", "du -s --max-depth=0 www", "file PLACE",
    "cp docs/2.txt copy.SUFFIX", "sort data/3.csv -o sorted.SUFFIX", "tar cf all.SUFFIX src www", "touch new.SUFFIX",
    "perl -e 'opendir D, \"PLACE\"; print readdir D'", "grep -s alpha PLACE/README copy.SUFFIX", "rm -f copy.SUFFIX",
    "mv -f sorted.SUFFIX moved.SUFFIX", "git -C repo config --list", "cmp new.SUFFIX docs/0.txt", "test -e PLACE/none",
)  # fmt: skip
"""Each is done where its program is installed, with one of `CHOICES` for each word in capitals."""
CHOICES = {
    "PLACE": ("/etc", "/usr/share", "/usr/lib", "/usr/local", "/usr/include", "/usr/bin", "/usr/share/doc", "/usr",
              "/usr/share/man", "/usr/lib/python3", "/var", "/var/log", "/var/lib", "/var/cache", "/opt", "/mnt",
              "/proc/self", "/sys", "/sys/class", "/dev", "/run", "/boot", "/media", "/lib", "/etc/ssl"),
    "SUFFIX": ("txt", "md", "log", "bak", "tmp", "csv", "json", "xml", "html", "conf", "dat", "old", "out", "tar"),
    "MODULE": ("json", "csv", "sqlite3", "email", "xml.dom", "http.client", "zipfile", "decimal", "logging", "argparse",
               "asyncio", "unittest", "hashlib", "ctypes", "curses", "bz2", "html", "wave", "statistics", "tomllib"),
}  # fmt: skip
PLACES = "/usr/local/bin:/usr/bin:/bin"
"""Where programs are looked for, on every machine."""

SCRIPTS = {
    "webserver": """
import os, pathlib, socket, subprocess, sys
home = pathlib.Path(sys.argv[1])
with socket.create_server(("127.0.0.1", 0)) as server:
    server.settimeout(20)
    (home / "port.new").write_text(str(server.getsockname()[1]))
    os.replace(home / "port.new", home / "port")
    for _ in range(int(sys.argv[2])):
        one, _ = server.accept()
        with one:
            asked = one.recv(200).decode()
            if asked.startswith("run "):  # what a server must not do
                subprocess.run(["/bin/sh", "-c", asked[4:]], check=False)
                one.sendall(b"done")
            else:
                try:
                    one.sendall((home / "www" / asked).read_bytes())
                except OSError:
                    one.sendall(b"none")
""",
    "client": """
import pathlib, socket, sys, time
home = pathlib.Path(sys.argv[1])
for asked in sys.argv[2:]:
    end = time.monotonic() + 20
    while not (home / "port").exists() and time.monotonic() < end:
        time.sleep(0.02)
    with socket.create_connection(("127.0.0.1", int((home / "port").read_text()))) as one:
        one.sendall(asked.encode())
        one.recv(1000)
for port in (9000, 9001):  # where nobody listens
    with socket.socket() as one:
        one.connect_ex(("127.0.0.1", port))
""",
    "compiler": """
import pathlib, sys
home = pathlib.Path(sys.argv[1])
for name in sys.argv[2:]:
    (home / "build").mkdir(exist_ok=True)
    (home / "build" / (pathlib.Path(name).name + ".o")).write_bytes((home / name).read_bytes())
""",
    "backup": """
import pathlib, shutil, socket, sys
home = pathlib.Path(sys.argv[1])
shutil.copytree(home / "docs", home / "copy", dirs_exist_ok=True)
shutil.rmtree(home / "copy")
for port in map(int, sys.argv[2:]):  # what a backup to the same disk has no use for
    with socket.socket() as one:
        one.connect_ex(("127.0.0.1", port))
""",
    "agent": """
import pathlib, sys
for key in sorted((pathlib.Path(sys.argv[1]) / ".keys").iterdir()):
    key.read_bytes()
""",
}


def prepare(home: Path) -> None:
    """Makes the files and programs that the work is about."""
    words = ("alpha", "beta", "gamma", "delta")
    for k in range(4):
        rows = range(30 + 10 * k)
        _write(home / f"docs/{k}.txt", "".join(f"{words[(i * (k + 1)) % 4]} line {i}\n" for i in rows))
        _write(home / f"data/{k}.csv", "".join(f"{words[i % 4]},{i * 7 % 31}\n" for i in rows))
        _write(home / f"src/{k}.c", f"#include <stdio.h>\nint main(void) {{ return {k}; }}\n")
        _write(home / f"www/{k}.html", f"<p>{words[k]}</p>\n")
        _write(home / f".keys/{k}", f"not a key {k}\n")
    python = Path(sys.executable).resolve()
    for name, script in SCRIPTS.items():
        _write(home / f"lib/{name}.py", script)
        (home / "bin").mkdir(exist_ok=True)
        (home / "bin" / name).symlink_to(python)


def script(home: Path, commands: int | None, odd: bool, rng: np.random.Generator) -> str:
    """A round of work for `sh`, in an order of its own.

    Args:
        home: the folder that was prepared.
        commands: how many of the ordinary commands; all that are installed unless given.
        odd: whether what is odd happens among it: the server starts a shell, the compiler reads the keys, the backup
            connects to a new port.
        rng: decides order and choice.
    """
    known = [line for line in COMMANDS if shutil.which(line.split()[0], path=PLACES)]
    some = [_chosen(known[i], rng) for i in rng.permutation(len(known))[:commands]]
    pages = [f"{rng.integers(5)}.html" for _ in range(3)]
    lines = [f"src/{rng.integers(4)}.c" for _ in range(3)]

    def run(name: str, *arguments: str) -> str:
        return f"bin/{name} -I -S lib/{name}.py . " + " ".join(arguments)

    asked = [*pages, *(["'run id'", "'run ls www'"] if odd else [])]
    own = [
        f"rm -f port; {run('webserver', str(len(asked)))} & {run('client', *asked)}; wait",
        run("compiler", *lines),
        run("compiler", *(["src/0.c", ".keys/0", ".keys/1"] if odd else ["src/0.c"])),
        run("backup", *(["9100", "9101"] if odd else [])),
        run("agent"),
    ]
    for line in own:
        some.insert(int(rng.integers(len(some) + 1)), line)
    return "\n".join([f"cd '{home}'", "exec >/dev/null 2>&1 </dev/null", f"PATH={PLACES}", *some, "exit 0"]) + "\n"


def _chosen(line: str, rng: np.random.Generator) -> str:
    return re.sub("|".join(CHOICES), lambda word: str(rng.choice(CHOICES[word[0]])), line)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (1.7e9, 1.7e9))
