import io
from pathlib import Path

import pytest

from acteme.errors import InputError
from acteme.recordings.events.auditd import parse_auditd, read_auditd

LOG = """\
type=SYSCALL msg=audit(1700000000.123:7): arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=20 uid=0 \
comm="sh" exe="/usr/bin/dash" key="x"\x1dUID="root"
type=CWD msg=audit(1700000000.123:7): cwd="/srv"
type=SYSCALL msg=audit(1700000001.000:8): arch=c000003e syscall=42 success=no exit=-115 ppid=20 pid=21 uid=33 \
comm=6120 exe="/usr/bin/curl"
type=PATH msg=audit(1700000000.123:7): item=0 name="bin/dash" nametype=NORMAL
type=SOCKADDR msg=audit(1700000001.000:8): saddr=020001BB0A010203
type=PROCTITLE msg=audit(1700000001.000:8): proctitle=6375726C
type=USER_AUTH msg=audit(1700000002.000:9): pid=3 uid=0 msg='op=login'
type=SYSCALL msg=audit(1700000003.000:10): arch=40000028 syscall=322 success=no exit=-13 ppid=20 pid=22 uid=0 \
comm=6120620A exe=(null)
type=SYSC"""


def test_records_of_one_serial_are_one_call() -> None:
    calls = parse_auditd(io.StringIO(LOG, newline="\n"), "log")
    assert calls.call.tolist() == ["execve", "connect", "322"] and calls.pid.tolist() == [20, 21, 22]
    assert calls.path.tolist() == ["/srv/bin/dash", "", ""] and calls.user.tolist() == ["root", "33", "0"]
    assert (calls.address[1], calls.port[1], calls.error.tolist()) == ("10.1.2.3", 443, ["", "EINPROGRESS", "EACCES"])
    assert calls.program.tolist() == ["/usr/bin/dash", "/usr/bin/curl", "a b\n"]
    assert calls.parent.tolist() == ["", "/usr/bin/dash", "/usr/bin/dash"]


def test_other_sockets() -> None:
    for saddr, expected in (
        ("01002F72756E2F6100", ("unix", -1, "/run/a")),
        ("0A000050000000002001 0DB8000000000000000000000001".replace(" ", ""), ("2001:db8::1", 80, "")),
        ("xyz", ("", -1, "")),
    ):
        text = f"type=SYSCALL msg=audit(1.5:1): syscall=42 pid=1\ntype=SOCKADDR msg=audit(1.5:1): saddr={saddr}\n"
        calls = parse_auditd(text.splitlines(keepends=True), "log")
        assert (calls.address[0], calls.port[0], calls.path[0]) == expected


def test_what_is_no_record_is_named(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_text("type=CWD msg=audit(1.5:1): cwd=/\nhello\n")
    with pytest.raises(InputError, match="line 2: is no audit record"):
        read_auditd(path)
    path.write_text("type=CWD msg=audit(1.5:1): cwd=/\n")
    with pytest.raises(InputError, match="no records of type SYSCALL"):
        read_auditd(path)
