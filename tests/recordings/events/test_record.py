import shutil
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from acteme.errors import InputError, MissingError
from acteme.recordings.events.categorical import FIELDS, Vocabulary
from acteme.recordings.events.record import save, trace
from acteme.recordings.events.strace import parse_strace
from tests.recordings.events.test_strace import LOG

TRACED = shutil.which("strace") is not None


def recorded(folder: Path):  # type: ignore[no-untyped-def]
    """A tiny workload, recorded where strace is there and may trace; else the lines of another one."""
    (folder / "w.sh").write_text(f"mkdir {folder}/sub\ncat {folder}/none\nexit 3\n")
    if TRACED:
        try:
            return trace(["sh", str(folder / "w.sh")])
        except InputError as error:
            assert "recorded nothing" in str(error)
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
    with pytest.raises(MissingError, match="needs strace"):
        trace(["ls"])
