"""The world `shop`: a log of people who click some of what they are shown, where it is known which clicks matter.

Every category of items has two properties that are drawn apart: what it is for (its group), and how it tastes (signs).
Whether someone clicks an item depends on their earlier clicks on items that are for the same end, the more the later
these were: alike tastes speak for it, opposite ones against it. So one property decides which events matter, and the
other one what they say. With `aligned` groups are clusters of tastes instead: what matters is what is alike.

A log begins with clicks alone, and goes on with what was shown: outcomes are 1 and 0. Each user of the split `train` is
one recording; in `val` and `test` there is one for every item that was shown, which it ends with. The catalog says
group and tastes of each item's category, which no system is to read.
"""

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int

from acteme.errors import InputError
from acteme.recordings.annotations import Segments
from acteme.recordings.corpus import Corpus
from acteme.recordings.spec import Spec
from acteme.recordings.worlds.bodies import check_counts, generator


def shop(
    *,
    train: int = 2000,
    val: int = 100,
    test: int = 300,
    history: int = 100,
    shown: int = 20,
    categories: int = 40,
    items: int = 50,
    groups: int = 8,
    tastes: int = 4,
    aligned: bool = False,
    decay: float = 0.97,
    gain: float = 1.0,
    base: float = -1.5,
    offset: float = 0.5,
    concentration: float = 0.5,
    affinity: float = 1.0,
    seed: int = 0,
) -> Corpus:
    """A log of clicks.

    The logit of a click on item t is base + its offset + gain times the sum of decay^(ago - 1) <u_i, u_t> /
    sqrt(tastes) over the clicks i of its group among the last `history` events, u the signs of their categories.

    Args:
        train: users of the training split.
        val: users of the validation split.
        test: users of the test split.
        history: clicks before the first item is shown, and how many events back the law looks.
        shown: items that are shown to each user after these.
        categories: number of categories.
        items: number of items of each category.
        groups: number of groups of categories, equally large but for one.
        tastes: number of signs of a category.
        aligned: groups hold categories of like tastes, where what matters is what is alike.
        decay: by how much a click matters less for every event since, from 0 to 1.
        gain: how much clicks matter.
        base: logit of a click without any that matters.
        offset: standard deviation of the logits of single items.
        concentration: of the Dirichlet distribution of each user's categories; the lower, the fewer they are.
        affinity: how much a user's own taste in each group decides what the first clicks are on.
        seed: everything follows from it.

    Raises:
        InputError: a dial out of its range.
    """
    check_counts(1, train=train, history=history, shown=shown, items=items, groups=groups, tastes=tastes)
    check_counts(0, val=val, test=test)
    check_counts(groups, categories=categories)
    for name, value, good, mend in (
        ("decay", decay, 0 <= decay <= 1, "give a number from 0 to 1"),
        ("offset", offset, offset >= 0, "give a standard deviation"),
        ("concentration", concentration, concentration > 0, "give a number above 0"),
    ):
        if not good:
            raise InputError(f"{name} is {value}", "shop", mend)
    rng = generator(seed, 0)
    taste = rng.choice([-1.0, 1.0], (categories, tastes))
    group = rng.permutation(np.arange(categories) * groups // categories)
    if aligned:
        group[np.lexsort(taste.T[::-1])] = np.arange(categories) * groups // categories
    matters = (group[:, None] == group) * (taste @ taste.T) / tastes**0.5
    own = rng.normal(0.0, offset, categories * items)
    users = train + val + test
    rng = generator(seed, 1)
    likely = rng.dirichlet(np.full(categories, concentration), users)
    liking = rng.normal(size=(users, groups, tastes))
    pull = np.einsum("uct,ct->uc", liking[:, group], taste) / tastes**0.5
    first = _draw(rng, likely * np.exp(affinity * pull), history)
    seen = np.concatenate([first, _draw(rng, likely, shown)], 1)
    item = seen * items + rng.integers(items, size=seen.shape)
    logit = base + own[item]
    outcome = _outcomes(rng, seen, logit, gain * matters, decay ** np.arange(history - 1, -1, -1.0))
    return _corpus(item, seen, outcome, (train, val, test), shown, _catalog(group, taste, items))


def _draw(rng: np.random.Generator, weight: Float[np.ndarray, "u c"], count: int) -> Int[np.ndarray, "u n"]:
    """Categories of each user by their weights."""
    rise = np.cumsum(weight, 1)
    at = rng.random((len(weight), count)) * rise[:, -1:]
    return (rise[:, None] <= at[..., None]).sum(-1).clip(max=weight.shape[1] - 1)


def _outcomes(
    rng: np.random.Generator,
    category: Int[np.ndarray, "u n"],
    logit: Float[np.ndarray, "u n"],
    matters: Float[np.ndarray, "c c"],
    memory: Float[np.ndarray, " h"],
) -> Bool[np.ndarray, "u n"]:
    """Which events are clicks: the first `len(memory)`, and of the others those that the law says, one by one."""
    outcome = np.ones(category.shape, bool)
    for now in range(len(memory), category.shape[1]):
        before = slice(now - len(memory), now)
        speaks = matters[category[:, before], category[:, now, None]] * outcome[:, before]
        chance = 1 / (1 + np.exp(-logit[:, now] - speaks @ memory))
        outcome[:, now] = rng.random(len(chance)) < chance
    return outcome


def _catalog(group: Int[np.ndarray, " c"], taste: Float[np.ndarray, "c t"], items: int) -> pa.Table:
    category = np.repeat(np.arange(len(group)), items)
    names = [f"c{c:03d}" for c in category]
    columns = {
        "item": [f"{name}-{k % items:03d}" for k, name in enumerate(names)],
        "categories": [[name] for name in names],
        "group": group[category].astype(float),
    }
    return pa.table(columns | {f"taste{t}": taste[category, t] for t in range(taste.shape[1])})


def _corpus(
    item: Int[np.ndarray, "u n"],
    category: Int[np.ndarray, "u n"],
    outcome: Bool[np.ndarray, "u n"],
    sizes: tuple[int, int, int],
    shown: int,
    catalog: pa.Table,
) -> Corpus:
    """A recording of each user in training, and one for each item shown to the others."""
    users, length = item.shape
    split = np.repeat(["train", "val", "test"], sizes)
    rows = np.where(split == "train", 1, shown)
    user = np.repeat(np.arange(users), rows)
    late = rows[user] - 1 - (np.arange(len(user)) - np.repeat(np.cumsum(rows) - rows, rows))  # items shown after it
    frames = (length - late).astype(np.int64)
    subject = np.char.add("u", np.char.zfill(user.astype(str), 5))
    text = np.full(len(user), "")
    table: dict[str, np.ndarray] = {
        "name": np.char.add(np.char.add(subject, "-"), frames.astype(str)),
        "offset": user.astype(np.int64) * length,
        "frames": frames,
        "fps": np.ones(len(user)),
        "label": np.full(len(user), -1),
        "split": split[user],
        "subject": subject,
        "camera": text,
        "text": text,
    }
    arrays: dict[str, np.ndarray] = {
        "item": (item + 1).astype(np.int32).ravel(),
        "when": np.tile(np.arange(length, dtype=np.int64), users),
        "field": (category + 1).astype(np.int32).reshape(-1, 1),
        "outcome": outcome.astype(np.float32).ravel(),
    }
    count = len(set(map(tuple, catalog["categories"].to_pylist())))
    spec = Spec(fps=1.0, items=len(catalog), fields=("category",), sizes=(count + 1,))
    none = np.zeros(0)
    segments = Segments(none.astype(np.int64), none, none, none.astype(np.int64))
    return Corpus(spec, arrays, table, segments, catalog=catalog)
