"""How much faster DARE's search is than that of one table for both ends, with attention narrower than representation.

Run from the repository: `python benchmarks/dare_search.py` (about a minute). Both search histories of 200 for the 20
best behaviors, of the same users for the same targets, on one thread; times are processor time, the best of several
rounds, the sides in turns. `cached` begins with the histories' attention vectors, of which a server keeps those of
its users; without it they are looked up in the tables.

TWIN (one set of tables) attends by all the numbers that it represents with. What narrow attention costs in AUC is
measured by the claim (`acteme claim dare`, arms `narrow`, `dare` and `twin`: 8, 16 and 16 numbers an embedding).

Results go to `benchmarks/results/dare_search.json`.
"""

from _measure import fastest, row, save  # isort: skip; keeps NumPy and Torch to one thread

import numpy as np
import torch

from acteme.recordings.spec import Spec
from acteme.systems.recommend.dare import RankConfig, Ranker, Widths
from acteme.systems.recommend.dare.model import Seen
from acteme.systems.recommend.dare.tables import Events

ITEMS, CATEGORIES, USERS, SLOTS = 200_000, 5_000, 512, 200
SPEC = Spec(items=ITEMS, fields=("category",), sizes=(CATEGORIES,))
CASES = ((16, 8), (16, 4), (64, 32), (128, 64))
BOUND = "reading attention vectors from memory; picking the best, which does not depend on their width, for short ones"


def drawn():
    rng = np.random.default_rng(0)
    category = rng.integers(1, CATEGORIES, ITEMS + 1)

    def events(count, position):
        item = rng.zipf(1.2, (USERS, count)) % ITEMS + 1
        return Events(*(torch.from_numpy(x) for x in (item, category[item], position)))

    behavior = events(SLOTS, np.broadcast_to(np.arange(SLOTS, 0, -1), (USERS, SLOTS)).copy())
    return Seen(events(1, np.zeros((USERS, 1), np.int64)), behavior, behavior.item > 0)


def searches(module, seen):
    """Both kinds of search of a model."""
    model = module.model
    weights = model.tables.weights()
    keys = model.tables.embed(weights, "attention", "behavior", seen.behavior)

    def found(q, k, score):
        return model.find(seen, q, k, score, seen.valid)[0]

    def search():
        return found(*model.scores(weights, seen))

    def cached():
        q = model.tables.embed(weights, "attention", "target", seen.target)
        return found(q, keys, model.score(q, keys))

    assert torch.equal(search().sort(-1).values, cached().sort(-1).values)
    return search, cached


@torch.no_grad()
def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    seen, found = drawn(), []
    for width, narrow in CASES:
        wide = Widths(width, width, width)
        twin = Ranker(RankConfig(variant="twin", width=wide), SPEC)
        dare = Ranker(RankConfig(width=wide, attention=Widths(narrow, narrow, narrow)), SPEC)
        (one, one_cached), (two, two_cached) = searches(twin, seen), searches(dare, seen)
        times = fastest({"twin": one, "dare": two}, 15)
        times |= fastest({"twin cached": one_cached, "dare cached": two_cached}, 100)
        name, against = f"DARE search with attention of {narrow} numbers an embedding", f"TWIN with {width}"
        found += [
            row(f"{name}, cached", against, times["dare cached"], times["twin cached"]),
            row(f"{name}, from the tables", against, times["dare"], times["twin"]),
        ]
    save("dare_search", found, BOUND, threads=1)


if __name__ == "__main__":
    main()
