"""Events of this very machine: scripted work, recorded by strace on the spot, with a few odd acts in its last round."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from acteme.errors import InputError
from acteme.recordings.behavior.single import Shares
from acteme.recordings.corpus import Corpus
from acteme.recordings.events.calls import Calls
from acteme.recordings.events.categorical import categorical
from acteme.recordings.events.corpus import USUAL, corpus_of
from acteme.recordings.events.mask import Mask
from acteme.recordings.events.record import trace
from acteme.recordings.events.workload import prepare, script

HOME = "/home"
"""What the folder of the work, whose name is random, is called in the events."""


def host(
    rounds: int = 4,
    commands: int | None = None,
    fields: tuple[str, ...] = (),
    split: Literal["part", "random"] = "part",
    val: float = 0.1,
    test: float = 0.3,
    odd: bool = True,
    rare: int = 5,
    mask: bool = True,
    seed: int = 0,
) -> Corpus:
    """System calls of programs on this machine, recorded by strace while it does scripted work, and kept.

    A round is some fifty ordinary commands (those that are installed), a server with a client, a compiler, a backup and
    an agent with keys, in an order of its own; all in a temporary folder and on the loopback interface. In the last
    round the server starts a shell, the compiler reads the keys and the backup connects to a new port: these events
    have the outcome 1. They are in the test. What is recorded differs from machine to machine.

    Args:
        rounds: rounds of work.
        commands: ordinary commands in each; all unless given.
        fields: see `strace`.
        split: `part`: the last rounds are the test; `random`: all events are drawn but the odd ones, which are in the
            test.
        val: share of the rounds (events) for validation.
        test: share of the rounds (events) for the test.
        odd: whether odd things happen.
        rare: a field's values that fewer events of the training split have become the unknown value, 0.
        mask: put numbers in the place of names of people, machines, networks and own folders.
        seed: everything follows from it that the machine does not decide.

    Raises:
        InputError: there are fewer than 2 rounds, or this machine does not allow to trace.
        MissingError: strace is not installed.
    """
    if rounds < 2:
        raise InputError(f"rounds is {rounds}", "option", "give 2 or more: the last one is for the test")
    recorded = record(rounds, commands, odd, seed)
    hide = Mask.here() if mask else None
    parts = [categorical(calls, fields or USUAL, hide) for calls in recorded]
    label = [strange(calls) for calls in recorded] if odd else None
    shares = Shares(val, test, seed=seed)
    if split == "part" or label is None:
        return corpus_of(parts, [], split, shares, rare, label)
    whole = np.concatenate(label)
    drawn = replace(shares, shuffle=True).of(len(whole), None)
    drawn[whole > 0] = 2
    values, time = np.concatenate([p.values for p in parts]), np.concatenate([p.time for p in parts])
    some = [np.flatnonzero(drawn == k) for k in range(3)]
    cut = [replace(parts[0], values=values[at], time=time[at]) for at in some]
    return corpus_of(cut, [], "given", shares, rare, [whole[at] for at in some])


def record(rounds: int, commands: int | None, odd: bool, seed: int) -> list[Calls]:
    """The calls of each round; the folder of the work is called `HOME`."""
    recorded = []
    with tempfile.TemporaryDirectory(prefix="acteme-") as folder:
        home = Path(folder).resolve() / "work"
        prepare(home)
        for k in range(rounds):
            text = script(home, commands, odd and k == rounds - 1, np.random.default_rng([seed, k]))
            (Path(folder) / "round.sh").write_text(text)
            calls, _ = trace(["sh", str(Path(folder) / "round.sh")])
            recorded.append(_moved(calls, str(Path(folder).resolve()), str(home)))
    return recorded


def strange(calls: Calls) -> Float[np.ndarray, " n"]:
    """1 for what the server's shell does, how the compiler reads keys, and where the backup connects to; else 0."""
    program, parent = (_names(column) for column in (calls.program, calls.parent))
    shell = (program == "webserver") & (calls.call == "execve") | (parent == "webserver") & (program == "sh")
    keys = (program == "compiler") & np.array([".keys" in path for path in calls.path.tolist()], bool)
    port = (program == "backup") & (calls.call == "connect")
    return (shell | keys | port).astype(np.float32)


def _names(column: np.ndarray) -> np.ndarray:
    return np.array([path.rpartition("/")[2] for path in column.tolist()], str)


def _moved(calls: Calls, folder: str, home: str) -> Calls:
    """The calls with the folder under its common name."""
    out = {}
    for name in ("path", "program", "parent"):
        column = getattr(calls, name).copy()
        column[:] = [path.replace(home, HOME).replace(folder, HOME) for path in column.tolist()]
        out[name] = column
    return replace(calls, **out)
