"""Prompts with slots: text, and soft tokens where items, users and histories stand."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from acteme.errors import InputError
from acteme.systems.recommend.ilm.language import Language

SLOT = re.compile(r"(\{(?:item|user|history)\})")
NOTHING = -1
"""Marks a position that is text, and a token that no loss counts."""
IGNORED = -100


@dataclass(frozen=True)
class Ask:
    """A question, what its slots hold, and its answer."""

    task: str
    prompt: str
    """With `{item}`, `{user}` and `{history}`."""
    items: tuple[int, ...] = ()
    """Of the `{item}` slots, in order."""
    history: tuple[int, ...] = ()
    """Of the `{history}` slot, the oldest first."""
    user: int = NOTHING
    """Of the `{user}` slot: row of the users' vectors that come along."""
    answer: str = ""

    def slots(self) -> list[tuple[str, tuple[int, ...]]]:
        """Pieces of the prompt: (text, ()), or a kind of slot and what it holds.

        Raises:
            InputError: a slot has nothing to hold, or something has no slot.
        """
        left: list[int] = list(self.items)
        out: list[tuple[str, tuple[int, ...]]] = []
        for piece in SLOT.split(self.prompt):
            if piece == "{item}":
                if not left:
                    raise InputError(f"has more slots than items: '{self.prompt}'", f"task '{self.task}'",
                                     "name an item for each {item}")  # fmt: skip
                out.append(("item", (left.pop(0),)))
            elif piece == "{history}":
                out.append(("item", self.history))
            elif piece == "{user}":
                if self.user == NOTHING:
                    raise InputError("asks for a user, and none is given", f"task '{self.task}'", "give a history")
                out.append(("user", (self.user,)))
            elif piece:
                out.append((piece, ()))
        if left:
            raise InputError(f"has {len(left)} items too many: '{self.prompt}'", f"task '{self.task}'",
                             "write a slot {item} for each")  # fmt: skip
        return out


def by_length(size: Int[Tensor, " n"]) -> Iterator[tuple[Int[Tensor, " k"], int]]:
    """Rows that are put together, and the longest of them: others of the group are half as long or more."""
    order = torch.argsort(size, descending=True)
    left = size[order].tolist()
    while left:
        count = sum(2 * n >= left[0] for n in left)
        yield order[:count], left[0]
        order, left = order[count:], left[count:]


class Mixed(NamedTuple):
    """Questions and answers as one padded batch; the answers stand at the end."""

    ids: Int[Tensor, "b l"]
    """Tokens; of soft ones and padding any."""
    soft: Int[Tensor, "b l"]
    """Row of the soft tokens; -1 where there is text."""
    mask: Bool[Tensor, "b l"]
    labels: Int[Tensor, "b a"]
    """The tokens of the answer, which are the last ones of each row, -100 before."""

    def vectors(self, language: Language, soft: Float[Tensor, "s d"]) -> Float[Tensor, "b l d"]:
        """The sequence that the language model sees."""
        x = language.embed(self.ids)
        if not len(soft):
            return x
        return torch.where(self.soft[..., None] >= 0, soft.to(x.dtype)[self.soft.clamp(min=0)], x)


@dataclass
class Slots:
    """Whom the slots of some questions hold: each once."""

    items: dict[int, int] = field(default_factory=dict)
    """Item to its place."""
    users: dict[int, int] = field(default_factory=dict)

    def place(self, kind: str, who: int) -> int:
        known = self.items if kind == "item" else self.users
        return known.setdefault(who, len(known))


def mixed(
    asks: Sequence[Ask],
    language: Language,
    queries: int,
    device: torch.device,
    answered: bool = True,
    said: Callable[[int], str] | None = None,
) -> tuple[Mixed, Slots]:
    """Questions as a batch. Soft tokens are numbered items first, then users, `queries` of each.

    Args:
        asks: questions.
        language: whose tokens.
        queries: soft tokens of an item.
        device: where to.
        answered: with the answers and what ends them.
        said: what to write in place of items, instead of soft tokens.
    """
    slots, rows = Slots(), []
    for ask in asks:
        row: list[tuple[int, str, int]] = [(token, "", 0) for token in language.start]
        for piece, held in ask.slots():
            if not held and piece not in ("item", "user"):
                row += [(token, "", 0) for token in language.tokens(piece.rstrip())]  # a word brings its own space
            elif said is not None:
                if piece == "user":
                    raise InputError("asks for a user, who cannot be written as text", f"task '{ask.task}'",
                                     "leave out prompts with {user}, or set speak.encoder=qformer")  # fmt: skip
                row += [(token, "", 0) for token in language.tokens(" " + ", ".join(map(said, held)))]
            else:
                for who in held:
                    place = slots.place(piece, who)
                    row += [(n, piece, place) for n in range(queries)]
        rows.append(row)
    shift = {"item": 0, "user": len(slots.items)}
    text = [(*language.tokens(f" {a.answer}"), language.end) if answered else () for a in asks]
    longest, most = max(len(r) + len(t) for r, t in zip(rows, text, strict=True)), max(map(len, text))
    ids, soft, mask, labels = [], [], [], []
    for row, told in zip(rows, text, strict=True):
        pad = longest - len(row) - len(told)
        ids.append([0] * pad + [0 if kind else n for n, kind, _ in row] + list(told))
        places = [(shift[kind] + place) * queries + n if kind else NOTHING for n, kind, place in row]
        soft.append([NOTHING] * pad + places + [NOTHING] * len(told))
        mask.append([False] * pad + [True] * (longest - pad))
        labels.append([IGNORED] * (most - len(told)) + list(told))
    a, b, c = (torch.tensor(x, device=device) for x in (ids, soft, mask))
    return Mixed(a, b, c, torch.tensor(labels, device=device).reshape(len(asks), most)), slots
