"""Full ranking of large catalogs: time for each user and peak memory, by counting and by sorting all scores.

Run from the repository: `python benchmarks/ranking_evaluation.py` (about two minutes). Random vectors of 64 numbers for
users and items; each user has one item to be found and has seen 50. The alternatives score all items for a batch of 256
users (the usual size), mask what was seen, and find the place of the item by sorting each row, or whether it is among
the best 20 by `argpartition` and a sort of these. Ours counts how many items score higher, a few users at a time
(`tasks.places.count_products`), which gives the exact place as the sort does. Ranks are checked to be equal. Times are
processor time on one thread, sides in turns; memory is that of a process of its own above what its inputs take.

Results go to `benchmarks/results/ranking_evaluation.json`.
"""

import json
import sys

from _measure import Memory, _status, fastest, in_process, row, save  # isort: skip; keeps NumPy and Torch to one thread

import numpy as np
import torch

from acteme.tasks import places
from acteme.tasks.places import Lists

ITEMS = (10_000, 100_000, 1_000_000)
USERS, MORE, SEEN, WIDTH, TOP = 256, 1024, 50, 64, 20
TIMED = {10_000: 256, 100_000: 128, 1_000_000: 16}
"""Users that are timed; sorting takes long."""


def drawn(users, items):
    rng = np.random.default_rng(0)
    table = torch.from_numpy(rng.standard_normal((items + 1, WIDTH), np.float32))
    query = torch.from_numpy(rng.standard_normal((users, WIDTH), np.float32))
    seen = np.sort(rng.integers(1, items + 1, (users, SEEN)), axis=1)
    target = rng.integers(1, items + 1, users)
    seen[seen == target[:, None]] = target[0] % items + 1
    lists = Lists(np.arange(users + 1) * SEEN, seen.ravel().astype(np.int64))
    return query, table, target, seen, lists


def counted(query, table, target, seen, lists):
    """Places from 0."""
    found = places.count_products(query, table, Lists.one(target), lists)
    return found.above


def scored(query, table, seen, target):
    """All scores of a batch, with seen items and padding out of the way."""
    scores = (query @ table.T).numpy()
    keep = scores[np.arange(len(target)), target]
    scores[np.arange(len(target))[:, None], seen] = -np.inf
    scores[:, 0] = -np.inf
    scores[np.arange(len(target)), target] = keep
    return scores


def by_sorting(query, table, target, seen, lists):
    scores = scored(query, table, seen, target)
    return (np.argsort(-scores, axis=1) == target[:, None]).argmax(1)


def by_partition(query, table, target, seen, lists):
    scores = scored(query, table, seen, target)
    best = np.argpartition(scores, -TOP, axis=1)[:, -TOP:]
    order = np.argsort(-np.take_along_axis(scores, best, 1), axis=1)
    hit = np.take_along_axis(best, order, 1) == target[:, None]
    return np.where(hit.any(1), hit.argmax(1), TOP)


WAYS = {"counting": counted, "sorting": by_sorting, "argpartition": by_partition}


def child(way, users, items):
    """Peak memory above the inputs, in MB."""
    torch.set_num_threads(1)
    given = drawn(users, items)
    torch.zeros(64, 64) @ torch.zeros(64, 64)
    before = _status("RssAnon") / 1024
    memory = Memory()
    WAYS[way](*given)
    print(json.dumps({"own": memory.peak()["own"] - before}))


def main():
    torch.set_num_threads(1)
    rows = []
    for items in ITEMS:
        given = drawn(TIMED[items], items)
        exact = by_sorting(*given)
        assert np.array_equal(counted(*given), exact), "the same places"
        assert np.array_equal(by_partition(*given), np.minimum(exact, TOP))
        spent = fastest({name: lambda way=way, given=given: way(*given) for name, way in WAYS.items()}, 3)
        each = {name: value / TIMED[items] for name, value in spent.items()}
        peak = {}
        for name, users in (("counting", USERS), ("argpartition", USERS), ("counting", MORE)):
            if items < ITEMS[-1] or (name, users) != ("counting", MORE):
                key = f"MB {name}, {users} users"
                peak[key] = round(in_process(__file__, "child", name, users, items)["own"], 1)
        for name in ("sorting", "argpartition"):
            what = f"full ranking among {items:,} items, for each user"
            rows.append(row(what, f"{name} of all scores", each["counting"], each[name], **peak))
        print(items, each, peak, flush=True)
    save("ranking_evaluation", rows, "the product of users and items")


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        child(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        main()
