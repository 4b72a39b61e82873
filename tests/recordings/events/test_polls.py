import json
import subprocess
import sys
from pathlib import Path

import pytest

from acteme.errors import InputError
from acteme.recordings.events.polls import poll, read_polls

ROW = {"time": 5, "kind": "connection", "pid": 3, "user": "ann", "program": "/bin/a", "parent": "sh",
       "status": "ESTABLISHED", "address": "10.1.2.3", "port": 443}  # fmt: skip


def test_records(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps(ROW) + "\n" + json.dumps({"time": 6.5, "kind": "start", "pid": 4}) + "\n")
    calls = read_polls(path)
    assert calls.call.tolist() == ["connection", "start"] and calls.port.tolist() == [443, -1]
    assert calls.mode.tolist() == ["ESTABLISHED", ""] and calls.time.tolist() == [5.0, 6.5]


@pytest.mark.parametrize(
    "row, message", [({**ROW, "kind": "x"}, "the kind 'x'"), ({**ROW, "time": "5"}, "no time"),
                     ({**ROW, "pid": "3"}, "'pid' is not a whole number")]
)  # fmt: skip
def test_a_broken_record_is_named(tmp_path: Path, row: dict[str, object], message: str) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps(ROW) + "\n" + json.dumps(row) + "\n")
    with pytest.raises(InputError, match=message) as error:
        read_polls(path)
    assert "line 2" in str(error.value)
    path.write_text("")
    with pytest.raises(InputError, match="has no records"):
        read_polls(path)


def test_the_recorder_leaves_itself_out(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(20)"])
    try:
        poll(tmp_path / "log.jsonl", 0.2, rate=20)
    finally:
        child.kill()
        child.wait()
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert child.pid not in [row["pid"] for row in rows]
    with pytest.raises(InputError, match="cannot look"):
        poll(tmp_path / "log.jsonl", 0)
