"""How many items of a catalog score higher than the ones to be found: counted, never sorted.

Items are numbered from 1; column k of a table of scores is item k, and column 0 (padding) is no candidate. A user's
candidates are all items but the seen ones; an item to be found is a candidate even if it was seen before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from acteme.errors import InputError

CELLS = 1 << 25
"""Largest number of scores held at a time by `count_products`, unless the catalog needs more for `LEAST` users."""
LEAST = 16
"""Users scored at a time at least, so that products of matrices stay fast."""
BLOCK = 1 << 14
"""Columns compared at a time: what a processor's cache holds."""


@dataclass(frozen=True)
class Lists:
    """A list of items for each user, one behind the other."""

    offset: Int[np.ndarray, " u1"]
    """Where the list of each user begins; one more number than users."""
    item: Int[np.ndarray, " p"]
    """Item numbers, from 1."""

    @classmethod
    def of(cls, lists: Iterable[Sequence[int]]) -> "Lists":
        """From one sequence a user."""
        rows = [np.asarray(row, np.int64).ravel() for row in lists]
        offset = np.cumsum([0, *map(len, rows)], dtype=np.int64)
        return cls(offset, np.concatenate([np.zeros(0, np.int64), *rows]))

    @classmethod
    def one(cls, item: Int[np.ndarray, " u"]) -> "Lists":
        """One item a user."""
        item = np.asarray(item, np.int64)
        return cls(np.arange(len(item) + 1), item)

    def __len__(self) -> int:
        return len(self.offset) - 1

    @property
    def user(self) -> Int[np.ndarray, " p"]:
        """Whose list each item is in."""
        return np.repeat(np.arange(len(self)), np.diff(self.offset))

    def part(self, start: int, stop: int) -> "Lists":
        """The lists of users start to stop."""
        offset = self.offset[start : stop + 1]
        return Lists(offset - offset[0], self.item[offset[0] : offset[-1]])

    def check(self, users: int, items: int, what: str) -> None:
        """Raises InputError unless these are lists of `users` users of items 1 to `items`."""
        if len(self) != users:
            raise InputError(f"scores of {users} users but {what} items of {len(self)}", mend="give one list per user")
        bad = (self.item < 1) | (self.item > items)
        if bad.any():
            at = int(bad.argmax())
            raise InputError(
                f"{what} item {self.item[at]} of user {self.user[at]} is not among the items 1 to {items}",
                mend="number items from 1 and leave out those that are not in the catalog",
            )


@dataclass(frozen=True)
class Places:
    """Where the items to be found stand in the rankings of their users."""

    user: Int[np.ndarray, " p"]
    """Whose each is, rising."""
    above: Int[np.ndarray, " p"]
    """Candidates that score higher."""
    equal: Int[np.ndarray, " p"]
    """Other candidates that score the same, among them other items to be found."""
    users: int
    """How many there are, with those who have nothing to be found."""

    @staticmethod
    def joined(parts: Sequence["Places"]) -> "Places":
        """The places of all users, batch behind batch."""
        if not parts:
            raise InputError("there are no users to rank items for", mend="give at least one batch of scores")
        first = np.cumsum([0, *(p.users for p in parts)])
        return Places(
            np.concatenate([p.user + n for p, n in zip(parts, first, strict=False)]),
            np.concatenate([p.above for p in parts]),
            np.concatenate([p.equal for p in parts]),
            int(first[-1]),
        )


def count(
    scores: Float[Tensor, "u items1"] | Float[np.ndarray, "u items1"], targets: Lists, seen: Lists | None = None
) -> Places:
    """Places of the targets by a table of scores, which is left as it is.

    Args:
        scores: of each item (column; 0 is padding) for each user; on any device, any float type.
        targets: items to be found, each once per user.
        seen: items that are no candidates; None where all are.

    Raises:
        InputError: shapes that do not match, an item outside the catalog, an item that is to be found twice, a NaN.
    """
    table = torch.as_tensor(scores)
    if table.ndim != 2 or table.shape[1] < 2:
        raise InputError(
            f"scores of shape {tuple(table.shape)}", mend="give (users, items + 1); column 0 belongs to padding"
        )
    _check(targets, seen, *table.shape)
    return _count(table.clone() if table.is_floating_point() else table.double(), targets, seen, 0)


@torch.no_grad()
def count_products(
    users: Float[Tensor, "u d"],
    items: Float[Tensor, "items1 d"],
    targets: Lists,
    seen: Lists | None = None,
    bias: Float[Tensor, " items1"] | None = None,
    cells: int = CELLS,
    padding: bool = True,
) -> Places:
    """Places of the targets where scores are products of vectors of users and items.

    Memory does not grow with the number of users, nor with that of items up to `cells` / `LEAST`, from where it grows
    by `LEAST` scores an item, less than the vector of one takes.

    Args:
        users: a vector each.
        items: a vector each, row 0 is padding (see `padding`).
        targets, seen: as `count` takes them.
        bias: of each item, added to its scores.
        cells: scores held at a time.
        padding: whether row 0 of `items` and `bias` is padding; otherwise it is item 1.
    """
    first = 0 if padding else 1
    columns = len(items) + first
    if users.ndim != 2 or items.ndim != 2 or users.shape[1] != items.shape[1] or columns < 2:
        what = f"vectors of users of shape {tuple(users.shape)} and of items of shape {tuple(items.shape)}"
        raise InputError(what, mend=f"give (users, d) and ({'items + 1' if padding else 'items'}, d)")
    _check(targets, seen, len(users), columns)
    step = max(LEAST, cells // columns)
    held = torch.empty(min(step, len(users)), columns, dtype=items.dtype, device=items.device)
    parts = []
    for start in range(0, len(users), step):
        some = users[start : start + step].to(items)
        table = held[: len(some)]
        for a in range(0, len(items), BLOCK):
            part = items[a : a + BLOCK]
            torch.mm(some, part.T, out=table[:, first + a : first + a + len(part)])
        if bias is not None:
            table[:, first:] += bias
        stop = start + len(some)
        some_seen = seen.part(start, stop) if seen is not None else None
        parts.append(_count(table, targets.part(start, stop), some_seen, start))
    return Places.joined(parts)


def _check(targets: Lists, seen: Lists | None, users: int, columns: int) -> None:
    targets.check(users, columns - 1, "target")
    if seen is not None:
        seen.check(users, columns - 1, "seen")
    key = np.sort(targets.user * columns + targets.item)
    twice = np.flatnonzero(key[1:] == key[:-1])
    if len(twice):
        user, item = divmod(int(key[twice[0]]), columns)
        raise InputError(f"item {item} is to be found twice for user {user}", mend="name each target once")


def _count(table: Float[Tensor, "u items1"], targets: Lists, seen: Lists | None, first: int) -> Places:
    """Counts; overwrites the scores of what is no candidate."""
    table[:, 0] = 0
    if torch.isnan(table.amax(1) if len(table) else table.sum()).any():
        user, item = torch.nonzero(torch.isnan(table))[0].tolist()
        what = f"the score of item {item} for user {user + first} is NaN"
        raise InputError(what, mend="check the model's weights and input")
    row, column = (torch.from_numpy(x).to(table.device) for x in (targets.user, targets.item))
    own = table[row, column]
    # NaN is neither above nor equal to anything: what is no candidate counts nowhere, even where a target is at -inf
    table[:, 0] = torch.nan
    if seen is not None:
        table[torch.from_numpy(seen.user).to(table.device), torch.from_numpy(seen.item).to(table.device)] = torch.nan
    table[row, column] = own
    above, equal = np.zeros(len(own), np.int64), np.full(len(own), -1, np.int64)
    turn = np.arange(len(own)) - targets.offset[targets.user]
    for j in range(int(turn.max(initial=-1)) + 1):
        at = np.flatnonzero(turn == j)
        every, score = len(at) == len(table), own[at][:, None]
        for a in range(0, table.shape[1], BLOCK):
            block = table[:, a : a + BLOCK] if every else table[row[at], a : a + BLOCK]
            above[at] += _true(block > score)
            equal[at] += _true(block == score)
    return Places(targets.user, above, equal, len(table))


def _true(mask: Tensor) -> Int[np.ndarray, " u"]:
    """Number of true cells in each row; NumPy counts bytes several times faster than Torch sums them."""
    return np.count_nonzero(mask.numpy(), axis=1) if mask.device.type == "cpu" else mask.sum(1).cpu().numpy()
