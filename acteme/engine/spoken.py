"""What a run that speaks says about users and about items, held against what is so."""

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from acteme.engine.logs import held_out
from acteme.engine.measures import Asked, ranking
from acteme.errors import InputError
from acteme.nn.text import Text, TextEncoder
from acteme.recordings.batch import Batch
from acteme.tasks import conversation, intervals
from acteme.tasks.outcome import Outcome
from acteme.tasks.places import Places
from acteme.tasks.ranking import measure

BEAM = 10
"""Answers that are kept at a time where the likeliest ones are searched, and the longest list of them."""
USERS = 16
"""Users who are asked about at a time: the keys and values of all their answers are held."""
READER = "minilm"
"""The text encoder that reads what is said."""
RIDGE = 1.0
"""Weight of the squared map from its vectors to collaborative ones."""
MOST = 40
"""Tokens of a description."""


def by_forms(asked: Asked, split: Literal["seen", "unseen"]) -> Outcome | None:
    """What comes next, asked in the forms of a split: each user's last event, every user in one form, by turns.

    `hr@5`, `hr@10`, `ndcg@5`, `ndcg@10` of the answers that a beam finds among those for all items, repeated ones too;
    items of equal answers share their places, and what the beam has not found stands last. `nats` and `exact` as in
    `tasks.conversation`. None where there is no such form or nobody to ask about.

    Raises:
        InputError: no item that is to be found has a title.
    """
    module: Any = asked.module
    forms, (index, last) = module.forms(split), held_out(asked.corpus, 2)
    if not forms or not len(index):
        return None
    known, above, equal = [], np.zeros(len(index), np.int64), np.zeros(len(index), np.int64)
    for n, form in enumerate(forms):
        tree, items = module.answers(form)
        titled = np.zeros(asked.corpus.spec.items + 1, bool)
        titled[items] = True
        for rows, batch in _batches(asked, index, last, np.arange(n, len(index), len(forms))):
            target = asked.corpus.arrays["item"][asked.corpus.column("offset")[index[rows]] + last[rows]]
            users, seen = module.fold(batch), batch["item"].tolist()
            frames = batch["frames"].tolist()
            asks = [module.formed(form, seen[k][: frames[k]], k, module.told.title(int(target[k])))
                    for k in range(len(rows))]  # fmt: skip
            leaf, _ = module.ranked(asks, users, tree, BEAM)
            lists = [[[items[k] for k in tree.leaves[at]] for at in row if at >= 0] for row in leaf.tolist()]
            above[rows], equal[rows] = _stands(lists, target, asked.corpus.spec.items)
            answerable = np.flatnonzero(titled[target])
            if len(answerable):
                known.append(module.known([asks[k] for k in answerable], users))
    if not known:
        raise InputError("none of the items to be found has a title", "prompts", "give a catalog with titles")
    nats = conversation.measure(*joined(known), resamples=asked.resamples)
    found = measure(Places(np.arange(len(index)), above, equal, len(index)), (5, 10), resamples=asked.resamples)
    names = [name for name in found.metrics if name.startswith(("hr@", "ndcg@"))]
    return Outcome(nats.metrics | {n: found.metrics[n] for n in names},
                   nats.intervals | {n: found.intervals[n] for n in names})  # fmt: skip


def _batches(
    asked: Asked, index: np.ndarray, last: np.ndarray, rows: np.ndarray
) -> Iterator[tuple[Int[np.ndarray, " k"], Batch]]:
    """Some users at a time, and what came before their last events."""
    for a in range(0, len(rows), USERS):
        some = rows[a : a + USERS]
        batch = ranking.shown(asked.module, asked.corpus, index[some], last[some], asked.windows, "full")
        yield some, batch


def _stands(
    lists: list[list[list[int]]], target: Int[np.ndarray, " n"], items: int
) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """How many items each target stands behind and beside, in lists of items with equal answers."""
    above, equal = np.full(len(target), items - 1), np.zeros(len(target), np.int64)
    for n, (answers, wanted) in enumerate(zip(lists, target.tolist(), strict=True)):
        before = 0
        for same in answers:
            if wanted in same:
                above[n], equal[n] = before, len(same) - 1
                break
            before += len(same)
    return above, equal


def joined(parts: list[Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nats, tokens and exactness of the answers of several batches."""
    nats, tokens, exact = (np.concatenate([x.cpu().numpy() for x in column]) for column in zip(*parts, strict=True))
    return nats, tokens, exact


def consistency(asked: Asked, sets: dict[str, list[Any]]) -> Outcome:
    """Semantic consistency of what is said with the items that it is said of: cosines of vectors.

    In the space of a text encoder (`text`): between what is said and the item's own text. In that of collaborative
    vectors (`vector`): between the item's, of mean 0, and that read from what is said by a linear map, which is fitted
    to the texts of the items that training sees. Beside each: the same for another item of the group (`others`), and
    what the item's own text would have (`read`; 1 in the first space). Of several items the mean vector counts.

    Args:
        asked: what is to be measured.
        sets: questions about items, by group.

    Raises:
        InputError: fewer than two questions in all groups.
    """
    module: Any = asked.module
    encoder = TextEncoder(Text(READER, truncate=True, unit=True)).to(module.factors.table.device)
    read = _reader(module, encoder)
    out = Outcome({})
    for group, asks in sets.items():
        if len(asks) < 2:
            continue
        said = [
            text
            for a in range(0, len(asks), asked.batch)
            for text in module.reply(asks[a : a + asked.batch], most=MOST)
        ]
        told, own = (encoder([t or "." for t in texts]) for texts in (said, [_own(module, a.items) for a in asks]))
        item = torch.stack([module.factors.items(torch.tensor(a.items, device=told.device)).mean(0) for a in asks])
        pairs = {"text": (told, own), "vector": (read(told), item), "vector_read": (read(own), item)}
        values = {name: _cosine(*pair) for name, pair in pairs.items()}
        values |= {f"{name}_others": _cosine(pairs[name][0], pairs[name][1].roll(1, 0)) for name in ("text", "vector")}
        table = np.stack(list(values.values()), 1)
        for name, mean, spread in zip(
            values, table.mean(0), intervals.mean_intervals(table, asked.resamples), strict=True
        ):
            out.metrics[f"consistency_{name}_{group}"] = float(mean)
            out.intervals[f"consistency_{name}_{group}"] = spread
    if not out.metrics:
        raise InputError("there are no two items to speak of", "--protocol consistency", "give items with texts")
    return out


def _own(module: Any, items: tuple[int, ...]) -> str:
    """The texts of items."""
    return " ".join(filter(None, map(module.told.text, items))) or "."


def _cosine(a: Float[Tensor, "n d"], b: Float[Tensor, "n d"]) -> Float[np.ndarray, " n"]:
    return torch.nn.functional.cosine_similarity(a, b).double().cpu().numpy()


def _reader(module: Any, encoder: TextEncoder) -> Callable[[Tensor], Tensor]:
    """A linear map from vectors of texts to collaborative ones."""
    item = torch.tensor(module.told.of(*module.open), device=module.factors.table.device)
    x, y = encoder([_own(module, (k,)) for k in item.tolist()]).double(), module.factors.items(item).double()
    shift, mean = x.mean(0), y.mean(0)
    x = x - shift
    weight = torch.linalg.solve(
        x.T @ x + RIDGE * torch.eye(x.shape[1], dtype=x.dtype, device=x.device), x.T @ (y - mean)
    )
    return lambda text: (text.double() - shift) @ weight + mean
