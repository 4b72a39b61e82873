"""Scripted work, recorded while the tests run."""

import shutil

import numpy as np
import pytest

from acteme.errors import InputError, MissingError
from acteme.recordings.events import host as module
from acteme.recordings.events.calls import columns
from acteme.recordings.events.host import host, record, strange
from acteme.recordings.events.strace import parse_strace
from acteme.recordings.events.workload import CHOICES, COMMANDS, prepare, script
from tests.recordings.events.test_record import traces
from tests.recordings.events.test_strace import LOG


@pytest.fixture(scope="module")
def recorded():  # type: ignore[no-untyped-def]
    return record(2, 3, True, 0) if traces() else None


def test_work_is_recorded(recorded, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    if recorded is None:  # a machine that does not allow to trace says so in a line
        with pytest.raises((InputError, MissingError), match="strace"):
            record(2, 3, True, 0)
        return
    one, two = recorded
    programs = {path.rpartition("/")[2] for path in one.program}
    assert {"webserver", "client", "compiler", "backup", "agent", "sh"} <= programs
    assert not any("acteme-" in path for path in [*one.path, *one.program]) and "/home/docs" in set(one.path)
    assert not strange(one).any()
    odd = two.select(strange(two) > 0)
    calls = {(program.rpartition("/")[2], call) for program, call in zip(odd.program, odd.call, strict=True)}
    assert {("webserver", "execve"), ("sh", "openat"), ("compiler", "openat"), ("backup", "connect")} <= calls
    assert set(odd.port.tolist()) == {-1, 9100, 9101} and 0 < len(odd) < len(two) / 4
    monkeypatch.setattr(module, "record", lambda *_: recorded)
    corpus = host(rounds=2)
    assert corpus.column("split").tolist() == ["train", "test"]
    assert corpus.arrays["outcome"].sum() == len(odd) == corpus.select("test")[0].arrays["outcome"].sum()
    assert corpus.frames.tolist() == [len(one), len(two)] and "program" in corpus.spec.fields
    drawn = host(rounds=2, split="random", val=0.2, test=0.3)
    assert drawn.select("test")[0].arrays["outcome"].sum() == len(odd)
    assert drawn.frames[2] == pytest.approx(0.3 * drawn.frames.sum() + 0.7 * len(odd), abs=0.1 * len(odd) + 2)
    assert "outcome" not in host(rounds=2, odd=False).arrays


def test_what_is_odd_is_told_by_who_does_it() -> None:
    rows = [("webserver", "sh", "execve", "/bin/sh"), ("sh", "webserver", "openat", "/etc/ld.so.cache"),
            ("ls", "sh", "openat", "/"), ("compiler", "sh", "openat", "/home/.keys/0"),
            ("agent", "sh", "openat", "/home/.keys/0"), ("client", "sh", "connect", "")]  # fmt: skip
    names = ("program", "parent", "call", "path")
    calls = columns([dict(zip(names, (f"/home/bin/{a}", f"/bin/{b}", c, d), strict=True)) for a, b, c, d in rows])
    assert strange(calls).tolist() == [1, 1, 0, 1, 0, 0]
    assert not strange(parse_strace(LOG.splitlines(keepends=True), "log")).any()


def test_a_round_has_its_own_order(tmp_path) -> None:  # type: ignore[no-untyped-def]
    prepare(tmp_path)
    assert (tmp_path / "bin/webserver").resolve().exists() and (tmp_path / ".keys/3").exists()
    texts = [script(tmp_path, 5, odd, np.random.default_rng([0, k])) for k, odd in ((0, False), (1, False), (1, True))]
    assert texts[0] != texts[1] and ".keys" not in texts[1] and ".keys/0" in texts[2] and "'run id'" in texts[2]
    ordinary = [line for line in texts[0].splitlines()[3:-1] if "lib/" not in line or "/usr" in line]
    assert len(ordinary) == 5 and all(shutil.which(line.split()[0]) for line in ordinary)
    assert not any(word in texts[0] for word in CHOICES) and any(word in line for line in COMMANDS for word in CHOICES)


def test_too_few_rounds() -> None:
    with pytest.raises(InputError, match="option: rounds is 1; give 2 or more"):
        host(rounds=1)
