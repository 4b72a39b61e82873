"""Taobao UserBehavior and Tmall (IJCAI-15): what people clicked, put into the cart, liked and bought.

From the Tianchi portal, after registration, for research; not to be passed on.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acteme.errors import InputError
from acteme.recordings.behavior.codes import calendar, number, text
from acteme.recordings.behavior.log import Columns, Log
from acteme.recordings.behavior.problems import Problems
from acteme.recordings.behavior.streams import Chunk, Delimited, delimited
from acteme.recordings.corpus import Corpus

TAOBAO = ("user", "item", "category", "behavior", "timestamp")
KINDS = ("pv", "buy", "cart", "fav")
FIRST, AFTER = 1_511_539_200, 1_512_316_800
"""25 November to 3 December 2017 in China, in seconds since 1970."""
TMALL = ("user_id", "item_id", "cat_id", "seller_id", "brand_id", "time_stamp", "action_type")
NAMED = {"category": "cat_id", "seller": "seller_id", "brand": "brand_id"}
ACTIONS = ("click", "cart", "buy", "favourite")
YEAR = 2014
"""Of the log of Tmall, whose times have none."""


def taobao(path: Path, behaviors: tuple[str, ...] = ("pv",), core: int = 0, shortest: int = 0, rare: int = 1) -> Corpus:
    """Taobao UserBehavior (UserBehavior.csv): a week of what people did with things, in 25 Nov to 3 Dec 2017.

    Events are sorted by user and time; those at other times, a few, are left out. Recordings are as in `events`; their
    fields are `category` and `behavior`.

    Args:
        path: the file, or the folder that holds it.
        behaviors: which events to take: `pv` (looked at), `buy`, `cart`, `fav`.
        core: drop users and items with fewer events, again and again until none has; 0 keeps all.
        shortest: drop users with fewer events, once, after that.
        rare: a field's values that fewer events of the training split have become the unknown value, 0.

    Raises:
        InputError: the file is not there, a row is broken, or no event is left.
    """
    wanted = _wanted(behaviors, KINDS, "behaviors")
    file, problems = _file(path, "UserBehavior.csv"), Problems()
    others = late = 0

    def read() -> Iterator[Chunk]:
        nonlocal others, late
        for chunk in delimited(file, Delimited(names=TAOBAO, quoted=False), problems):
            kind = text(chunk.columns["behavior"])
            at = pc.index_in(kind, value_set=pa.array(KINDS)).fill_null(-1).to_numpy(zero_copy_only=False)
            problems.cells(file, chunk.rows, at < 0, "behavior", kind, "is no behavior", f"use {', '.join(KINDS)}")
            mine = np.isin(at, wanted)
            others += int((~mine & (at >= 0)).sum())
            chunk = chunk.select(mine)
            when, bad = number(chunk.columns["timestamp"])
            out = ~bad & ((when < FIRST) | (when >= AFTER))
            late += int(out.sum())
            yield chunk.select(~out)

    columns = Columns("user", "item", "timestamp", fields=("category", "behavior"))
    return _corpus(read, columns, problems, file, core, rare, shortest, lambda: [
        *([f"left out, of other behaviors than {', '.join(behaviors)}: {others}"] if others else []),
        *([f"left out, not of 25 Nov to 3 Dec 2017: {late}"] if late else []),
    ])  # fmt: skip


def tmall(path: Path, actions: tuple[int, ...] = (0,), core: int = 0, shortest: int = 0, rare: int = 1) -> Corpus:
    """Tmall, of IJCAI-15 (user_log_format1.csv): half a year of what people did with things, until 11 Nov 2014.

    Times are days, such as 829 and 1111: events of a day stay in the order of the file. Recordings are as in `events`;
    their fields are `category`, `seller`, `brand` and `action`.

    Args:
        path: the file, or the folder that holds it.
        actions: which events to take: 0 (clicked), 1 (put into the cart), 2 (bought), 3 (liked).
        core: drop users and items with fewer events, again and again until none has; 0 keeps all.
        shortest: drop users with fewer events, once, after that.
        rare: a field's values that fewer events of the training split have become the unknown value, 0.

    Raises:
        InputError: the file is not there, a row is broken, or no event is left.
    """
    wanted = _wanted(tuple(map(str, actions)), tuple(map(str, range(len(ACTIONS)))), "actions")
    file, problems = _file(path, "user_log_format1.csv"), Problems()
    others = 0

    def read() -> Iterator[Chunk]:
        nonlocal others
        for chunk in delimited(file, Delimited(quoted=False), problems, TMALL):
            action, wrong = number(chunk.columns["action_type"])
            wrong |= ~np.isin(action, range(len(ACTIONS)))
            problems.cells(file, chunk.rows, wrong, "action_type", chunk.columns["action_type"], "is no action",
                           "use 0, 1, 2 or 3")  # fmt: skip
            mine = ~wrong & np.isin(action, wanted)
            others += int((~mine & ~wrong).sum())
            chunk, action = chunk.select(mine), action[mine].astype(int)
            day, bad = number(chunk.columns["time_stamp"])
            bad |= day != np.floor(day)
            day = day.astype(np.int64)
            days, none = calendar(np.full(len(day), YEAR), day // 100, day % 100)
            bad |= none
            problems.cells(file, chunk.rows, bad, "time_stamp", chunk.columns["time_stamp"], "is no day",
                           "give month * 100 + day")  # fmt: skip
            columns = {**chunk.columns, "when": pa.array(days * 86_400), "action": pa.array(ACTIONS).take(action)}
            columns |= {name: columns[column] for name, column in NAMED.items()}
            yield replace(chunk, columns=columns).select(~bad)

    columns = Columns("user_id", "item_id", "when", fields=(*NAMED, "action"))
    return _corpus(read, columns, problems, file, core, rare, shortest, lambda: (
        [f"left out, of other actions than {', '.join(ACTIONS[k] for k in wanted)}: {others}"]
        if others else []
    ))  # fmt: skip


def _corpus(
    read: Callable[[], Iterator[Chunk]],
    columns: Columns,
    problems: Problems,
    file: Path,
    core: int,
    rare: int,
    shortest: int,
    notes: Callable[[], list[str]],
) -> Corpus:
    log = Log(columns, problems)
    for chunk in read():
        log.add(chunk)
    return log.corpus([file], core, rare, shortest=shortest, notes=notes())


def _wanted(given: tuple[str, ...], known: tuple[str, ...], option: str) -> list[int]:
    """Numbers of the chosen kinds of events."""
    if unknown := [name for name in given if name not in known] or [""] * (not given):
        raise InputError(f"{option} has '{unknown[0]}'", "option", f"use {', '.join(known)}")
    return [known.index(name) for name in given]


def _file(path: Path, name: str) -> Path:
    """The file that is named, or the one of that name in a folder, maybe packed."""
    if path.is_file():
        return path
    for file in (path / name, path / f"{name}.gz"):
        if file.is_file():
            return file
    raise InputError(f"has no file {name}", path, f"give {name}, or the folder that holds it")
