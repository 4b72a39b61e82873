"""What to know of a log before one learns from it, in lines."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acteme.recordings.behavior.spool import steps


def remarks(
    arrays: dict[str, np.ndarray], order: np.ndarray, size: np.ndarray, held: list[np.ndarray], items: int
) -> list[str]:
    """On users with few events, the order of times, events that are repeated, and items that are new.

    Args:
        arrays: the sorted columns `user`, `item` and `key` of a log, as far as there are.
        order: where each row stood before it was sorted.
        size: events of each user.
        held: where the events stand that are to be predicted: of validation, and of the test.
        items: how many there are.
    """
    out = []
    given = "split" in arrays
    few = int((size < 3).sum())
    if few and not given:
        out.append(f"{few} of {len(size)} users have fewer than 3 events: they are for training only")
    if "key" in arrays and not given and (mixed := _mixed(arrays["user"], order)):
        out.append(f"the events of {mixed} of {len(size)} users are not in the order of time in the file: now they are")
    if "key" in arrays and len(held[1]) and not given:
        same = int((arrays["key"][held[1]] == arrays["key"][held[0]]).sum())
        if same:
            share = same / len(held[1])
            out.append(f"{share:.1%} of the users have their last two events at the same time: the file's order says "
                       "which is the last")  # fmt: skip
    if again := _again(arrays):
        out.append(
            f"{again} of {size.sum()} events are the same as the one before them, user, item and time: they are kept"
        )
    if "item" in arrays:
        training = np.zeros(items, bool)
        some = np.concatenate(held)
        for a, b in steps(len(arrays["item"])):
            learned = np.ones(b - a, bool)
            learned[some[(some >= a) & (some < b)] - a] = False
            training[arrays["item"][a:b][learned]] = True
        if new := items - int(training.sum()):
            out.append(f"{new} of {items} items are in no event for training: they are met in validation or test only")
    return out


def _mixed(user: np.ndarray, order: np.ndarray) -> int:
    """Users whose events had to change places among themselves."""
    count, last = 0, -1
    for a, b in steps(len(user)):
        first = max(a - 1, 0)
        who, where = np.asarray(user[first:b]), np.asarray(order[first:b])
        some = np.unique(who[1:][(who[1:] == who[:-1]) & (where[1:] < where[:-1])])
        count += len(some) - (len(some) > 0 and int(some[0]) == last)
        last = int(some[-1]) if len(some) else last
    return count


def _again(arrays: dict[str, np.ndarray]) -> int:
    """Events of the same user, item and time as the one before."""
    if "key" not in arrays or "item" not in arrays:
        return 0
    count = 0
    for a, b in steps(len(arrays["user"])):
        first = max(a - 1, 0)
        same = np.ones(b - first - 1, bool)
        for name in ("user", "item", "key"):
            part = arrays[name][first:b]
            same &= part[1:] == part[:-1]
        count += int(same.sum())
    return count


def untold(catalog: pa.Table) -> list[str]:
    """On items of which the catalog has no words."""
    names = [name for name in ("title", "text") if name in catalog.column_names]
    if not names:
        return []
    none = np.ones(len(catalog), bool)
    for name in names:
        none &= pc.equal(catalog[name].fill_null(""), "").to_numpy()
    count = int(none.sum())
    return [f"{count} of {len(catalog)} items have no {' and no '.join(names)}"] if count else []
