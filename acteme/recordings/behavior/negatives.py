"""Items that users have not met, drawn to compare with those that they chose."""

import numpy as np
from jaxtyping import Float, Int

ATTEMPTS = 200
"""Draws for a place, after which it stays empty."""


def unmet(
    offset: Int[np.ndarray, " u1"],
    item: Int[np.ndarray, " p"],
    count: int,
    weight: Float[np.ndarray, " items"],
    rng: np.random.Generator,
) -> Int[np.ndarray, "u {count}"]:
    """For each user, `count` different items that are none of the user's own.

    Args:
        offset: where each user's items begin in `item`, with the end of the last.
        item: what the users have met, numbered from 1.
        count: how many to draw.
        weight: how often to draw each item (that of item k at k - 1), relative to the others.
        rng: of the draws.

    Returns:
        item numbers; 0 where none was found.
    """
    users, items = len(offset) - 1, len(weight)
    own = np.unique(np.repeat(np.arange(users), np.diff(offset)) * (items + 1) + item)
    rise = np.cumsum(weight, dtype=np.float64)
    out = np.zeros((users, count), np.int64)
    user, place = np.divmod(np.arange(users * count), count)
    for _ in range(ATTEMPTS):
        if not len(user):
            break
        tried = np.searchsorted(rise, rng.random(len(user)) * rise[-1], "right").clip(max=items - 1) + 1
        key = user * (items + 1) + tried
        first = np.zeros(len(key), bool)
        first[np.unique(key, return_index=True)[1]] = True
        at = np.searchsorted(own, key).clip(max=max(len(own) - 1, 0))
        new = first & (own[at] != key) if len(own) else first
        out[user[new], place[new]] = tried[new]
        own = np.union1d(own, key[new])
        user, place = user[~new], place[~new]
    return out
