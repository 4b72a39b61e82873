from pathlib import Path

import pytest

from acteme.errors import InputError
from acteme.recordings.events.strace import decode, parse_strace, read_strace

LOG = """\
10 23:59:59.100000 execve("/usr/bin/sh", ["sh", "w.sh"], 0x7ffc /* 35 vars */) = 0
10 23:59:59.200000 openat(AT_FDCWD</srv/app>, "data/../x \\"y\\".txt", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 3</srv/app/x>
10 23:59:59.300000 vfork( <unfinished ...>
11 23:59:59.400000 execve("/usr/bin/cat", ["cat", "/etc/shadow"], 0x55 /* 35 vars */ <unfinished ...>
10 23:59:59.500000 <... vfork resumed>)   = 11
10 23:59:59.550000 wait4(-1,  <unfinished ...>
11 23:59:59.600000 <... execve resumed>)  = 0
11 00:00:00.700000 openat(AT_FDCWD</srv/app>, "/etc/shadow", O_RDONLY|O_CLOEXEC) = -1 EACCES (Permission denied)
11 00:00:00.800000 --- SIGSEGV {si_signo=SIGSEGV, si_code=SI_USER} ---
10 00:00:00.900000 <... wait4 resumed>[{WIFEXITED(s) && WEXITSTATUS(s) == 1}], 0, NULL) = 11
10 00:00:01.000000 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_THREAD, child_tidptr=0x7f) = 12
12 00:00:01.100000 connect(5<socket:[9]>, {sa_family=AF_INET, sin_port=htons(443), \
sin_addr=inet_addr("10.1.2.3")}, 16) = -1 EINPROGRESS (Now)
12 00:00:01.200000 connect(5<UDPv6:[9]>, {sa_family=AF_INET6, sin6_port=htons(80), \
inet_pton(AF_INET6, "2001:db8::1", &sin6_addr)}, 28) = 0
12 00:00:01.300000 connect(5<socket:[99]>, {sa_family=AF_UNIX, sun_path="/run/dbus/bus"}, 110) = 0
12 00:00:01.400000 mkdir("sub", 0777)     = 0
12 00:00:01.500000 rename("a", "b")       = 0
12 00:00:01.600000 execve("/opt/tool", ["tool"], 0x5 /* 1 var */ <unfinished ...>
10 00:00:01.700000 +++ superseded by execve in pid 12 +++
10 00:00:01.800000 <... execve resumed>)  = 0
10 00:00:01.900000 newfstatat(3</srv/app/x.so.1>, "", {st_mode=S_IFREG|0644, ...}, AT_EMPTY_PATH) = 0
10 00:00:02.000000 exit_group(0)          = ?
"""


def parsed(text: str = LOG, own: bool = False):  # type: ignore[no-untyped-def]
    return parse_strace(text.splitlines(keepends=True), "log", own)


def test_calls_stand_where_they_began() -> None:
    calls = parsed()
    assert calls.call.tolist() == [
        "openat", "vfork", "execve", "wait4", "openat", "clone", "connect", "connect", "connect", "mkdir", "rename",
        "execve", "newfstatat", "exit_group",
    ]  # fmt: skip
    assert calls.time[0] == pytest.approx(86399.2) and calls.time[-1] == pytest.approx(86402.0)  # past midnight
    assert parsed(own=True).call.tolist()[0] == "execve" and len(parsed(own=True)) == len(calls) + 1


def test_a_process_runs_what_it_executed_and_inherits() -> None:
    calls = parsed()
    who = [(pid, program.rpartition("/")[2], parent.rpartition("/")[2])
           for pid, program, parent in zip(calls.pid, calls.program, calls.parent, strict=True)]  # fmt: skip
    assert who[1:5] == [(10, "sh", ""), (11, "sh", "sh"), (10, "sh", ""), (11, "cat", "sh")]
    assert who[6] == (12, "sh", "")  # a thread has its process's parent
    assert who[11] == (10, "sh", "") and who[12] == (10, "tool", "")  # executed by a thread, for the process


def test_paths_modes_errors_and_addresses() -> None:
    calls = parsed()
    rows = list(zip(calls.path, calls.mode, calls.error, calls.address, calls.port.tolist(), strict=True))
    assert rows[0] == ('/srv/app/x "y".txt', "wct", "", "", -1)
    assert rows[2][0] == "/usr/bin/cat" and rows[4] == ("/etc/shadow", "r", "EACCES", "", -1)
    assert rows[6] == ("", "", "EINPROGRESS", "10.1.2.3", 443) and rows[7] == ("", "", "", "2001:db8::1", 80)
    assert rows[8] == ("/run/dbus/bus", "", "", "unix", -1)
    assert [r[0] for r in rows[9:11]] == ["/srv/app/sub", "/srv/app/b"]  # the folder that was last seen
    assert rows[12][0] == "/srv/app/x.so.1"


@pytest.mark.parametrize(
    "text, call",
    [
        ('openat(AT_FDCWD</>, "etc/a", O_RDONLY) = 3\n', (0, 0.0, "/etc/a")),
        ('7 1700000000.5 access("/a) = 0", F_OK) = 0\n', (7, 1700000000.5, "/a) = 0")),
        ('[pid 8] access("/a\\303\\244\\n", F_OK) = 0 <0.0001>\n', (8, 0.0, "/aä\n")),
    ],
)
def test_other_columns(text: str, call: tuple[int, float, str]) -> None:
    calls = parsed(text)
    assert (calls.pid[0], calls.time[0], calls.path[0]) == call


def test_what_ends_or_begins_in_the_middle() -> None:
    calls = parsed("5 <... read resumed>) = 3\nstrace: Process 5 attached\n5 wait4(-1,  <unfinished ...>\n5 opena")
    assert calls.call.tolist() == ["wait4"] and calls.error.tolist() == ["unfinished"]


def test_a_line_that_is_not_straces_is_named(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text('1 access("/a", F_OK) = 0\nhello there\n')
    with pytest.raises(InputError, match="line 2: is no line of strace"):
        read_strace(path)
    path.write_text('1 access("/a", F_OK\n')
    with pytest.raises(InputError, match="line 1: has a call without a result"):
        read_strace(path)
    path.write_text("")
    with pytest.raises(InputError, match="has no calls"):
        read_strace(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_strace(tmp_path)


def test_quoted_bytes() -> None:
    assert decode(r"a\tb\"c\\d\1e\0012") == 'a\tb"c\\d\x01e\x012'
