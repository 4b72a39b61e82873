import json
from pathlib import Path

import pytest

from acteme.errors import InputError
from acteme.recordings.sources import list_data, open_data
from tests.recordings.events import test_auditd, test_polls
from tests.recordings.events.test_strace import LOG

NAMES = ("account", "program", "parent", "call", "folder", "suffix", "mode", "error", "network", "port")


def test_a_log_of_strace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTEME_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "log"
    path.write_text(LOG)
    corpus = open_data(f"strace:{path}?rare=1&val=0&test=0.3")
    assert corpus.spec.fields == NAMES, "the hour is asked for only by name"
    assert corpus.frames.tolist() == [10, 4] and corpus.arrays["when"][0] == 86399
    values = {(v["field"], v["value"]) for v in corpus.values.to_pylist()}
    assert {("program", "cat"), ("error", "EACCES"), ("folder", "/srv/app"), ("mode", "wct")} <= values
    few = open_data(f"strace:{path}?fields=call,account,hour&rare=1")
    assert few.spec.fields == ("call", "account", "hour")
    masked = list_data(f"strace:{path}?rare=1&test=0&val=0&mask=true")
    assert "10.1.0.0/16" not in masked.values["value"].to_pylist()  # type: ignore[union-attr]
    networks = []
    for number in (1, 1, 2):
        (tmp_path / "key").write_text(str(number) * 32)
        keyed = open_data(f"strace:{path}?rare=1&test=0&val=0&key={tmp_path / 'key'}")
        networks.append([v["value"] for v in keyed.values.to_pylist() if v["value"].startswith("network-")])
    assert networks[0] == networks[1] != networks[2] and networks[0], "another key is noticed"
    with pytest.raises(InputError, match="nokey: cannot be used"):
        list_data(f"strace:{path}?key={tmp_path / 'nokey'}")
    for options, message in (("fields=colour", "no field 'colour'"), ("fields=call,call", "names 'call' twice"),
                             ("split=part", "cannot split 1 recordings")):  # fmt: skip
        with pytest.raises(InputError, match=message):
            list_data(f"strace:{path}?{options}")


def test_files_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTEME_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "logs"
    folder.mkdir()
    with pytest.raises(InputError, match="logs: has no files"):
        list_data(f"strace:{folder}")
    for name in ("b", "a", "c"):
        (folder / name).write_text(f'1 access("/{name}/x", F_OK) = 0\n1 access("/", F_OK) = 0\n')
    corpus = open_data(f"strace:{folder}?split=part&rare=1&val=0")
    folders = [row["value"] for row in corpus.values.to_pylist() if row["field"] == "folder"]  # type: ignore[union-attr]
    assert folders == ["/", "/a", "/b"] and corpus.frames.tolist() == [4, 2]
    (folder / "d").write_text('1 access("/d/x", F_OK) = 0\n')
    assert open_data(f"strace:{folder}?split=part&rare=1&val=0").frames.sum() == 7, "a new file is noticed"


def test_other_recorders(tmp_path: Path) -> None:
    (tmp_path / "audit.log").write_text(test_auditd.LOG)
    assert "account" in list_data(f"auditd:{tmp_path / 'audit.log'}?rare=1&test=0&val=0").spec.fields
    rows = [test_polls.ROW, test_polls.ROW | {"port": 22}, {"time": 9, "kind": "start", "pid": 4}]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert "port" in list_data(f"polls:{tmp_path / 'log.jsonl'}?rare=1&test=0&val=0").spec.fields
