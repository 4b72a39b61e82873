"""The order of a log: by user and time, ties as they stand in the file; and the core in which everybody is known."""

import numpy as np
from jaxtyping import Bool, Int, Shaped

from acteme.recordings.behavior.spool import STEP, room, steps


def sorted_by(group: Int[np.ndarray, " n"], key: Shaped[np.ndarray, " n"], groups: int) -> Int[np.ndarray, " n"]:
    """The stable order by (group, key): where each row of the sorted log stands in the unsorted one.

    Rows are counted, laid out by group piece by piece, and sorted within blocks of whole groups: memory holds a block.

    Args:
        group: number of the user of each event, below `groups`.
        key: time of each event.
        groups: how many there are.
    """
    if len(group) <= STEP:
        return _order(np.asarray(group), np.asarray(key))
    sizes = counts(group, groups)
    end = np.cumsum(sizes)
    free = end - sizes
    order = room((len(group),), np.int64)
    for a, b in steps(len(group)):
        part = np.asarray(group[a:b])
        by = np.argsort(part, kind="stable")
        some = np.bincount(part, minlength=groups)
        first = np.cumsum(some) - some
        order[free[part[by]] + np.arange(b - a) - first[part[by]]] = a + by
        free += some
    a = 0
    while a < len(group):
        whole = int(np.searchsorted(end, a + STEP, "right"))  # groups that end within the block
        b = int(end[whole - 1]) if whole and end[whole - 1] > a else int(end[np.searchsorted(end, a, "right")])
        at = np.asarray(order[a:b])
        order[a:b] = at[_order(group[at], key[at])]
        a = b
    return order


def _order(group: np.ndarray, key: np.ndarray) -> np.ndarray:
    """The stable order by (group, key) of some rows: as one number where both fit into it, which sorts faster."""
    if len(group) and key.dtype.kind == "i":
        least, first = int(key.min()), int(group.min())
        span = int(key.max()) - least + 1
        if (int(group.max()) - first + 1) * span < 1 << 62:
            return np.argsort((group.astype(np.int64) - first) * span + (key.astype(np.int64) - least), kind="stable")
    return np.lexsort((key, group))


def taken(values: np.ndarray, order: Int[np.ndarray, " n"]) -> np.ndarray:
    """The rows of an array in an order, in a new array on disk."""
    out = room((len(order), *values.shape[1:]), values.dtype.type)
    for a, b in steps(len(order)):
        out[a:b] = values[order[a:b]]
    return out


def chosen(values: np.ndarray, kept: Bool[np.ndarray, " n"]) -> np.ndarray:
    """The rows of an array under a mask, in a new array on disk."""
    out, done = room((int(kept.sum()), *values.shape[1:]), values.dtype.type), 0
    for a, b in steps(len(kept)):
        some = values[a:b][kept[a:b]]
        out[done : done + len(some)] = some
        done += len(some)
    return out


def counts(number: Int[np.ndarray, " n"], size: int, kept: Bool[np.ndarray, " n"] | None = None) -> np.ndarray:
    """How often each number below `size` occurs, among the kept ones."""
    total = np.zeros(size, np.int64)
    for a, b in steps(len(number)):
        part = np.asarray(number[a:b])
        total += np.bincount(part if kept is None else part[kept[a:b]], minlength=size)
    return total


def core(
    user: Int[np.ndarray, " n"], item: Int[np.ndarray, " n"], users: int, items: int, least: int
) -> Bool[np.ndarray, " n"]:
    """Which events remain when users and items with fewer than `least` events are dropped again and again until no
    such user or item is left (the k-core of the graph of events)."""
    kept = np.ones(len(user), bool)
    while True:
        few_users, few_items = counts(user, users, kept) < least, counts(item, items, kept) < least
        before = int(kept.sum())
        for a, b in steps(len(user)):
            kept[a:b] &= ~(few_users[user[a:b]] | few_items[item[a:b]])
        if int(kept.sum()) == before:
            return kept
