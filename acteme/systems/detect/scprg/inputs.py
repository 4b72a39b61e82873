"""Documents as the encoder reads them: words in tokens, the trigger marked, the type and its roles beside the text."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from acteme.errors import InputError
from acteme.recordings.batch import Batch
from acteme.recordings.documents.columns import words_in
from acteme.systems.detect.scprg.words import Words

KEPT = 1 << 27
"""Bytes of documents in tokens that are kept, so that each is taken apart once."""


@dataclass(frozen=True)
class Layout:
    """How a document and its roles are put in a row."""

    order: Literal["code", "paper"] = "code"
    """`code`: document, type, roles, null role; `paper`: type, document, roles."""
    roles: bool = True
    """Whether the roles are in the row at all."""
    longest: int = 8
    """Tokens of a candidate span."""
    excluded: tuple[str, ...] = (",", ".", "!", "?", ":")
    """Words that no candidate contains."""
    length: int = 1024
    """Tokens of a row."""
    official_names: bool = False
    """Roles called `target` have no words, by the slip of the official code."""

    def __post_init__(self) -> None:
        for name, least in (("longest", 1), ("length", 16)):
            if getattr(self, name) < least:
                raise InputError(f"{name} is {getattr(self, name)}", "layout", f"give {least} or more")


@dataclass(frozen=True)
class Row:
    """A document in tokens."""

    ids: Int[np.ndarray, " n"]
    first: Int[np.ndarray, " words"]
    """Token that each word begins with, -1 for a word that was cut away."""
    last: Int[np.ndarray, " words"]
    """Token that each word ends with."""
    trigger: int
    """Place of the mark before the trigger."""
    event: int
    """Place of the first mark of the type."""
    body: tuple[int, int]
    """First token of the document and one past its last, the trigger's marks included."""
    role: Int[np.ndarray, " m"]
    """Place of the first mark of each role, in the order of the roles; empty without them."""
    candidates: Int[np.ndarray, "s 2"]
    """First and last token of each span that may be an argument."""
    whole: Bool[np.ndarray, " s"]
    """Candidates that begin and end with whole words."""
    word_at: Int[np.ndarray, " n"]
    """Word of each token, -1 for marks and what is beside the document."""

    @property
    def nbytes(self) -> int:
        arrays = (self.ids, self.first, self.last, self.role, self.candidates, self.whole, self.word_at)
        return sum(array.nbytes for array in arrays)


class Rows:
    """Lays documents in rows, and remembers them."""

    def __init__(self, words: Words, layout: Layout, limit: int, roles: Sequence[Sequence[int]]):
        """Args:
        words: tokens.
        layout: how they are put in a row.
        limit: tokens that the encoder takes, see `windows`.
        roles: role numbers of each type of event, in order.
        """
        self.words, self.layout, self.roles = words, layout, roles
        self.length = min(layout.length, 2 * limit - 1 - len(words.end))
        self.kept: OrderedDict[tuple[bytes, int, int, int], Row] = OrderedDict()
        self.bytes = 0

    def of(self, batch: Batch) -> list[Row]:
        """The rows of a batch.

        Raises:
            InputError: a trigger outside of its window, an event whose type the data does not know, or a document
                whose roles alone are too long.
        """
        text, word = batch["text"].cpu().numpy(), batch["word"].cpu().numpy()
        mask, sentence = batch["mask"].cpu().numpy(), batch["sentence"].cpu().numpy()
        label, trigger = batch["label"].tolist(), batch["trigger"].tolist()
        out = []
        for i, (kind, (start, end)) in enumerate(zip(label, trigger, strict=True)):
            count = int(mask[i].sum())
            if not 0 <= start < end <= count:
                what = f"a trigger at words {start} to {end} of a window of {count}"
                raise InputError(what, "data", "take windows of whole documents")
            if kind < 0:
                raise InputError(
                    "an event is of a type that the data does not name", "data", "give an ontology with it"
                )
            raw, spots = text[i, 0].tobytes(), word[i, :count]
            key = (raw.rstrip(b"\0") + spots[[0, -1]].tobytes(), start, end, kind)
            row = self.kept.get(key)
            if row is None:
                row = self._row(words_in(raw, spots), sentence[i, :count], (start, end), kind)
                self._keep(key, row)
            out.append(row)
        return out

    def forget(self) -> None:
        """Forgets the rows, where words have changed."""
        self.kept.clear()
        self.bytes = 0

    def _keep(self, key: tuple[bytes, int, int, int], row: Row) -> None:
        self.kept[key] = row
        self.bytes += row.nbytes
        while self.bytes > KEPT:
            self.bytes -= self.kept.popitem(last=False)[1].nbytes

    def _row(self, words: list[str], sentence: np.ndarray, trigger: tuple[int, int], kind: int) -> Row:
        own, layout, marks = self.words, self.layout, self.words.marks
        pieces = [own.pieces(word) for word in words]
        event = [marks.event + kind, *(n for w in own.type_words(kind) for n in own.pieces(w)), marks.event + kind]
        parts = [[marks.role + r + 1, *(n for w in own.role_words(r, layout.official_names) for n in own.pieces(w)),
                  marks.role + r + 1] for r in self.roles[kind]] if layout.roles else []  # fmt: skip
        roles = [n for part in parts for n in part]
        code = layout.order == "code"
        null = [marks.role] if layout.roles and code else []
        ends = 1 if code else 3 if layout.roles else 2
        room = self.length - 1 - ends - 2 - len(event) - len(roles) - len(null)
        first, last = _around([len(p) for p in pieces], trigger, room)

        body: list[int] = []
        at = np.full((2, len(words)), -1, np.int64)
        word_at: list[int] = []
        part_of: list[int] = []
        before = 1 if code else 2 + len(event)
        for k in range(first, last):
            if k == trigger[0]:
                left = before + len(body)
                body.append(marks.trigger[0])
                word_at.append(-1)
                part_of.append(int(sentence[k]))
            at[0, k] = before + len(body)
            body += pieces[k]
            word_at += [k] * len(pieces[k])
            part_of += [int(sentence[k])] * len(pieces[k])
            at[1, k] = before + len(body) - 1
            if k == trigger[1] - 1:
                body.append(marks.trigger[1])
                word_at.append(-1)
                part_of.append(int(sentence[k]))
        start, end = [own.first], [own.end[0]]  # one end, for RoBERTa too
        if code:
            ids = [*start, *body, *end, *event, *roles, *null]
            spot = 1 + len(body) + len(end)
            role_from = spot + len(event)
        else:
            ids = [*start, *event, *end, *body, *end, *roles, *(end if roles else [])]
            spot, role_from = 1, before + len(body) + len(end)
        of = np.array(word_at)
        banned = np.array([w < 0 or words[w] in layout.excluded for w in word_at])
        spans = candidates(np.array(part_of), banned, layout.longest) + before
        lengths = np.array([len(part) for part in parts], np.int64)
        places = np.full(len(ids), -1, np.int64)
        places[before : before + len(body)] = of
        starts, stops = np.append(at[0], -2), np.append(at[1], -2)
        inner = places[spans]
        whole = (starts[inner[:, 0]] == spans[:, 0]) & (stops[inner[:, 1]] == spans[:, 1])
        return Row(
            np.array(ids, np.int64), at[0], at[1], left, spot, (before, before + len(body)),
            role_from + np.cumsum(lengths) - lengths, spans, whole, places,
        )  # fmt: skip


def candidates(sentence: Int[np.ndarray, " n"], banned: Bool[np.ndarray, " n"], longest: int) -> np.ndarray:
    """(spans, 2): first and last of all spans of up to `longest` tokens within one sentence and without banned ones.

    A sentence of n tokens without banned ones has `longest` n - longest (longest - 1) / 2 of them, 8n - 28 for 8.
    """
    count = len(sentence)
    first = np.repeat(np.arange(count), longest)
    last = first + np.tile(np.arange(longest), count)
    first, last = first[last < count], last[last < count]
    passed = np.concatenate([[0], np.cumsum(banned)])
    good = (sentence[first] == sentence[last]) & (passed[last + 1] == passed[first])
    return np.stack([first[good], last[good]], 1)


def _around(sizes: Sequence[int], trigger: tuple[int, int], room: int) -> tuple[int, int]:
    """First word and one past the last of the words around the trigger that have room; all where they do."""
    ends = np.concatenate([[0], np.cumsum(sizes)])
    if ends[-1] <= room:
        return 0, len(sizes)
    need = ends[trigger[1]] - ends[trigger[0]]
    if need > room:
        tokens = f"{need} token" + ("s" if need > 1 else "")
        raise InputError(f"a trigger of {tokens} has no room beside its roles", "data", "raise layout.length")
    spare = room - need
    left, right = ends[trigger[0]], ends[-1] - ends[trigger[1]]
    take = min(left, max((spare + 1) // 2, spare - right))
    first = int(np.searchsorted(ends, ends[trigger[0]] - take, side="left"))
    last = int(np.searchsorted(ends, ends[trigger[1]] + spare - (ends[trigger[0]] - ends[first]), side="right")) - 1
    return first, last


@dataclass(frozen=True)
class Tokens:
    """Rows of a batch, padded; spans of all of them, end to end."""

    ids: Int[Tensor, "b l"]
    length: Int[Tensor, " b"]
    trigger: Int[Tensor, " b"]
    event: Int[Tensor, " b"]
    body: Bool[Tensor, "b l"]
    """Tokens of the document."""
    role: Bool[Tensor, "b l"]
    """First marks of the roles."""
    of: Int[Tensor, " s"]
    """Row of each span."""
    span: Int[Tensor, "s 2"]
    """Its first and last token."""

    @property
    def mask(self) -> Bool[Tensor, "b l"]:
        return torch.arange(self.ids.shape[1], device=self.ids.device) < self.length[:, None]


def collate(rows: Sequence[Row], spans: Sequence[np.ndarray], pad: int, device: torch.device) -> Tokens:
    """Rows as tensors; `spans` (s, 2) of each."""
    longest = max(len(row.ids) for row in rows)
    ids = np.full((len(rows), longest), pad, np.int64)
    body, role = (np.zeros((len(rows), longest), bool) for _ in range(2))
    for i, row in enumerate(rows):
        ids[i, : len(row.ids)] = row.ids
        body[i, slice(*row.body)] = True
        role[i, row.role] = True
    columns = (ids, [len(row.ids) for row in rows], [row.trigger for row in rows], [row.event for row in rows], body,
               role, np.repeat(np.arange(len(rows)), list(map(len, spans))), np.concatenate(spans))  # fmt: skip
    return Tokens(*(torch.as_tensor(column, device=device) for column in columns))
