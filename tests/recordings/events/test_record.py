import shutil
from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from acteme.errors import InputError, MissingError
from acteme.recordings.events import record
from acteme.recordings.events.categorical import FIELDS, Vocabulary
from acteme.recordings.events.corpus import USUAL
from acteme.recordings.events.record import look, record_host, save, trace
from acteme.recordings.events.strace import parse_strace
from acteme.recordings.sources import list_data
from tests.recordings.events.test_strace import LOG
from tests.tiny import command


def traces() -> bool:
    """Whether strace is there and may trace."""
    try:
        return bool(len(trace(["sh", "-c", ":"])[0]))
    except (InputError, MissingError):
        return False


def recorded(folder: Path):  # type: ignore[no-untyped-def]
    """A tiny workload, recorded where strace is there and may trace; else the lines of another one."""
    (folder / "w.sh").write_text(f"mkdir {folder}/sub\ncat {folder}/none\nexit 3\n")
    if traces():
        return trace(["sh", str(folder / "w.sh")])
    return parse_strace(LOG.splitlines(keepends=True), "log"), 3


def test_a_command_is_recorded(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    calls, status = recorded(tmp_path)
    assert status == 3 and "execve" in calls.call.tolist() and "mkdir" in calls.call.tolist()
    assert all(calls.program) and not any("strace" in p for p in calls.program)
    children = {p.rpartition("/")[2] for p, above in zip(calls.program, calls.parent, strict=True) if above}
    assert "cat" in children


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_events_are_saved_as_a_table(tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    calls, _ = recorded(tmp_path)
    events = save(calls, tmp_path / name)
    read = pyarrow.csv.read_csv if name.endswith("csv") else pq.read_table
    table = read(tmp_path / name)
    assert table.column_names == ["timestamp", *FIELDS] and len(table) == len(calls)
    assert table["call"].to_pylist() == calls.call.tolist()
    codes = Vocabulary.of(events, least=1).encode(events)
    assert (codes > 0).all()


def test_what_cannot_be_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no command"):
        trace([])
    with pytest.raises(InputError, match=r"cannot write a '\.txt' file"):
        save(parse_strace(LOG.splitlines(keepends=True), "log"), tmp_path / "a.txt")
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/strace" if name == "strace" else None)
    with pytest.raises(InputError, match="there is no program 'nonsense'"):
        trace(["nonsense"])
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(MissingError, match=r"needs strace: .* --poll"):
        trace(["ls"])


def test_tables_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = parse_strace(LOG.splitlines(keepends=True), "log")
    asked = []
    monkeypatch.setattr(record, "trace", lambda command: asked.append(command) or (calls, 3))
    monkeypatch.setattr(record, "look", lambda *given: asked.append(given) or calls)
    path, events, status = record_host(tmp_path / "f", ["ls", "-l"])
    assert path == tmp_path / "f/host-0001.csv" and (len(events), status) == (len(calls), 3)
    (tmp_path / "f/host-0007.csv").write_text("")
    assert record_host(tmp_path / "f", every=2.0, seconds=5.0, masked=False)[0].name == "host-0008.csv"
    assert asked == [["ls", "-l"], (5.0, 0.5)]
    table = pyarrow.csv.read_csv(path)
    assert table.column_names == ["timestamp", *USUAL] and "10.1.0.0/16" not in table["network"].to_pylist()
    plain = record_host(tmp_path / "f", ["ls"], masked=False)[0]
    assert "10.1.0.0/16" in pyarrow.csv.read_csv(plain)["network"].to_pylist()
    for given, message in (({}, "either a command or --poll"), ({"command": ["ls"], "every": 1.0}, "either a command"),
                           ({"every": 0.0}, "cannot look every 0 s")):  # fmt: skip
        with pytest.raises(InputError, match=message):
            record_host(tmp_path / "f", **given)
    with pytest.raises(InputError, match=r"f: holds recordings, .* give them all --key FILE, or --plain"):
        record_host(tmp_path / "f", ["ls"])
    assert len(asked) == 3, "it is said before the work is done"
    with pytest.raises(InputError, match="is a file; name a folder"):
        record_host(path, ["ls"])


def test_one_key_gives_one_name_one_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second recording meets the names in another order."""
    calls = parse_strace(LOG.splitlines(keepends=True), "log")
    key, made = tmp_path / "own" / "key", {}
    for name, seen, given in (("a", calls, key), ("b", calls.select(np.arange(len(calls))[::-1]), key),
                              ("c", calls, tmp_path / "other"), ("d", calls, None)):  # fmt: skip
        monkeypatch.setattr(record, "trace", lambda command, seen=seen: (seen, 0))
        table = pyarrow.csv.read_csv(record_host(tmp_path / name, ["ls"], key=given)[0])
        made[name] = [tuple(row[f] for f in ("network", "folder")) for row in table.to_pylist()]
    assert made["a"] == made["b"][::-1]
    own = {value for name in "abcd" for row in made[name] for value in row}
    assert not any("10.1" in value or "srv/app" in value for value in own)
    secret = [[v for row in made[name] for v in row if "-" in v and v != "-"] for name in "ac"]
    assert secret[0] and not set(secret[0]) & set(secret[1]), "another key, other numbers"
    assert made["d"] != made["a"] and any("network1" in row for row in made["d"])
    assert key.stat().st_mode & 0o777 == 0o600 and len(key.read_text()) == 65
    (tmp_path / "short").write_text("secret")
    for given, message in (({"key": tmp_path / "short"}, "short: holds 6 bytes, too few for a key"),
                           ({"key": tmp_path}, "cannot be used"),
                           ({"key": key, "masked": False}, "no use; leave --key or --plain out")):  # fmt: skip
        with pytest.raises(InputError, match=message):
            record_host(tmp_path / "e", ["ls"], **given)


def test_an_interrupt_ends_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    def poll(to: Path, seconds: float, rate: float) -> None:
        if seconds > 1:
            to.write_text('{"time": 5, "kind": "start", "pid": 3}\n')
        raise KeyboardInterrupt

    monkeypatch.setattr(record, "poll", poll)
    assert look(9.0).call.tolist() == ["start"]
    with pytest.raises(InputError, match="no process or connection began within 1 s; record for longer"):
        look(1.0)


def test_the_command(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    if not traces():
        said = command("record-host", "--to", tmp_path / "f", "--", "ls")
        assert said.code == 2 and "strace" in said.err and said.err.count("\n") == 1
        return
    said = command("record-host", "--to", tmp_path / "f", "--", "sh", "-c", "ls -l; exit 4")
    assert said.code == 4 and said.out.startswith(f"{tmp_path / 'f/host-0001.csv'}: ")
    said = command("record-host", "--to", tmp_path / "f")
    assert said.code == 2 and "--poll 2 --for 60" in said.err


def test_a_table_is_read_as_events_without_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = parse_strace(LOG.splitlines(keepends=True), "log")
    monkeypatch.setattr(record, "trace", lambda command: (calls, 0))
    for _ in range(2):
        record_host(tmp_path / "f", ["ls"], key=tmp_path / "key")
    corpus = list_data(f"events:{tmp_path / 'f'}?rare=2&val=0&test=0.25")
    assert corpus.spec.fields == USUAL and corpus.frames.tolist() == [21, 7]
    assert set(corpus.column("subject")) == {""}
